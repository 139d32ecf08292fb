// Samples of one condition, or of conditions that differ in numbers alone, drawn together: compile the gradient, follow it, read the ends out.
// Invariants: tiles have as many rows as the program says whatever the batch, and a sample sits in the row that its lane says.
import type { Executable } from "../../compiler/graph/graph.js";
import { SHIFT } from "../../compiler/build/gradient.js";
import type { Condition, TaskProgram } from "../../compiler/build/compile-task.js";
import type { LatentStart, Task } from "../../compiler/plan.js";
import type { LatentRow } from "../../models/latents.js";
import { concat } from "../../source/concat.js";
import type { TakenStep } from "../ode/solution.js";
import type { Engine } from "../services/engine.js";
import type { PhaseClock } from "../../ports/events.js";
import type { Model } from "../../models/model.js";
import { drawSamples } from "../sample/index.js";
import type { AttemptJudge } from "./accept.js";
import type { FoundPhotograph } from "./photograph.js";
import type { ResultCache } from "./result-cache.js";
import { valueOf, type Share } from "../plan/places.js";
import { readOut, type ReadoutRow } from "./readout.js";
import type { SampleResult, TaskResult } from "./results.js";
import { openGradients, type Gradients } from "./gradients.js";
import { stopIfAborted } from "../../ports/stop.js";
import { dependsOnBatch, samplesTogether } from "../plan/tiles.js";

/** A step of the solve of a part of a row. `attempt`: of a row that tries again, from 0. */
export type OnStep = (
  of: Pick<SampleResult, "index" | "part"> & { readonly task: string; readonly attempt: number },
  step: TakenStep,
) => void;

/** What is open while a task is drawn. */
export interface DrawContext {
  readonly model: Model;
  /** The graphs of the task on the model. */
  readonly program: TaskProgram;
  /** The same for higher tiles (wide-tiles.ts), where there are many samples. */
  readonly wide?: TaskProgram;
  readonly engine: Engine;
  readonly clock: PhaseClock;
  readonly signal: AbortSignal | undefined;
  /** Rows of the task to draw, ascending. */
  readonly rows: readonly number[];
  /** Shares of the way between two parts, ascending, at which pictures are wanted. */
  readonly shares: readonly Share[];
  /** Of a task that tries again: who judges. */
  readonly judge?: AttemptJudge;
  /** Which attempt each row is to be, where that is known: nobody judges then. Rows that are not named are attempt 0. */
  readonly attempts?: ReadonlyMap<number, number>;
  /** Told of each step of a solve on the host, for whoever looks on. */
  readonly onStep?: OnStep;
  /** What earlier runs have found out. */
  readonly resultCache: ResultCache | undefined;
  /** The pictures that a task starts from, in the order of its rows. Errors: LaceError of the file. */
  readonly latents?: (start: LatentStart) => Promise<readonly LatentRow[]>;
  /** What is found of the photograph that the task starts from. Errors: LaceError L5301 if it is none, L4106, L50xx, L52xx, L53xx. */
  readonly photograph?: () => Promise<FoundPhotograph>;
  /** The results of an earlier task, by its place in the plan. */
  readonly earlier: (task: number) => TaskResult;
}

export interface Batch {
  readonly condition: Condition;
  /** Of an edit: where its noise begins. */
  readonly firstStep?: number;
  /** Of samples that try again: which attempt this is, from 1. */
  readonly attempt?: number;
  /** Further inputs of the gradient, [members, width] each: what an edit is held to, numbers of the energy. */
  readonly anchors?: Readonly<Record<string, Float32Array>>;
  /** Shares of each sample's way whose styles are wanted. */
  readonly shares?: readonly Share[];
  readonly seed: number;
  /** `lane`: which row of the tiles, counted through all tiles; distinct. The others as in SampleResult. */
  readonly members: readonly (Pick<SampleResult, "index" | "part" | "origin"> & { readonly lane: number })[];
  /** [members, zDim] */
  readonly z0: Float64Array;
}

/** A part of a batch that is drawn in one go, some tiles of rows, with the keys of its samples (none without a cache). */
interface Tile extends Batch {
  readonly keys: readonly string[];
}

/** A batch as far as it is known already, and what is left of it, a tile at a time: each is finished, and kept, before the next. */
export interface Remainder {
  readonly known: readonly SampleResult[];
  readonly tiles: readonly Tile[];
}

