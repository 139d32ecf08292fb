// Systems with one plus a matrix of low rank, against the matrices written out.
import { describe, expect, it } from "vitest";
import { LowRank } from "../../src/runtime/ode/low-rank.js";
import { expectClose } from "../support/close.js";
import { randomArray } from "../support/random-graph.js";
import { random } from "../support/random.js";

const DIM = 7;

/** G = J^T C J [dim, dim]. */
function written(j: Float64Array, c: ArrayLike<number>, rank: number): Float64Array {
  return Float64Array.from({ length: DIM * DIM }, (_, at) => {
    const [p, q] = [Math.floor(at / DIM), at % DIM];
    let sum = 0;
    for (let r = 0; r < rank; r++)
      for (let s = 0; s < rank; s++) sum += j[r * DIM + p]! * c[r * rank + s]! * j[s * DIM + q]!;
    return sum;
  });
}

/** (1 + a G) x */
const applied = (g: Float64Array, a: number, x: Float64Array): Float64Array =>
  x.map((v, p) => v + a * x.reduce((sum, w, q) => sum + g[p * DIM + q]! * w, 0));

describe("one plus a matrix of low rank", () => {
  it("is solved to rounding, for each sample its own", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const r = random(seed);
      const rank = 1 + r.below(5);
      const matrices = new LowRank(2, rank, DIM);
      const cases = [0, 1].map((i) => {
        const j = randomArray(r, [rank, DIM], 2);
        const root = randomArray(r, [rank, rank], 1);
        const c = Float64Array.from({ length: rank * rank }, (_, at) => {
          let sum = 0;
          for (let k = 0; k < rank; k++) sum += root[Math.floor(at / rank) * rank + k]! * root[(at % rank) * rank + k]!;
          return sum;
        });
        matrices.vectors(i).set(j);
        matrices.set(i, c.slice());
        return { i, g: written(j, c, rank) };
      });
      for (const { i, g } of cases) {
        const x = randomArray(r, [DIM], 1);
        const y = x.slice();
        matrices.solve(i, 0.7, y);
        expectClose(applied(g, 0.7, y), x, { abs: 1e-9, rel: 1e-9 });
      }
    }
  });

  it("leaves negative eigenvalues out", () => {
    // (1, 1) has eigenvalue 3 and (1, -1) has -1.
    const matrices = new LowRank(1, 2, DIM);
    const j = randomArray(random(5), [2, DIM], 1);
    matrices.vectors(0).set(j);
    matrices.set(0, Float64Array.of(1, 2, 2, 1));
    const x = randomArray(random(6), [DIM], 1);
    const y = x.slice();
    matrices.solve(0, 2, y);
    expectClose(applied(written(j, [1.5, 1.5, 1.5, 1.5], 2), 2, y), x, { abs: 1e-12, rel: 1e-12 });
    matrices.set(0, Float64Array.of(-3, 0, 0, -1e-9));
    const z = x.slice();
    matrices.solve(0, 2, z);
    expect([...z]).toEqual([...x]);
  });

  it("is one where something is not finite, and without vectors", () => {
    const matrices = new LowRank(2, 2, DIM);
    const x = randomArray(random(7), [DIM], 1);
    for (const [j, c] of [
      [1, NaN],
      [Infinity, 1],
    ] as const) {
      matrices.vectors(1).fill(j);
      matrices.set(1, Float64Array.of(c, 0, 0, c));
      const y = x.slice();
      matrices.solve(1, 1, y);
      expect([...y]).toEqual([...x]);
    }
    const y = x.slice();
    new LowRank(1, 0, DIM).solve(0, 1, y);
    expect([...y]).toEqual([...x]);
  });

  it("stays exact where directions are stiff by many orders and nearly the same", () => {
    const matrices = new LowRank(1, 2, DIM);
    const j = randomArray(random(8), [2, DIM], 1);
    for (let c = 0; c < DIM; c++) j[DIM + c] = j[c]! * (1 + 1e-4 * c);
    matrices.vectors(0).set(j);
    const c = [1e8, 0, 0, 1e2];
    matrices.set(0, Float64Array.from(c));
    const x = randomArray(random(9), [DIM], 1);
    const y = x.slice();
    matrices.solve(0, 1, y);
    expectClose(applied(written(j, c, 2), 1, y), x, { abs: 1e-5, rel: 0 });
  });
});
