// The z that edits of a given w stand on: heads of z say of it what heads of w say of the w, and it does not depend on what else is looked for.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileMappingFit, compileStyleReading } from "../../src/compiler/build/mapping-fit.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Model } from "../../src/models/model.js";
import { openEngine } from "../../src/node/engines/open.js";
import { nodeHost } from "../../src/node/host.js";
import { nodeServices } from "../../src/node/services.js";
import { outputsOf } from "../../src/runtime/draw/columns.js";
import { nearestZ } from "../../src/runtime/draw/nearest-z.js";
import { readStyles } from "../../src/runtime/draw/read-styles.js";
import { coordinatesOf, whiteningOf } from "../../src/runtime/draw/style-distribution.js";
import { stylesAt, truncated } from "../../src/runtime/draw/survey.js";
import { drawLatents } from "../../src/runtime/sample/noise-source.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { concat } from "../../src/source/concat.js";
import { NOWHERE } from "../../src/source/span.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";

const plain = randomModel();
const { zDim, wDim } = plain.info;
const r = random(7);
const tensor = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => r.normal()),
});
/** The same with two heads that read z, as those of the embedded model do. */
const model: Model = {
  ...plain,
  weights: {
    ...plain.weights,
    heads: ["one", "two"].map((attribute) => ({
      attribute,
      space: "z" as const,
      layers: [{ weight: tensor(2, zDim), bias: tensor(2) }],
    })),
  },
};

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine("onnx-cpu");
});
afterAll(() => engine.dispose());

const z = drawLatents(5, [0, 1, 2], zDim);
const rowsOf = (w: Float32Array): Float32Array[] => [0, 1, 2].map((k) => w.slice(k * wDim, (k + 1) * wDim));

describe("the z of a w", () => {
  test("maps to it, where samples have that w, at the length of samples", async () => {
    const targets = rowsOf(await stylesAt(z, { model: plain, engine }));
    const found = await nearestZ(targets, { model: plain, engine, truncation: 1 });
    const { styles } = await readStyles({ model: plain, engine, truncation: 1 });
    expect(plain.weights.mapping?.normalize).toBe(true);
    for (const [k, own] of found.entries()) {
      expect(Math.hypot(...own)).toBeCloseTo(Math.sqrt(zDim), 6);
      const u = coordinatesOf(targets[k]!, styles);
      const again = coordinatesOf(await stylesAt(own, { model: plain, engine }), styles);
      expect(Math.hypot(...u.map((x, i) => x - again[i]!))).toBeLessThan(0.2);
    }
  });

  test("does not depend on what else is looked for", async () => {
    const targets = rowsOf(await stylesAt(z, { model, engine }));
    const all = await nearestZ(targets, { model, engine, truncation: 1 });
    const [last] = await nearestZ([targets[2]!], { model, engine, truncation: 1 });
    expect(last).toEqual(all[2]);
  });
});

test("heads of z are read off w better than by their mean, and heads of w have no part in it", async () => {
  const read = await readStyles({ model, engine, truncation: 1 });
  const k = read.spread.length;
  const n = read.w.length / wDim;
  expect(k).toBe(read.said.length / n);
  for (let j = 0; j < k; j++) {
    const own = Array.from({ length: n }, (_, i) => read.said[i * k + j]!);
    const mean = own.reduce((a, b) => a + b, 0) / n;
    const deviation = Math.sqrt(own.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
    expect(read.spread[j]).toBeLessThan(0.95 * deviation);
  }
  const none = await readStyles({ model: plain, engine, truncation: 1 });
  expect([none.spread.length, none.saidOf(none.w.subarray(0, wDim)).length]).toEqual([0, 0]);
});

test("the fit's value is what its header says, and its gradient the slope of it", async () => {
  const { weights, styles, spread, saidOf, w } = await readStyles({ model, engine, truncation: 1 });
  const coordinates = { mean: styles.mean, slope: styles.slope, whitening: whiteningOf(styles) };
  const graph = compileMappingFit({ weights, truncation: 1, rows: 1, coordinates, spread, nearness: 0.25 });
  const wanted = w.subarray(0, wDim);
  const inputs = { target: Float64Array.from(coordinatesOf(wanted, styles)), said: Float64Array.from(saidOf(wanted)) };
  const at = z.slice(0, zDim);
  const near = (x: Float64Array): number => interpret(graph, { ...inputs, z: x })["near"]![0]!;
  const u = coordinatesOf(await stylesAt(at, { model, engine }), styles);
  const alone = -0.25 * u.reduce((sum, x, i) => sum + (x - inputs.target[i]!) ** 2, 0);
  expect(near(at)).toBeLessThanOrEqual(alone + 1e-3 * Math.abs(alone));
  const gradient = interpret(graph, { ...inputs, z: at })["grad"]!;
  for (let i = 0; i < zDim; i++) {
    const step = (h: number): number => near(at.map((x, j) => (j === i ? x + h : x)));
    const slope = (step(1e-4) - step(-1e-4)) / 2e-4;
    expect(Math.abs(slope - gradient[i]!)).toBeLessThan(1e-3 * (1 + Math.abs(slope)));
  }
});

test("of the embedded model heads say of it what they say of the z that a truncated w came from", async () => {
  const avatar = await nodeServices(nodeHost(), "onnx-cpu").loadModel({
    ...{ alias: "avatar", reference: "builtin:avatar", heads: [], attributes: [], span: NOWHERE },
  });
  const { info } = avatar;
  const samples = drawLatents(11, [...Array(8).keys()], info.zDim);
  const w = truncated(await stylesAt(samples, { model: avatar, engine }), avatar, () => 0.7);
  const targets = Array.from({ length: 8 }, (_, k) => w.slice(k * info.wDim, (k + 1) * info.wDim));
  const found = await nearestZ(targets, { model: avatar, engine, truncation: 1 });
  const readout = await engine.compile(compileStyleReading({ weights: avatar.weights, truncation: 1, rows: 8 }));
  const classesOf = async (all: Float64Array): Promise<readonly number[]> => {
    const { logits = new Float32Array(0) } = await readout.run({ z: Float32Array.from(all) });
    return outputsOf({ columns: logits }, 8, info.attributes).flatMap((row) =>
      row.flatMap((own, j) => (info.attributes[j]!.type === "scalar" ? [] : [own.indexOf(Math.max(...own))])),
    );
  };
  const [was, is] = [await classesOf(samples), await classesOf(concat([...found], Float64Array))];
  await readout.dispose();
  expect(was.filter((c, k) => c === is[k]).length / was.length).toBeGreaterThan(0.9);
});

test("heads of z say of a picture what was seen in it, in place of what its w tells", async () => {
  const targets = rowsOf(await stylesAt(z, { model, engine }));
  const graph = compileStyleReading({ weights: model.weights, truncation: 1, rows: 3 });
  const said = async (found: readonly Float64Array[]): Promise<Float32Array> => {
    const compiled = await engine.compile(graph);
    const { logits } = await compiled.run({ z: Float32Array.from(concat(found, Float64Array)) });
    await compiled.dispose();
    return Float32Array.from(logits ?? []);
  };
  const classOf = (logits: Float32Array, row: number): number => (logits[4 * row]! > logits[4 * row + 1]! ? 0 : 1);
  const told = await said(await nearestZ(targets, { model, engine, truncation: 1 }));
  const seen = [0, 1, 2].map((row) => new Map([["one", 1 - classOf(told, row)]]));
  const shown = await said(await nearestZ(targets, { model, engine, truncation: 1 }, seen));
  for (const row of [0, 1, 2]) expect(classOf(shown, row)).toBe(1 - classOf(told, row));
});
