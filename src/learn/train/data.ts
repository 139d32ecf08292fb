// A data file (docs/data.md) as training takes it: latents, and a column of labels for each attribute.
// In: a Host and a path. Out: TrainingData, or one LaceError with all that is wrong. Invariants: every number that training reads has been
// looked at here: latents are finite, labels are classes of their attribute or NaN, probabilities sum to 1.
import { concat } from "../../source/concat.js";
import type { Attribute } from "../../compiler/attribute.js";
import type { HeadSpace } from "../../compiler/weights.js";
import { failure, LaceError, type Diagnostic } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import { nearest } from "../../source/nearest.js";
import { DATA_KEY, parseDataMetadata, type DataMetadata } from "../label/data-metadata.js";
import type { Host } from "../../ports/host.js";
import { modelError } from "../../models/model-error.js";
import { TensorSource } from "../../models/pack/pack-weights.js";
import { readSafetensors } from "../../models/formats/safetensors.js";

/** The labels of one attribute. */
export interface LabelColumn {
  readonly attribute: Attribute;
  /** Row of the data file's attribute table. */
  readonly index: number;
  /** Shape [rows]: a class, or the scalar; NaN where there is none. */
  readonly labels: Float32Array;
  /** [rows, classes], where the file has them; NaN where the label is. */
  readonly probs?: Float32Array;
}

export interface TrainingData {
  readonly file: string;
  readonly sha256: string;
  readonly rows: number;
  /** The latent that is trained on, and how many numbers it has. */
  readonly space: HeadSpace;
  readonly width: number;
  /** [rows, width]. */
  readonly latents: Float32Array;
  readonly columns: readonly LabelColumn[];
  readonly metadata: DataMetadata;
  /** What is odd, but can be trained on. */
  readonly warnings: readonly Diagnostic[];
}

/** Fewer labelled rows than this teach nothing and leave nothing to test on. */
const MIN_LABELS = 20;
/** How far from 1 the sum of a row's probabilities may be. */
const SUM_TOLERANCE = 0.01;

/**
 * Loads and checks a data file. `attributes` picks some of its attributes; all by default.
 *
 * Errors   LaceError: L5102 (damaged), L5107, L5108 (metadata), L5109 (tensors), L2001 (no such attribute), L5321 for labels that cannot be learnt
 *          from, one for each attribute.
 */
export async function loadTrainingData(
  host: Host,
  file: string,
  { space, attributes }: { readonly space: HeadSpace; readonly attributes?: readonly string[] },
): Promise<TrainingData> {
  const bytes = await host.readBytes(file);
  const stored = readSafetensors(bytes, file);
  const metadata = parseDataMetadata(stored.metadata.get(DATA_KEY), file);
  const source = new TensorSource(file, (name) => stored.tensor(name), new Set(stored.tensors.keys()));
  const { count, model } = metadata;
  const width = space === "w" ? model.wDim : model.zDim;
  if (width === null || !source.has(space))
    throw modelError("L5109", file, `it has no tensor '${space}', which heads in space ${space} are trained on`, [
      ...(space === "z" && source.has("w") ? ["leave out --space z: it has w"] : []),
    ]);
  const latents = source.read(space, [count, width]).data;
  const problems: Diagnostic[] = [];
  const warnings: Diagnostic[] = space === "z" ? unseenInZ(source, latents, count, width) : [];
  const columns: LabelColumn[] = [];
  for (const index of pickAttributes(metadata.attributes, attributes, file)) {
    const attribute = metadata.attributes[index];
    if (attribute === undefined) continue;
    const read = (name: string, shape: readonly number[]): Float32Array =>
      readWithGaps(stored.tensor(name), name, shape, file);
    const labels = read(`labels.${attribute.name}`, [count]);
    const name = `probs.${attribute.name}`;
    const hasProbs = attribute.type !== "scalar" && source.has(name);
    const probs = hasProbs ? read(name, [count, attribute.classes.length]) : undefined;
    const column = { attribute, index, labels, ...(probs !== undefined && { probs }) };
    const problem = problemOf(column);
    if (problem !== undefined) {
      const hints = ["leave it out with --attributes, or label more images"];
      problems.push(...modelError("L5321", file, problem, hints).diagnostics);
      continue;
    }
    warnings.push(...oddities(column, file));
    columns.push(column);
  }
  if (problems.length > 0) throw new LaceError(problems);
  const sha256 = await host.sha256(bytes);
  return { file, sha256, rows: count, space, width, latents, columns, metadata, warnings };
}

/**
 * The rows of several data files as one: of one model and one labeller, say, drawn in other ways.
 *
 * Errors   LaceError L5321 if their latents or their attributes are not the same.
 */
export async function joinTrainingData(host: Host, parts: readonly TrainingData[]): Promise<TrainingData> {
  const [first, ...others] = parts;
  if (first === undefined) throw new InternalError("no data to join");
  if (others.length === 0) return first;
  for (const other of others) {
    const differs =
      other.width !== first.width
        ? `its latents have ${other.width} numbers, those of ${first.file} ${first.width}`
        : tableOf(other) !== tableOf(first)
          ? `its attributes are not those of ${first.file}`
          : undefined;
    if (differs !== undefined)
      throw modelError("L5321", other.file, differs, [
        "files that are trained on together are of one model and one labeller",
      ]);
  }
  const columns = first.columns.map((column, k): LabelColumn => {
    const own = parts.map((p) => p.columns[k] ?? column);
    // Probabilities serve only if every file has them: a label alone would count for more.
    const probs = own.flatMap((c) => (c.probs === undefined ? [] : [c.probs]));
    const { attribute, index } = column;
    const labels = concat(
      own.map((c) => c.labels),
      Float32Array,
    );
    return { attribute, index, labels, ...(probs.length === parts.length && { probs: concat(probs, Float32Array) }) };
  });
  return {
    ...first,
    file: parts.map((p) => p.file).join(", "),
    sha256: await host.sha256(new TextEncoder().encode(parts.map((p) => p.sha256).join())),
    rows: parts.reduce((sum, p) => sum + p.rows, 0),
    latents: concat(
      parts.map((p) => p.latents),
      Float32Array,
    ),
    columns,
    warnings: parts.flatMap((p) => p.warnings),
  };
}

