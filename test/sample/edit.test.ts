// Edits against the golden numbers: the objective of one step, what the heads say, and where each of five steps ends.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prepare } from "../../src/compiler/graph/interpret.js";
import { compileReadout } from "../../src/compiler/build/gradient.js";
import type { SampleTask } from "../../src/compiler/plan.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { PhaseClock } from "../../src/ports/events.js";
import { compileTask } from "../../src/compiler/build/compile-task.js";
import { ENERGY_ROWS } from "../../src/runtime/plan/tiles.js";
import { drawEdit } from "../../src/runtime/draw/edit.js";
import type { SampleResult, TaskResult } from "../../src/runtime/draw/results.js";
import type { Model } from "../../src/models/model.js";
import { tiledField } from "../../src/runtime/sample/field.js";
import { followFlow, type OdeSampler } from "../../src/runtime/sample/ode.js";
import { expectClose } from "../support/close.js";
import { GOLDEN_PRESENT, loadGoldenLace, type GoldenLace } from "../support/golden.js";
import {
  EDIT_ROWS,
  EDIT_STEPS,
  editAnchors,
  editField,
  editGradient,
  editStart,
  goldenEdit,
  pickHeads,
} from "../support/golden-edit.js";
import { DEFAULT_ODE, odeAt, rms, rowDistances } from "../support/golden-energy.js";
import { randomModel } from "../support/model.js";

const SLOW = process.env["LACE_SLOW"] === "1";

/** Steps (from 1) and samples whose ends the interpreter finds in two seconds or less. */
const QUICK: readonly (readonly number[])[] = [[], [0, 2], [0], [0], [0], [0, 1, 2, 3]];

/**
 * How near the golden ends, themselves solved at 1e-5, can be come to. Measured on the interpreter at 1e-5: 17 of the 20 within 1.7e-3. At kinks the
 * others depend on the last digits: 4.0 is 1.69e-2 away at 1e-5 and 1.68e-2 at 1e-6, so that it is the golden end that is off.
 */
const EXACT_WITHIN = 2e-3;
const EXACT_FARTHER: Readonly<Record<string, number>> = { "1.3": 1e-2, "4.0": 2e-2, "4.2": 1e-2 };
/** The bound of float32 engines at 1e-4, which comes with the golden numbers, and the samples that are 0.08 and 0.09 away on the interpreter. */
const FLOAT32_WITHIN = 2e-2;
const FLOAT32_FARTHER: Readonly<Record<string, number>> = { "3.1": 0.1, "4.2": 0.1 };
/** RMS over the samples of each step. No reference's figure is recorded for edits. */
const DOPRI5_WITHIN = [0.12, 0.04, 0.05, 0.075, 0.03];
const DEFAULT_WITHIN = [0.015, 0.03, 0.05, 0.065, 0.005];

