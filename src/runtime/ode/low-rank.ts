// Symmetric positive semidefinite matrices of low rank, one for each sample of a batch, and systems with one plus a multiple of them.
// In: n vectors J of length dim and a symmetric matrix C [n, n] a sample. Out: (1 + a J^T C+ J)^-1 x, C+ being C without its negative eigenvalues.
// Invariants: everything in float64 and in index order, so that a sample's bits do not depend on the others; where a number is not
// finite the matrix is 0: a method that does not rely on it for its order takes a smaller step there.
//
//   C+ = S^T S, M = S J J^T S^T: (1 + a J^T S^T S J)^-1 = 1 - a J^T S^T (1 + a M)^-1 S J
//
// Source: the Woodbury identity; Golub, Van Loan, Matrix Computations, sections 2.1.4 and 8.5 (Jacobi's method).

/** Squared sum of what is off the diagonal, over that of the diagonal, at which Jacobi's method stops. */
const OFF_DIAGONAL = 1e-24;
const MAX_SWEEPS = 30;

export class LowRank {
  /** [batch, rank, dim] */
  private readonly j: Float64Array;
  /** Shape [batch, rank, rank]: S, and M. */
  private readonly s: Float64Array;
  private readonly m: Float64Array;
  private readonly product: Float64Array;
  private readonly factor: Float64Array;

  constructor(
    batch: number,
    readonly rank: number,
    readonly dim: number,
  ) {
    this.j = new Float64Array(batch * rank * dim);
    this.s = new Float64Array(batch * rank * rank);
    this.m = new Float64Array(batch * rank * rank);
    this.product = new Float64Array(rank);
    this.factor = new Float64Array(rank * rank);
  }

  /** Where the vectors of a sample are to be written, [rank, dim], before `set`. */
  vectors(i: number): Float64Array {
    return this.j.subarray(i * this.rank * this.dim, (i + 1) * this.rank * this.dim);
  }

  /** Takes the vectors of sample i as they are now, and its C, [rank, rank], symmetric; which is used up. */
  set(i: number, c: Float64Array): void {
    const { rank } = this;
    const s = this.s.subarray(i * rank * rank, (i + 1) * rank * rank);
    const m = this.m.subarray(i * rank * rank, (i + 1) * rank * rank);
    const gram = this.gramOf(i);
    if (!c.every(Number.isFinite) || !gram.every(Number.isFinite)) {
      for (const part of [s, m, this.vectors(i)]) part.fill(0);
      return;
    }
    rootOf(c, rank, s);
    multiply(multiply(s, gram, rank), transpose(s, rank), rank, m);
  }

  /** x <- (1 + a J^T C+ J)^-1 x for sample i, x [dim], a >= 0. */
  solve(i: number, a: number, x: Float64Array): void {
    const { rank, dim, product, factor } = this;
    const o = i * rank * rank;
    for (let k = 0; k < rank * rank; k++) factor[k] = a * (this.m[o + k] ?? 0);
    for (let k = 0; k < rank; k++) factor[k * rank + k] = 1 + (factor[k * rank + k] ?? 0);
    const j = this.vectors(i);
    const s = this.s.subarray(o, o + rank * rank);
    const seen = new Float64Array(rank);
    for (let k = 0; k < rank; k++) {
      let sum = 0;
      for (let c = 0, at = k * dim; c < dim; c++, at++) sum += (j[at] ?? 0) * (x[c] ?? 0);
      seen[k] = sum;
    }
    for (let r = 0; r < rank; r++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += (s[r * rank + k] ?? 0) * (seen[k] ?? 0);
      product[r] = sum;
    }
    solveDefinite(factor, rank, product);
    for (let k = 0; k < rank; k++) {
      let weight = 0;
      for (let r = 0; r < rank; r++) weight += (s[r * rank + k] ?? 0) * (product[r] ?? 0);
      weight *= a;
      if (weight === 0) continue;
      for (let c = 0, at = k * dim; c < dim; c++, at++) x[c] = (x[c] ?? 0) - weight * (j[at] ?? 0);
    }
  }

