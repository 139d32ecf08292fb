// Training an encoder of pictures on what a model draws: pairs of a small picture and the latents that it is of, without any data.
// In: a model on an engine. Out: an Encoder, and how well it guesses samples that it has not seen. Invariants: the same model, settings and engine give the same
// weights; pictures are drawn between truncation LEAST_PSI and 1, as photographs are of all kinds.
import { compileEncoder, encoderNames, encoderNetwork, ENCODER_SIZE } from "../../compiler/build/encoder.js";
import { parametersOf, type HeadNetwork } from "../../compiler/build/training.js";
import {
  compileTrainingGradient,
  momentNames,
  stepScalars,
  type AdamSettings,
} from "../../compiler/build/training-step.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import type { Encoder } from "../../models/encoder-file.js";
import type { StyleganModel } from "../../models/model.js";
import { stopIfAborted } from "../../ports/stop.js";
import { failure } from "../../source/diagnostic.js";
import { stylesAt, thumbnailsOf, truncated } from "../../runtime/draw/survey.js";
import { rateAt } from "../../runtime/sample/adam.js";
import { drawLatents } from "../../runtime/sample/noise-source.js";
import type { Engine } from "../../runtime/services/engine.js";
import { openOptimizer } from "../train/optimizer.js";

export interface EncoderSettings {
  /** Samples that it learns from. */
  readonly count: number;
  readonly epochs: number;
  /** Pictures of a minibatch. */
  readonly batch: number;
  /** Peak learning rate of Adam. */
  readonly rate: number;
  readonly hidden: readonly number[];
  readonly seed: number;
}

export const ENCODER_DEFAULTS: EncoderSettings = {
  count: 16_000,
  epochs: 40,
  batch: 128,
  rate: 1e-3,
  hidden: [384, 384],
  seed: 0,
};

const ADAM: AdamSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.05 };
/** Samples besides, that it is measured on. */
const HELD_OUT = 512;
const LEAST_PSI = 0.6;
/** Largest deviation of the noise that is added to pictures. */
const NOISE = 0.05;

export interface EncoderProgress {
  readonly phase: "draw" | "train";
  readonly done: number;
  readonly total: number;
  /** Of the last minibatches: share of the variance that is not explained. */
  readonly loss?: number;
}

export interface TrainedEncoder {
  readonly encoder: Encoder;
  /** Share of the variance of w and of z that it explains on samples held out. */
  readonly explained: { readonly w: number; readonly z: number };
}