/** Looks for a batch's samples in the cache. */
export async function recallBatch(
  task: Task,
  batch: Batch,
  { resultCache, program, engine }: DrawContext,
): Promise<Remainder> {
  const known: SampleResult[] = [];
  const unknown: number[] = [];
  const keys = resultCache === undefined ? [] : await keysOf(task, batch, program, resultCache);
  for (const [position, member] of batch.members.entries()) {
    const kept = await resultCache?.recallSample(keys[position] ?? "");
    if (kept !== undefined) {
      const { index, part, origin } = member;
      known.push({ ...kept, ...shiftAt(batch, position), index, part, origin, seed: batch.seed });
      continue;
    }
    unknown.push(position);
  }
  if (dependsOnBatch(task))
    return unknown.length === 0 ? { known, tiles: [] } : { known: [], tiles: [{ ...batch, keys }] };
  const most = samplesTogether(engine.steps, program.rows);
  const together = Array.from({ length: Math.ceil(unknown.length / most) }, (_, k) =>
    unknown.slice(k * most, (k + 1) * most),
  );
  return { known, tiles: together.map((positions) => partOf({ ...batch, keys }, positions)) };
}

function partOf({ members, z0, anchors, keys, ...rest }: Tile, positions: readonly number[]): Tile {
  const kept = Object.entries(anchors ?? {}).map(([name, values]) => [name, rowsAt(values, members.length, positions)]);
  return {
    ...rest,
    members: positions.flatMap((p) => members[p] ?? []),
    keys: positions.flatMap((p) => keys[p] ?? []),
    z0: rowsAt(z0, members.length, positions),
    ...(anchors !== undefined && { anchors: Object.fromEntries(kept) as Record<string, Float32Array> }),
  };
}

/** The shift of a member, which is no part of what is kept between runs: it comes with the batch. */
function shiftAt({ anchors, members }: Batch, position: number): Pick<SampleResult, "shift"> {
  const shifts = anchors?.[SHIFT];
  return shifts === undefined ? {} : { shift: rowsAt(shifts, members.length, [position]) };
}

/** Some of the `count` rows that an array is made of, one after the other. */
function rowsAt<A extends Float32Array | Float64Array>(values: A, count: number, rows: readonly number[]): A {
  const width = values.length / count;
  const picked = values.slice(0, rows.length * width) as A;
  rows.forEach((row, k) => picked.set(values.subarray(row * width, (row + 1) * width), k * width));
  return picked;
}

/** For each sample of a batch the hash of all that determines it, besides the model: where samples depend on each other, of the whole batch. */
async function keysOf(
  task: Task,
  batch: Batch,
  program: TaskProgram,
  resultCache: ResultCache,
): Promise<readonly string[]> {
  const { condition, seed, members, z0, anchors = {}, firstStep, attempt, shares } = batch;
  const { energy, varying, keep, looks, early } = condition;
  const { logic, truncation, sampler } = task;
  const names = Object.keys(anchors).sort();
  const about = {
    kind: "sample",
    class: task.class,
    energy,
    varying: varying && [...varying.of.values()],
    keep,
    logic,
    truncation,
    cutoff: program.far?.from,
    ...(looks && { looks: program.pictureReadout?.about }),
    ...(early.length > 0 && { joins: early.map((stretch) => stretch.until) }),
    sampler,
    seed,
    firstStep,
    attempt,
    shares,
    anchors: names,
  };
  const places = members.map(({ origin, lane }) => ({ origin, row: lane % program.rows }));
  const arrays = [z0, ...names.map((name) => anchors[name] ?? new Float32Array())];
  if (dependsOnBatch(task)) {
    const block = await resultCache.key({ ...about, places }, ...arrays);
    return Promise.all(members.map((_, position) => resultCache.key({ kind: "sample of a batch", block, position })));
  }
  return Promise.all(
    places.map((place, position) => {
      return resultCache.key({ ...about, ...place }, ...arrays.map((a) => rowsAt(a, members.length, [position])));
    }),
  );
}

/** What follows a batch's condition. The caller disposes it. */
export function compileBatch(
  { condition, shares = [] }: Batch,
  { engine, program: { rows }, signal }: DrawContext,
): Promise<Gradients> {
  stopIfAborted(signal);
  return openGradients(condition, { engine, rows, hasWays: shares.length > 0 });
}

/** What draws a batch: its gradients and the model's read-out, both of the program's rows. */
interface Drawer {
  readonly gradients: Gradients;
  readonly readout: Executable;
}

