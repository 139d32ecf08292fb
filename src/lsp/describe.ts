// What a name stands for, in words: for hover, and beside completions. In: a Snapshot and a declaration. Out: Markdown.
// Invariants: what is told is what the compiler or the model's header knows; text of models and comments is quoted so that it cannot be markup.
import type { ModelAttributes } from "../app/attributes.js";
import type { Attribute } from "../compiler/attribute.js";
import type { Declaration } from "../compiler/references.js";
import type { Declared } from "../compiler/check/scope.js";
import type { ModelCard } from "../models/pack/model-card.js";
import type * as ast from "../parser/ast.js";
import type { Task } from "../compiler/plan.js";
import { rowsOf } from "../runtime/plan/places.js";
import type { Span } from "../source/span.js";
import { meaningOf } from "./meaning.js";
import { frequencyText, valueFrequencyText } from "./frequencies.js";
import type { FoundModel, Snapshot } from "./workspace.js";

/** A block of Lace in Markdown. */
export function lace(code: string): string {
  return `\`\`\`lace\n${code.replaceAll("```", "` ` `")}\n\`\`\``;
}

/** Text that was not written for Markdown. */
export function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|]/g, "\\$&").replace(/\s+/g, " ");
}

/** What is known by now of how frequent a model's attributes are. */
export type Counted = (model: FoundModel) => ModelAttributes | undefined;

/** What a declaration stands for. */
export function describe(snapshot: Snapshot, d: Declaration, counted: Counted = () => undefined): string {
  const found = declaredAt(snapshot, d);
  const said = [...own(snapshot, d, found), ...frequency(snapshot, d, counted)];
  const comment = d.at && commentAbove(snapshot, found?.decl.span ?? d.at);
  if (comment !== undefined) said.push(comment);
  return said.join("\n\n");
}

function frequency(snapshot: Snapshot, { kind, name, of }: Declaration, counted: Counted): readonly string[] {
  const attribute = kind === "attribute" ? name : of;
  const card = kind === "attribute" || kind === "value" ? rowOf(snapshot, attribute ?? "")?.card : undefined;
  const counts = card && counted(card);
  if (counts === undefined || attribute === undefined) return [];
  return [kind === "attribute" ? frequencyText(counts, attribute) : valueFrequencyText(counts, attribute, name)].filter(
    (text) => text !== undefined,
  );
}

/** The declaration of the tree that a Declaration is of, if it is one of a statement. */
function declaredAt(snapshot: Snapshot, d: Declaration): Declared | undefined {
  if (d.at === undefined) return undefined;
  const { at } = d;
  const named = snapshot.analysis.names.get(d.name);
  if (named !== undefined && isAt(named.decl.name.span, at)) return named;
  const file = snapshot.files.get(at.file)?.linked;
  const item = file?.module.items.find((i) => "name" in i && isAt(i.name.span, at));
  if (file === undefined || item === undefined || !("name" in item)) return undefined;
  const kind = d.kind;
  return { kind, decl: item, file } as Declared;
}

function isAt(a: Span, b: Span): boolean {
  return a.file === b.file && a.start === b.start;
}

function own(snapshot: Snapshot, d: Declaration, found: Declared | undefined): readonly string[] {
  const text = (span: Span): string => snapshot.program.sources.get(span.file)?.slice(span.start, span.end) ?? "";
  switch (d.kind) {
    case "model": {
      const card = snapshot.models.get(d.name);
      return [
        lace(found === undefined ? `model ${d.name}` : text(found.decl.span)),
        ...(card === undefined ? [] : [cardText(card)]),
      ];
    }
    case "attribute": {
      const row = rowOf(snapshot, d.name);
      const code = found !== undefined ? text(found.decl.span) : row === undefined ? d.name : attributeText(row.row);
      return [lace(code), ...(row === undefined ? [] : rowFacts(row))];
    }
    case "value":
      return [lace(`${d.of === undefined ? "" : `${d.of} is `}${d.name}`), ...valueFacts(snapshot, d)];
    case "let":
    case "input": {
      const isNumber = found?.kind === "let" || found?.kind === "input";
      const value = isNumber ? snapshot.analysis.numbers.get(found.decl) : undefined;
      const code = found === undefined ? d.name : text(found.decl.span);
      return [lace(code), ...(value === undefined ? [] : [`a number: ${value}`])];
    }
    case "energy": {
      if (found?.kind !== "energy") return [lace(`energy ${d.name}`)];
      return [lace(signatureOf(found.decl)), `an energy: \`${meaningOf(found.decl.value, text, "product")}\``];
    }
    case "parameter":
      return [lace(parameterText(snapshot, d, text)), "a parameter of the energy"];
    case "axis": {
      const values = tasksOf(snapshot)
        .flatMap((t) => (t.kind === "sweep" ? t.axes : []))
        .find((a) => a.name === d.name)?.values;
      const shown = values === undefined ? "" : `: ${values.slice(0, 12).join(", ")}${values.length > 12 ? ", …" : ""}`;
      const ofNumbers = values?.every((v) => typeof v === "number") === true;
      return [lace(ofNumbers ? `${d.name}: number` : d.name), `an axis of the sweep${shown}`];
    }
    case "task": {
      const task = tasksOf(snapshot).find((t) => t.name === d.name);
      const head = found === undefined ? d.name : (text(found.decl.span).split("{")[0] ?? "").trim();
      return [lace(head), ...(task === undefined ? [] : [taskText(task)])];
    }
  }
}

