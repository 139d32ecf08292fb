// What a run prints when it is over: the expectation table and the files.
import { join } from "node:path";
import { share, type Count, type ExpectationResult, type Results } from "../app/run.js";
import type { Colors, Io } from "./io.js";

/** Files named one by one; of more, the first and the last are. */
const FILES_SHOWN = 8;

/** Prints a finished run on `io.out`. */
export function printSummary(results: Results, out: string, io: Io): void {
  const lines = [
    ...attemptLines(results),
    ...expectationLines(results.expectations, io.outColors),
    ...fileLines(results, out),
  ];
  io.out(`${lines.join("\n")}\n`);
}

/** A line for each task whose slots try again. */
function attemptLines({ tasks }: Results): string[] {
  return tasks.flatMap(({ task, attempts: count }) => {
    if (count === undefined) return [];
    const { by, satisfied, slots, attempts } = count;
    const judge = by === "labeller" ? "the labeller" : "the heads of other rows";
    const rate = attempts === 0 ? 0 : satisfied / attempts;
    return [
      `${task.name}: ${satisfied} of ${slots} slots satisfy ${judge}, in ${attempts} attempts (${(100 * rate).toFixed(0)}% accepted)`,
    ];
  });
}

function expectationLines(expectations: readonly ExpectationResult[], c: Colors): string[] {
  if (expectations.length === 0) return [];
  const rows = expectations.map((e) => ({
    e,
    cells: [
      `${e.task}: ${e.text}`,
      `>= ${e.fraction}`,
      countText(e.heads),
      e.labeller === undefined ? "-" : countText(e.labeller),
    ],
  }));
  const header = ["expected", "", "by the heads", "by the labeller"];
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

function fileLines(results: Results, out: string): string[] {
  const files = [...results.outputs.map((o) => o.file), results.recordFile].map((f) => join(out, f));
  if (files.length <= FILES_SHOWN) return files.map((f) => `wrote ${f}`);
  const [first, last] = [files[0] ?? "", files.at(-2) ?? ""];
  return [`wrote ${first} ... ${last} (${files.length - 1} files)`, `wrote ${files.at(-1) ?? ""}`];
}