interface Run {
  readonly samples: readonly SampleResult[];
  readonly evaluations: number;
}

/** Draws tiles of a batch, one after another. `onProgress` is told how many samples there are, one that is under way in part. */
export async function runTiles(
  task: Task,
  tiles: readonly Tile[],
  drawer: Drawer,
  cx: DrawContext,
  onProgress: (done: number, evaluations: number) => void,
): Promise<Run> {
  const samples: SampleResult[] = [];
  let evaluations = 0;
  for (const tile of tiles) {
    const run = await runTile(task, tile, drawer, cx, (fraction, spent) => {
      onProgress(samples.length + fraction * tile.members.length, evaluations + spent);
    });
    samples.push(...run.samples);
    evaluations += run.evaluations;
  }
  return { samples, evaluations };
}

/** What a sample has beside w: its far style, and both styles on its way here; nothing for one that failed. */
function onTheWay(
  end: ReadoutRow | undefined,
  ways: readonly (ReadoutRow | undefined)[],
): Pick<SampleResult, "far" | "way"> {
  if (end === undefined) return {};
  const joined = (styleOf: (row: ReadoutRow) => Float32Array | undefined): Float32Array =>
    concat(
      ways.map((row) => (row && styleOf(row)) ?? []),
      Float32Array,
    );
  const { far } = end;
  if (ways.length === 0) return far === undefined ? {} : { far };
  return {
    way: joined((row) => row.w),
    ...(far && { far: { ...far, way: joined((row) => row.far?.w) } }),
  };
}

async function runTile(
  task: Task,
  tile: Tile,
  { gradients, readout }: Drawer,
  { model, program, signal, resultCache, onStep }: DrawContext,
  onProgress: (fraction: number, evaluations: number) => void,
): Promise<Run> {
  stopIfAborted(signal);
  const { seed, members, z0, anchors, firstStep, attempt, keys, shares = [] } = tile;
  const { zDim } = model.info;
  const { rows } = program;
  const lanes = members.map((m) => m.lane);
  const drawn = await drawSamples({
    ...gradients,
    rows,
    zDim,
    sampler: task.sampler,
    seed,
    samples: members.map((m) => m.origin),
    lanes,
    z0,
    ...(anchors !== undefined && { anchors }),
    ...(firstStep !== undefined && { firstStep }),
    ...(attempt !== undefined && { attempt }),
    shares: shares.map(valueOf),
    onProgress: ({ fraction, evaluations }) => onProgress(fraction, evaluations),
    ...(onStep && {
      onStep: (sample: number, step: TakenStep) => {
        const { index = 0, part = 0 } = members[sample] ?? {};
        onStep({ task: task.name, index, part, attempt: attempt ?? 0 }, step);
      },
    }),
    ...(signal !== undefined && { signal }),
  });
  stopIfAborted(signal);
  const wanted = drawn.samples.map((s) => s.status !== "non-finite");
  const from = program.far?.from;
  const shift = anchors?.[SHIFT];
  /** The read-out of the samples at each share of their ways. */
  const readWays = async (between: Float64Array, count: number): Promise<(ReadoutRow | undefined)[][]> => {
    const byShare: (ReadoutRow | undefined)[][] = [];
    for (let k = 0; k < count; k++) {
      const positions = members.map((_, i) => i * count + k);
      const z = rowsAt(between, members.length * count, positions);
      byShare.push(await readOut(readout, model, { rows, z, lanes, wanted, from, shift }));
    }
    return byShare;
  };
  const read = await readOut(readout, model, { rows, z: drawn.z, lanes, wanted, from, shift });
  const ways = await readWays(drawn.between, shares.length);
  const samples = drawn.samples.map((stats, i): SampleResult => {
    const { index = 0, part = 0, origin = 0 } = members[i] ?? {};
    return {
      ...stats,
      index,
      part,
      seed,
      origin,
      logp: drawn.logp[i] ?? NaN,
      z: drawn.z.slice(i * zDim, (i + 1) * zDim),
      w: read[i]?.w ?? new Float32Array(0),
      heads: read[i]?.heads ?? [],
      ...shiftAt(tile, i),
      ...onTheWay(
        read[i],
        ways.map((read) => read[i]),
      ),
    };
  });
  for (const [position, sample] of samples.entries()) await resultCache?.keepSample(keys[position] ?? "", sample);
  return { samples, evaluations: drawn.evaluations };
}
