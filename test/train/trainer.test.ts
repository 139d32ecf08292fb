import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/models/formats/safetensors.js";
import { crc32 } from "../../src/models/formats/zip.js";
import type { LaceError } from "../../src/source/diagnostic.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { loadHeads } from "../../src/models/pack/pack.js";
import { writeHeads } from "../../src/models/pack/write-pack.js";
import { loadTrainingData, type TrainingData } from "../../src/learn/train/data.js";
import { evaluateHeads, validationError } from "../../src/learn/train/evaluate.js";
import { finishHeads } from "../../src/learn/train/head-file.js";
import { trainBest } from "../../src/learn/train/choose.js";
import { splitRows } from "../../src/learn/train/plan.js";
import { trainWitnesses } from "../../src/learn/train/witness.js";
import { LEAST_SKILL, type ModelInfo } from "../../src/compiler/attribute.js";
import { witnessOutputs } from "../../src/runtime/draw/witness.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { headConcerns } from "../../src/learn/train/concerns.js";
import {
  DEFAULTS,
  epochsFor,
  hiddenWidths,
  linearSettings,
  sharedSettings,
  rateAt,
  type TrainSettings,
} from "../../src/learn/train/settings.js";
import { trainHeads, type Trained, type TrainerOptions } from "../../src/learn/train/trainer.js";
import { expectClose } from "../support/close.js";
import { headRow, rowOf } from "../support/dense.js";
import { labelledData } from "../support/labelled-data.js";
import { memoryHost } from "../support/memory-host.js";

const SETTINGS: TrainSettings = {
  ...DEFAULTS,
  hidden: [12, 10],
  epochs: 12,
  batch: 32,
  rate: 5e-3,
  noise: 0.2,
  seed: 3,
};
const FILE = "/data.safetensors";

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine("onnx-cpu", { threads: 2, spinning: false });
});
afterAll(() => engine.dispose());

const hostWith = (bytes: Uint8Array = labelledData({ missing: 0.2 })) => memoryHost({ [FILE]: bytes });

async function loaded(bytes?: Uint8Array, attributes?: readonly string[]): Promise<TrainingData> {
  return loadTrainingData(hostWith(bytes), FILE, { space: "w", ...(attributes && { attributes }) });
}

function bytesOf(data: TrainingData, trained: Trained): Uint8Array {
  return writeHeads(finishHeads(trained, evaluateHeads(data, trained)), { wDim: data.width });
}

async function train(
  data: TrainingData,
  settings: Partial<TrainSettings> = {},
  options: Partial<TrainerOptions> = {},
): Promise<Trained> {
  return trainHeads(data, { ...SETTINGS, ...settings }, { host: hostWith(), engine, ...options });
}

