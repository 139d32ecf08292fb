// What a task says of drawing beyond its energy: the class of a conditional generator, noise.
// In: a task's class and noise. Out: the model with its class fixed, noise images.
// Invariants: the noise of a sample is a function of its seed and index alone; nothing here changes what energies see.
import { forClass } from "../../compiler/build/for-class.js";
import type { NoiseMode } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { noiseLayers } from "../../compiler/build/synthesis.js";
import type { SynthesisWeights } from "../../compiler/synthesis-weights.js";
import { gaussianNoise } from "../sample/noise.js";

/** The model that a task draws from: of a conditional one, its class. */
export function modelForClass(model: Model, index: number | undefined): Model {
  return index === undefined ? model : { ...model, weights: forClass(model.weights, index) };
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
