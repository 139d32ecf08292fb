// The attribute table that a task sees: the model's own rows, then the heads that the script adds, in order of first use.
// A declared attribute is compared with the row of the model, or of its file of heads, when it is first used with that model.
import type { AttributeDecl, AttributeType, Expr } from "../../parser/ast.js";
import type { Attribute, ModelInfo } from "../attribute.js";
import { type HeadLooks, type HeadTable, missingHead, widthFault } from "../head-table.js";
import type { Looking } from "../picture-head.js";
import type { FeatureSource, LikenessSource, PlanHead, PromptSource } from "../plan.js";
import { readLooking } from "./read-looking.js";
import type { Report } from "./report.js";
import type { DeclaredOf } from "./scope.js";
import { listed, nearest } from "./suggest.js";

const DEFAULT_SIGMA = 0.1;

/** An attribute as an expression sees it. No index: it cannot be evaluated (a mistake, already reported, or no model). */
export interface TableRow {
  readonly row: Attribute;
  readonly index: number | undefined;
}

/** Evaluates a number in the file of the declaration; undefined after a reported mistake. */
export type NumberReader = (e: Expr, report: Report) => number | undefined;

export class ModelTable {
  readonly rows: Attribute[];
  readonly heads: PlanHead[] = [];
  /** Rows that look at pictures. */
  readonly pictures = new Set<number>();
  /** Of these, the ones whose terms join a flow that is under way: when. */
  readonly late = new Map<number, number>();
  /** Rows of conditions that are no attributes, by what they look for. */
  private readonly conditions = new Map<string, number>();
  private readonly resolved = new Map<AttributeDecl, TableRow>();
  private readonly believed = new Set<number>();

  /** No info: a place without a model (a library that names none); rows come from declarations only. */
  constructor(
    readonly alias: string | undefined,
    readonly info: ModelInfo | undefined,
    /** The model is there but cannot be read, which has been reported: any name may be an attribute of it. */
    readonly unread = false,
    private readonly looks: HeadLooks = new Map(),
  ) {
    this.rows = [...(info?.attributes ?? [])];
  }

  /** The model's own attribute of that name. */
  own(name: string): TableRow | undefined {
    const index = this.info?.attributes.findIndex((a) => a.name === name) ?? -1;
    const row = this.info?.attributes[index];
    return row === undefined ? undefined : { row, index };
  }

  /** Rows by name, the later of two of one name winning, as names resolve. */
  get names(): readonly string[] {
    return this.rows.map((r) => r.name);
  }

  /** Whether a row says all that is known of it: a head's whose file has not been looked into is as its declaration has it. */
  isKnown(index: number): boolean {
    return !this.believed.has(index);
  }

  /** Whether `declared` has been asked about it. */
  hasSeen(decl: AttributeDecl): boolean {
    return this.resolved.has(decl);
  }

  /** A network whose features of pictures a task keeps. */
  watch(source: FeatureSource): void {
    this.heads.push(source);
  }

  /** The row of a condition on pictures that is no attribute: one for each that differs. Undefined where there is no model. */
  look(source: LikenessSource | PromptSource, row: Attribute): number | undefined {
    if (this.info === undefined) return undefined;
    const key = JSON.stringify({ ...source, span: null });
    const known = this.conditions.get(key);
    if (known !== undefined) return known;
    this.heads.push(source);
    const index = this.rows.push(row) - 1;
    this.seen(index, source);
    this.conditions.set(key, index);
    return index;
  }

  /** The row that a declaration means here. Reports L2008, L2009, what is wrong with its file of heads, and mistakes in the declaration itself, once. */
  declared(d: DeclaredOf<"attribute">, report: Report, read: NumberReader): TableRow {
    const known = this.resolved.get(d.decl);
    if (known !== undefined) return known;
    const found = this.resolve(d, report, read);
    this.resolved.set(d.decl, found);
    return found;
  }

