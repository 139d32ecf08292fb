// What a task says of drawing beyond its energy: the class of a conditional generator, the layers that truncation reaches, noise.
// In: a task's class, cutoff and noise. Out: the model with its class fixed, styles with their far layers untruncated, noise images.
// Invariants: the noise of a sample is a function of its seed and index alone; nothing here changes what energies see.
import { forClass } from "../../compiler/build/for-class.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { NoiseMode } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import type { Model } from "../../models/model.js";
import { noiseLayers } from "../../compiler/build/synthesis.js";
import type { SynthesisWeights } from "../../compiler/synthesis-weights.js";
import { gaussianNoise } from "../sample/noise.js";

/** The model that a task draws from: of a conditional one, its class. */
export function modelForClass(model: Model, index: number | undefined): Model {
  return index === undefined ? model : { ...model, weights: forClass(model.weights, index) };
}

/**
 * A synthesis that takes styles which are truncated in all layers, and undoes that from layer `cutoff` on: w = m + (w - m) / psi.
 * Owns     the result, not `synthesis`; disposing of it disposes of nothing.
 */
export function withCutoff(
  synthesis: Executable,
  model: Model,
  { truncation, cutoff }: { readonly truncation: number; readonly cutoff?: number | undefined },
): Executable {
  const mean = model.weights.mapping?.wAverage.data;
  const { numWs, wDim } = model.info;
  if (cutoff === undefined || cutoff >= numWs || truncation === 1 || mean === undefined) return synthesis;
  if (truncation === 0) throw new InternalError("a cutoff of truncation 0, which nothing undoes");
  return {
    run({ ws = new Float32Array(0), ...inputs }) {
      const styles = ws.map((v, i) => {
        const m = mean[i % wDim] ?? NaN;
        return Math.floor(i / wDim) % numWs < cutoff ? v : m + (v - m) / truncation;
      });
      return synthesis.run({ ...inputs, ws: styles });
    },
    dispose: () => Promise.resolve(),
  };
}

/** Which sample of which seed sits in each row of a tile; undefined: no sample does. */
export type TileRows = readonly ({ readonly seed: number; readonly sample: number } | undefined)[];

/** Inputs of a synthesis graph for a tile besides its styles: noise images, where they are random. */
export function noiseInputs(
  synthesis: SynthesisWeights | undefined,
  mode: NoiseMode,
  rows: TileRows,
): Record<string, Float32Array> {
  if (synthesis === undefined || mode !== "random") return {};
  return Object.fromEntries(
    noiseLayers(synthesis).map(({ index, resolution }) => {
      const pixels = resolution * resolution;
      const noise = new Float32Array(rows.length * pixels);
      rows.forEach((row, k) => {
        if (row !== undefined)
          noise.set(gaussianNoise({ ...row, purpose: "synthesis", step: 0, slot: index }, pixels), k * pixels);
      });
      return [`noise${index}`, noise];
    }),
  );
}
