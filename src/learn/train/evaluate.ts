// What the trained heads are worth: figures for each attribute on rows that nothing was chosen by, and how attributes hang together.
// In: data and a training's heads. Out: a Report, plain JSON. Invariants: temperature and sigma come from the validation rows, every other
// figure from the test rows; the labels of the data are taken for the truth.
import type { Attribute } from "../../compiler/attribute.js";
import { residualsOf, type Residuals } from "../../compiler/residuals.js";
import {
  calibrationError,
  fitTemperature,
  logLoss,
  probabilities,
  reliability,
  type Classified,
  type ReliabilityBin,
} from "./calibrate.js";
import type { LabelColumn, TrainingData } from "./data.js";
import type { PlannedHead } from "./plan.js";
import { NORMAL_95, wilson } from "../wilson.js";
import type { Trained, TrainedHead } from "./trainer.js";

interface ReportBase {
  readonly name: string;
  /** Labelled rows among those tested. */
  readonly tested: number;
  /** What was kept: the better on the validation rows, where both were trained. */
  readonly head: TrainedHead["kind"];
  readonly bestEpoch: number;
  /** Mean loss by epoch. */
  readonly losses: { readonly train: readonly number[]; readonly validation: readonly number[] };
}

export interface ClassReport extends ReportBase {
  readonly type: "binary" | "category";
  readonly classes: readonly string[];
  readonly accuracy: number;
  /** 95% interval of the accuracy (Wilson). */
  readonly interval: readonly [number, number];
  /** Accuracy of naming always the class that is most frequent there. */
  readonly majority: number;
  /** 1 - log loss over that of the class frequencies: 0 knows nothing, 1 everything. */
  readonly skill: number;
  /** Of the rows of each class, the part that was recognised; null where there is no row. */
  readonly recall: readonly (number | null)[];
  /** [truth][choice], rows. */
  readonly confusion: readonly (readonly number[])[];
  readonly temperature: number;
  readonly ece: { readonly before: number; readonly after: number };
  readonly logLoss: { readonly before: number; readonly after: number };
  readonly reliability: { readonly before: readonly ReliabilityBin[]; readonly after: readonly ReliabilityBin[] };
}

export interface ScalarReport extends ReportBase {
  readonly type: "scalar";
  readonly min: number;
  readonly max: number;
  readonly mae: number;
  readonly rmse: number;
  /** 1 - mean square error over variance, and its 95% interval (determinationInterval). */
  readonly r2: number;
  readonly r2Interval: readonly [number, number];
  /** Root mean square of the residuals of validation, and the sigma that was set from it. */
  readonly residual: number;
  readonly sigma: number;
  /** Residuals of the rows held out, validation and test; null where there are too few. */
  readonly residuals: Residuals | null;
  /** [wanted, found] of some rows, for a plot. */
  readonly points: readonly (readonly [number, number])[];
}

export type AttributeReport = ClassReport | ScalarReport;

/** Pearson correlations of attributes, classes of a category one by one; null where one does not vary. */
export interface Correlations {
  readonly names: readonly string[];
  readonly labels: readonly (readonly (number | null)[])[];
  readonly heads: readonly (readonly (number | null)[])[];
}

export interface TrainingReport {
  readonly attributes: readonly AttributeReport[];
  readonly correlations: Correlations;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  readonly epochs: number;
  readonly seconds: number;
}

/** Sigma is not set below this part of a scalar's range, unless the labels themselves deviate by less: a narrower target makes the ODE stiff. */
const MIN_SIGMA = 0.05;
/** Nor ever below this part of the labels' deviation. */
const LEAST_SIGMA = 0.01;
/** Points of a scalar's plot. */
const POINTS = 300;

/** The report on a training. */
export function evaluateHeads(data: TrainingData, trained: Trained): TrainingReport {
  const { plan, heads, seconds } = trained;
  // Without rows to test on, those of validation serve, which flatters the heads a little.
  const hasTest = plan.split.test.length > 0;
  const rows = hasTest ? plan.split.test : plan.split.validation;
  const outputs = heads.map((head) => (hasTest ? head.outputs.test : head.outputs.validation));
  const attributes = heads.map((head, h) =>
    reportOf(head, outputs[h] ?? new Float32Array(0), plan.split.validation, rows),
  );
  const { train, validation, test } = plan.split;
  return {
    attributes,
    correlations: correlate(data, heads, attributes, outputs, rows),
    rows: { train: train.length, validation: validation.length, test: test.length },
    epochs: Math.max(...heads.map((h) => h.losses.train.length)),
    seconds,
  };
}

