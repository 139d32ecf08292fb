// Minibatches as the training step takes them: latents with a little noise, targets and weights, stack by stack.
// In: data, its plan, the number of a step. Out: arrays that are filled anew at each step.
// Invariants: a minibatch follows from the seed and its number alone; the weights of a head sum to 1 over the rows that have its label.
import { latentInputs, latentName, stackNames } from "../../compiler/build/training.js";
import { fillGaussianNoise, fillUniformNoise } from "../../runtime/sample/noise.js";
import type { TrainingData } from "./data.js";
import { shuffled, type PlannedHead, type TrainingPlan } from "./plan.js";
import type { TrainSettings } from "./settings.js";

/**
 * Vectors of noise that are drawn once: a row's noise is cos t a + sin t b of two of them, which is as normal as they are and costs a
 * hundredth of a new draw.
 */
const BANK_ROWS = 1024;

/**
 * What heads of a kind get of the noise: it keeps classes from being sure where no row was, and scalars from being near their labels
 * (docs/your-own-attributes.md).
 */
const NOISE_OF = [
  { kind: "class", part: 1 },
  { kind: "scalar", part: 0.5 },
] as const;

/** Fills the inputs of training steps. */
export class Minibatches {
  readonly inputs: Record<string, Float32Array> = {};
  readonly #bank: Float64Array;
  #order: { readonly epoch: number; readonly rows: Uint32Array } | undefined;

  constructor(
    private readonly data: TrainingData,
    private readonly plan: TrainingPlan,
    private readonly settings: TrainSettings,
  ) {
    const { batch, network } = plan;
    Object.assign(
      this.inputs,
      latentInputs(network, () => new Float32Array(batch * data.width)),
    );
    network.stacks.forEach(({ heads, outputs }, s) => {
      this.inputs[stackNames(s).target] = new Float32Array(heads * batch * outputs);
      this.inputs[stackNames(s).weight] = new Float32Array(heads * batch);
    });
    this.#bank = new Float64Array(settings.noise > 0 ? BANK_ROWS * data.width : 0);
    const { seed } = settings;
    for (let i = 0; i * data.width < this.#bank.length; i++) {
      const row = this.#bank.subarray(i * data.width, (i + 1) * data.width);
      fillGaussianNoise({ seed, sample: i, purpose: "bank", step: 0 }, row);
    }
  }

  /** The arrays of minibatch `step` of an epoch. They are overwritten by the next. */
  fill(epoch: number, step: number): Readonly<Record<string, Float32Array>> {
    const { batch } = this.plan;
    const rows = this.#rowsOf(epoch).subarray(step * batch, (step + 1) * batch);
    this.#fillLatents(rows, epoch, step);
    for (const head of this.plan.heads) this.#fillTargets(rows, head);
    return this.inputs;
  }

  #rowsOf(epoch: number): Uint32Array {
    if (this.#order?.epoch === epoch) return this.#order.rows;
    const { train } = this.plan.split;
    const order = shuffled(train.length, (numbers) => {
      fillUniformNoise({ seed: this.settings.seed, sample: epoch, purpose: "shuffle", step: 0 }, numbers);
    });
    const rows = order.map((i) => train[i] ?? 0);
    this.#order = { epoch, rows };
    return rows;
  }

  #fillLatents(rows: Uint32Array, epoch: number, step: number): void {
    const { data, plan, settings } = this;
    const kinds = NOISE_OF.flatMap(({ kind, part }) => {
      const x = this.inputs[latentName(kind)];
      return x === undefined ? [] : [{ x, part }];
    });
    for (const { x } of kinds) fillLatents(x, data, plan, rows);
    if (settings.noise === 0) return;
    const { width } = data;
    const bank = this.#bank;
    const drawn = new Float64Array(4 * rows.length);
    fillUniformNoise({ seed: settings.seed, sample: epoch, purpose: "augment", step }, drawn);
    for (let row = 0; row < rows.length; row++) {
      const [size = 0, turn = 0, first = 0, second = 0] = drawn.subarray(4 * row, 4 * row + 4);
      const amount = settings.noise * size;
      const [p, q] = [amount * Math.cos(2 * Math.PI * turn), amount * Math.sin(2 * Math.PI * turn)];
      const a = Math.floor(first * BANK_ROWS) * width;
      const b = Math.floor(second * BANK_ROWS) * width;
      const start = row * width;
      for (const { x, part } of kinds)
        for (let i = 0; i < width; i++)
          x[start + i] = (x[start + i] ?? 0) + part * (p * (bank[a + i] ?? 0) + q * (bank[b + i] ?? 0));
    }
  }

  #fillTargets(rows: Uint32Array, head: PlannedHead): void {
    const names = stackNames(head.stack);
    const { batch } = this.plan;
    const { outputs, place } = head;
    const targets = this.inputs[names.target] ?? new Float32Array(0);
    const target = targets.subarray(place * batch * outputs, (place + 1) * batch * outputs);
    const weights = this.inputs[names.weight] ?? new Float32Array(0);
    const weight = weights.subarray(place * batch, (place + 1) * batch);
    fillTargets(target, weight, rows, head, this.settings.soft);
  }
}

/** Latents of some rows in the plan's units, into `x` from its start. */
export function fillLatents(x: Float32Array, data: TrainingData, plan: TrainingPlan, rows: ArrayLike<number>): void {
  const { latents, width } = data;
  const { centre, scale } = plan;
  for (let k = 0; k < rows.length; k++) {
    const from = (rows[k] ?? 0) * width;
    for (let i = 0; i < width; i++) x[k * width + i] = ((latents[from + i] ?? 0) - (centre[i] ?? 0)) / scale;
  }
}

/** Targets and weights of a head for some rows; what has no label has weight 0. */
export function fillTargets(
  target: Float32Array,
  weight: Float32Array,
  rows: ArrayLike<number>,
  { column, outputs, offset, unit, classWeights }: PlannedHead,
  soft: boolean,
): void {
  const { labels, probs, attribute } = column;
  const isScalar = attribute.type === "scalar";
  let total = 0;
  for (let k = 0; k < rows.length; k++) {
    const label = labels[rows[k] ?? 0] ?? NaN;
    weight[k] = Number.isNaN(label) ? 0 : isScalar ? 1 : (classWeights[label] ?? 1);
    total += weight[k] ?? 0;
  }
  target.fill(0);
  if (total === 0) return;
  for (let k = 0; k < rows.length; k++) {
    const row = rows[k] ?? 0;
    const label = labels[row] ?? NaN;
    if (Number.isNaN(label)) continue;
    const share = (weight[k] ?? 0) / total;
    weight[k] = share;
    if (isScalar) target[k] = (label - offset) / unit;
    else if (soft && probs !== undefined) {
      let sum = 0;
      for (let c = 0; c < outputs; c++) sum += probs[row * outputs + c] ?? 0;
      for (let c = 0; c < outputs; c++) target[k * outputs + c] = (share * (probs[row * outputs + c] ?? 0)) / sum;
    } else target[k * outputs + label] = share;
  }
}
