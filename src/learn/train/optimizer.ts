// The weights of a training, their moments and gradients in one memory, and Adam over them.
// In: a network, settings, values to begin with. Out: views by name, and steps that change them in place. Invariants: weights lie before biases, so
// that two runs of one kernel are a step; the gap behind a tensor holds zeros and stays 0.
import { parametersOf, type HeadNetwork } from "../../compiler/build/training.js";
import type { Shape } from "../../compiler/graph/graph.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import {
  buildAdam,
  gradientName,
  momentNames,
  type AdamSettings,
  type StepScalars,
} from "../../compiler/build/training-step.js";
import { compileWasm, LANES } from "../../compiler/targets/wasm.js";
import { failure } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";

const PAGE_BYTES = 65_536;
/** Pages of the largest memory that WebAssembly has. */
const MOST_PAGES = 65_536;
/** What lies one after another in the memory, each for all parameters. */
const REGIONS = ["weights", "mean", "square", "gradient"] as const;
type Region = (typeof REGIONS)[number];

export interface Optimizer {
  /** Every parameter and its moments by name (momentNames). */
  readonly state: Record<string, Float32Array>;
  /** The gradient in each parameter by name (gradientName), to be written before a step. */
  readonly gradients: Record<string, Float32Array>;
  /** Adam: the weights and moments change in place. */
  step(scalars: StepScalars): void;
}

/** Numbers that a tensor takes in a region: whole lanes. */
function placeOf(shape: Shape): number {
  return LANES * Math.ceil(sizeOf(shape) / LANES);
}

/** Errors LaceError L4107 if the weights of a network are more than one memory holds: told before anything is made of their size. */
export function checkSize(network: HeadNetwork): void {
  const weights = parametersOf(network).reduce((sum, { shape }) => sum + placeOf(shape), 0);
  const most = Math.floor((MOST_PAGES * PAGE_BYTES) / (REGIONS.length * Float32Array.BYTES_PER_ELEMENT));
  if (weights > most)
    throw failure("L4107", `the heads have ${weights} weights together, and one training holds ${most}`, [
      "train fewer attributes at a time (--attributes), or narrower layers (--hidden)",
    ]);
}

/** An optimizer that begins at `start`: every parameter and moment by name. Errors InternalError if one is missing. */
export function openOptimizer(
  network: HeadNetwork,
  adam: AdamSettings,
  start: Readonly<Record<string, Float32Array>>,
): Optimizer {
  const parameters = parametersOf(network);
  const places = new Map<string, number>();
  let end = 0;
  const lay = (role: "weight" | "bias"): number => {
    for (const { name, shape } of parameters.filter((p) => p.role === role)) {
      places.set(name, end);
      end += placeOf(shape);
    }
    return end;
  };
  const decayed = lay("weight");
  const length = lay("bias");
  const bytes = REGIONS.length * length * Float32Array.BYTES_PER_ELEMENT;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
  const view = (region: Region, from: number, size: number): Float32Array =>
    new Float32Array(memory.buffer, (REGIONS.indexOf(region) * length + from) * Float32Array.BYTES_PER_ELEMENT, size);
  const state: Record<string, Float32Array> = {};
  const gradients: Record<string, Float32Array> = {};
  for (const { name, shape } of parameters) {
    const own = (region: Region): Float32Array => view(region, places.get(name) ?? 0, sizeOf(shape));
    const { mean, square } = momentNames(name);
    state[name] = own("weights");
    state[mean] = own("mean");
    state[square] = own("square");
    gradients[gradientName(name)] = own("gradient");
  }
  for (const [name, array] of Object.entries(state)) {
    const values = start[name];
    if (values?.length !== array.length) throw new InternalError(`no values for ${name}`);
    array.set(values);
  }
  const kernel = compileWasm(buildAdam(adam, LANES), memory);
  const part = (from: number, size: number): Record<string, Float32Array> =>
    Object.fromEntries(REGIONS.map((region) => [region, view(region, from, size)]));
  const [weights, biases] = [part(0, decayed), part(decayed, length - decayed)];
  return {
    state,
    gradients,
    step(scalars) {
      kernel.run(weights, { ...scalars }, decayed);
      kernel.run(biases, { ...scalars, keep: 1 }, length - decayed);
    },
  };
}
