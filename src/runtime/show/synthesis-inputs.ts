// What a task says of drawing beyond its energy: the class of a conditional generator, noise.
// In: a task's class and noise. Out: the model with its class fixed, noise images.
// Invariants: the noise of a sample is a function of its seed and index alone; nothing here changes what energies see.
import { forClass } from "../../compiler/build/for-class.js";
import { placementAt, type NoiseMode, type Placement, type Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { noiseLayers } from "../../compiler/build/synthesis.js";
import type { SynthesisWeights } from "../../compiler/synthesis-weights.js";
import { InternalError } from "../../source/internal-error.js";
import type { SampleResult } from "../draw/results.js";
import { gaussianNoise } from "../sample/noise.js";

/** The model that a task draws from: of a conditional one, its class. */
export function modelForClass(model: Model, index: number | undefined): Model {
  if (index === undefined) return model;
  const weights = forClass(model.weights, index);
  return model.decoder === undefined
    ? { ...model, weights }
    : { ...model, decoder: { ...model.decoder, class: index } };
}

/** A row of a tile: which sample of which seed sits in it, how its picture is moved, and what a decoder that truncates is given. */
export interface TileRow {
  readonly seed: number;
  readonly sample: number;
  readonly placement?: Placement | undefined;
  readonly truncation?: number | undefined;
}

/** undefined: no sample sits there. */
export type TileRows = readonly (TileRow | undefined)[];

/** The row of a sample's picture, as its task shows it. */
export function rowOf(task: Task, { seed, origin, part }: Pick<SampleResult, "seed" | "origin" | "part">): TileRow {
  return { seed, sample: origin, placement: placementAt(task, part), truncation: task.truncation };
}

/** Inputs of a decoder that truncates. Errors: InternalError if a row that is drawn does not say how much. */
export function truncationInputs({ decoder }: Pick<Model, "decoder">, rows: TileRows): Record<string, Float32Array> {
  if (decoder?.inputs?.some(({ role }) => role === "truncation") !== true) return {};
  const truncation = Float32Array.from(rows, (row) => row?.truncation ?? NaN);
  if (Number.isNaN(truncation[0])) throw new InternalError(`no truncation for ${decoder.file}`);
  return { truncation };
}

/** Inputs of a synthesis graph for a tile besides its styles: noise images, where they are random. */
export function noiseInputs(
  synthesis: SynthesisWeights | undefined,
  mode: NoiseMode,
  rows: TileRows,
): Record<string, Float32Array> {
  if (synthesis === undefined || mode !== "random") return {};
  return Object.fromEntries(
    noiseLayers(synthesis).map(({ index, height, width }) => {
      const pixels = height * width;
      const noise = new Float32Array(rows.length * pixels);
      rows.forEach((row, k) => {
        if (row !== undefined)
          noise.set(gaussianNoise({ ...row, purpose: "synthesis", step: 0, slot: index }, pixels), k * pixels);
      });
      return [`noise${index}`, noise];
    }),
  );
}

/** Inputs of a synthesis graph for a tile besides: of StyleGAN3 how each picture is moved, behind what its checkpoint says. */
export function transformInputs(synthesis: SynthesisWeights | undefined, rows: TileRows): Record<string, Float32Array> {
  if (synthesis?.style !== "alias-free") return {};
  const own = synthesis.input.transform.data;
  const transform = new Float32Array(rows.length * 9);
  rows.forEach((row, k) => transform.set(times(own, inverseOf(row?.placement ?? UNMOVED)), k * 9));
  return { transform };
}

const UNMOVED: Placement = { right: 0, down: 0, rotate: 0 };

/**
 * From points of the image to those of the picture that they show, [3, 3]: the inverse of a turn by `rotate` degrees against the clock around the
 * middle and a shift behind it.
 */
function inverseOf({ right, down, rotate }: Placement): readonly number[] {
  const angle = (rotate * Math.PI) / 180;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  // Rows grow downwards: (x, y) -> (c x + s y, -s x + c y) turns against the clock.
  return [c, -s, s * down - c * right, s, c, -s * right - c * down, 0, 0, 1];
}

/** Product of two matrices [3, 3]. */
function times(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const entry = (i: number, j: number): number =>
    [0, 1, 2].reduce((sum, k) => sum + (a[3 * i + k] ?? NaN) * (b[3 * k + j] ?? NaN), 0);
  return Array.from({ length: 9 }, (_, i) => entry(Math.floor(i / 3), i % 3));
}
