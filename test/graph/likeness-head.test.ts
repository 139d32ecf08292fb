// `like("ref.png")` as a head of pictures: its number by formulas, its gradient in z, what a mask leaves.
import { describe, expect, test } from "vitest";
import { compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { buildImage } from "../../src/compiler/build/likeness.js";
import { compilePictureReadout } from "../../src/compiler/build/pictures.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { LikenessHead } from "../../src/compiler/picture-head.js";
import type { EnergyWeights } from "../../src/compiler/weights.js";
import { meanColours } from "../support/mean-colours.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";
import { SPAN } from "../support/energies.js";

const r = random(7);
const normals = (n: number): Float32Array => Float32Array.from({ length: n }, () => r.normal());
const model = randomModel();
const { numWs, wDim, zDim } = model.info;
const SIZE = 16;
const AREA = SIZE * SIZE;

const features: LikenessHead["features"] = {
  look: meanColours(16),
  output: "colours",
  of: Float32Array.of(0.3, 0.9, 0.2),
};
/** The left half. */
const mask = Float32Array.from({ length: AREA }, (_, p) => (p % SIZE < SIZE / 2 ? 1 : 0));
const plain: LikenessHead = {
  ...{ kind: "likeness", sha256: "b", width: SIZE, height: SIZE },
  picture: Float32Array.from({ length: 3 * AREA }, () => Math.tanh(r.normal())),
};
const heads = {
  plain,
  masked: { ...plain, mask },
  featured: { ...plain, features },
  both: { ...plain, mask, features },
};
const look = { model, layout: "nchw", noise: "const", truncation: 0.7, anchored: false } as const;

function pictureOf(ws: Float64Array): Float64Array {
  const b = new GraphBuilder();
  const image = b.clip(buildImage(b, b.input("ws", [1, numWs, wDim]), look, Infinity), -1, 1);
  return Float64Array.from(interpret(b.finish({ outputs: { image } }), { ws })["image"]!);
}
function numberOf(head: LikenessHead, ws: Float64Array): number {
  return interpret(compilePictureReadout(look, [head], 1), { ws })["seen"]![0]!;
}

/** Halves a plane of `size` by the mean of four. */
function halved(x: readonly number[], size: number): number[] {
  // Resampling by a triangle of width 4: weights 1, 3, 3, 1 of 8 in each direction, fewer at the edges.
  const line = (of: (i: number) => number): number[] =>
    Array.from({ length: size / 2 }, (_, i) => {
      const taps = [-1, 0, 1, 2].map((k) => [2 * i + k, [1, 3, 3, 1][k + 1]!] as const);
      const inside = taps.filter(([at]) => at >= 0 && at < size);
      const sum = inside.reduce((s, [, w]) => s + w, 0);
      return inside.reduce((s, [at, w]) => s + (w / sum) * of(at), 0);
    });
  const rows = Array.from({ length: size }, (_, y) => line((i) => x[y * size + i]!));
  const columns = Array.from({ length: size / 2 }, (_, c) => line((y) => rows[y]![c]!));
  return Array.from({ length: (size / 2) ** 2 }, (_, i) => columns[i % (size / 2)]![Math.floor(i / (size / 2))]!);
}

describe("a likeness", () => {
  const ws = Float64Array.from(normals(numWs * wDim));
  const image = pictureOf(ws);

  test.each(Object.entries(heads))("%s is the root of twice its nats", (_, head) => {
    let misfit = 0;
    for (let size = SIZE, step = 0; size >= 8; size /= 2, step++) {
      const shares =
        step === 0
          ? [...(head.mask ?? new Float32Array(AREA).fill(1))]
          : halved([...(head.mask ?? new Float32Array(AREA).fill(1))], SIZE);
      let sum = 0;
      for (let c = 0; c < 3; c++) {
        const whole = Array.from({ length: AREA }, (_u, p) => image[c * AREA + p]! - head.picture[c * AREA + p]!);
        const difference = step === 0 ? whole : halved(whole, SIZE);
        difference.forEach((x, p) => (sum += x * x * shares[p]!));
      }
      misfit += sum / (3 * shares.reduce((s, x) => s + x, 0)) / 2;
    }
    let nats = 50 * misfit;
    if (head.features !== undefined) {
      const seen = [0, 1, 2].map((c) => {
        let sum = 0;
        for (let p = 0; p < AREA; p++) {
          const share = head.mask?.[p] ?? 1;
          sum += share * image[c * AREA + p]! + (1 - share) * head.picture[c * AREA + p]!;
        }
        return (sum / AREA + 1) / 2;
      });
      const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
      const { of } = head.features;
      nats += 100 * (1 - dot(seen, of) / Math.sqrt(dot(seen, seen) * dot(of, of)));
    }
    expect(Math.abs(numberOf(head, ws) - Math.sqrt(2 * nats + 1e-6))).toBeLessThan(1e-5);
  });

  test("of a picture with itself is nothing, and so is what a mask leaves out", () => {
    const own = { ...plain, picture: Float32Array.from(image) };
    expect(numberOf(own, ws)).toBeLessThan(0.01);
    const half = { ...own, mask, picture: own.picture.map((x, i) => (i % SIZE < SIZE / 2 ? x : -x)) };
    // What lies at the edge of the mask is mixed with what it leaves out, at the smaller sizes.
    expect(numberOf(half, ws)).toBeLessThan(0.25 * numberOf({ ...half, mask: mask.map((m) => 1 - m) }, ws));
  });

  test.each(Object.entries(heads))("%s has the gradient of central differences", (_, head) => {
    const weights: EnergyWeights = {
      ...model.weights,
      heads: [...model.weights.heads, { attribute: "like", layers: [], picture: head }],
    };
    const place = model.weights.heads.length;
    const task: EnergyTask = {
      ...{ weights, truncation: 0.7, rows: 1, logic: "product", look },
      attributes: [...model.info.attributes, { name: "like", type: "scalar", min: 0, max: Infinity, sigma: 1 }],
      energy: { kind: "near", attribute: place, target: 0, sigma: 1, span: SPAN },
    };
    const graph = compileEnergyGradient(task);
    const z = Float64Array.from(normals(zDim));
    const { grad } = interpret(graph, { z });
    for (let i = 0; i < zDim; i++) {
      const at = (by: number) => interpret(graph, { z: z.map((x, k) => (k === i ? x + by : x)) })["logp"]![0]!;
      const slope = (at(1e-5) - at(-1e-5)) / 2e-5;
      expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
    }
  });
});