describe.skipIf(!GOLDEN_PRESENT)("the golden edit (skipped without ../shared/golden)", () => {
  let golden: GoldenLace;
  const STEPS = Array.from({ length: EDIT_STEPS }, (_, k) => ({ step: k + 1 }));
  beforeAll(async () => {
    golden = await loadGoldenLace("lace-tiny");
  });

  test("the objective of the third step, reweighted, at temperature 0.5: value and gradient in float64", () => {
    const edit = goldenEdit(golden, { temperature: 0.5, reweight: true });
    const anchors = editAnchors(golden, edit, 2, golden.expected("edit.z0").data);
    const gradient = prepare(editGradient(golden, edit, 2, EDIT_ROWS));
    const out = gradient({ z: golden.expected("edit.objective.z").data, ...anchors });
    expectClose(out["logp"]!, golden.expected("edit.objective.logp").data, { abs: 1e-8, rel: 1e-6 });
    expectClose(out["grad"]!, golden.expected("edit.objective.grad").data, { abs: 1e-7, rel: 1e-6 });
  });

  test.each(STEPS)("what the heads say at the golden end of step $step", ({ step }) => {
    const { weights } = golden;
    const { steps, truncation } = goldenEdit(golden);
    const { logits } = prepare(compileReadout({ weights, truncation, rows: EDIT_ROWS }))({
      z: editStart(golden, step),
    });
    const named = steps.map((s) => s.names[0]!);
    const expected = golden.expected(`edit.logits_after_${step}`).data;
    expectClose(pickHeads(golden, logits!, named), expected, { abs: 1e-8, rel: 1e-6 });
  });

  describe("the interpreter at 1e-5, each step from the golden end of the one before, ends where the golden step ends", () => {
    const samples = STEPS.flatMap(({ step }) => Array.from({ length: EDIT_ROWS }, (_, i) => ({ step, i })));
    const isQuick = ({ step, i }: { step: number; i: number }): boolean => QUICK[step]!.includes(i);
    test.each(samples.filter((s) => SLOW || isQuick(s)))(
      "step $step, sample $i",
      async ({ step, i }) => {
        const dim = golden.weights.zDim;
        const [z0, end] = [step - 1, step].map((at) => editStart(golden, at).slice(i * dim, (i + 1) * dim));
        const field = editField(golden, goldenEdit(golden), step - 1, z0!);
        const solved = await followFlow({ field, z0: z0!, sampler: odeAt(1e-5) });
        expect(solved.samples[0]!.status).toBe("done");
        expect(rowDistances(solved.z, end!, dim)[0]).toBeLessThan(EXACT_FARTHER[`${step}.${i}`] ?? EXACT_WITHIN);
      },
      600_000,
    );
    const long = samples.filter((s) => !SLOW && !isQuick(s));
    for (const { step, i } of long) test.skip(`step ${step}, sample ${i} (LACE_SLOW=1)`);
  });

  const engines: Engine[] = [];
  afterAll(async () => {
    for (const engine of engines) await engine.dispose();
  });

  async function engineOf(name: "onnx-cpu" | "tfjs-wasm"): Promise<Engine> {
    const engine = await openEngine(name);
    engines.push(engine);
    return engine;
  }

  test.each(["onnx-cpu", "tfjs-wasm"] as const)("the same objective on %s, in float32", async (name) => {
    const engine = await engineOf(name);
    const edit = goldenEdit(golden, { temperature: 0.5, reweight: true });
    const gradient = await engine.compile(editGradient(golden, edit, 2, EDIT_ROWS));
    const anchors = floats(editAnchors(golden, edit, 2, golden.expected("edit.z0").data));
    const out = await gradient.run({ z: Float32Array.from(golden.expected("edit.objective.z").data), ...anchors });
    await gradient.dispose();
    const slope = golden.expected("edit.objective.grad").data;
    const size = Math.max(...slope.map(Math.abs));
    expectClose(out["logp"]!, golden.expected("edit.objective.logp").data, { abs: 1e-4, rel: 1e-4 });
    expectClose(out["grad"]!, slope, { abs: 1e-4 * size, rel: 1e-4 });
  });

  describe("onnx-cpu, each step from the golden end of the one before", () => {
    /** Distances of the samples from the golden end of a step. */
    async function distances(step: number, sampler: OdeSampler): Promise<readonly number[]> {
      const edit = goldenEdit(golden);
      const z0 = editStart(golden, step - 1);
      const zDim = golden.weights.zDim;
      const engine = await engineOf("onnx-cpu");
      const gradient = await engine.compile(editGradient(golden, edit, step - 1, EDIT_ROWS));
      const anchors = floats(editAnchors(golden, edit, step - 1, z0));
      const lanes = Array.from({ length: EDIT_ROWS }, (_, i) => i);
      const field = tiledField({ gradient, rows: EDIT_ROWS, zDim, lanes, anchors });
      const { z, samples } = await followFlow({ field, z0, sampler });
      await gradient.dispose();
      expect(samples.map((s) => s.status)).toEqual(Array(EDIT_ROWS).fill("done"));
      return rowDistances(z, editStart(golden, step), zDim);
    }

    test.each(STEPS)("at 1e-4 ends within 2e-2 of the golden end of step $step", async ({ step }) => {
      for (const [i, distance] of (await distances(step, odeAt(1e-4))).entries()) {
        expect(distance, `sample ${i}`).toBeLessThan(FLOAT32_FARTHER[`${step}.${i}`] ?? FLOAT32_WITHIN);
      }
    });

    test.each([
      { sampler: odeAt(1e-3), within: DOPRI5_WITHIN },
      { sampler: DEFAULT_ODE, within: DEFAULT_WITHIN },
    ])(
      "$sampler.solver at $sampler.rtol is, over all steps, no farther than one step for the whole batch, the reference's way",
      async ({ sampler, within }) => {
        const own: number[] = [];
        const batch: number[] = [];
        for (const { step } of STEPS) {
          const ends = await distances(step, sampler);
          expect(rms(ends), `step ${step}`).toBeLessThan(within[step - 1]!);
          own.push(...ends);
          batch.push(...(await distances(step, { ...odeAt(1e-3), control: "batch" })));
        }
        expect(rms(own)).toBeLessThanOrEqual(rms(batch));
      },
    );
  });

  // Two steps: where heads have kinks a step of 1e-4 ends some hundredths from one of 1e-5, and the next starts there.
  test.each([
    ["dopri5", 1e-4],
    ["ros2", 1e-3],
  ] as const)(
    "the first two steps in a row on onnx-cpu with %s at %d",
    async (solver, tolerance) => {
      const plain = goldenEdit(golden, { tolerance });
      const edit = { ...plain, sampler: { ...odeAt(tolerance), solver } };
      const [task, model] = [{ ...edit, steps: edit.steps.slice(0, 2) }, modelOf(golden)];
      const engine = await engineOf("onnx-cpu");
      const { samples } = await drawEdit(task, {
        model,
        program: compileTask(task, model, { rows: ENERGY_ROWS, layout: engine.layout }),
        engine,
        clock: new PhaseClock(
          () => 0,
          () => undefined,
        ),
        signal: undefined,
        rows: [0, 1, 2, 3],
        shares: [],
        resultCache: undefined,
        earlier: () => startOf(golden, edit.truncation),
      });
      const dim = golden.weights.zDim;
      for (const at of [0, 1]) {
        const rows = samples.filter((s) => s.part === at);
        expect(rows.map((s) => s.status)).toEqual(Array(EDIT_ROWS).fill("done"));
        const z = Float64Array.from(rows.flatMap((s) => [...s.z]));
        const distances = rowDistances(z, golden.expected(`edit.z_exact_after_${at + 1}`).data, dim);
        expect(Math.max(...distances), `step ${at + 1}`).toBeLessThan(0.05);
        const indices = edit.steps.map((s) => s.names[0]!);
        const said = rows.flatMap((s) => indices.flatMap((a) => s.heads[a]!));
        expectClose(said, golden.expected(`edit.logits_after_${at + 1}`).data, { abs: 0.2, rel: 0.05 });
      }
    },
    240_000,
  );
});

