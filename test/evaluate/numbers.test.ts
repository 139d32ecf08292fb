import { describe, expect, test } from "vitest";
import { estimate, share } from "../../src/learn/evaluate/bootstrap.js";
import { frechetDistance, momentsOf, type Moments } from "../../src/learn/evaluate/frechet.js";
import { cropped } from "../../src/node/real-images.js";
import { expectClose } from "../support/close.js";
import { jacobiEigen } from "../support/jacobi.js";
import { random } from "../support/random.js";

/** Rows at `mean` plus and minus `scales[k]` along each axis: covariance diag(2 scales^2 / (n - 1)), n = 2 axes. */
function cross(mean: readonly number[], scales: readonly number[]): Float32Array {
  const rows = scales.flatMap((s, k) => [1, -1].map((sign) => mean.map((m, i) => m + (i === k ? sign * s : 0))));
  return Float32Array.from(rows.flat());
}

describe("the Frechet distance", () => {
  test("of Gaussians whose axes agree is that of their means and deviations", () => {
    const [m1, m2] = [
      [1, 2, 3],
      [1, 0, 3.5],
    ] as const;
    const [s1, s2] = [
      [1, 2, 0.5],
      [3, 2, 1],
    ] as const;
    const [a, b] = [momentsOf(cross(m1, s1), 3), momentsOf(cross(m2, s2), 3)];
    const wanted = [0, 1, 2].reduce((d, k) => d + (m1[k]! - m2[k]!) ** 2 + (2 / 5) * (s1[k]! - s2[k]!) ** 2, 0);
    expectClose(frechetDistance(a, b), wanted, { abs: 1e-6, rel: 1e-6 });
    expectClose(frechetDistance(b, a), wanted, { abs: 1e-6, rel: 1e-6 });
    expectClose(frechetDistance(a, a), 0, { abs: 1e-9, rel: 0 });
  });

  test("does not change when both clouds are turned, and survives fewer rows than features", () => {
    const r = random(3);
    const cloud = (n: number, stretch: number): Float32Array =>
      Float32Array.from(
        { length: n * 8 },
        (_, i) => r.normal() * (i % 8 === 0 ? stretch : 1) + (i % 8 === 3 ? stretch : 0),
      );
    const turn = (x: Float32Array): Float32Array => {
      const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
      return x.map((v, i) => (i % 8 === 0 ? c * v - s * x[i + 3]! : i % 8 === 3 ? s * x[i - 3]! + c * v : v));
    };
    for (const n of [40, 5]) {
      const [a, b] = [cloud(n, 2), cloud(n, 5)];
      const straight = frechetDistance(momentsOf(a, 8), momentsOf(b, 8));
      expect(straight).toBeGreaterThan(3);
      expectClose(frechetDistance(momentsOf(turn(a), 8), momentsOf(turn(b), 8)), straight, { abs: 1e-4, rel: 1e-4 });
    }
  });

  test("agrees with eigenvalues by Jacobi's rotations, also where there are fewer rows than features", () => {
    const n = 24;
    for (const [seed, rows] of [
      [4, 200],
      [5, 9],
    ] as const) {
      const r = random(seed);
      const cloud = (): Float32Array => Float32Array.from({ length: rows * n }, (_, i) => r.normal() * (1 + (i % n)));
      const [a, b] = [momentsOf(cloud(), n), momentsOf(cloud(), n)];
      const wanted = jacobiDistance(a, b);
      expect(wanted).toBeGreaterThan(10);
      expectClose(frechetDistance(a, b), wanted, { abs: 0, rel: 1e-6 });
    }
  });
});

/** The distance with a root of the first covariance by Jacobi's rotations. */
function jacobiDistance(a: Moments, b: Moments): number {
  const n = a.mean.length;
  const index = Array.from({ length: n }, (_, k) => k);
  const sum = (f: (k: number) => number): number => index.reduce((total, k) => total + f(k), 0);
  const { values, vectors } = jacobiEigen(a.covariance, n);
  const product = (x: Float64Array, y: Float64Array): Float64Array =>
    Float64Array.from({ length: n * n }, (_, at) => sum((k) => x[Math.floor(at / n) * n + k]! * y[k * n + (at % n)]!));
  const root = Float64Array.from({ length: n * n }, (_, at) =>
    sum((k) => Math.sqrt(Math.max(0, values[k]!)) * vectors[Math.floor(at / n) * n + k]! * vectors[(at % n) * n + k]!),
  );
  const cross = jacobiEigen(product(product(root, b.covariance), root), n).values;
  const means = sum((k) => (a.mean[k]! - b.mean[k]!) ** 2);
  const traces = sum((k) => a.covariance[k * n + k]! + b.covariance[k * n + k]!);
  return means + traces - 2 * sum((k) => Math.sqrt(Math.max(0, cross[k]!)));
}

describe("intervals", () => {
  test("are those of a binomial, and the same every time", () => {
    const holds = Array.from({ length: 400 }, (_, i) => i % 4 === 0);
    const e = share(holds)!;
    const deviation = Math.sqrt((0.25 * 0.75) / 400);
    expect([e.mean, e.count]).toEqual([0.25, 400]);
    expectClose([e.low, e.high], [0.25 - 1.96 * deviation, 0.25 + 1.96 * deviation], { abs: 0.006, rel: 0 });
    expect(share(holds)).toEqual(e);
  });

  test("of what is always so are no points; of nothing there is none", () => {
    const all = share(Array.from({ length: 32 }, () => true))!;
    // n / (n + Z^2) where all of n hold.
    expectClose(all.low, 32 / (32 + 1.959964 ** 2), { abs: 1e-6, rel: 0 });
    expect([all.mean, all.high, all.count]).toEqual([1, 1, 32]);
    expect(share([false, false])).toMatchObject({ mean: 0, low: 0, count: 2 });
    expectClose(share([false])!.high, 1.959964 ** 2 / (1 + 1.959964 ** 2), { abs: 1e-6, rel: 0 });
    expect(share([])).toBeUndefined();
    expect(estimate([])).toBeUndefined();
  });
});

test("real images are cut to the square in the middle", () => {
  const image = { width: 4, height: 2, data: Uint8Array.from({ length: 24 }, (_, i) => i) };
  expect([...cropped(image).data]).toEqual([3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19, 20]);
});
