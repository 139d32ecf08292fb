// Samplers that step on an engine's device, forced on engines of the processor: against the samplers of the host on the same engine.
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../src/node/engines/open.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { sampleOnDevice } from "../../src/runtime/sample/device.js";
import { drawSamples } from "../../src/runtime/sample/index.js";
import { drawLatents, seededNoise } from "../../src/runtime/sample/noise-source.js";
import type { SamplingResult } from "../../src/runtime/sample/result.js";
import type { Sampler } from "../../src/compiler/plan.js";
import { drawSteps, openSteps } from "../support/device-steps.js";
import {
  DEFAULT_ODE,
  engineField,
  goldenGradient,
  odeAt,
  rms,
  rowDistances,
  solveGolden,
} from "../support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace, type GoldenLace } from "../support/golden.js";

const ENGINES = ["onnx-cpu", "tfjs-cpu", "tfjs-wasm"] as const;
const SLOW = process.env["LACE_SLOW"] === "1";
const goldens: readonly GoldenLace[] = GOLDEN_PRESENT
  ? [await loadGoldenLace("lace-tiny"), await loadGoldenLace("lace-ffhq-scale")]
  : [];
const [tiny] = goldens;
if (tiny === undefined) test.skip("steps on the device (skipped without ../shared/golden)");

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Statuses are the same; counts differ by what rounding does to step sizes. */
function expectAlike(device: SamplingResult, host: SamplingResult): void {
  expect(device.samples.map((s) => s.status)).toEqual(host.samples.map((s) => s.status));
  device.samples.forEach((s, i) => {
    const { steps } = host.samples[i]!;
    expect(Math.abs(s.steps - steps), `sample ${i}: ${s.steps} steps, ${steps} on the host`).toBeLessThanOrEqual(
      2 + 0.1 * steps,
    );
  });
}

