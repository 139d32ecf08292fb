// Labels by hand in evaluations: which pictures there are to look at, and what a table says of them.
// In: a plan and what it drew; a table. Out: keys of pictures, and readings in the terms of a model's attributes.
// Invariants: a key follows from the weights and from what was asked, not from pixels, so that it is the same on every engine; pictures in the
// order of their keys are in an order by chance, and neither name nor order tells whoever looks what was asked for.
import type { Attribute } from "../../compiler/attribute.js";
import { attributesNamed } from "../../compiler/energy/energy.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { sourceOf, type Plan, type Task } from "../../compiler/plan.js";
import { modelError } from "../../models/model-error.js";
import type { Host } from "../../ports/host.js";
import type { SampleResult, TaskResult } from "../../runtime/draw/results.js";
import { columnsOfCell, type LabelTable } from "../label/label-table.js";

/** The column of a table that says which picture a line is about. */
export const PICTURE = "picture";
/** Cells for what is neither there nor absent. */
const UNCLEAR = new Set(["?", "unclear"]);
/** Digits of a key. */
const DIGITS = 16;

/** The pictures of a task that are counted: an edit's after its last step. */
export function outcomesOf({ task, samples }: TaskResult): readonly SampleResult[] {
  return task.kind === "edit" ? samples.filter((s) => s.part === task.steps.length - 1) : samples;
}

/** A key for each outcome of a run that is finite. Errors: those of reading head files. */
export async function pictureKeys(
  host: Host,
  plan: Plan,
  results: { readonly tasks: readonly TaskResult[]; readonly models: readonly { readonly sha256: string }[] },
): Promise<ReadonlyMap<SampleResult, string>> {
  const heads = await Promise.all(
    plan.models.map(async (m) =>
      Promise.all(
        m.heads.map(async ({ attribute, file }) => [
          attribute,
          file === undefined ? "labeller" : await host.sha256(await host.readBytes(file)),
        ]),
      ),
    ),
  );
  const keys = new Map<SampleResult, string>();
  for (const result of results.tasks) {
    const { task } = result;
    const weights = [results.models[task.model]?.sha256, heads[task.model]];
    for (const sample of outcomesOf(result).filter((s) => s.w.length > 0)) {
      const place = [sample.index, sample.part, sample.attempt ?? 0];
      const text = JSON.stringify([weights, asked(task, plan), place]);
      keys.set(sample, (await host.sha256(new TextEncoder().encode(text))).slice(0, DIGITS));
    }
  }
  return keys;
}

/** Of a task: what it is called, where it stands, how many it draws. */
const BESIDE = new Set(["name", "model", "count", "source"]);

/** What decides the pictures of a task: itself and what it starts from; not how many there are, nor where the script says so. */
function asked(task: Task, plan: Plan): unknown {
  const own = Object.fromEntries(Object.entries(task).filter(([key]) => !BESIDE.has(key)));
  const source = sourceOf(task);
  const from = source && plan.tasks[source.task];
  const seed = task.kind === "edit" && task.source.kind === "seed" ? task.source.seed : undefined;
  const start = source ? [source.from, from && asked(from, plan)] : [seed];
  return [JSON.stringify(own, (key, value: unknown) => (key === "span" ? undefined : value)), start];
}

/** Attributes that the conditions of a task name, by index in its model's table. */
export function namedBy(task: Task): readonly number[] {
  const energies =
    task.kind === "sweep" ? task.cells : task.kind === "edit" ? task.steps.map((s) => s.energy) : [task.energy];
  return [...new Set(energies.flatMap((e) => [...attributesNamed(e)]))];
}

/** The table that is to be filled in: pictures in the order of their keys. `names`: a column each. */
export function emptyTable(files: readonly string[], keys: readonly string[], names: readonly string[]): string {
  const lines = files.map((file, k) => [file, keys[k] ?? "", ...names.map(() => "")].join(","));
  return `${[["file", PICTURE, ...names].join(","), ...lines].join("\n")}\n`;
}

/** What hands have said of pictures, by key. */
export interface HandLabels {
  readonly file: string;
  /** Of a picture, in the order of a model's attributes: NaN where it is unclear, nothing where nobody has said anything. */
  readonly outputs: (key: string, attributes: readonly Attribute[]) => HeadOutputs | undefined;
  /** Pictures that the table has a line for. */
  readonly keys: ReadonlySet<string>;
}

/**
 * Reads a table of labels by hand. A column is read as the attribute of its name, in whatever model has one.
 *
 * Errors   LaceError L5313: no column `picture`, a column that is no attribute of `models`, a cell that is no value of it.
 */
export function readHandLabels(table: LabelTable, models: readonly (readonly Attribute[])[]): HandLabels {
  const { file } = table;
  if (!table.names.includes(PICTURE))
    throw modelError("L5313", file, `there is no column \`${PICTURE}\`, which says what each line is about`, [
      "`lacec eval SCRIPT --export DIR` writes a table to fill in",
    ]);
  const names = table.names.filter((n) => n !== PICTURE);
  const known = new Set(models.flatMap((m) => m.map((a) => a.name)));
  const strange = names.filter((n) => !known.has(n));
  if (strange.length > 0)
    throw modelError("L5313", file, `\`${strange.join("`, `")}\`: no model of the script has such an attribute`, [
      `there are: ${[...known].join(", ")}`,
    ]);
  const rows = new Map(table.rows.map((r) => [r.cells.get(PICTURE) ?? "", r] as const));
  const outputs = (key: string, attributes: readonly Attribute[]): HeadOutputs | undefined => {
    const row = rows.get(key);
    if (row === undefined) return undefined;
    return attributes.map((a) => {
      const cell = names.includes(a.name) ? (row.cells.get(a.name) ?? "") : "";
      if (cell === "") return [];
      const unclear = UNCLEAR.has(cell.toLowerCase());
      if (unclear) return Array.from({ length: a.type === "scalar" ? 1 : a.classes.length }, () => NaN);
      return columnsOfCell(a, cell, file, row.line);
    });
  };
  // Every cell is read once now: a wrong one is told before anything is drawn.
  for (const key of rows.keys()) for (const attributes of models) outputs(key, attributes);
  return { file, outputs, keys: new Set(rows.keys()) };
}