  private resolve(d: DeclaredOf<"attribute">, report: Report, read: NumberReader): TableRow {
    const { decl } = d;
    const name = decl.name.text;
    const own = this.own(name);
    const before = report.errorCount;
    if (decl.on !== undefined && decl.on.text !== "image")
      report.error("L2001", decl.on.span, `an attribute is \`on image\`, not on \`${decl.on.text}\``, {
        text: "nothing to look at",
        hints: ["leave `on` out for heads of latents"],
        fix: { span: decl.on.span, replacement: "image" },
      });
    const wanted = declaredRow(decl, own?.row, report, read);
    const looks =
      decl.looking === undefined ? {} : readLooking(decl.looking, this.info, (e) => read(e, report), report);
    const sound = report.errorCount === before;
    if (decl.from !== undefined) {
      const scalar = decl.type.kind === "ScalarType";
      if (scalar && decl.type.range === undefined) {
        report.error("L2012", decl.type.span, `the scalar \`${name}\` has its own head, so it needs a range`, {
          text: "no range",
          hints: ["write `scalar in LOW..HIGH`"],
        });
      }
      const file = d.file.references.get(decl.from.value) ?? decl.from.value;
      // Whatever is wrong with the file, the declaration says what the name means: the rest is checked by that.
      const row = this.headRow(decl, wanted, file, report);
      if (this.info === undefined) return { row: row ?? wanted, index: undefined };
      const index = this.rows.push(row ?? wanted) - 1;
      if (row === undefined) this.believed.add(index);
      if (decl.on !== undefined) this.seen(index, looks);
      this.heads.push(
        decl.on === undefined
          ? { attribute: name, file }
          : { attribute: name, on: "image", file, span: decl.from.span, ...looks },
      );
      return { row: row ?? wanted, index };
    }
    if (this.info === undefined) return { row: wanted, index: undefined };
    if (own === undefined) {
      const guess = nearest(name, this.names);
      report.error("L2008", decl.name.span, `the model \`${this.alias ?? ""}\` has no attribute \`${name}\``, {
        text: "not in the model's table",
        hints: [
          guess !== undefined
            ? `did you mean \`${guess}\`?`
            : `it has ${this.names.length === 0 ? "none at all" : listed(this.names, "and")}`,
          'an attribute of your own names its head: `attribute NAME: TYPE from "head.safetensors"`',
        ],
      });
      return { row: wanted, index: undefined };
    }
    if (!sound) return { row: wanted, index: undefined };
    const difference = differenceOf(wanted, own.row, decl.type);
    if (difference !== undefined) {
      report.error("L2009", decl.type.span, `\`${name}\` does not match the model \`${this.alias ?? ""}\``, {
        text: difference,
        hints: [`the model declares it as \`${name}: ${printType(own.row)}\``],
      });
      return { row: wanted, index: undefined };
    }
    if (decl.on !== undefined) {
      // The labeller of the model looks at the picture: its own row, a second time.
      this.heads.push({ attribute: name, on: "image", span: decl.name.span, ...looks });
      const row = seenRow(own.row, wanted);
      const index = this.rows.push(row) - 1;
      this.seen(index, looks);
      return { row, index };
    }
    if (own.row.type !== "scalar" || wanted.type !== "scalar") return own;
    return { row: { ...own.row, sigma: wanted.sigma }, index: own.index };
  }

  /** Tells of a row that looks at pictures. */
  private seen(index: number, { tau }: Looking): void {
    this.pictures.add(index);
    if (tau !== undefined) this.late.set(index, tau);
  }

  /** The row of a head as its file has it. Reports L50xx and L51xx of the file at the path, L2009 where the declaration is another type. */
  private headRow(decl: AttributeDecl, wanted: Attribute, file: string, report: Report): Attribute | undefined {
    const look = this.looks.get(file);
    const path = decl.from;
    if (look === undefined || path === undefined) return undefined;
    if ("trouble" in look) {
      const at = { span: path.span, text: "this file of heads is needed" };
      for (const trouble of look.trouble) report.add({ ...trouble, at });
      return undefined;
    }
    const pictures = look.looksAt === "image";
    if (pictures !== (decl.on !== undefined)) {
      const [what, hint] = pictures
        ? ["a classifier of pictures", `write \`from ${JSON.stringify(path.value)} on image\``]
        : ["a file of heads, which read latents", "leave out `on image`"];
      report.error("L5107", path.span, `${file}: it is ${what}`, { text: "this file does not fit", hints: [hint] });
      return undefined;
    }
    const row = rowOf(look, wanted);
    const fault = this.info && widthFault(look, this.info);
    const [what, ...hints] = fault !== undefined ? [fault] : row === undefined ? missingHead(wanted.name, look) : [];
    if (row === undefined || what !== undefined) {
      report.error("L5107", path.span, `${file}: ${what ?? ""}`, { text: "this file does not fit", hints });
      return undefined;
    }
    const difference = differenceOf(wanted, row, decl.type, "head");
    if (difference === undefined) return row;
    report.error("L2009", decl.type.span, `\`${wanted.name}\` does not match its head`, {
      text: difference,
      hints: [`${path.value} has it as \`${wanted.name}: ${printType(row)}\``],
    });
    return undefined;
  }
}