describe.skipIf(tiny === undefined).each(ENGINES)("steps on the device of %s", (name) => {
  let engine: Engine;
  const tensors = (): number => (name === "onnx-cpu" ? 0 : tf.memory().numTensors);
  beforeAll(async () => {
    engine = await openEngine(`${name}:device`);
    expect(engine.steps).toBe("device");
    expect(engine.description).toMatch(/, steps on the device$/);
  }, 180_000);
  afterAll(() => engine.dispose());

  for (const golden of goldens) {
    const title = `latent ${golden.weights.zDim}`;
    // JavaScript takes as long for one case as onnxruntime for all.
    const isQuick = (c: string): boolean => {
      if (name === "onnx-cpu" || SLOW) return true;
      return title === "latent 48" && (name === "tfjs-wasm" || c === "or");
    };
    const [cases, slow] = [true, false].map((quick) => golden.cases.filter((c) => isQuick(c.name) === quick));
    for (const c of slow ?? []) test.skip(`${c.name} of ${title} (LACE_SLOW=1)`);
    test.each(cases ?? [])(
      `$name of ${title}: ends no farther than the reference, as the host's, with few reads and no tensor left`,
      async (c) => {
        const expected = (key: string): Float64Array => golden.expected(`${c.name}.${key}`).data;
        const dim = golden.weights.zDim;
        const gradient = goldenGradient(golden, c, c.batch);
        const before = tensors();
        const compiled = await engine.compile(gradient);
        const host = await solveGolden(engineField(golden, c, compiled), expected("z0"), DEFAULT_ODE);
        await compiled.dispose();
        const opened = await openSteps(engine, DEFAULT_ODE, gradient);
        const reads = engine.reads();
        const sampling = { sampler: DEFAULT_ODE, z0: expected("z0"), lanes: range(c.batch) };
        const drawn = await drawSteps(opened, sampling);
        expect(engine.reads() - reads).toBeLessThanOrEqual(opened.steps() / 8 + 2);
        await opened.dispose();
        expect(tensors()).toBe(before);
        expectAlike(drawn, host);
        const distance = (z: Float64Array): number => rms(rowDistances(z, expected("z_exact"), dim));
        expect(distance(drawn.z)).toBeLessThanOrEqual(distance(expected("z_dopri5_batch_1e-3")));
      },
      600_000,
    );
  }

  test("the samples of a batch, packed anew as they end, have the bits that each has alone", async () => {
    const c = tiny!.cases.find(({ name: n }) => n === "recursive")!;
    const [rows, dim] = [4, tiny!.weights.zDim];
    const sampler = odeAt(5e-3, "bosh3");
    const opened = await openSteps(engine, sampler, goldenGradient(tiny!, c, rows));
    const lanes = range(18);
    const z0 = drawLatents(7, lanes, dim);
    const reads = engine.reads();
    const all = await drawSteps(opened, { sampler, z0, lanes });
    expect(all.samples.every((s) => s.status === "done")).toBe(true);
    expect(engine.reads() - reads).toBeLessThanOrEqual(opened.steps() / 8 + 2);
    for (const [first, count] of [
      [0, 1],
      [6, 3],
      [17, 1],
    ] as const) {
      const some = lanes.slice(first, first + count);
      const part = z0.slice(first * dim, (first + count) * dim);
      const alone = await drawSteps(opened, { sampler, z0: part, lanes: some });
      expect([...alone.z]).toEqual([...all.z.subarray(first * dim, (first + count) * dim)]);
      expect(alone.samples).toEqual(all.samples.slice(first, first + count));
    }
    await opened.dispose();
  });

  const SAMPLERS: readonly Sampler[] = [
    { kind: "langevin", steps: 12, step: 0.01, noise: 0.1 },
    { kind: "pc", steps: 20, corrector: 1, snr: 0.05 },
    { kind: "hmc", steps: 24, leaps: 2, temper: 0.25 },
    { ...odeAt(1e-3, "rk4"), steps: 10 },
  ];
  test.each(SAMPLERS)("$kind draws the host's samples from the host's noise", async (sampler) => {
    const c = tiny!.cases[0]!;
    const [rows, zDim, seed] = [2, tiny!.weights.zDim, 3];
    const graph = goldenGradient(tiny!, c, rows);
    const before = tensors();
    const gradient = await engine.compile(graph);
    const shared = { rows, zDim, sampler, seed, samples: range(5) };
    const host = await drawSamples({ ...shared, gradient });
    const opened = await openSteps(engine, sampler, graph);
    const reads = engine.reads();
    const drawn = await drawSamples({ ...shared, device: opened.device });
    expect(engine.reads() - reads).toBeLessThanOrEqual(opened.steps() / 8 + 2);
    await Promise.all([gradient.dispose(), opened.dispose()]);
    expect(tensors()).toBe(before);
    expect(drawn.samples.map((s) => [s.status, s.accepted, s.rejected, s.evaluations])).toEqual(
      host.samples.map((s) => [s.status, s.accepted, s.rejected, s.evaluations]),
    );
    expect(drawn.samples.map((s) => s.chain?.length)).toEqual(host.samples.map((s) => s.chain?.length));
    expect(Math.max(...rowDistances(drawn.z, host.z, zDim))).toBeLessThan(2e-3);
  });

  test("one who stops it gets samples where they are, those not begun at their starts, and no tensor is left", async () => {
    const c = tiny!.cases.find(({ name: n }) => n === "conjunction")!;
    const [rows, zDim] = [4, tiny!.weights.zDim];
    const before = tensors();
    const opened = await openSteps(engine, DEFAULT_ODE, goldenGradient(tiny!, c, rows));
    const controller = new AbortController();
    const lanes = range(6);
    const z0 = drawLatents(1, lanes, zDim);
    const fractions: number[] = [];
    const { z, samples } = await sampleOnDevice({
      ...{ device: opened.device, sampler: DEFAULT_ODE, zDim, lanes, z0, noise: seededNoise(1, lanes, zDim) },
      signal: controller.signal,
      onProgress: ({ fraction }) => {
        fractions.push(fraction);
        controller.abort();
      },
    });
    await opened.dispose();
    expect(samples.map((s) => s.status)).toEqual(lanes.map(() => "stopped"));
    expect(samples[0]!.steps).toBeGreaterThan(0);
    expect([...z.subarray(4 * zDim)]).toEqual([...z0.subarray(4 * zDim)]);
    expect(fractions[0]).toBeGreaterThan(0);
    expect(tensors()).toBe(before);
  });
});
