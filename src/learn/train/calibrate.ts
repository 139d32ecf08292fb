// Calibration: a temperature for the classes of a head, and how far its confidence can be believed.
// In: logits and true classes of held-out rows. Out: a temperature, expected calibration errors, negative log-likelihoods.
// Invariant: float64 throughout; what has no label is not among the rows.

/** Logits [rows, classes] with the true class of each row. */
export interface Classified {
  readonly logits: Float64Array;
  readonly classes: number;
  readonly truth: readonly number[];
}

/** Bins of confidence of the expected calibration error. */
const ECE_BINS = 15;
/** Range that temperatures are looked for in: beyond it, a head knows nothing or makes no mistakes. */
const [MIN_TEMPERATURE, MAX_TEMPERATURE] = [0.05, 20];
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** softmax(logits / temperature) of one row. */
export function probabilities({ logits, classes }: Classified, row: number, temperature: number): Float64Array {
  const own = logits.subarray(row * classes, (row + 1) * classes);
  const top = Math.max(...own);
  const powers = own.map((v) => Math.exp((v - top) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** Mean of -log p of the true classes, in nats. */
export function logLoss(rows: Classified, temperature: number): number {
  const { logits, classes, truth } = rows;
  const losses = truth.map((k, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    const top = Math.max(...own);
    const sum = own.reduce((s, v) => s + Math.exp((v - top) / temperature), 0);
    return Math.log(sum) - ((own[k] ?? NaN) - top) / temperature;
  });
  return losses.reduce((a, b) => a + b, 0) / truth.length;
}

/**
 * The temperature of least log loss, by golden-section search over its logarithm (the loss is convex in 1 / T).
 * Source   Guo et al., "On calibration of modern neural networks" (2017), section 4.2.
 */
export function fitTemperature(rows: Classified): number {
  if (rows.truth.length === 0) return 1;
  let [low, high] = [Math.log(MIN_TEMPERATURE), Math.log(MAX_TEMPERATURE)];
  const loss = (x: number): number => logLoss(rows, Math.exp(x));
  while (high - low > 1e-4) {
    const [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    if (loss(a) < loss(b)) high = b;
    else low = a;
  }
  return Math.exp((low + high) / 2);
}

/** A bin of confidence: how many rows, how sure on average, how often right. */
export interface ReliabilityBin {
  readonly count: number;
  readonly confidence: number;
  readonly accuracy: number;
}

/** Rows by the probability of the class that is chosen, in bins of equal width. */
export function reliability(rows: Classified, temperature: number): readonly ReliabilityBin[] {
  const bins = Array.from({ length: ECE_BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  rows.truth.forEach((truth, row) => {
    const p = probabilities(rows, row, temperature);
    const chosen = Math.max(...p);
    const bin = bins[Math.min(ECE_BINS - 1, Math.floor(chosen * ECE_BINS))];
    if (bin === undefined) return;
    bin.count++;
    bin.confidence += chosen;
    if (p.indexOf(chosen) === truth) bin.right++;
  });
  return bins.map(({ count, confidence, right }) =>
    count === 0
      ? { count, confidence: 0, accuracy: 0 }
      : { count, confidence: confidence / count, accuracy: right / count },
  );
}

/** Expected calibration error: mean of |accuracy - confidence| over the bins, by their rows. */
export function calibrationError(rows: Classified, temperature: number): number {
  const bins = reliability(rows, temperature);
  return bins.reduce((sum, b) => sum + b.count * Math.abs(b.accuracy - b.confidence), 0) / rows.truth.length;
}
