// Adam: descent along a gradient, each coordinate at a pace of its own.
// In: a state and its gradient, step by step. Out: the state, changed in place. Source: Kingma, Ba 2015, "Adam: a method for stochastic optimization".
// Invariant: coordinates know nothing of each other, so a row's way does not depend on its batch.

const FIRST = 0.9;
const SECOND = 0.99;
const EPSILON = 1e-8;

export class Adam {
  private readonly mean: Float64Array;
  private readonly square: Float64Array;
  private steps = 0;

  constructor(size: number) {
    this.mean = new Float64Array(size);
    this.square = new Float64Array(size);
  }

  /** One step down the gradient, of about `rate` a coordinate. What is not finite moves nothing. */
  descend(x: Float64Array, gradient: ArrayLike<number>, rate: number): void {
    this.steps += 1;
    const [a, b] = [1 - FIRST ** this.steps, 1 - SECOND ** this.steps];
    for (let i = 0; i < x.length; i++) {
      const g = gradient[i] ?? 0;
      if (!Number.isFinite(g)) continue;
      const m = FIRST * (this.mean[i] ?? 0) + (1 - FIRST) * g;
      const v = SECOND * (this.square[i] ?? 0) + (1 - SECOND) * g * g;
      this.mean[i] = m;
      this.square[i] = v;
      x[i] = (x[i] ?? 0) - (rate * (m / a)) / (Math.sqrt(v / b) + EPSILON);
    }
  }
}

/** The pace at a share of the way: it grows over the first tenth, and falls as a cosine to nothing. */
export function rateAt(share: number): number {
  return Math.min(1, share / 0.1) * 0.5 * (1 + Math.cos(Math.PI * share));
}