/** What must agree between files: names, kinds, classes. */
function tableOf({ columns }: TrainingData): string {
  return JSON.stringify(columns.map(({ attribute: a }) => [a.name, a.type, a.type === "scalar" ? [] : a.classes]));
}

/** Rows of the attribute table that were asked for, in its order. */
function pickAttributes(table: readonly Attribute[], wanted: readonly string[] | undefined, file: string): number[] {
  const names = table.map((a) => a.name);
  const unknown = (wanted ?? []).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new LaceError(
      unknown.flatMap((name) => {
        const guess = nearest(name, names);
        const hint = guess === undefined ? `it has: ${names.join(", ")}` : `did you mean '${guess}'?`;
        return failure("L2001", `${file} has no labels of an attribute '${name}'`, [hint]).diagnostics;
      }),
    );
  }
  return names.flatMap((name, i) => (wanted === undefined || wanted.includes(name) ? [i] : []));
}

/** A tensor that may hold NaN, which weights never may. */
function readWithGaps(
  tensor: { readonly shape: readonly number[]; readonly data: Float32Array } | undefined,
  name: string,
  shape: readonly number[],
  file: string,
): Float32Array {
  if (tensor === undefined) throw modelError("L5109", file, `the tensor '${name}' is missing`);
  if (tensor.shape.join() !== shape.join())
    throw modelError(
      "L5109",
      file,
      `the tensor '${name}' has shape [${tensor.shape.join(", ")}], not [${shape.join(", ")}]`,
    );
  return tensor.data;
}

/** Why a column cannot be learnt from; undefined if it can. */
function problemOf({ attribute, labels, probs }: LabelColumn): string | undefined {
  const { name } = attribute;
  const known = labels.filter((v) => !Number.isNaN(v));
  if (known.length === 0) return `no row has a label of '${name}'`;
  if (known.length < MIN_LABELS)
    return `only ${known.length} rows have a label of '${name}'; at least ${MIN_LABELS} are needed`;
  const bad = labels.findIndex((v) => !Number.isNaN(v) && !isLabel(v, attribute));
  if (bad >= 0) {
    const wanted =
      attribute.type === "scalar" ? "a finite number" : `one of the classes 0 to ${attribute.classes.length - 1}`;
    return `row ${bad} has the label ${labels[bad] ?? NaN} of '${name}', which is not ${wanted}`;
  }
  const [first = NaN] = known;
  if (known.every((v) => v === first)) {
    const value = attribute.type === "scalar" ? `${first}` : `'${attribute.classes[first] ?? ""}'`;
    return `every label of '${name}' is ${value}: there is nothing to tell apart`;
  }
  if (probs === undefined || attribute.type === "scalar") return undefined;
  const classes = attribute.classes.length;
  const wrong = labels.findIndex((label, row) => {
    if (Number.isNaN(label)) return false;
    const p = probs.subarray(row * classes, (row + 1) * classes);
    const sum = p.reduce((a, b) => a + b, 0);
    return !(Math.abs(sum - 1) <= SUM_TOLERANCE) || p.some((v) => v < 0);
  });
  return wrong < 0 ? undefined : `row ${wrong} has probabilities of '${name}' that do not sum to 1`;
}

function isLabel(value: number, attribute: Attribute): boolean {
  if (attribute.type === "scalar") return Number.isFinite(value);
  return Number.isInteger(value) && value >= 0 && value < attribute.classes.length;
}

/**
 * Rows whose image z alone does not tell: truncated ones, and those with noise on w. Of a model without mapping z is w, and tells all.
 */
function unseenInZ(source: TensorSource, z: Float32Array, rows: number, width: number): Diagnostic[] {
  const w = source.has("w") ? source.read("w", [rows, undefined]).data : undefined;
  if (w?.length === rows * width && w.every((v, i) => v === z[i])) return [];
  const column = (name: string, otherwise: number): Float32Array =>
    source.has(name) ? source.read(name, [rows]).data : new Float32Array(rows).fill(otherwise);
  const [truncation, jitter] = [column("truncation", 1), column("jitter", 0)];
  const unseen = truncation.filter((psi, row) => psi !== 1 || jitter[row] !== 0).length;
  if (unseen === 0) return [];
  const what = `${unseen} of ${rows} rows are truncated or have noise on w, which heads in z cannot see`;
  const hints = ["label for them with --truncation 1 --jitter 0"];
  return modelError("L5321", source.file, what, hints).diagnostics.map((d) => ({ ...d, severity: "warning" as const }));
}

function oddities({ attribute, labels }: LabelColumn, file: string): readonly Diagnostic[] {
  if (attribute.type === "scalar") return [];
  const absent = attribute.classes.filter((_, k) => !labels.includes(k));
  if (absent.length === 0) return [];
  const message = `no row is labelled '${attribute.name} is ${absent.join(", ")}': its head will not know that`;
  const { diagnostics } = modelError("L5321", file, message);
  return diagnostics.map((d) => ({ ...d, severity: "warning" as const }));
}