describe("training", () => {
  test("learns every attribute, with labels missing, and says so by rows that were held out", async () => {
    const data = await loaded();
    const trained = await train(data, { epochs: 40 });
    const { attributes, rows } = evaluateHeads(data, trained);
    expect(rows).toEqual({ train: 320, validation: 40, test: 40 });
    for (const a of attributes) {
      if (a.type === "scalar") expect(a.mae).toBeLessThan(0.05);
      else expect(a.accuracy).toBeGreaterThan(0.8);
      expect(a.tested).toBeLessThan(40);
    }
  });

  test("gives the same bytes twice, and others from another seed", async () => {
    const data = await loaded();
    const [first, second, other] = [await train(data), await train(data), await train(data, { seed: 4 })];
    expect(bytesOf(data, second)).toEqual(bytesOf(data, first));
    expect(bytesOf(data, other)).not.toEqual(bytesOf(data, first));
  });

  test("a head does not depend on which others are trained with it, but for rounding", async () => {
    const [all, one] = [await loaded(), await loaded(undefined, ["smile"])];
    const settings = { patience: 0 };
    const [together, alone] = [await train(all, settings), await train(one, settings)];
    alone.heads[0]!.layers.forEach(({ weight, bias }, l) => {
      const other = together.heads[1]!.layers[l]!;
      expectClose(weight, other.weight, { abs: 1e-3, rel: 1e-3 });
      expectClose(bias, other.bias, { abs: 1e-3, rel: 1e-3 });
    });
  });

  test("the file's heads give on raw latents what the training's give", async () => {
    const data = await loaded();
    const trained = await train(data, { epochs: 3 });
    const host = hostWith();
    host.files.set("/heads.safetensors", bytesOf(data, trained));
    const { heads } = await loadHeads(host, "/heads.safetensors", { wDim: data.width, zDim: data.width });
    const { test: tested } = trained.plan.split;
    trained.heads.forEach(({ planned, outputs }, h) => {
      tested.forEach((row, k) => {
        const found = headRow({ zDim: 8, heads }, h, rowOf(data.latents, row, data.width));
        const expected = rowOf(outputs.test, k, planned.outputs).map((v) => planned.offset + planned.unit * v);
        expectClose(found, expected, { abs: 2e-5, rel: 2e-5 });
      });
    });
  });

  test("learns from probabilities where the data have them", async () => {
    const data = await loaded(labelledData({ probs: true }));
    const { history } = await train(data, { epochs: 20 });
    // The entropy of 0.9 and 0.1 is the least loss there is.
    expect(Math.min(...history.map((e) => e.validation[0]!))).toBeGreaterThan(0.325);
    const adam = { ...DEFAULTS.adam, decay: 0.05 };
    const hard = await train(data, { epochs: 20, soft: false, adam });
    expect(Math.min(...hard.history.map((e) => e.validation[0]!))).toBeLessThan(0.3);
  });

  test("stops when no head has improved for as long as its patience, and keeps the best weights", async () => {
    const data = await loaded(labelledData({ rows: 120 }));
    const trained = await train(data, { epochs: 400, patience: 4, noise: 0, schedule: "plateau" });
    expect(trained.history.length).toBeLessThan(400);
    trained.heads.forEach(({ bestEpoch }, h) => {
      const losses = trained.history.map((e) => e.validation[h]!);
      expect(losses[bestEpoch - 1]).toBe(Math.min(...losses));
    });
  });

  test("runs on tfjs-wasm too, to nearly the same heads", async () => {
    const data = await loaded();
    const wasm = await openEngine("tfjs-wasm");
    const [a, b] = [await train(data, { epochs: 2 }), await train(data, { epochs: 2 }, { engine: wasm })];
    await wasm.dispose();
    b.history.forEach((epoch, e) => expectClose(epoch.validation, a.history[e]!.validation, { abs: 1e-3, rel: 1e-3 }));
  });

  test("says that it diverged, and what to do", async () => {
    const data = await loaded();
    await expect(train(data, { rate: 1e30, warmup: 0 })).rejects.toThrow(
      /L4121: the loss of 'glasses' is not a finite number/,
    );
  });
});

describe("a training that is interrupted", () => {
  async function interruptedAfter(steps: number): Promise<{ host: ReturnType<typeof memoryHost>; error: unknown }> {
    const host = hostWith();
    const controller = new AbortController();
    let done = 0;
    const onProgress = (): void => {
      if (++done === steps) controller.abort();
    };
    const data = await loaded();
    const options = { host, checkpoint: "/part", signal: controller.signal, onProgress };
    const error = await train(data, {}, options).then(
      () => undefined,
      (e: unknown) => e,
    );
    return { host, error };
  }

  test.each([1, 37, 60])("after %i reports goes on to the bits of an unbroken one", async (steps) => {
    const { host, error } = await interruptedAfter(steps);
    expect((error as LaceError).diagnostics[0]).toMatchObject({ code: "L4106" });
    const data = await loaded();
    const resumed = await train(data, {}, { host, checkpoint: "/part", resume: true });
    expect(bytesOf(data, resumed)).toEqual(bytesOf(data, await train(data)));
  });

  test("is refused other settings, other data, another engine, and a damaged checkpoint", async () => {
    const { host } = await interruptedAfter(20);
    const data = await loaded();
    const resume = { host, checkpoint: "/part", resume: true };
    await expect(train(data, { batch: 64 }, resume)).rejects.toThrow(/L5322.*batch was 32 and is 64/);
    await expect(train(await loaded(labelledData({ seed: 9 })), {}, resume)).rejects.toThrow(
      /the data file has changed/,
    );
    await expect(train(await loaded(undefined, ["smile"]), {}, resume)).rejects.toThrow(/L5322/);
    await expect(train(data, {}, { ...resume, checkpoint: "/none" })).rejects.toThrow(/there is no checkpoint/);
    const whole = host.files.get("/part")!;
    for (const at of [whole.length - 3, Math.floor(whole.length * 0.7)]) {
      const flipped = whole.slice();
      flipped[at]! ^= 4;
      host.files.set("/part", flipped);
      await expect(train(data, {}, resume)).rejects.toThrow(/L5322.*damaged: its checksums/);
    }
    host.files.set("/part", whole.slice(0, -5));
    await expect(train(data, {}, resume)).rejects.toThrow(/L5102/);
  });
});