/**
 * How far a head is from the labels of the validation rows: of classes the log loss at the temperature that fits there, in nats; of a scalar the mean
 * square error, in the plan's units. What heads of several kinds are chosen by.
 */
export function validationError({ planned, outputs }: TrainedHead, validation: Uint32Array): number {
  if (planned.column.attribute.type === "scalar")
    return meanOf(
      pairsOf(planned, outputs.validation, validation).map(([wanted, found]) => ((wanted - found) / planned.unit) ** 2),
    );
  const rows = classified(planned, outputs.validation, validation);
  return logLoss(rows, fitTemperature(rows));
}

/** The attribute table with what calibration found. */
export function calibrated(attributes: readonly Attribute[], report: TrainingReport): readonly Attribute[] {
  return attributes.map((a): Attribute => {
    const found = report.attributes.find((r) => r.name === a.name);
    if (a.type === "scalar") {
      if (found?.type !== "scalar") return a;
      const { sigma, residuals } = found;
      return { ...a, sigma, ...(residuals !== null && { residuals }) };
    }
    return found === undefined || found.type === "scalar" ? a : { ...a, temperature: found.temperature };
  });
}

/**
 * The 95% interval of R2 by the rows that it was measured on: of a quotient of means, by the delta method.
 *
 *   1 - q +- 1.96 sqrt(mean((e^2 - q d^2)^2) / n) / mean(d^2), q = mean(e^2) / mean(d^2); e = label less output, d = label less `centre`
 *
 * Limits   [NaN, NaN] of no rows, and where labels do not vary; the upper end is at most 1.
 */
export function determinationInterval(
  pairs: readonly (readonly [number, number])[],
  centre: number,
): readonly [number, number] {
  const squares = pairs.map(([wanted, found]) => [(wanted - found) ** 2, (wanted - centre) ** 2] as const);
  const spread = meanOf(squares.map(([, d]) => d));
  const q = meanOf(squares.map(([e]) => e)) / spread;
  const half = (NORMAL_95 * Math.sqrt(meanOf(squares.map(([e, d]) => (e - q * d) ** 2)) / pairs.length)) / spread;
  return [1 - q - half, Math.min(1, 1 - q + half)];
}

function reportOf(
  { planned, outputs, bestEpoch, kind, losses }: TrainedHead,
  tested: Float32Array,
  validation: Uint32Array,
  rows: Uint32Array,
): AttributeReport {
  const { attribute } = planned.column;
  const base = { name: attribute.name, head: kind, bestEpoch, losses };
  if (attribute.type === "scalar") {
    const { min, max } = attribute;
    const held = pairsOf(planned, outputs.validation, validation);
    const pairs = pairsOf(planned, tested, rows);
    const residual = Math.sqrt(meanOf(held.map(([wanted, found]) => (wanted - found) ** 2)));
    const square = meanOf(pairs.map(([wanted, found]) => (wanted - found) ** 2));
    const centre = meanOf(pairs.map(([wanted]) => wanted));
    return {
      ...base,
      type: "scalar",
      min,
      max,
      tested: pairs.length,
      mae: meanOf(pairs.map(([wanted, found]) => Math.abs(wanted - found))),
      rmse: Math.sqrt(square),
      r2: 1 - square / meanOf(pairs.map(([wanted]) => (wanted - centre) ** 2)),
      r2Interval: determinationInterval(pairs, centre),
      residual,
      sigma: rounded(sigmaOf(residual, max - min, deviationOf(held.map(([wanted]) => wanted)))),
      residuals: residualsOf(rows === validation ? held : [...held, ...pairs]) ?? null,
      points: pairs.slice(0, POINTS),
    };
  }
  const temperature = rounded(fitTemperature(classified(planned, outputs.validation, validation)));
  const known = classified(planned, tested, rows);
  const { classes } = attribute;
  const confusion = classes.map(() => classes.map(() => 0));
  known.truth.forEach((truth, row) => {
    const line = confusion[truth];
    const p = probabilities(known, row, 1);
    const choice = p.indexOf(Math.max(...p));
    if (line !== undefined) line[choice] = (line[choice] ?? 0) + 1;
  });
  const right = confusion.map((line, k) => line[k] ?? 0);
  const both = <T>(of: (t: number) => T): { before: T; after: T } => ({ before: of(1), after: of(temperature) });
  return {
    ...base,
    type: attribute.type,
    classes,
    tested: known.truth.length,
    accuracy: right.reduce((a, b) => a + b, 0) / known.truth.length,
    interval: wilson(
      right.reduce((a, b) => a + b, 0),
      known.truth.length,
    ),
    majority: Math.max(...confusion.map(sumOf)) / known.truth.length,
    skill: skillOf(logLoss(known, temperature), confusion.map(sumOf)),
    recall: confusion.map((line, k) => {
      const count = line.reduce((a, b) => a + b, 0);
      return count === 0 ? null : (right[k] ?? 0) / count;
    }),
    confusion,
    temperature,
    ece: both((t) => calibrationError(known, t)),
    logLoss: both((t) => logLoss(known, t)),
    reliability: both((t) => reliability(known, t)),
  };
}

