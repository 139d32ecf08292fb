import { describe, expect, it } from "vitest";
import type { HeadWeights } from "../../src/compiler/weights.js";
import { calibrateHead, fitLogistic } from "../../src/learn/train/calibrate-head.js";
import { logLoss } from "../../src/learn/train/calibrate.js";
import { loadTrainingData } from "../../src/learn/train/data.js";
import { withActivation } from "../../src/models/checkpoints/head-forms.js";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { writeSafetensors } from "../../src/models/formats/safetensors.js";
import { expectClose } from "../support/close.js";
import { LABELLED, labelledData } from "../support/labelled-data.js";
import { memoryHost } from "../support/memory-host.js";
import { random } from "../support/random.js";

const options = { name: "x", sha256: "" };

/** The head's outputs, its leaky ReLU of slope s between the layers. */
function outputs(layers: HeadWeights["layers"], x: readonly number[], s: number): number[] {
  return layers.reduce<number[]>(
    (input, { weight, bias }, k) => {
      const y = Array.from(bias.data, (b, o) =>
        input.reduce((sum, v, i) => sum + v * weight.data[o * input.length + i]!, b),
      );
      return k === layers.length - 1 ? y : y.map((v) => (v > 0 ? v : s * v));
    },
    [...x],
  );
}

describe("dense heads with another activation", () => {
  const r = random(3);
  const numbers = (n: number) => Float32Array.from({ length: n }, () => r.normal());
  const file = writeSafetensors(
    new Map([
      ["net.0.weight", { shape: [7, 5], data: numbers(35) }],
      ["net.0.bias", { shape: [7], data: numbers(7) }],
      ["net.2.weight", { shape: [6, 7], data: numbers(42) }],
      ["net.2.bias", { shape: [6], data: numbers(6) }],
      ["net.4.weight", { shape: [3, 6], data: numbers(18) }],
      ["net.4.bias", { shape: [3], data: numbers(3) }],
    ]),
    {},
  );

  it.each([0, 0.01, 0.2, 0.5, 1])("slope %d is the same function with slope 0.2", async (s) => {
    const head = await openSource(file, "x.safetensors", options);
    if (!("layers" in head)) throw new Error(head.kind);
    const changed = withActivation(head, s);
    expect(changed.assumed.join()).toMatch(s === 0.2 ? /^$/ : /as was said/);
    for (let sample = 0; sample < 5; sample++) {
      const x = [...numbers(5)];
      expectClose(outputs(changed.layers, x, 0.2), outputs(head.layers, x, s), { abs: 2e-5, rel: 2e-5 });
    }
  });
});

describe("dense layers without biases", () => {
  const r = random(8);
  const numbers = (n: number) => Float32Array.from({ length: n }, () => r.normal());
  const [first, last] = [
    { shape: [7, 5], data: numbers(35) },
    { shape: [2, 7], data: numbers(14) },
  ];
  const bias = { shape: [2], data: numbers(2) };

  it.each<[string, Parameters<typeof writeSafetensors>[0]]>([
    ["one layer", new Map([["weight", first]])],
    [
      "layers with and without",
      new Map([
        ["net.0.weight", first],
        ["net.2.weight", last],
        ["net.2.bias", bias],
      ]),
    ],
  ])("%s: a bias that is not there is zero", async (_, tensors) => {
    const head = await openSource(writeSafetensors(tensors, {}), "x.safetensors", options);
    if (!("layers" in head)) throw new Error(head.kind);
    const wanted =
      tensors.size === 1
        ? [{ weight: first, bias: { shape: [7], data: new Float32Array(7) } }]
        : [
            { weight: first, bias: { shape: [7], data: new Float32Array(7) } },
            { weight: last, bias },
          ];
    expect(head.layers).toEqual(wanted);
  });
});