test("a checkpoint of nonsense whose checksums match is refused", async () => {
  const data = await loaded();
  const host = hostWith();
  const sums = (text: string): string => JSON.stringify({ "": crc32(new TextEncoder().encode(text)) });
  for (const text of ["null", "[]", "{}", "x", '{"format":2,"identity":null}', '{"format":2,"identity":{},"sums":5}']) {
    const metadata = { "lace-checkpoint": text, "lace-checksums": sums(text) };
    await host.writeAtomic("/part", writeSafetensors(new Map(), metadata));
    await expect(train(data, {}, { host, checkpoint: "/part", resume: true })).rejects.toThrow(/L5322/);
  }
});

describe("linear heads beside networks", () => {
  test("the best by validation is kept for each attribute, and the report says which", async () => {
    const data = await loaded();
    const given = { ...SETTINGS, epochs: 6 };
    const kinds = [given, linearSettings(given), sharedSettings(given)];
    const trained: Trained[] = [];
    for (const settings of kinds) trained.push(await train(data, settings));
    const best = await trainBest(data, given, { host: hostWith(), engine });
    const { validation } = best.plan.split;
    best.heads.forEach((head, h) => {
      const [network = NaN, linear = NaN, shared = NaN] = trained.map((t) => validationError(t.heads[h]!, validation));
      // A shared layer has to be better by a twentieth.
      const wanted = shared < 0.95 * Math.min(network, linear) ? shared : Math.min(network, linear);
      expect(validationError(head, validation)).toBe(wanted);
      expect(head.layers).toHaveLength({ linear: 1, shared: 2, network: 3 }[head.kind]);
    });
    expect(evaluateHeads(data, best).attributes.map((a) => a.head)).toEqual(best.heads.map((h) => h.kind));
    // All kinds go into one file.
    expect(bytesOf(data, best).length).toBeGreaterThan(0);
  });

  test("of half a space, learnt from few rows, is the linear one", async () => {
    const data = await loaded(labelledData({ rows: 200 }));
    const linear = await train(data, { ...linearSettings({ ...SETTINGS, epochs: 100 }), hidden: "none" });
    expect(linear.heads.map((h) => h.kind)).toEqual(linear.heads.map(() => "linear"));
  });
});

describe("concerns", () => {
  test("a head of noise knows nothing, and a class of few rows is named", async () => {
    const data = await loaded();
    const column = data.columns[0]!;
    const labels = column.labels.map((_, row) => ((row * 7919) % 1009) % 2);
    const rare = { ...data.columns[1]!, labels: data.columns[1]!.labels.map((_, row) => (row < 5 ? 1 : 0)) };
    const odd = { ...data, columns: [{ ...column, labels }, rare] };
    const concerns = headConcerns(odd, evaluateHeads(odd, await train(odd, { epochs: 3 })));
    expect(concerns.join("; ")).toMatch(/the head of '\w+' knows nothing/);
    expect(concerns.join("; ")).toMatch(/is hardly seen as yes \(5 rows\)/);
  });
});

