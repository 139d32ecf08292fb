// Noise: published vectors of Philox, the accuracy of the reproducible functions, statistics, and frozen values.
import { describe, expect, it } from "vitest";
import { exactLog, exactSinCosTurns } from "../../src/runtime/sample/exact-math.js";
import { gaussianNoise } from "../../src/runtime/sample/noise.js";
import { philox4x32 } from "../../src/runtime/sample/philox.js";

function philox(counter: number[], key: number[]): string[] {
  const out = new Uint32Array(4);
  philox4x32(Uint32Array.from(counter), Uint32Array.from(key), out);
  return [...out].map((x) => x.toString(16).padStart(8, "0"));
}

describe("Philox 4x32-10", () => {
  it("gives the published answer for zeros", () => {
    expect(philox([0, 0, 0, 0], [0, 0])).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
  });
  it("gives the published answer for all ones", () => {
    const ones = 0xffffffff;
    expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual(["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]);
  });
  it("gives the published answer for the digits of pi", () => {
    expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      "d16cfe09",
      "94fdcceb",
      "5001e420",
      "24126ea1",
    ]);
  });
});

describe("reproducible functions", () => {
  it("exactLog agrees with Math.log to 1e-15 relative from the smallest double to the largest", () => {
    let worst = 0;
    for (let i = 0; i < 200_000; i++) {
      const x =
        i % 2 === 0 ? (i * 21474.5 + 0.5) / 2 ** 32 : 2 ** ((i / 200_000) * 2040 - 1020) * (1 + (i % 977) / 977);
      const expected = Math.log(x);
      worst = Math.max(worst, Math.abs(exactLog(x) - expected) / Math.abs(expected));
    }
    expect(worst).toBeLessThan(1e-15);
    expect(exactLog(1)).toBe(0);
    expect(Math.abs(exactLog(Number.MIN_VALUE) - Math.log(Number.MIN_VALUE))).toBeLessThan(1e-12);
  });
  it("exactLog keeps its relative accuracy near 1", () => {
    for (const delta of [2 ** -33, -(2 ** -33), 1e-5, -1e-5, 0.01, -0.01]) {
      const x = 1 + delta;
      expect(Math.abs(exactLog(x) / Math.log1p(x - 1) - 1)).toBeLessThan(1e-15);
    }
  });
  it("exactLog of zero, a negative number, infinity or NaN is NaN", () => {
    for (const x of [0, -1, Infinity, NaN]) expect(exactLog(x)).toBeNaN();
  });
  it("exactSinCosTurns agrees with Math.sin and Math.cos to 1e-15 on the whole circle", () => {
    const out = new Float64Array(2);
    let worst = 0;
    for (let i = 0; i < 200_000; i++) {
      const u = (i + 0.5) / 200_000;
      exactSinCosTurns(u, out);
      worst = Math.max(
        worst,
        Math.abs(out[0]! - Math.sin(2 * Math.PI * u)),
        Math.abs(out[1]! - Math.cos(2 * Math.PI * u)),
      );
    }
    expect(worst).toBeLessThan(1e-15);
  });
  it("exactSinCosTurns is exact at quarter turns and repeats after whole ones", () => {
    const out = new Float64Array(2);
    for (const [u, sin, cos] of [
      [0, 0, 1],
      [0.25, 1, 0],
      [0.5, 0, -1],
      [-0.25, -1, 0],
      [7.25, 1, 0],
    ] as const) {
      exactSinCosTurns(u, out);
      expect(Math.abs(out[0]! - sin) + Math.abs(out[1]! - cos)).toBe(0);
    }
  });
});