  private gramOf(i: number): Float64Array {
    const { rank, dim } = this;
    const j = this.vectors(i);
    const gram = new Float64Array(rank * rank);
    for (let p = 0; p < rank; p++) {
      for (let q = 0; q <= p; q++) {
        let sum = 0;
        for (let c = 0; c < dim; c++) sum += (j[p * dim + c] ?? 0) * (j[q * dim + c] ?? 0);
        gram[p * rank + q] = sum;
        gram[q * rank + p] = sum;
      }
    }
    return gram;
  }
}

/** S with S^T S = C without its negative eigenvalues: rows are eigenvectors times the roots of their eigenvalues. C is used up. */
function rootOf(c: Float64Array, n: number, s: Float64Array): void {
  const at = (m: Float64Array, i: number, k: number): number => m[i * n + k] ?? 0;
  s.fill(0);
  for (let i = 0; i < n; i++) s[i * n + i] = 1;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let [off, diagonal] = [0, 0];
    for (let p = 0; p < n; p++)
      for (let q = 0; q < n; q++) {
        if (p === q) diagonal += at(c, p, q) ** 2;
        else off += at(c, p, q) ** 2;
      }
    if (!(off > OFF_DIAGONAL * diagonal)) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apart = at(c, p, q);
        if (apart === 0) continue;
        const theta = (at(c, q, q) - at(c, p, p)) / (2 * apart);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const cos = 1 / Math.sqrt(t * t + 1);
        const sin = t * cos;
        for (let k = 0; k < n; k++) rotate(c, k * n + p, k * n + q, cos, sin);
        for (let k = 0; k < n; k++) rotate(c, p * n + k, q * n + k, cos, sin);
        for (let k = 0; k < n; k++) rotate(s, p * n + k, q * n + k, cos, sin);
      }
    }
  }
  for (let r = 0; r < n; r++) {
    const root = Math.sqrt(Math.max(0, at(c, r, r)));
    for (let k = 0; k < n; k++) s[r * n + k] = root * at(s, r, k);
  }
}

function rotate(m: Float64Array, p: number, q: number, cos: number, sin: number): void {
  const [x, y] = [m[p] ?? 0, m[q] ?? 0];
  m[p] = cos * x - sin * y;
  m[q] = sin * x + cos * y;
}

function multiply(
  a: Float64Array,
  b: Float64Array,
  n: number,
  into: Float64Array = new Float64Array(n * n),
): Float64Array {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += (a[i * n + j] ?? 0) * (b[j * n + k] ?? 0);
      into[i * n + k] = sum;
    }
  }
  return into;
}

function transpose(a: Float64Array, n: number): Float64Array {
  return a.map((_, i) => a[(i % n) * n + Math.floor(i / n)] ?? 0);
}

/** x <- A^-1 x by Cholesky's method; A [n, n] is symmetric, no eigenvalue below 1, and is used up. */
function solveDefinite(a: Float64Array, n: number, x: Float64Array): void {
  const at = (i: number, k: number): number => a[i * n + k] ?? 0;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k <= i; k++) {
      let sum = at(i, k);
      for (let j = 0; j < k; j++) sum -= at(i, j) * at(k, j);
      a[i * n + k] = i === k ? Math.sqrt(sum) : sum / at(k, k);
    }
  }
  for (let i = 0; i < n; i++) {
    let sum = x[i] ?? 0;
    for (let k = 0; k < i; k++) sum -= at(i, k) * (x[k] ?? 0);
    x[i] = sum / at(i, i);
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i] ?? 0;
    for (let k = i + 1; k < n; k++) sum -= at(k, i) * (x[k] ?? 0);
    x[i] = sum / at(i, i);
  }
}