/** The row of an attribute as a labeller sees it: nothing of what is known of its head but the words. */
function seenRow(own: Attribute, wanted: Attribute): Attribute {
  const { name } = own;
  if (own.type !== "scalar") return { name, type: own.type, classes: own.classes, temperature: 1 };
  return {
    name,
    type: "scalar",
    min: own.min,
    max: own.max,
    sigma: wanted.type === "scalar" ? wanted.sigma : own.sigma,
  };
}

/** What its file tells of a declared head, if it could be looked into and fits. A scalar's range and sigma are the script's. */
function rowOf(table: HeadTable, wanted: Attribute): Attribute | undefined {
  const row = table.attributes.find((a) => a.name === wanted.name);
  if (row?.type !== "scalar" || wanted.type !== "scalar") return row;
  return { ...row, min: wanted.min, max: wanted.max, sigma: wanted.sigma };
}

/** The type of a row as a script would write it. */
function printType(row: Attribute): string {
  if (row.type === "scalar") return `scalar in ${row.min}..${row.max}`;
  return row.type === "binary" ? "binary" : `category { ${row.classes.join(", ")} }`;
}

function declaredRow(decl: AttributeDecl, own: Attribute | undefined, report: Report, read: NumberReader): Attribute {
  const name = decl.name.text;
  const { type } = decl;
  switch (type.kind) {
    case "BinaryType":
      return { name, type: "binary", classes: ["no", "yes"], temperature: 1 };
    case "CategoryType":
      return { name, type: "category", classes: categoryClasses(name, type, report), temperature: 1 };
    case "ScalarType": {
      const fallback = own?.type === "scalar" ? own : { min: -Infinity, max: Infinity, sigma: DEFAULT_SIGMA };
      const min = type.range === undefined ? fallback.min : (read(type.range.from, report) ?? fallback.min);
      const max = type.range === undefined ? fallback.max : (read(type.range.to, report) ?? fallback.max);
      if (type.range !== undefined && min >= max) {
        report.error("L2004", type.range.span, `the range of \`${name}\` is empty`, {
          text: `${min} is not below ${max}`,
        });
      }
      const sigma = type.sigma === undefined ? fallback.sigma : (read(type.sigma, report) ?? fallback.sigma);
      if (type.sigma !== undefined && sigma <= 0) {
        report.error("L2004", type.sigma.span, `sigma must be above 0, not ${sigma}`, { text: "out of range" });
      }
      return { name, type: "scalar", min, max, sigma };
    }
  }
}

function categoryClasses(
  name: string,
  type: Extract<AttributeType, { kind: "CategoryType" }>,
  report: Report,
): readonly string[] {
  const classes: string[] = [];
  for (const value of type.values) {
    if (classes.includes(value.text)) {
      report.error("L2002", value.span, `\`${name}\` lists \`${value.text}\` twice`, { text: "already listed" });
    } else classes.push(value.text);
  }
  if (classes.length < 2) {
    report.error("L2004", type.span, `the category \`${name}\` needs two values or more`, {
      text: classes.length === 0 ? "no value" : "one value only",
    });
  }
  return classes;
}

/** How a declaration differs from what its `owner` has. */
function differenceOf(
  wanted: Attribute,
  own: Attribute,
  type: AttributeType,
  owner: "model" | "head" = "model",
): string | undefined {
  if (wanted.type !== own.type) return `declared as ${wanted.type}, but the ${owner}'s is ${own.type}`;
  if (wanted.type === "category" && own.type === "category") {
    const missing = wanted.classes.filter((c) => !own.classes.includes(c));
    const absent = own.classes.filter((c) => !wanted.classes.includes(c));
    if (missing.length > 0) return `the ${owner} does not know ${listed(missing, "and")}`;
    if (absent.length > 0) return `${listed(absent, "and")} ${absent.length === 1 ? "is" : "are"} missing`;
  }
  if (wanted.type === "scalar" && own.type === "scalar" && type.kind === "ScalarType" && type.range !== undefined) {
    if (wanted.min !== own.min || wanted.max !== own.max) return `the ${owner}'s range is ${own.min}..${own.max}`;
  }
  return undefined;
}