/** Logits of the labelled rows. */
function classified({ column, outputs: classes }: PlannedHead, f: Float32Array, rows: Uint32Array): Classified {
  const kept = [...rows.keys()].filter((k) => !Number.isNaN(column.labels[rows[k] ?? 0] ?? NaN));
  const logits = new Float64Array(kept.length * classes);
  kept.forEach((k, i) => logits.set(f.subarray(k * classes, (k + 1) * classes), i * classes));
  return { logits, classes, truth: kept.map((k) => column.labels[rows[k] ?? 0] ?? NaN) };
}

/** [wanted, found] of the labelled rows, in the attribute's own unit. */
function pairsOf(
  { column, offset, unit }: PlannedHead,
  f: Float32Array,
  rows: Uint32Array,
): (readonly [number, number])[] {
  return [...rows].flatMap((row, k) => {
    const wanted = column.labels[row] ?? NaN;
    return Number.isNaN(wanted) ? [] : [[wanted, offset + unit * (f[k] ?? NaN)] as const];
  });
}

function correlate(
  data: TrainingData,
  heads: readonly TrainedHead[],
  reports: readonly AttributeReport[],
  outputs: readonly Float32Array[],
  rows: Uint32Array,
): Correlations {
  const all = Array.from({ length: data.rows }, (_, row) => row);
  const columns = heads.flatMap(({ planned }, h) => {
    const { column } = planned;
    const f = outputs[h] ?? new Float32Array(0);
    const report = reports[h];
    const { attribute } = column;
    if (attribute.type === "scalar" || report?.type === "scalar")
      return [{ name: attribute.name, labels: all.map((r) => column.labels[r] ?? NaN), found: [...f] }];
    const known: Classified = { logits: Float64Array.from(f), classes: planned.outputs, truth: [] };
    const p = Array.from(rows, (_, k) => probabilities(known, k, report?.temperature ?? 1));
    const picked = attribute.type === "binary" ? [1] : attribute.classes.map((_, k) => k);
    return picked.map((k) => ({
      name: attribute.type === "binary" ? attribute.name : `${attribute.name}=${attribute.classes[k] ?? ""}`,
      labels: all.map((r) => indicator(column, r, k)),
      found: p.map((row) => row[k] ?? NaN),
    }));
  });
  const matrix = (of: (c: (typeof columns)[number]) => readonly number[]): (number | null)[][] =>
    columns.map((a) => columns.map((b) => correlation(of(a), of(b))));
  return { names: columns.map((c) => c.name), labels: matrix((c) => c.labels), heads: matrix((c) => c.found) };
}

function indicator({ labels }: LabelColumn, row: number, k: number): number {
  const label = labels[row] ?? NaN;
  return Number.isNaN(label) ? NaN : label === k ? 1 : 0;
}

/** Pearson's correlation over the rows where both are known; null if one does not vary there. */
function correlation(a: readonly number[], b: readonly number[]): number | null {
  let [n, sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x = NaN, y = NaN] = [a[i], b[i]];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    n++;
    sa += x;
    sb += y;
    saa += x * x;
    sbb += y * y;
    sab += x * y;
  }
  const [va, vb] = [saa / n - (sa / n) ** 2, sbb / n - (sb / n) ** 2];
  return va > 1e-12 && vb > 1e-12 ? (sab / n - (sa / n) * (sb / n)) / Math.sqrt(va * vb) : null;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((v) => (v - mean) ** 2)));
}

/** The residuals' own size; where the labels spread over the range, not below MIN_SIGMA of it. */
function sigmaOf(residual: number, range: number, deviation: number): number {
  const floor = deviation > MIN_SIGMA * range ? MIN_SIGMA * range : LEAST_SIGMA * deviation;
  return Math.max(residual, floor, Number.MIN_VALUE);
}

/** What is left of the log loss of the class frequencies; 0 where there is but one class. */
function skillOf(loss: number, counts: readonly number[]): number {
  const total = sumOf(counts);
  const entropy = sumOf(counts.map((n) => (n === 0 ? 0 : (-n / total) * Math.log(n / total))));
  return entropy === 0 ? 0 : 1 - loss / entropy;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Four significant digits: what is stored in a table for people. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
