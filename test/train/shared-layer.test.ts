// Heads on one layer that all share: their loss, their gradient, and what a file holds of them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildHeadOutputs, buildTrainingLoss, parametersOf, stackNames } from "../../src/compiler/build/training.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { sizeOf } from "../../src/compiler/graph/shape.js";
import { loadTrainingData } from "../../src/learn/train/data.js";
import { evaluateHeads } from "../../src/learn/train/evaluate.js";
import { finishHeads } from "../../src/learn/train/head-file.js";
import { DEFAULTS, sharedSettings } from "../../src/learn/train/settings.js";
import { trainHeads } from "../../src/learn/train/trainer.js";
import { openEngine } from "../../src/node/engines/open.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { expectClose } from "../support/close.js";
import { headRow } from "../support/dense.js";
import { labelledData } from "../support/labelled-data.js";
import { memoryHost } from "../support/memory-host.js";
import { random } from "../support/random.js";
import { expectTrainingGradient } from "../support/training-gradient.js";

const ROWS = 6;
const NETWORK = {
  inputs: 4,
  hidden: [],
  shared: 5,
  stacks: [
    { kind: "class", heads: 2, outputs: 3 },
    { kind: "scalar", heads: 1, outputs: 1 },
  ],
} as const;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine("onnx-cpu", { threads: 2, spinning: false });
});
afterAll(() => engine.dispose());

function seededInputs(seed: number): Record<string, Float64Array> {
  const r = random(seed);
  const normal = (size: number): Float64Array => Float64Array.from({ length: size }, () => 0.8 * r.normal());
  const inputs: Record<string, Float64Array> = { "x.class": normal(ROWS * 4), "x.scalar": normal(ROWS * 4) };
  NETWORK.stacks.forEach(({ heads, outputs }, s) => {
    inputs[stackNames(s).target] = normal(heads * ROWS * outputs).map(Math.abs);
    inputs[stackNames(s).weight] = normal(heads * ROWS).map(Math.abs);
  });
  for (const { name, shape } of parametersOf(NETWORK)) inputs[name] = normal(sizeOf(shape));
  return inputs;
}

describe("a layer that all heads share", () => {
  test("is between -1 and 1 and stands beside the latent", () => {
    const inputs = seededInputs(1);
    const found = interpret(buildHeadOutputs(NETWORK, ROWS), inputs)[stackNames(1).outputs]!;
    const x = inputs["x.scalar"]!;
    const expected = Array.from({ length: ROWS }, (_, row) => {
      const own = [...x.subarray(4 * row, 4 * row + 4)];
      let sum = inputs["b1.0"]![0]!;
      for (let k = 0; k < 5; k++) {
        const u = own.reduce((s, v, i) => s + v * inputs["w.shared"]![i * 5 + k]!, inputs["b.shared"]![k]!);
        sum += Math.tanh(u) * inputs["w1.0"]![k]!;
      }
      return own.reduce((s, v, i) => s + v * inputs["v1"]![i]!, sum);
    });
    expectClose(found, expected, { abs: 1e-12, rel: 1e-12 });
  });

  test("has the gradient in every weight that central differences give", () => {
    const inputs = seededInputs(2);
    const graph = buildTrainingLoss(NETWORK, ROWS, { kind: "gaussian" });
    const parameters = parametersOf(NETWORK);
    for (const largest of expectTrainingGradient(graph, inputs, parameters, 1e-5))
      expect(largest).toBeGreaterThan(1e-3);
  });

  test("goes into a file as logistic functions that give what the training gives", async () => {
    const FILE = "/data.safetensors";
    const host = memoryHost({ [FILE]: labelledData({ rows: 400 }) });
    const data = await loadTrainingData(host, FILE, { space: "w" });
    const settings = { ...sharedSettings({ ...DEFAULTS, epochs: 40, batch: 32, seed: 3 }), shared: 24 };
    const trained = await trainHeads(data, settings, { host, engine });
    const report = evaluateHeads(data, trained);
    expect(report.attributes.map((a) => a.head)).toEqual(report.attributes.map(() => "shared"));
    for (const a of report.attributes) {
      if (a.type === "scalar") expect(a.mae).toBeLessThan(0.06);
      else expect(a.accuracy).toBeGreaterThan(0.8);
    }
    const { heads } = finishHeads(trained, report);
    const weights = { zDim: data.width, heads };
    trained.heads.forEach(({ planned, outputs }, h) => {
      [...trained.plan.split.test].slice(0, 8).forEach((row, k) => {
        const latent = data.latents.subarray(row * data.width, (row + 1) * data.width);
        const wanted = [...outputs.test.subarray(k * planned.outputs, (k + 1) * planned.outputs)];
        expectClose(
          headRow(weights, h, [...latent]),
          wanted.map((f) => planned.offset + planned.unit * f),
          { abs: 2e-4, rel: 1e-4 },
        );
      });
    });
  });
});
