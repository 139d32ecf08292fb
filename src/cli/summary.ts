// What a run prints when it is over: the expectation table and the files.
import { dirname, join } from "node:path";
import { judgedHeadsText, share, type Count, type ExpectationResult, type Results } from "../app/run.js";
import type { Colors, Io } from "./io.js";

/** Files named one by one; of more, the first and the last are. */
const FILES_SHOWN = 8;
/** The same of files that earlier runs left. */
const LEFT_SHOWN = 3;

/** Prints a finished run on `io.out`. */
export function printSummary(results: Results, out: string, io: Io): void {
  const lines = [
    ...results.record.tasks.flatMap(attemptLine),
    ...results.record.tasks.flatMap(chainLine),
    ...results.record.tasks.flatMap(forecastLine),
    ...expectationLines(results.expectations, io.outColors),
    ...judgeLines(results),
    ...fileLines(results, out),
    ...leftLines(results, out),
  ];
  io.out(`${lines.join("\n")}\n`);
}

type TaskRecord = Results["record"]["tasks"][number];

/** Of a task whose slots try again. */
function attemptLine({ name, accept }: TaskRecord): string[] {
  if (accept === null) return [];
  const { by, satisfied, slots, attempts } = accept;
  const judge = by === "labeller" ? "the labeller" : "the heads of other rows";
  const rate = attempts === 0 ? 0 : satisfied / attempts;
  return [
    `${name}: ${satisfied} of ${slots} slots satisfy ${judge}, in ${attempts} attempts (${(100 * rate).toFixed(0)}% accepted)`,
  ];
}

/** Of a sampler that keeps a target. */
function chainLine({ name, chains }: TaskRecord): string[] {
  if (chains === null) return [];
  const { ess, length, rhat } = chains;
  const said = rhat === null ? "" : `, R-hat ${rhat.toFixed(2)}`;
  return [`${name}: effective size ${ess.toFixed(1)} of the ${length} last steps of a chain${said}`];
}

/** Of a task for whose attributes there are second heads. */
function forecastLine({ name, forecast }: TaskRecord): string[] {
  if (forecast === null) return [];
  return [
    `${name}: about ${(100 * forecast.share).toFixed(0)}% to be expected as asked, by heads and heads of other rows`,
  ];
}

/** A line for each judge that is not independent of the heads: its labels made or calibrated them. */
function judgeLines({ record, expectations }: Results): string[] {
  if (expectations.length === 0) return [];
  return record.models.flatMap(({ judge }) => {
    const said = judge === null ? undefined : judgedHeadsText(judge);
    return judge === null || said === undefined ? [] : [`${judge.name} judged; it also ${said}`];
  });
}

function expectationLines(expectations: readonly ExpectationResult[], c: Colors): string[] {
  if (expectations.length === 0) return [];
  const known = expectations.some((e) => e.labeller !== undefined);
  const rows = expectations.map((e) => ({
    e,
    cells: [
      `${e.task}: ${e.text}`,
      `>= ${e.fraction}`,
      countText(e.heads),
      e.labeller === undefined ? (known ? "-" : "") : countText(e.labeller),
    ],
  }));
  const header = known
    ? ["expected", "", "by the heads", "by the labeller"]
    : ["expected", "", "by the heads that were followed", ""];
  const widths = header.map((h, k) => Math.max(h.length, ...rows.map((r) => r.cells[k]?.length ?? 0)));
  const line = (cells: readonly string[]): string => cells.map((cell, k) => cell.padEnd(widths[k] ?? 0)).join("  ");
  return [
    c.dim(`  ${line(header).trimEnd()}`),
    ...rows.map(({ e, cells }) => `${e.passed ? c.green("✓") : c.red("✗")} ${line(cells).trimEnd()}`),
    "",
  ];
}

/** `13/16 = 0.81, 2 unclear`. */
function countText(count: Count): string {
  const unclear = (count.unclear ?? 0) === 0 ? "" : `, ${count.unclear} unclear`;
  return `${count.satisfied}/${count.counted} = ${share(count).toFixed(2)}${unclear}`;
}

/** Files of earlier runs that this one did not make. */
function leftLines({ record, recordFile }: Results, out: string): string[] {
  const { left, script } = record;
  if (left.length === 0) return [];
  const files = left.map(({ file }) => join(out, dirname(recordFile), file));
  const named = files.length <= LEFT_SHOWN ? files.join(", ") : `${files[0] ?? ""} and ${files.length - 1} more`;
  const where = out === "." ? "" : ` --out ${out}`;
  return [`earlier runs left ${named}: lacec clean ${script.file}${where} removes what is not made any more`];
}

function fileLines(results: Results, out: string): string[] {
  const files = [...results.outputs.map((o) => o.file), results.recordFile].map((f) => join(out, f));
  if (files.length <= FILES_SHOWN) return files.map((f) => `wrote ${f}`);
  const [first, last] = [files[0] ?? "", files.at(-2) ?? ""];
  return [`wrote ${first} ... ${last} (${files.length - 1} files)`, `wrote ${files.at(-1) ?? ""}`];
}
