// Attribute heads that come to a pack from other files, and what the user says of them.
// In: `--attribute "hair: category { black, brown }"`, a JSON table of heads, or nothing; a head's layers. Out: rows of an attribute table.
// Invariant: a row fits its head: a category has as many classes as the head has logits, a scalar one number.
import * as v from "valibot";
import type { Attribute } from "../../compiler/attribute.js";
import type { HeadWeights } from "../../compiler/weights.js";
import type { Expr } from "../../parser/ast.js";
import { parse } from "../../parser/parse.js";
import { failure } from "../../source/diagnostic.js";
import { modelError } from "../model-error.js";
import { attributeTable, headRow } from "../pack/pack-metadata.js";

/** A head of a file, and the name and row that the user gave it, where one was given. */
export interface HeadRequest {
  readonly file: string;
  readonly name?: string;
  readonly row?: Attribute;
  /** Which of the file's outputs, where it has several (chosenHeads). */
  readonly output?: string;
}

/** Of scalars whose sigma nobody says. */
export const DEFAULT_SIGMA = 0.1;

/**
 * An attribute as a script declares it, without the word: `hair: category { black, brown }`, `tilt: scalar in 0..1 sigma 0.1`.
 * Errors   LaceError with the parser's diagnostics, or L5107 for what a head cannot be.
 */
export function parseAttribute(text: string): Attribute {
  const parsed = parse(`lace 1\nattribute ${text}\n`, "--attribute");
  const [item] = parsed.value?.items ?? [];
  if (
    item?.kind !== "AttributeDecl" ||
    parsed.value?.items.length !== 1 ||
    item.from !== undefined ||
    item.on !== undefined
  )
    throw failure("L5107", `\`${text}\` does not declare an attribute`, [
      'write it as a script does: --attribute "hair: category { black, brown }"',
    ]);
  const { type } = item;
  const name = item.name.text;
  switch (type.kind) {
    case "BinaryType":
      return { name, type: "binary", classes: ["no", "yes"], temperature: 1 };
    case "CategoryType":
      return { name, type: "category", classes: type.values.map((value) => value.text), temperature: 1 };
    case "ScalarType": {
      const [min, max] = type.range === undefined ? [0, 1] : [numberOf(type.range.from), numberOf(type.range.to)];
      return { name, type: "scalar", min, max, sigma: type.sigma === undefined ? DEFAULT_SIGMA : numberOf(type.sigma) };
    }
  }
}

function numberOf(e: Expr): number {
  if (e.kind === "NumberExpr") return e.value;
  if (e.kind === "UnaryExpr" && e.op === "-") return -numberOf(e.operand);
  throw failure("L5107", "the numbers of an attribute that is given on the command line are written out");
}

const table = v.array(v.intersect([v.object({ file: v.pipe(v.string(), v.minLength(1)) }), headRow]));

/**
 * A JSON table of heads: an array of rows as docs/packs.md has them, each with the `file` it is in.
 * Errors   LaceError L5108 that lists what is wrong.
 */
export function parseHeadTable(text: string, file: string): readonly HeadRequest[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw modelError("L5108", file, "this table of heads is not JSON");
  }
  const result = v.safeParse(table, json);
  if (!result.success) {
    const shown = result.issues.slice(0, 5).map((issue) => `${v.getDotPath(issue) ?? "table"}: ${issue.message}`);
    throw modelError("L5108", file, `this is no table of heads: ${shown.join("; ")}`, [
      'it is an array of rows such as { "file": "classifier_hair.pt", "name": "hair", "type": "category", "classes": ["black", "brown"] }',
    ]);
  }
  return result.output.map((entry) => {
    const [row] = attributeTable([entry]);
    return { file: entry.file, name: entry.name, ...(row && { row }) };
  });
}

/** The name that a head has by its file: `classifier_glasses.pt` and `best_valid_ckpt_glasses.pt` hold `glasses`. */
export function nameOfHeadFile(file: string): string {
  const base = file.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "");
  return base.replace(/^(classifier|best_valid_ckpt|last_ckpt|ckpt_\d+)_/, "").replace(/[^A-Za-z0-9_]/g, "_");
}

/**
 * The row of a head: the one that was given, checked; else what its file calls its classes, or what its outputs tell: 1 is a scalar in
 * 0..1, 2 is binary.
 * Errors   LaceError L5107 if the row does not fit, or more outputs need their classes named.
 */
export function rowOfHead(
  head: HeadWeights,
  given: Attribute | undefined,
  file: string,
  classes?: readonly string[],
): Attribute {
  const { attribute: name } = head;
  const outputs = head.layers.at(-1)?.bias.data.length ?? 0;
  const width = given === undefined ? undefined : given.type === "scalar" ? 1 : given.classes.length;
  if (given !== undefined && width !== outputs)
    throw modelError("L5107", file, `its head has ${outputs} outputs; \`${name}\`, ${given.type}, needs ${width ?? 0}`);
  if (given !== undefined) return { ...given, name };
  if (outputs === 1) return { name, type: "scalar", min: 0, max: 1, sigma: DEFAULT_SIGMA };
  if (outputs === 2) return { name, type: "binary", classes: ["no", "yes"], temperature: 1 };
  if (classes !== undefined) return { name, type: "category", classes, temperature: 1 };
  throw modelError("L5107", file, `its head has ${outputs} classes, and their names are not in the file`, [
    `name them: --attribute "${name}: category { FIRST, SECOND, ... }"`,
  ]);
}
