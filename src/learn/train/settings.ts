// What a training is told, and what it takes for granted. In: the command line. Out: everything that decides the result but the data.
// Invariant: plain JSON, so that a checkpoint can hold it and a resumed training be held to it.
import type { ScalarLoss } from "../../compiler/build/training.js";
import type { HeadSpace } from "../../compiler/weights.js";
import type { AdamSettings } from "../../compiler/build/training-step.js";

export interface TrainSettings {
  /** The latent that heads take. */
  readonly space: HeadSpace;
  /** Widths of the hidden layers; empty: spaced evenly from the latent's to 128, LAYERS in all with the output; none: heads are linear. */
  readonly hidden: readonly number[] | "none";
  /** Width of a layer that all heads share (HeadNetwork); `hidden` is none then. */
  readonly shared?: number;
  readonly epochs: number;
  /** Rows of a minibatch. */
  readonly batch: number;
  /** Peak learning rate. */
  readonly rate: number;
  /** Cosine: down to a hundredth at the last epoch. Plateau: halved whenever validation has not improved for a third of the patience. */
  readonly schedule: "cosine" | "plateau";
  /** Part of all steps in which the rate rises from 0. */
  readonly warmup: number;
  /** Epochs without an improvement of any head after which training stops; 0: never. */
  readonly patience: number;
  readonly adam: AdamSettings;
  /**
   * Largest noise added to a latent for heads of classes, in units of the latents' standard deviation; its size is drawn evenly from 0 up, row by
   * row. Heads of scalars get half.
   */
  readonly noise: number;
  /** Parts of the rows that choose epoch and temperature, and that are reported. */
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
  /** Learn from the rows for choice and report instead of the others, which choose and test then: a witness (witness.ts). */
  readonly others?: boolean;
  /** Balanced: each class counts the same, however many rows it has. */
  readonly classWeights: "none" | "balanced";
  readonly scalarLoss: ScalarLoss;
  /** Learn from the labeller's probabilities where the data have them, not from its choice alone. */
  readonly soft: boolean;
}

export const DEFAULTS: TrainSettings = {
  space: "w",
  hidden: [],
  epochs: 50,
  batch: 256,
  rate: 3e-3,
  schedule: "cosine",
  warmup: 0.05,
  patience: 10,
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 3 },
  noise: 0.6,
  validation: 0.1,
  test: 0.1,
  seed: 0,
  classWeights: "none",
  scalarLoss: { kind: "smooth-l1", beta: 0.2 },
  soft: true,
};

/** Width of the last hidden layer, and number of layers with the output's. */
const LAST_WIDTH = 128;
const LAYERS = 4;

/** Widths of the hidden layers of a head on `inputs` numbers: spaced evenly from there to 128. */
export function hiddenWidths(inputs: number, { hidden }: Pick<TrainSettings, "hidden">): readonly number[] {
  if (hidden === "none") return [];
  if (hidden.length > 0) return hidden;
  const steps = LAYERS - 1;
  return Array.from({ length: steps }, (_, i) => Math.round(inputs + ((LAST_WIDTH - inputs) * (i + 1)) / steps));
}

/** Steps that a training takes at least, however few rows there are. */
const MIN_STEPS = 500;

/** Epochs, and those without improvement that end a training, where the user names none: DEFAULTS, but MIN_STEPS at least. */
export function epochsFor(
  rows: number,
  { batch, validation, test }: Pick<TrainSettings, "batch" | "validation" | "test">,
): { readonly epochs: number; readonly patience: number } {
  const train = Math.max(1, Math.floor(rows * (1 - validation - test)));
  const epochs = Math.max(DEFAULTS.epochs, Math.ceil(MIN_STEPS / Math.max(1, Math.floor(train / batch))));
  return { epochs, patience: Math.max(DEFAULTS.patience, Math.ceil(epochs / 5)) };
}

/** The settings of linear heads that are fitted beside networks. */
export function linearSettings(settings: TrainSettings): TrainSettings {
  return {
    ...settings,
    hidden: "none",
    epochs: LINEAR_EPOCHS * settings.epochs,
    noise: 0,
    rate: LINEAR_RATE,
    schedule: "cosine",
    adam: { ...settings.adam, decay: LINEAR_DECAY },
  };
}

/** The settings of heads on one layer that all share, which are fitted beside networks. */
export function sharedSettings(settings: TrainSettings): TrainSettings {
  return {
    ...settings,
    hidden: "none",
    shared: SHARED_WIDTH,
    epochs: Math.ceil(SHARED_EPOCHS * settings.epochs),
    patience: 0,
    noise: SHARED_NOISE * settings.noise,
    rate: SHARED_RATE,
    schedule: "cosine",
    adam: { ...settings.adam, decay: SHARED_DECAY },
  };
}

/** Of the shared layer: what is learnt last is what only many steps find, so that none is left out; tanh are smooth by themselves, and take a part of the networks' noise. */
const [SHARED_WIDTH, SHARED_RATE, SHARED_DECAY, SHARED_EPOCHS, SHARED_NOISE] = [128, 0.01, 0.3, 2.5, 0.5];

/** The settings of witnesses, linear heads fitted to `rows` rows. */
export function witnessSettings(settings: TrainSettings, rows: number): TrainSettings {
  const whole = { batch: settings.batch, validation: 0, test: 0 };
  return {
    ...linearSettings({ ...settings, ...epochsFor(rows, { ...whole, batch: Math.min(rows, settings.batch) }) }),
    others: true,
  };
}

/** Of linear heads: their weights have farther to go, and there are few of them. */
const [LINEAR_RATE, LINEAR_DECAY, LINEAR_EPOCHS] = [0.05, 0.1, 2];

/**
 * Learning rate of step `step` of `total`: rises linearly during the warm-up, then follows the schedule. `plateaus` counts the times that
 * validation came to a rest.
 */
export function rateAt(settings: TrainSettings, step: number, total: number, plateaus: number): number {
  const warm = Math.max(1, Math.round(settings.warmup * total));
  if (step < warm) return (settings.rate * (step + 1)) / warm;
  if (settings.schedule === "plateau") return settings.rate * 0.5 ** plateaus;
  const progress = (step - warm) / Math.max(1, total - warm);
  return settings.rate * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** A loss must fall by this part to count as an improvement that training goes on for. */
const WORTHWHILE = 1e-3;

/** Epochs since a head's validation loss, epoch by epoch, last fell by more than a thousandth. */
export function epochsAtRest(losses: readonly number[]): number {
  let [mark, since] = [Infinity, 0];
  for (const loss of losses) {
    since++;
    if (!(loss < mark - WORTHWHILE * Math.abs(mark)) && mark < Infinity) continue;
    mark = loss;
    since = 0;
  }
  return since;
}

/** How often the mean validation loss, epoch by epoch, went `wait` epochs without a new minimum. */
export function countPlateaus(losses: readonly number[], wait: number): number {
  let [best, since, plateaus] = [Infinity, 0, 0];
  for (const loss of losses) {
    since = loss < best ? 0 : since + 1;
    best = Math.min(best, loss);
    if (since >= wait) {
      plateaus++;
      since = 0;
    }
  }
  return plateaus;
}
