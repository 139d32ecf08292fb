// A golden case drawn by an engine that steps on its device, and what it cost.
// In: an engine, a case. Out: the result, steps queued and values read.
import type { Engine } from "../../src/runtime/services/engine.js";
import type { Executable } from "../../src/compiler/graph/graph.js";
import { compileStepGraph, stepGraphsOf } from "../../src/compiler/build/step-graphs.js";
import { tileOf } from "../../src/compiler/build/step-state.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import type { Sampler } from "../../src/compiler/plan.js";
import { sampleOnDevice, type DeviceSampler } from "../../src/runtime/sample/device.js";
import { seededNoise } from "../../src/runtime/sample/noise-source.js";
import type { SamplingResult } from "../../src/runtime/sample/result.js";

export interface Opened {
  readonly device: DeviceSampler;
  /** Steps queued so far. */
  readonly steps: () => number;
  dispose(): Promise<void>;
}

/** A sampler on a gradient, compiled to be stepped on the device. */
export async function openSteps(engine: Engine, sampler: Sampler, gradient: Graph): Promise<Opened> {
  const graphs = stepGraphsOf(sampler)!;
  const compile = (graph: Graph): Promise<Executable> => engine.compile(compileStepGraph(graph), { keeps: true });
  const [start, step] = [await compile(graphs.start(gradient)), await compile(graphs.step(gradient))];
  let steps = 0;
  const counted: Executable = {
    ...step,
    queue: (inputs) => {
      steps += 1;
      return step.queue!(inputs);
    },
  };
  return {
    device: { ...graphs, start, step: counted, rows: tileOf(gradient).rows },
    steps: () => steps,
    async dispose() {
      await start.dispose();
      await step.dispose();
    },
  };
}

/** Draws samples of `z0` [B, dim] that sit in these lanes. */
export function drawSteps(
  { device }: Opened,
  options: {
    readonly sampler: Sampler;
    readonly z0: Float64Array;
    readonly lanes: readonly number[];
    readonly seed?: number;
  },
): Promise<SamplingResult> {
  const { sampler, z0, lanes, seed = 0 } = options;
  const zDim = z0.length / lanes.length;
  return sampleOnDevice({ device, sampler, zDim, lanes, z0, noise: seededNoise(seed, lanes, zDim) });
}
