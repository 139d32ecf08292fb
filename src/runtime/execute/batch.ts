// Samples of one condition, drawn together: compile the gradient, follow it, read the ends out.
// Invariants: tiles have ENERGY_ROWS rows whatever the batch, and a sample sits in the row that its lane says.
import type { Executable } from "../../compiler/graph/graph.js";
import type { Keep } from "../../compiler/energy/edit-goals.js";
import type { Energy } from "../../compiler/energy/energy.js";
import { compileEnergyGradient } from "../../compiler/passes/compile-energy.js";
import type { Task } from "../../compiler/plan.js";
import type { Engine } from "../engine/engine.js";
import type { PhaseClock } from "../events.js";
import type { Model } from "../model/model.js";
import { drawSamples } from "../sample/index.js";
import type { Memory } from "./memory.js";
import { readOut } from "./readout.js";
import type { SampleResult, TaskResult } from "./results.js";
import { stopIfAborted } from "./stop.js";

/** Rows of the gradient's tile. */
export const ENERGY_ROWS = 16;

/** What is open while a task is drawn. */
export interface DrawContext {
  readonly model: Model;
  readonly engine: Engine;
  readonly clock: PhaseClock;
  readonly signal: AbortSignal | undefined;
  /** Rows of the task to draw, ascending. */
  readonly rows: readonly number[];
  /** What earlier runs have found out. */
  readonly memory: Memory | undefined;
  /** The results of an earlier task, by its place in the plan. */
  readonly earlier: (task: number) => TaskResult;
}

export interface Batch {
  readonly energy: Energy;
  /** Of an edit: what it holds, the anchors [members, width] that this needs, and where its noise begins. */
  readonly keep?: Keep;
  readonly anchors?: Readonly<Record<string, Float32Array>>;
  readonly firstStep?: number;
  readonly seed: number;
  /** `lane`: which row of the tiles, counted through all tiles; distinct. The others as in SampleResult. */
  readonly members: readonly (Pick<SampleResult, "index" | "part" | "origin"> & { readonly lane: number })[];
  /** [members, zDim] */
  readonly z0: Float64Array;
}

/** A batch as far as it is known already, and what is left of it, a tile at a time: each is finished, and kept, before the next. */
export interface Remainder {
  readonly known: readonly SampleResult[];
  readonly tiles: readonly Batch[];
}

/** Looks for a batch's samples in the memory. */
export async function recallBatch(task: Task, batch: Batch, { memory }: DrawContext): Promise<Remainder> {
  if (dependsOnBatch(task)) return { known: [], tiles: [batch] };
  const known: SampleResult[] = [];
  const tiles = new Map<number, number[]>();
  for (const [position, member] of batch.members.entries()) {
    const kept = await memory?.recallSample(await keyOf(task, batch, position, memory));
    if (kept !== undefined) {
      const { index, part, origin } = member;
      known.push({ ...kept, index, part, origin, seed: batch.seed });
      continue;
    }
    const tile = Math.floor(member.lane / ENERGY_ROWS);
    tiles.set(tile, [...(tiles.get(tile) ?? []), position]);
  }
  return { known, tiles: [...tiles.values()].map((positions) => partOf(batch, positions)) };
}

function partOf({ members, z0, anchors, ...rest }: Batch, positions: readonly number[]): Batch {
  const kept = Object.entries(anchors ?? {}).map(([name, values]) => [name, rowsAt(values, members.length, positions)]);
  return {
    ...rest,
    members: positions.flatMap((p) => members[p] ?? []),
    z0: rowsAt(z0, members.length, positions),
    ...(anchors === undefined ? {} : { anchors: Object.fromEntries(kept) as Record<string, Float32Array> }),
  };
}

/** Some of the `count` rows that an array is made of, one after the other. */
function rowsAt<A extends Float32Array | Float64Array>(values: A, count: number, rows: readonly number[]): A {
  const width = values.length / count;
  const picked = values.slice(0, rows.length * width) as A;
  rows.forEach((row, k) => picked.set(values.subarray(row * width, (row + 1) * width), k * width));
  return picked;
}

/** All that determines one sample of a batch, besides the model. */
function keyOf(task: Task, batch: Batch, position: number, memory: Memory): Promise<string> {
  const { energy, keep, seed, members, z0, anchors = {}, firstStep } = batch;
  const { logic, truncation, sampler } = task;
  const origin = members[position]?.origin;
  const names = Object.keys(anchors).sort();
  const about = {
    kind: "sample",
    class: task.class,
    energy,
    keep,
    logic,
    truncation,
    sampler,
    seed,
    origin,
    firstStep,
    anchors: names,
  };
  const row = <A extends Float32Array | Float64Array>(values: A): A => rowsAt(values, members.length, [position]);
  return memory.key(about, row(z0), ...names.map((name) => row(anchors[name] ?? new Float32Array())));
}

/** Whether a sample of the task depends on the others that are drawn with it. */
export function dependsOnBatch(task: Task): boolean {
  return task.sampler.kind === "ode" && task.sampler.control === "batch";
}

/** The gradient of a batch's condition. The caller disposes it. */
export function compileBatch(
  task: Task,
  { energy, keep }: Batch,
  { model, engine, signal }: DrawContext,
): Promise<Executable> {
  stopIfAborted(signal);
  const { weights, info } = model;
  const { logic, truncation } = task;
  const held = keep === undefined ? {} : { keep };
  const settings = { energy, logic, weights, attributes: info.attributes, truncation, rows: ENERGY_ROWS, ...held };
  return engine.compile(compileEnergyGradient(settings));
}

/** Draws a batch with its gradient and the model's read-out (compileReadout), both of ENERGY_ROWS rows. */
export async function runBatch(
  task: Task,
  batch: Batch,
  { gradient, readout }: { readonly gradient: Executable; readonly readout: Executable },
  { model, signal, memory }: DrawContext,
  onProgress: (fraction: number, evaluations: number) => void,
): Promise<{ readonly samples: readonly SampleResult[]; readonly evaluations: number }> {
  stopIfAborted(signal);
  const { seed, members, z0, anchors, firstStep } = batch;
  const { zDim } = model.info;
  const lanes = members.map((m) => m.lane);
  const drawn = await drawSamples({
    gradient,
    rows: ENERGY_ROWS,
    zDim,
    sampler: task.sampler,
    seed,
    samples: members.map((m) => m.origin),
    lanes,
    z0,
    ...(anchors === undefined ? {} : { anchors }),
    ...(firstStep === undefined ? {} : { firstStep }),
    onProgress: ({ fraction, evaluations }) => onProgress(fraction, evaluations),
    ...(signal === undefined ? {} : { signal }),
  });
  stopIfAborted(signal);
  const wanted = drawn.samples.map((s) => s.status !== "non-finite");
  const read = await readOut(readout, model, { rows: ENERGY_ROWS, z: drawn.z, lanes, wanted });
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
    };
  });
  if (memory !== undefined && !dependsOnBatch(task)) {
    for (const [position, sample] of samples.entries()) {
      await memory.keepSample(await keyOf(task, batch, position, memory), sample);
    }
  }
  return { samples, evaluations: drawn.evaluations };
}