/** A parameter with its type and default, as declared. */
function parameterText({ program }: Snapshot, { name, at }: Declaration, text: (span: Span) => string): string {
  for (const { module } of program.files)
    for (const item of module.items)
      if (item.kind === "EnergyDecl" && at !== undefined) {
        const param = item.params.find((p) => isAt(p.name.span, at));
        if (param !== undefined) return text(param.span);
      }
  return name;
}

function tasksOf(snapshot: Snapshot): readonly Task[] {
  return snapshot.analysis.plan?.tasks ?? [];
}

/** `energy redhead(age: number)`. */
export function signatureOf(decl: ast.EnergyDecl): string {
  const params = decl.params.map((p) => `${p.name.text}: ${p.type.text}`).join(", ");
  return `energy ${decl.name.text}${decl.params.length === 0 ? "" : `(${params})`}`;
}

/** A task in words: images, seed, how they are drawn. */
export function taskText(task: Task): string {
  const drawn = `truncation ${task.truncation}, logic ${task.logic}, sampler ${task.sampler.kind}`;
  switch (task.kind) {
    case "sample":
      return `${images(task.count)}, seed ${task.seed}, ${drawn}`;
    case "sweep":
      return `${images(task.cells.length * task.count)}: ${task.cells.length} values of ${task.count} each, seed ${task.seed}, ${drawn}`;
    case "traverse":
      return `${images(task.frames * task.count)}: ${task.frames} frames from seed ${task.fromSeed} to ${task.toSeed}, ${drawn}`;
    case "edit":
      return `${images(rowsOf(task))} in ${task.steps.length} step${task.steps.length === 1 ? "" : "s"}, ${drawn}`;
  }
}

function images(n: number): string {
  return `${n} image${n === 1 ? "" : "s"}`;
}

interface FoundRow {
  readonly row: Attribute;
  readonly card: FoundModel;
  readonly alias: string;
}

/** The row of an attribute in the first model that has it. */
export function rowOf(snapshot: Snapshot, name: string): FoundRow | undefined {
  for (const [alias, card] of snapshot.models) {
    const row = card.info.attributes.find((a) => a.name === name);
    if (row !== undefined) return { row, card, alias };
  }
  return undefined;
}

/** An attribute as a script declares it. */
export function attributeText(row: Attribute): string {
  if (row.type === "scalar") return `attribute ${row.name}: scalar in ${row.min}..${row.max} sigma ${row.sigma}`;
  return row.type === "binary"
    ? `attribute ${row.name}: binary`
    : `attribute ${row.name}: category { ${row.classes.join(", ")} }`;
}

function rowFacts({ row, card, alias }: FoundRow): readonly string[] {
  const measured = Object.entries(card.measured.get(row.name) ?? {});
  const facts = [
    row.type === "scalar"
      ? `from ${row.min} to ${row.max}, sigma ${row.sigma}`
      : `calibrated at temperature ${row.temperature}`,
    ...measured.map(([key, value]) => `${key} ${value}`),
  ];
  const logp =
    row.type === "scalar"
      ? `\`${row.name} is x\`: log p = -(f - x)^2 / (2 s^2), s = ${row.sigma}`
      : row.type === "binary"
        ? `\`${row.name}\`: log p = log_softmax(f / ${row.temperature})[yes]`
        : `\`${row.name} is v\`: log p = log_softmax(f / ${row.temperature})[v]`;
  return [`of the model \`${alias}\`: ${facts.join(", ")}`, `${logp}, in nats`];
}

function valueFacts(snapshot: Snapshot, d: Declaration): readonly string[] {
  const row = d.of === undefined ? undefined : rowOf(snapshot, d.of);
  if (row === undefined || row.row.type === "scalar") return [];
  return [`log p = log_softmax(f / ${row.row.temperature})[${row.row.classes.indexOf(d.name)}], in nats`];
}

/** A model's card. */
export function cardText({ info, architecture, licence, source, hasLabeller }: ModelCard): string {
  const groups = Object.entries(info.layerGroups).map(([name, [from, to]]) => `${name} ${from}..${to}`);
  const lines = [
    `**${plain(info.name)}**: ${architecture}, ${info.resolution} px, z of ${info.zDim}, ${info.numWs} layer${info.numWs === 1 ? "" : "s"}${groups.length === 0 ? "" : ` (${groups.join(", ")})`}`,
    `attributes: ${info.attributes.map((a) => `\`${a.name}\``).join(", ")}`,
    ...(info.classes === undefined ? [] : [`draws ${info.classes} classes`]),
    hasLabeller ? "has an independent classifier" : "has no independent classifier",
    `licence: ${plain(licence)}`,
    `source: ${plain(source)}`,
  ];
  return lines.map((l) => `- ${l}`).join("\n");
}

/** The comment that stands right above a statement, as text. */
function commentAbove(snapshot: Snapshot, statement: Span): string | undefined {
  const file = snapshot.files.get(statement.file);
  if (file === undefined) return undefined;
  const { text } = file.placed;
  const lines: string[] = [];
  let end = statement.start;
  for (const c of [...file.parse.comments].reverse()) {
    const after = c.startOffset + c.image.length;
    if (after > end) continue;
    if (!/^[ \t]*(\r\n|\n|\r)[ \t]*$/.test(text.slice(after, end))) break;
    lines.unshift(c.image.replace(/^\/\/+ ?|^\/\*+\s*|\s*\*+\/$/g, "").replace(/^[ \t]*\* ?/gm, ""));
    end = c.startOffset;
  }
  return lines.length === 0 ? undefined : lines.map((l) => l.split("\n").map(plain).join("\n")).join("\n");
}