export interface EncoderOptions {
  readonly engine: Engine;
  readonly onProgress?: (progress: EncoderProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

interface Pairs {
  /** [n, 3, ENCODER_SIZE, ENCODER_SIZE] */
  readonly pictures: Float32Array;
  /** [n, wDim + zDim], standardised. */
  readonly latents: Float32Array;
  readonly scale: Float32Array;
  readonly offset: Float32Array;
}

/**
 * Trains an encoder.
 * Errors   LaceError L4121 if the loss is not finite, L4106 if `signal` aborts, L52xx of the engine.
 */
export async function trainEncoder(
  model: StyleganModel,
  settings: EncoderSettings,
  options: EncoderOptions,
): Promise<TrainedEncoder> {
  const { count, hidden } = settings;
  const { zDim, wDim, name } = model.info;
  const outputs = wDim + zDim;
  const pairs = await drawPairs(model, settings, options);
  const network = encoderNetwork(hidden, outputs);
  const weights = await learn(network, pairs, settings, options);
  const { scale, offset } = pairs;
  const encoder: Encoder = {
    model: { name, sha256: model.sha256 },
    ...{ zDim, wDim, network, weights, scale, offset },
  };
  const unexplained = await measure(encoder, pairs, count, options);
  const share = (from: number, to: number): number => 1 - mean(unexplained.subarray(from, to));
  return { encoder, explained: { w: share(0, wDim), z: share(wDim, outputs) } };
}

/** Small pictures of samples with their latents, those held out last. */
async function drawPairs(
  model: StyleganModel,
  { count, seed }: EncoderSettings,
  { engine, onProgress, signal }: EncoderOptions,
): Promise<Pairs> {
  const { zDim, wDim } = model.info;
  const total = count + HELD_OUT;
  const indices = Array.from({ length: total }, (_, k) => k);
  const z = drawLatents(seed, indices, zDim);
  const psi = drawLatents(seed, indices, 1, 1).map((x) => LEAST_PSI + (1 - LEAST_PSI) * normalShare(x));
  const w = truncated(await stylesAt(z, { model, engine, signal }), model, (row) => psi[row] ?? 1);
  const drawn = await thumbnailsOf(w, [ENCODER_SIZE, ENCODER_SIZE], {
    ...{ model, engine, signal, pictures: model, noise: "none" },
    onProgress: (done) => onProgress?.({ phase: "draw", done, total }),
  });
  const pictures = drawn.map((x) => Math.min(1, Math.max(-1, x)));
  return { pictures, ...standardised(w, z, total, wDim, zDim) };
}

/** w and z side by side, each number with mean 0 and variance 1. */
function standardised(
  w: Float32Array,
  z: Float64Array,
  n: number,
  wDim: number,
  zDim: number,
): Pick<Pairs, "latents" | "scale" | "offset"> {
  const width = wDim + zDim;
  const latents = new Float32Array(n * width);
  for (let k = 0; k < n; k++) {
    latents.set(w.subarray(k * wDim, (k + 1) * wDim), k * width);
    latents.set(z.subarray(k * zDim, (k + 1) * zDim), k * width + wDim);
  }
  const [sum, squares] = [new Float64Array(width), new Float64Array(width)];
  latents.forEach((x, i) => {
    sum[i % width] = (sum[i % width] ?? 0) + x / n;
    squares[i % width] = (squares[i % width] ?? 0) + x ** 2 / n;
  });
  const offset = Float32Array.from(sum);
  const scale = Float32Array.from(squares, (s, i) => Math.sqrt(Math.max(s - (sum[i] ?? 0) ** 2, 1e-12)));
  for (let i = 0; i < latents.length; i++)
    latents[i] = ((latents[i] ?? 0) - (offset[i % width] ?? 0)) / (scale[i % width] ?? 1);
  return { latents, scale, offset };
}

async function learn(
  network: HeadNetwork,
  { pictures, latents }: Pairs,
  { count, epochs, batch, rate, seed }: EncoderSettings,
  { engine, onProgress, signal }: EncoderOptions,
): Promise<Record<string, Float32Array>> {
  const rows = Math.min(batch, count);
  const outputs = network.stacks[0]?.outputs ?? 0;
  const size = network.inputs;
  const optimizer = openOptimizer(network, ADAM, initialState(network, seed));
  const gradient = await engine.compile(compileTrainingGradient({ network, rows, scalarLoss: { kind: "gaussian" } }));
  const perEpoch = Math.floor(count / rows);
  const total = perEpoch * epochs;
  const [x, y] = [new Float32Array(rows * size), new Float32Array(rows * outputs)];
  const weight = new Float32Array(rows).fill(2 / (rows * outputs));
  let loss = 1;
  let order = new Uint32Array(0);
  try {
    for (let step = 0; step < total; step++) {
      stopIfAborted(signal);
      const epoch = Math.floor(step / perEpoch);
      const first = (step % perEpoch) * rows;
      if (step % perEpoch === 0) order = shuffled(count, seed + epoch);
      const noise = drawLatents(seed + step, [0], rows, 2);
      for (let row = 0; row < rows; row++) {
        const k = order[first + row] ?? 0;
        x.set(pictures.subarray(k * size, (k + 1) * size), row * size);
        y.set(latents.subarray(k * outputs, (k + 1) * outputs), row * outputs);
      }
      addNoise(x, noise, size);
      const feeds = { [encoderNames.input]: x, [encoderNames.target]: y, [encoderNames.weight]: weight };
      const results = await gradient.run({ ...feeds, ...optimizer.state }, optimizer.gradients);
      const own = results[encoderNames.losses]?.[0] ?? NaN;
      if (!Number.isFinite(own))
        throw failure("L4121", `the loss of the encoder is not a finite number in step ${step + 1}`, [
          `a smaller learning rate than ${rate} may help: --lr`,
        ]);
      loss += (own - loss) * 0.05;
      optimizer.step(stepScalars(ADAM, step + 1, rate * rateAt((step + 1) / (total + 1))));
      onProgress?.({ phase: "train", done: step + 1, total, loss });
    }
  } finally {
    await gradient.dispose();
  }
  const weights = parametersOf(network).map(({ name }) => [
    name,
    (optimizer.state[name] ?? new Float32Array(0)).slice(),
  ]);
  return Object.fromEntries(weights) as Record<string, Float32Array>;
}

/** Weights as He et al. 2015 draw them, biases and moments 0. */
function initialState(network: HeadNetwork, seed: number): Record<string, Float32Array> {
  const state: Record<string, Float32Array> = {};
  parametersOf(network).forEach(({ name, shape, role }, k) => {
    const size = sizeOf(shape);
    const deviation = Math.sqrt(2 / (shape[1] ?? 1));
    state[name] =
      role === "bias"
        ? new Float32Array(size)
        : Float32Array.from(drawLatents(seed, [k], size, 3), (x) => x * deviation);
    for (const moment of Object.values(momentNames(name))) state[moment] = new Float32Array(size);
  });
  return state;
}

/** Noise of a strength of each row's own; a cheap sequence, for it only has to differ. */
function addNoise(x: Float32Array, strengths: Float64Array, size: number): void {
  let state = 0x9e3779b9;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const uniform = state / 2 ** 31 - 1;
    x[i] = (x[i] ?? 0) + NOISE * Math.min(1, Math.abs(strengths[Math.floor(i / size)] ?? 0)) * uniform;
  }
}

/** 0 .. n - 1 in an order of the epoch's own. */
function shuffled(n: number, seed: number): Uint32Array<ArrayBuffer> {
  const keys = drawLatents(seed, [0], n, 4);
  return Uint32Array.from([...keys.keys()].sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0)));
}

/** Mean square of what is left, of each output, on the rows from `from`. */
async function measure(
  { network, weights }: Encoder,
  { pictures, latents }: Pairs,
  from: number,
  { engine }: EncoderOptions,
): Promise<Float64Array> {
  const outputs = network.stacks[0]?.outputs ?? 0;
  const left = new Float64Array(outputs);
  const graph = await engine.compile(compileEncoder(network, HELD_OUT));
  try {
    const input = pictures.subarray(from * network.inputs, (from + HELD_OUT) * network.inputs);
    const said = (await graph.run({ [encoderNames.input]: input, ...weights }))[encoderNames.outputs] ?? [];
    said.forEach((x, i) => {
      const error = x - (latents[from * outputs + i] ?? 0);
      left[i % outputs] = (left[i % outputs] ?? 0) + error ** 2 / HELD_OUT;
    });
  } finally {
    await graph.dispose();
  }
  return left;
}

function mean(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Part of a normal distribution below x, near enough for an even spread (a logistic function). */
function normalShare(x: number): number {
  return 1 / (1 + Math.exp(-1.702 * x));
}