describe("witnesses", () => {
  const settings = { ...SETTINGS, epochs: 40 };

  test("are made of rows that the heads that are followed were not fitted to", () => {
    const own = splitRows(5000, settings);
    const other = splitRows(5000, { ...settings, others: true });
    expect([...other.train].sort()).toEqual([...own.validation, ...own.test].sort());
    for (const part of [other.validation, other.test]) expect(part.length).toBe(1000);
    const fitted = new Set(own.train);
    expect([...other.validation, ...other.test].every((row) => fitted.has(row))).toBe(true);
    expect(new Set([...other.validation, ...other.test]).size).toBe(2000);
  });

  test("are linear heads kept beside those of the file, with what calibration found; noise has none", async () => {
    const noise = (tensors: Map<string, { data: Float32Array }>): void => {
      const labels = tensors.get("labels.smile")!.data;
      labels.forEach((_, i) => (labels[i] = Number((i * 0.6180339887) % 1 > 0.5)));
    };
    const data = await loaded(labelledData({ rows: 1200, spoil: noise }));
    const trained = await train(data, { epochs: 40 });
    const witnesses = await trainWitnesses(data, settings, { host: hostWith(), engine });
    const heads = finishHeads(trained, evaluateHeads(data, trained), witnesses);
    expect(heads.attributes.map((a) => [a.name, a.witness !== undefined])).toEqual([
      ["glasses", true],
      ["smile", false],
      ["hair", true],
      ["tilt", true],
    ]);
    const file = memoryHost({ "/heads.safetensors": writeHeads(heads, { wDim: data.width }) });
    const read = await loadHeads(file, "/heads.safetensors", { wDim: data.width, zDim: data.width });
    expect(read.attributes).toEqual(heads.attributes);
    expect(read.witnesses).toEqual(heads.witnesses);
    expect(read.witnesses?.map((h) => h?.layers.length)).toEqual([1, undefined, 1, 1]);
    expect(read.attributes[0]!.skill).toBeGreaterThan(0.5);
    expect(read.attributes[0]!.witness?.skill).toBeGreaterThan(0.5);
    expect(read.attributes[1]!.skill).toBeLessThan(LEAST_SKILL);
    // As the file has it, a witness says of a raw latent what was labelled.
    const info = { attributes: read.attributes } as unknown as ModelInfo;
    const weights = { zDim: data.width, heads: read.heads, witnesses: read.witnesses! };
    const tilt = data.columns[3]!.labels;
    const off = Array.from({ length: 100 }, (_, row) => {
      const w = data.latents.slice(row * data.width, (row + 1) * data.width);
      return Math.abs(witnessOutputs({ info, weights }, { w } as SampleResult)![3]![0]! - tilt[row]!);
    });
    expect(off.reduce((a, b) => a + b, 0) / off.length).toBeLessThan(0.05);
  });
});

describe("settings", () => {
  test("however few the rows, there are 500 steps at least", () => {
    for (const rows of [100, 500, 2000, 10_000]) {
      const { epochs, patience } = epochsFor(rows, DEFAULTS);
      const steps = Math.max(1, Math.floor((0.8 * rows) / DEFAULTS.batch));
      expect(epochs * steps).toBeGreaterThanOrEqual(500);
      expect(patience).toBeGreaterThanOrEqual(epochs / 5);
    }
    expect(epochsFor(10_000, DEFAULTS)).toEqual({ epochs: 50, patience: 10 });
  });

  test("widths are spaced evenly from the latent's to 128", () => {
    expect(hiddenWidths(512, DEFAULTS)).toEqual([384, 256, 128]);
    expect(hiddenWidths(64, DEFAULTS)).toEqual([85, 107, 128]);
    expect(hiddenWidths(64, { hidden: [7] })).toEqual([7]);
  });

  test("the learning rate rises to its peak, then falls to a hundredth", () => {
    const rates = Array.from({ length: 200 }, (_, i) => rateAt(DEFAULTS, i, 200, 0));
    expect(Math.max(...rates)).toBeCloseTo(DEFAULTS.rate, 12);
    expect(rates.indexOf(Math.max(...rates))).toBe(9);
    expect(rates[199]).toBeLessThan(0.011 * DEFAULTS.rate);
    expect(rateAt({ ...DEFAULTS, schedule: "plateau" }, 150, 200, 2)).toBe(DEFAULTS.rate / 4);
  });
});
