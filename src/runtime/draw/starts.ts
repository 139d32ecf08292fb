// Pictures that a task starts from in place of noise: latents of a file, as states that samplers and edits go on from.
// In: a start, the task's read-out. Out: SampleResults, part 0. Invariants: a picture's styles are the file's to the bit until something moves it; a state is
// a z and a shift, what its w has beyond the mapping's: what moves z moves all styles of the picture by as much as w.
import { SHIFT } from "../../compiler/build/gradient.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { LatentStart, TaskSource } from "../../compiler/plan.js";
import type { LatentRow } from "../../models/latents.js";
import { concat } from "../../source/concat.js";
import { InternalError } from "../../source/internal-error.js";
import type { DrawContext } from "./batch.js";
import { imagePlace, valueOf, type Share } from "../plan/places.js";
import { offsetsOf, type Fading } from "./fading.js";
import { nearestZ } from "./nearest-z.js";
import { readOut } from "./readout.js";
import type { SampleResult } from "./results.js";
import { meanStyle, stylesOf } from "./styles.js";

const WHOLE: Share = { numerator: 1, denominator: 1 };
const UNSOLVED = { status: "done" as const, steps: 0, accepted: 0, rejected: 0, evaluations: 0, logp: 0 };

/** The rows of a task that starts from images of an earlier one, as they were; part -1. */
export function taskStarts(source: TaskSource, { earlier, rows }: DrawContext): readonly SampleResult[] {
  const { task, samples } = earlier(source.task);
  return rows.map((index) => {
    const image = source.from + index;
    const place = imagePlace(task, image);
    const sample = samples.find((s) => s.index === place.index && s.part === place.part);
    if (sample === undefined) throw new InternalError(`${task.name} has no image ${image}`);
    return { ...sample, index, part: -1 };
  });
}

/** The rows of a task that starts from latents. Errors: LaceError of the file, L4106. */
export async function latentStarts(
  start: LatentStart,
  seed: number,
  readout: Executable,
  cx: DrawContext,
): Promise<readonly SampleResult[]> {
  const all = (await cx.latents?.(start)) ?? [];
  const rows = cx.rows.map((index) => ({ index, row: all[index] ?? missing(index) }));
  return startsFrom(rows, seed, readout, cx);
}

/** A photograph: the styles whose picture is like it, and the z that they are edited from. Errors: those of whoever finds it. */
export async function photoStart(seed: number, readout: Executable, cx: DrawContext): Promise<readonly SampleResult[]> {
  const found = cx.rows.length === 0 ? undefined : await cx.photograph?.();
  if (found === undefined) return [];
  const { styles, z, likeness } = found;
  const samples = await startsFrom([{ index: 0, row: { w: styles, z } }], seed, readout, cx);
  return samples.map((s) => ({ ...s, likeness }));
}

/** States whose pictures have given styles, or a given z. */
export async function startsFrom(
  rows: readonly { readonly index: number; readonly row: LatentRow }[],
  seed: number,
  readout: Executable,
  { model, engine, program, resultCache, signal }: DrawContext,
): Promise<readonly SampleResult[]> {
  const { wDim } = model.info;
  const { truncation } = program;
  const targets = rows.map(({ row }) => row.w && meanStyle(row.w, wDim));
  const unknown = rows.flatMap(({ row }, k) => (row.z === undefined ? [targets[k] ?? missing(k)] : []));
  const fitted = [...(await nearestZ(unknown, { model, engine, truncation, resultCache, signal }))];
  const z = concat(
    rows.map(({ row }) => row.z ?? fitted.shift() ?? missing(0)),
    Float64Array,
  );
  const lanes = rows.map(({ index }) => index);
  const reading = { rows: program.rows, z, lanes, wanted: lanes.map(() => true), from: program.far?.from };
  const isShifted = targets.some((t) => t !== undefined);
  const still = isShifted ? { shift: new Float32Array(rows.length * wDim) } : {};
  const own = await readOut(readout, model, { ...reading, ...still });
  const shifts = targets.map((w, k) => w?.map((x, i) => x - (own[k]?.w[i] ?? 0)));
  const shift =
    isShifted &&
    concat(
      shifts.map((s) => s ?? missing(0)),
      Float32Array,
    );
  const read = shift === false ? own : await readOut(readout, model, { ...reading, shift });
  return rows.map(({ index, row }, k): SampleResult => {
    const { w = new Float32Array(0), heads = [], far } = read[k] ?? {};
    return {
      ...UNSOLVED,
      ...{ index, part: 0, seed, origin: index },
      z: z.slice(k * model.info.zDim, (k + 1) * model.info.zDim),
      w: targets[k] ?? w,
      heads,
      ...(far && { far }),
      ...(shifts[k] && { shift: shifts[k] }),
      ...(row.w !== undefined && row.w.length > wDim && { ws: row.w }),
    };
  });
}

interface Moving {
  readonly numWs: number;
  /** Shares of the way whose styles the state has. */
  readonly shares: readonly Share[];
  readonly fading?: Fading | undefined;
}

/** A state that was moved from `before`, with its styles: each layer's goes as far as w went. Of what they have beyond those of z a part may be left behind. */
export function movedWith(before: SampleResult, after: SampleResult, moving: Moving): SampleResult {
  if (after.w.length === 0) return after;
  const keep = moving.fading === undefined || after.shift === undefined ? 1 : moving.fading(before, after);
  const moved = keep === 1 ? after : withPartOf(after, 1 - keep, moving.shares);
  if (before.ws === undefined) return moved;
  const { length: wDim } = after.w;
  const offsets = offsetsOf({ ...before, ws: stylesOf(before, moving.numWs) });
  const ws = offsets.map((x, i) => (after.w[i % wDim] ?? 0) - (after.shift?.[i % wDim] ?? 0) + keep * x);
  return { ...moved, ws };
}

/** A state without a part of its shift, and the way there with less and less of it. */
function withPartOf(after: SampleResult, lost: number, shares: readonly Share[]): SampleResult {
  const { shift, way, far, w } = after;
  const { length: wDim } = w;
  const less = (x: Float32Array): Float32Array => x.map((v, i) => v - lost * (shift?.[i] ?? 0));
  const along = (x: Float32Array): Float32Array =>
    x.map((v, i) => v - valueOf(shares[Math.floor(i / wDim)] ?? WHOLE) * lost * (shift?.[i % wDim] ?? 0));
  return {
    ...after,
    ...{ w: less(w), ...(shift && { shift: less(shift) }) },
    ...(way && { way: along(way) }),
    ...(far && { far: { ...far, w: less(far.w), ...(far.way && { way: along(far.way) }) } }),
  };
}

/** The input `shift` of some states: theirs side by side; nothing where states have none. */
export function shiftsOf(samples: readonly SampleResult[]): Readonly<Record<string, Float32Array>> {
  const shifts = samples.flatMap((s) => s.shift ?? []);
  return shifts.length === 0 ? {} : { [SHIFT]: concat(shifts, Float32Array) };
}

function missing(row: number): never {
  throw new InternalError(`there is no row ${row} to start from`);
}
