// An evaluation on the terminal: a block for each set, beside a baseline where one is given.
import {
  acceptedText,
  estimateText,
  handText,
  judgesOf,
  judgeText,
  methodRows,
  unclearText,
  type Baseline,
  type BaselineSet,
  type Evaluation,
  type SetMeasure,
} from "../app/evaluate.js";
import type { Io } from "./io.js";

/** Lines that show everything. */
export function evaluationLines(evaluation: Evaluation, baseline: Baseline | undefined, io: Io): string[] {
  const c = io.outColors;
  const lines: string[] = [];
  for (const set of evaluation.sets) {
    const before = baseline?.get(set.name);
    const failed = set.failed === 0 ? "" : `, ${c.yellow(`${set.failed} of them not finished`)}`;
    lines.push(
      `${c.bold(set.name)}  ${c.dim(`${set.kind}, ${set.sampler}, truncation ${set.truncation}, ${set.images} images`)}${failed}`,
    );
    const judges = judgesOf(set);
    const known = (cells: readonly string[]): readonly string[] =>
      cells.filter((_, k) => (k === 1 ? judges.hand : k === 2 || k === 4 ? judges.labeller : true));
    const rows = [
      ["", "by hand", "by the labeller", judges.heads, "unconditional"],
      ...set.clauses.map((clause) => {
        const was = before?.clauses.find((x) => x.text === clause.text)?.labeller?.mean;
        return [
          clause.text,
          handText(clause),
          `${estimateText(clause.labeller)}${unclearText(clause)}${wasText(was)}`,
          clause.heads === null ? "-" : clause.heads.mean.toFixed(2),
          clause.prior === null ? "-" : clause.prior.toFixed(2),
        ];
      }),
    ];
    lines.push(...table(rows.map(known)).map((line, k) => (k === 0 ? c.dim(line) : line)));
    if (set.edit !== null) lines.push(...editLines(set.edit, before?.edit ?? undefined));
    const methods = methodRows(set);
    if (methods.length > 0) lines.push(...table(methods).map((line, k) => (k === 0 ? c.dim(line) : line)));
    const typical = set.typicality === null ? "-" : set.typicality.toFixed(2);
    lines.push(`  ${frechetText(set, before)}; |z|²/d ${typical}`);
    const { sample, synthesis } = set.secondsPerImage;
    lines.push(
      `  ${set.evaluations.toFixed(0)} evaluations${wasText(before?.evaluations, 0)}, ${seconds(sample)}${wasSeconds(before?.secondsPerImage.sample)} to sample and ${seconds(synthesis)} to synthesise an image`,
      "",
    );
  }
  const { hand } = evaluation;
  const names = [...(hand === null ? [] : [`hand (${hand})`]), ...evaluation.labellers.map(judgeText)].join(", ");
  const reference = evaluation.labellers.length === 0 ? "" : `; ${evaluation.reference} unconditional images`;
  lines.push(c.dim(`judged by ${names === "" ? "the heads that were followed" : names}${reference}; 95% intervals`));
  return lines;
}

function editLines(edit: NonNullable<SetMeasure["edit"]>, before: SetMeasure["edit"] | undefined): string[] {
  const rows = [
    ["step", "before", "after", "most drift", "score", "identity"],
    ...edit.steps.map((s) => [
      s.text,
      s.before === null ? "-" : s.before.mean.toFixed(2),
      s.after === null ? "-" : s.after.mean.toFixed(2),
      s.drift === null ? "-" : `${s.drift.attribute} ${s.drift.share.toFixed(2)}`,
      s.score === null ? "-" : s.score.toFixed(2),
      s.identity === null ? "-" : s.identity.mean.toFixed(3),
    ]),
  ];
  const des = edit.des === null ? "-" : `${edit.des.toFixed(3)}${wasText(before?.des ?? undefined, 3)}`;
  const id = edit.identity === null ? "-" : `${estimateText(edit.identity, 3)}${wasText(before?.identity?.mean, 3)}`;
  const strangers = edit.strangers === null ? "" : ` (of different rows ${edit.strangers.toFixed(3)})`;
  return [...table(rows), `  DES ${des}, ID ${id}${strangers}`];
}

function frechetText(set: SetMeasure, before: BaselineSet | undefined): string {
  const { unconditional, real, floor } = set.frechet;
  if (unconditional === null) return "no Frechet distance: no labeller that shows features, or too few images";
  const first = `Frechet distance ${unconditional.toFixed(2)}${wasText(before?.frechet.unconditional ?? undefined)} to unconditional images`;
  const halves = floor === null ? "" : ` (their halves ${floor.toFixed(2)})`;
  const accepted = acceptedText(set);
  const last = real === null ? "" : `, ${real.toFixed(2)}${wasText(before?.frechet.real ?? undefined)} to real ones`;
  return first + halves + accepted + last;
}

function wasText(was: number | undefined, digits = 2): string {
  return was === undefined ? "" : ` (was ${was.toFixed(digits)})`;
}

function seconds(s: number): string {
  return s < 0.1 ? `${(1000 * s).toFixed(1)} ms` : `${s.toFixed(2)} s`;
}

function wasSeconds(s: number | undefined): string {
  return s === undefined ? "" : ` (was ${seconds(s)})`;
}

/** Rows of cells in columns, two spaces apart and two in. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, k) => Math.max(...rows.map((r) => r[k]?.length ?? 0)));
  return rows.map((r) => `  ${r.map((cell, k) => cell.padEnd(widths[k] ?? 0)).join("  ")}`.trimEnd());
}
