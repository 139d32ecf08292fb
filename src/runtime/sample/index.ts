// Drawing samples: from a seed and a compiled gradient to latents, by the sampler that the plan names.
// In: a Sampler of the plan, sample indices, a gradient tile. Out: starts, samples, log p and a status for each.
// Invariants: sample i of a seed has the same bits in whatever batch, order or shard it is drawn.
import type { Executable } from "../../compiler/graph/graph.js";
import type { Sampler } from "../../compiler/plan.js";
import { concat } from "../../source/concat.js";
import { InternalError, unreachable } from "../../source/internal-error.js";
import { sampleOnDevice, type DeviceSampler } from "./device.js";
import { tiledField, type Field, type JacobianTerm, type WideTile } from "./field.js";
import { sampleHmc } from "./hmc.js";
import { sampleLangevin } from "./langevin.js";
import { drawLatents, seededNoise } from "./noise-source.js";
import { followStretches } from "./stretches.js";
import { pathsFrom } from "./path.js";
import { samplePc } from "./pc.js";
import type { SolveProgress, TakenStep } from "../ode/solution.js";
import type { SamplingResult } from "./result.js";

export { drawLatents } from "./noise-source.js";
export type { JacobianTerm } from "./field.js";
export type { SamplingResult } from "./result.js";

/** What is followed of a flow before some terms join it. */
export interface EarlyStretch {
  /** The tau at which they do. */
  readonly until: number;
  readonly gradient: Executable;
  readonly jacobian?: JacobianTerm;
  /** Names of the inputs that its graph has. */
  readonly inputs: readonly string[];
}

/** What samples follow, compiled: a gradient, or the sampler itself. */
export interface CompiledSampler {
  /** Inputs z [rows, zDim]; outputs logp [rows], grad [rows, zDim]. */
  readonly gradient?: Executable;
  /** The same for more rows, where their bits are those of any rows. */
  readonly wide?: WideTile;
  /** What linearly implicit solvers need beside it. */
  readonly jacobian?: JacobianTerm;
  /** Of an ODE: what it follows first, in order. */
  readonly early?: readonly EarlyStretch[];
  /** The sampler on an engine that steps on its device: in place of the others. */
  readonly device?: DeviceSampler;
}

export interface DrawOptions extends CompiledSampler {
  readonly rows: number;
  readonly zDim: number;
  readonly sampler: Sampler;
  /** Integer in [0, 2^53). */
  readonly seed: number;
  /** Indices in the seed's sequence: 0 .. count - 1, or a shard of them. */
  readonly samples: readonly number[];
  /** Where in the tiles each sample sits, counted through all tiles, distinct; default: its index. */
  readonly lanes?: readonly number[];
  /** Shape [B, zDim]: other starts than the seed's own, as traversals and edits have. */
  readonly z0?: Float64Array;
  /** Further inputs of the gradient, [B, width] each. */
  readonly anchors?: Readonly<Record<string, Float32Array>>;
  /** Where in the seed's sequence of steps the noise of the first step lies: edits draw one after another. */
  readonly firstStep?: number;
  /** Which attempt of the samples this is; default 0. */
  readonly attempt?: number;
  /** Shares of each sample's way, in 0..1, ascending, whose states are wanted. */
  readonly shares?: readonly number[];
  /** Told of each accepted step of each sample, by its place in the batch: of an ODE that is followed on the host. */
  readonly onStep?: (sample: number, step: TakenStep) => void;
  readonly onProgress?: (progress: SolveProgress) => void;
  readonly signal?: AbortSignal;
}

export interface Drawn extends SamplingResult {
  /** Shape [B, zDim]: where the samples started. */
  readonly z0: Float64Array;
  /** Shape [B, shares, zDim]: states on the way. */
  readonly between: Float64Array;
}

/** Draws the samples. Numerical failure is a status of a sample; throws only for bugs and what the engine throws. */
export async function drawSamples(options: DrawOptions): Promise<Drawn> {
  const { sampler, seed, samples, zDim, firstStep = 0, attempt = 0, shares = [], onStep, onProgress, signal } = options;
  const z0 = options.z0 ?? drawLatents(seed, samples, zDim, attempt);
  const paths = shares.length === 0 ? undefined : pathsFrom(z0, zDim);
  const lanes = options.lanes ?? samples;
  const noise = seededNoise(seed, samples, zDim, firstStep, attempt);
  const { device, gradient, early = [], ...rest } = options;
  if (device !== undefined) {
    if (paths !== undefined) throw new InternalError("a step on the device gives no states on the way");
    return { z0, between: new Float64Array(0), ...(await sampleOnDevice({ ...rest, device, lanes, z0, noise })) };
  }
  if (gradient === undefined) throw new InternalError("there is no gradient to follow");
  const { anchors = {} } = options;
  const fieldOf = ({ inputs, ...own }: EarlyStretch): Field => {
    const known = Object.entries(anchors).filter(([name]) => inputs.includes(name));
    return tiledField({ ...own, rows: options.rows, zDim, lanes, anchors: Object.fromEntries(known) });
  };
  const shared = {
    field: tiledField({ ...rest, gradient, lanes }),
    z0,
    ...(paths !== undefined && { paths }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  };
  const solve = (): Promise<SamplingResult> => {
    switch (sampler.kind) {
      case "ode":
        return followStretches({
          ...{ ...shared, sampler, early: early.map((stretch) => ({ ...stretch, field: fieldOf(stretch) })) },
          ...(onStep && { onStep }),
        });
      case "langevin":
        return sampleLangevin({ ...shared, sampler, noise });
      case "hmc":
        return sampleHmc({ ...shared, sampler, noise });
      case "pc":
        return samplePc({ ...shared, sampler, noise });
      default:
        return unreachable(sampler);
    }
  };
  const solved = await solve();
  const between = concat(
    (paths ?? []).map((path) => path.at(shares)),
    Float64Array,
  );
  return { z0, ...solved, between };
}