describe("gaussianNoise", () => {
  it("gives the frozen values of this layout", () => {
    const golden = (x: Float64Array): string[] =>
      [...x].map((v) =>
        Buffer.from(new Float64Array([v]).buffer)
          .reverse()
          .toString("hex"),
      );
    expect(golden(gaussianNoise({ seed: 42, sample: 7, purpose: "latent", step: 0 }, 5))).toMatchInlineSnapshot(`
      [
        "3ff8c20db21ca6d7",
        "3fd3b27e05b36e42",
        "3fc60e0ddb83e82f",
        "3fffdf8c9dbd5359",
        "bfc62141890722c6",
      ]
    `);
    expect(golden(gaussianNoise({ seed: 2 ** 53 - 1, sample: 2 ** 32 - 1, purpose: "corrector", step: 999 }, 3)))
      .toMatchInlineSnapshot(`
      [
        "3ff2668254d9ad4f",
        "bff9836512b4018f",
        "3fb6652cbe3fbed0",
      ]
    `);
  });
  it("gives the normal numbers of Box and Muller for the first block of seed 42", () => {
    const words = philox([0, 0, 0, 7], [42, 0]).map((x) => (parseInt(x, 16) + 0.5) / 2 ** 32);
    const noise = gaussianNoise({ seed: 42, sample: 7, purpose: "latent", step: 0 }, 4);
    for (const pair of [0, 2]) {
      const radius = Math.sqrt(-2 * Math.log(words[pair]!));
      expect(noise[pair]).toBeCloseTo(radius * Math.cos(2 * Math.PI * words[pair + 1]!), 14);
      expect(noise[pair + 1]).toBeCloseTo(radius * Math.sin(2 * Math.PI * words[pair + 1]!), 14);
    }
  });
  it("gives a prefix when fewer numbers are asked for", () => {
    const address = { seed: 3, sample: 0, purpose: "latent", step: 0 } as const;
    const long = gaussianNoise(address, 64);
    for (const dim of [0, 1, 2, 3, 5, 63]) expect([...gaussianNoise(address, dim)]).toEqual([...long.subarray(0, dim)]);
  });
  it("gives other numbers when any part of the address changes", () => {
    const base = { seed: 1, sample: 2, purpose: "latent", step: 3 } as const;
    const first = (address: Parameters<typeof gaussianNoise>[0]): number => gaussianNoise(address, 1)[0]!;
    const values = [
      first(base),
      first({ ...base, seed: 2 }),
      first({ ...base, seed: 1 + 2 ** 32 }),
      first({ ...base, sample: 3 }),
      first({ ...base, purpose: "langevin" }),
      first({ ...base, step: 4 }),
      first({ ...base, slot: 1 }),
    ];
    expect(new Set(values).size).toBe(values.length);
  });
  it("refuses a seed that the key cannot hold", () => {
    for (const seed of [-1, 0.5, 2 ** 53, NaN]) {
      expect(() => gaussianNoise({ seed, sample: 0, purpose: "latent", step: 0 }, 1)).toThrow("seed");
    }
    expect(() => gaussianNoise({ seed: 1, sample: 2 ** 32, purpose: "latent", step: 0 }, 1)).toThrow("out of range");
  });
  it("is standard normal: mean, variance, skewness, kurtosis, and Kolmogorov-Smirnov at the 0.1% level", () => {
    const samples = 400;
    const dim = 512;
    const all = new Float64Array(samples * dim);
    for (let i = 0; i < samples; i++)
      all.set(gaussianNoise({ seed: 42, sample: i, purpose: "latent", step: 0 }, dim), i * dim);
    const n = all.length;
    const moment = (k: number): number => all.reduce((sum, x) => sum + x ** k, 0) / n;
    // Bounds are four standard errors of each moment.
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    all.sort();
    let distance = 0;
    all.forEach((x, i) => {
      const cdf = normalCdf(x);
      distance = Math.max(distance, Math.abs(cdf - i / n), Math.abs((i + 1) / n - cdf));
    });
    expect(distance * Math.sqrt(n)).toBeLessThan(1.95);
  });
  it("is uncorrelated between neighbouring positions, samples and steps", () => {
    const dim = 20_000;
    const draw = (sample: number, step: number): Float64Array =>
      gaussianNoise({ seed: 9, sample, purpose: "langevin", step }, dim);
    const a = draw(0, 0);
    const correlation = (x: Float64Array, y: Float64Array): number =>
      x.reduce((sum, v, i) => sum + v * y[i]!, 0) / x.length;
    for (const other of [draw(1, 0), draw(0, 1)])
      expect(Math.abs(correlation(a, other))).toBeLessThan(4 / Math.sqrt(dim));
    for (const shift of [1, 2, 3]) {
      expect(Math.abs(correlation(a.subarray(0, dim - shift), a.subarray(shift)))).toBeLessThan(
        4 / Math.sqrt(dim - shift),
      );
    }
  });
});

/** Abramowitz and Stegun 26.2.17's error is too large for this test; the series and continued fraction are exact enough. */
function normalCdf(x: number): number {
  const t = Math.abs(x);
  let upper: number;
  if (t < 4) {
    let term = t;
    let sum = t;
    for (let k = 1; k < 200 && term > 1e-18; k++) {
      term *= (t * t) / (2 * k + 1);
      sum += term;
    }
    upper = 0.5 - (sum * Math.exp((-t * t) / 2)) / Math.sqrt(2 * Math.PI);
  } else {
    let fraction = t;
    for (let k = 40; k >= 1; k--) fraction = t + k / fraction;
    upper = Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI) / fraction;
  }
  return x < 0 ? upper : 1 - upper;
}