describe("how sure a head is, fitted to labels", () => {
  it("finds the slope and offset that labels were drawn with, in any unit", () => {
    const r = random(5);
    for (const unit of [1, 1e-4, 3000]) {
      const scores = Array.from({ length: 20_000 }, () => unit * (2 + r.normal()));
      const truth = scores.map((s) => (r.next() < 1 / (1 + Math.exp(-(1.7 * (s / unit) - 3))) ? 1 : 0));
      const { slope, offset } = fitLogistic(scores, truth);
      expectClose([slope * unit, offset], [1.7, -3], { abs: 0.15, rel: 0 });
    }
  });

  it("is finite where scores tell all labels apart", () => {
    const scores = Array.from({ length: 40 }, (_, i) => i - 20);
    const { slope, offset } = fitLogistic(
      scores,
      scores.map((s) => (s > 0 ? 1 : 0)),
    );
    expect(slope).toBeGreaterThan(0);
    expect(Number.isFinite(slope) && Number.isFinite(offset)).toBe(true);
  });

  const load = async (name: string) => {
    const host = memoryHost({ "data.safetensors": labelledData({ rows: 600 }) });
    return loadTrainingData(host, "data.safetensors", { space: "w", attributes: [name] });
  };
  const rowNamed = (name: string) => LABELLED.find((a) => a.name === name)!;
  const linear = (rows: number[][], bias: number[]): HeadWeights["layers"] => [
    {
      weight: { shape: [rows.length, 8], data: Float32Array.from(rows.flat()) },
      bias: { shape: [rows.length], data: Float32Array.from(bias) },
    },
  ];

  it("a boundary learns its slope, its offset, and that it points away from yes", async () => {
    const data = await load("glasses");
    const [column] = data.columns;
    // A crude normal: the difference of the means of yes and no.
    const normal = Array.from({ length: 8 }, (_, k) => {
      const mean = (label: number): number => {
        const own = Array.from(column!.labels, (l, i) => [l, data.latents[i * 8 + k]!] as const).filter(
          ([l]) => l === label,
        );
        return own.reduce((sum, [, v]) => sum + v, 0) / own.length;
      };
      return mean(1) - mean(0);
    });
    const away = normal.map((v) => -v);
    const [right, wrong] = [normal, away].map((n) =>
      calibrateHead(linear([n.map(() => 0), n], [0, 0]), rowNamed("glasses"), data),
    );
    expect(right!.said).toMatch(
      /^slope [\d.]+ and offset -?[\d.]+ of its logit, of 600 labels of data\.safetensors: log loss/,
    );
    expect(wrong!.said).toMatch(/it pointed away from yes/);
    for (const { layers } of [right!, wrong!]) {
      const logits = Float64Array.from(
        Array.from(column!.labels, (_, i) => outputs(layers, [...data.latents.subarray(i * 8, i * 8 + 8)], 0.2)).flat(),
      );
      expect(logLoss({ logits, classes: 2, truth: [...column!.labels] }, 1)).toBeLessThan(0.2);
    }
  });

  it("margins of a category get a slope, a scalar its sigma", async () => {
    const r = random(2);
    const hair = await load("hair");
    const rows = [0, 1, 2].map(() => Array.from({ length: 8 }, () => 300 * r.normal()));
    const calibrated = calibrateHead(linear(rows, [0, 0, 0]), rowNamed("hair"), hair);
    expect(Math.max(...calibrated.layers[0]!.weight.data.map(Math.abs))).toBeLessThan(100);
    const tilt = await load("tilt");
    const { row } = calibrateHead(linear([Array.from({ length: 8 }, () => 0)], [0.5]), rowNamed("tilt"), tilt);
    const rms = Math.sqrt(tilt.columns[0]!.labels.reduce((sum, v) => sum + (v - 0.5) ** 2, 0) / 600);
    expect(row).toMatchObject({ type: "scalar", sigma: expect.closeTo(rms, 6) as number });
  });

  it("data of other attributes or another latent are refused", async () => {
    const data = await load("glasses");
    const head = linear([Array.from({ length: 8 }, () => 1)], [0]);
    expect(() => calibrateHead(head, rowNamed("tilt"), data)).toThrow(/L5321.*no labels of 'tilt'/);
    expect(() => calibrateHead(head, { ...rowNamed("tilt"), name: "glasses" }, data)).toThrow(/L5321.*binary.*scalar/);
    const wide = [
      { weight: { shape: [2, 4], data: new Float32Array(8) }, bias: { shape: [2], data: new Float32Array(2) } },
    ];
    expect(() => calibrateHead(wide, rowNamed("glasses"), data)).toThrow(/L5321.*8 numbers.*takes 4/);
  });
});
