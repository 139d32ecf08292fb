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
  { seed, members, z0, anchors, firstStep }: Batch,
  { gradient, readout }: { readonly gradient: Executable; readonly readout: Executable },
  { model, signal }: DrawContext,
  onProgress: (fraction: number, evaluations: number) => void,
): Promise<{ readonly samples: readonly SampleResult[]; readonly evaluations: number }> {
  stopIfAborted(signal);
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
  return { samples, evaluations: drawn.evaluations };
}
