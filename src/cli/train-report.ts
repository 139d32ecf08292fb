// The report of a training on the terminal: a line for each attribute, confusions of categories, correlations.
import type { AttributeReport, ClassReport, Correlations, TrainingReport } from "../app/train.js";
import type { Io } from "./io.js";

/** A matrix of more columns than this is not printed: its largest entries are. */
const MATRIX_COLUMNS = 14;
const PAIRS_SHOWN = 8;
/** Correlations below this are not worth a warning colour. */
const NOTABLE = 0.3;

/** Lines for `io.out`. */
export function reportLines(report: TrainingReport, io: Io): string[] {
  const c = io.outColors;
  const { rows, attributes } = report;
  const table = attributes.map(attributeCells);
  const header = [
    "attribute",
    "kind",
    "accuracy",
    "95%",
    "majority",
    "head",
    "ECE before",
    "after",
    "T, sigma",
    "epoch",
    "by class",
  ];
  const widths = header.map((h, k) => Math.max(h.length, ...table.map((cells) => cells[k]?.length ?? 0)));
  const print = (cells: readonly string[]): string =>
    cells
      .map((cell, k) => cell.padEnd(widths[k] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    c.dim(print(header)),
    ...table.map(print),
    c.dim(
      `${rows.train} rows trained on, ${rows.validation} for choice and calibration, ${rows.test} for these figures; ${report.epochs} epochs`,
    ),
    ...attributes.flatMap((a) => (a.type === "category" ? ["", ...confusionLines(a, io)] : [])),
    "",
    ...correlationLines(report.correlations, io),
  ];
}

function attributeCells(a: AttributeReport): string[] {
  if (a.type === "scalar")
    return [
      a.name,
      "scalar",
      `MAE ${a.mae.toFixed(3)}`,
      `R2 ${a.r2Interval.map((x) => x.toFixed(2)).join("..")}`,
      "",
      a.head,
      "",
      "",
      `${a.sigma}`,
      `${a.bestEpoch}`,
      `RMSE ${a.rmse.toFixed(3)}`,
    ];
  const recall = a.classes.map((name, k) => `${name} ${a.recall[k]?.toFixed(2) ?? "-"}`).join("  ");
  return [
    a.name,
    a.type,
    a.accuracy.toFixed(3),
    a.interval.map((x) => x.toFixed(2)).join(".."),
    a.majority.toFixed(3),
    a.head,
    a.ece.before.toFixed(4),
    a.ece.after.toFixed(4),
    `${a.temperature}`,
    `${a.bestEpoch}`,
    recall,
  ];
}

function confusionLines({ name, classes, confusion }: ClassReport, io: Io): string[] {
  const title = `${name}: label \\ head`;
  const first = Math.max(title.length, ...classes.map((k) => k.length));
  const cells = (values: readonly string[]): string =>
    values.map((v, k) => v.padStart(Math.max(5, classes[k]?.length ?? 0))).join(" ");
  return [
    io.outColors.dim(`${title.padEnd(first)} ${cells(classes)}`),
    ...confusion.map((line, k) => `${(classes[k] ?? "").padEnd(first)} ${cells(line.map(String))}`),
  ];
}

function correlationLines({ names, heads }: Correlations, io: Io): string[] {
  const c = io.outColors;
  const mark = (r: number, text: string): string => (Math.abs(r) >= NOTABLE ? c.yellow(text) : text);
  if (names.length <= MATRIX_COLUMNS && names.length > 1) {
    const first = Math.max(...names.map((n) => n.length));
    const short = names.map((n) => n.replace(/^.*=/, "").slice(0, 6).padStart(6));
    return [
      c.dim("correlations of what the heads say (entanglement)"),
      c.dim(`${"".padEnd(first)} ${short.join(" ")}`),
      ...names.map((name, i) => {
        const cells = names.map((_, j) => {
          const r = heads[i]?.[j] ?? null;
          return r === null || attributeOf(name) === attributeOf(names[j] ?? "")
            ? "     ."
            : mark(r, r.toFixed(2).padStart(6));
        });
        return `${name.padEnd(first)} ${cells.join(" ")}`;
      }),
    ];
  }
  const pairs = names.flatMap((a, i) =>
    names.slice(i + 1).flatMap((b, k) => {
      const r = heads[i]?.[i + 1 + k] ?? null;
      return r === null || attributeOf(a) === attributeOf(b) ? [] : [{ text: `${a} and ${b}`, r }];
    }),
  );
  const largest = pairs.sort((p, q) => Math.abs(q.r) - Math.abs(p.r)).slice(0, PAIRS_SHOWN);
  if (largest.length === 0) return [];
  return [
    c.dim("largest correlations of what the heads say (entanglement)"),
    ...largest.map(({ text, r }) => `${mark(r, r.toFixed(2).padStart(5))}  ${text}`),
  ];
}

/** The attribute of a column `hair=red`. */
function attributeOf(column: string): string {
  return column.split("=")[0] ?? column;
}