/** Anchors as an engine takes them; those that a step does not need are left out. */
function floats(anchors: Readonly<Record<string, Float64Array>>): Record<string, Float32Array> {
  const needed = Object.entries(anchors).filter(([, values]) => values.length > 0);
  return Object.fromEntries(needed.map(([name, values]) => [name, Float32Array.from(values)]));
}

/** A model with the golden mapping and heads; its synthesis is never asked. */
function modelOf({ weights, attributes }: GoldenLace): Model {
  const { synthesis, info, ...rest } = randomModel();
  const wDim = weights.mapping!.wAverage.data.length;
  return { ...rest, synthesis, weights, info: { ...info, zDim: weights.zDim, wDim, attributes } };
}

/** The golden start as results of an earlier task. */
function startOf(golden: GoldenLace, truncation: number): TaskResult {
  const { weights } = golden;
  const z0 = golden.expected("edit.z0").data;
  const readout = prepare(compileReadout({ weights, truncation, rows: 1 }));
  const samples = Array.from({ length: EDIT_ROWS }, (_, index): SampleResult => {
    const z = z0.slice(index * weights.zDim, (index + 1) * weights.zDim);
    const { w, logits } = readout({ z });
    const heads = golden.attributes.map((_, a) => [...pickHeads(golden, logits!, [a])]);
    const stats = { status: "done" as const, steps: 0, accepted: 0, rejected: 0, evaluations: 0, logp: 0 };
    return { ...stats, index, part: 0, seed: 1, origin: index, z, w: Float32Array.from(w!), heads };
  });
  const task = { kind: "sample", count: EDIT_ROWS } as SampleTask;
  return { task, samples, seconds: new Map() };
}
