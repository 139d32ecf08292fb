// Edits against the golden numbers: the objective of one step, and where each of five steps ends.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { goalOf, keepOf } from "../../src/compiler/energy/edit-goals.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import { compileEnergyGradient, compileReadout } from "../../src/compiler/passes/compile-energy.js";
import type { EditStep, EditTask, SampleTask } from "../../src/compiler/plan.js";
import type { Engine } from "../../src/runtime/engine/engine.js";
import { openEngine } from "../../src/runtime/engine/open-node.js";
import { PhaseClock } from "../../src/runtime/events.js";
import { drawEdit } from "../../src/runtime/execute/edit.js";
import type { SampleResult, TaskResult } from "../../src/runtime/execute/results.js";
import type { Model } from "../../src/runtime/model/model.js";
import type { OdeSampler } from "../../src/runtime/sample/ode.js";
import { expectClose } from "../support/close.js";
import { GOLDEN_PRESENT, loadGoldenLace, type GoldenLace } from "../support/golden.js";
import { rowDistances } from "../support/golden-energy.js";
import { randomModel } from "../support/model.js";

const span = { file: "cases.json", start: 0, end: 0 };
const ROWS = 4;

function sampler(tolerance: number): OdeSampler {
  return {
    kind: "ode",
    solver: "dopri5",
    rtol: tolerance,
    atol: tolerance,
    control: "sample",
    stepControl: "pi",
    maxSteps: 100_000,
  };
}

interface Settings {
  readonly attributes: readonly string[];
  readonly targets: readonly number[];
  readonly truncation: number;
  readonly reg_z: number;
  readonly reg_logits: number;
}

/** The golden edit as the plan would have it. */
function goldenEdit(
  golden: GoldenLace,
  {
    temperature = 1,
    reweight = false,
    tolerance = 1e-4,
  }: { temperature?: number; reweight?: boolean; tolerance?: number } = {},
): EditTask {
  const settings = golden.edit as unknown as Settings;
  const indices = settings.attributes.map((name) => golden.attributes.findIndex((a) => a.name === name));
  const steps = indices.map((attribute, i): EditStep => {
    const row = golden.attributes[attribute]!;
    const target = settings.targets[i]!;
    const energy: Energy =
      row.type === "scalar"
        ? { kind: "near", attribute, target, sigma: row.sigma, span }
        : { kind: "class", attribute, values: [target], temperature, span };
    return { energy, text: row.name, weight: 1, names: [attribute], held: indices.slice(i + 1), span };
  });
  return {
    kind: "edit",
    name: "golden",
    model: 0,
    logic: "lace",
    noise: "const",
    span,
    source: { kind: "task", task: 0, from: 0, to: ROWS - 1 },
    truncation: settings.truncation,
    sampler: sampler(tolerance),
    goals: "all",
    reweight,
    keepLatent: settings.reg_z,
    keepAttributes: settings.reg_logits,
    steps,
  };
}

describe.skipIf(!GOLDEN_PRESENT)("the golden edit (skipped without ../shared/golden)", () => {
  let golden: GoldenLace;
  beforeAll(async () => {
    golden = await loadGoldenLace("lace-tiny");
  });

  /** The gradient of step `at` and the read-out, in float64. */
  function interpreted(edit: EditTask, at: number, rows: number) {
    const { weights, attributes } = golden;
    const { truncation, logic } = edit;
    const keep = keepOf(edit, at);
    const energy = goalOf(edit, at, attributes);
    const gradient = prepare(compileEnergyGradient({ energy, logic, weights, attributes, truncation, rows, keep }));
    const readout = prepare(compileReadout({ weights, truncation, rows }));
    return { gradient, readout, held: (logits: ArrayLike<number>) => pick(golden, logits, keep.held) };
  }

  test("the objective of the third step, reweighted, at temperature 0.5: value and gradient in float64", () => {
    const { gradient, readout, held } = interpreted(goldenEdit(golden, { temperature: 0.5, reweight: true }), 2, ROWS);
    const z0 = golden.expected("edit.z0").data;
    const { w, logits } = readout({ z: z0 });
    const out = gradient({ z: golden.expected("edit.objective.z").data, z0, w0: w!, held0: held(logits!) });
    expectClose(out["logp"]!, golden.expected("edit.objective.logp").data, { abs: 1e-8, rel: 1e-6 });
    expectClose(out["grad"]!, golden.expected("edit.objective.grad").data, { abs: 1e-7, rel: 1e-6 });
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
    const { weights, attributes } = golden;
    const { truncation, logic } = edit;
    const [keep, energy] = [keepOf(edit, 2), goalOf(edit, 2, attributes)];
    const gradient = await engine.compile(
      compileEnergyGradient({ energy, logic, weights, attributes, truncation, rows: ROWS, keep }),
    );
    const { readout, held } = interpreted(edit, 2, ROWS);
    const z0 = golden.expected("edit.z0").data;
    const { w, logits } = readout({ z: z0 });
    const [z, start, w0, held0] = [golden.expected("edit.objective.z").data, z0, w!, held(logits!)].map((x) =>
      Float32Array.from(x),
    );
    const out = await gradient.run({ z: z!, z0: start!, w0: w0!, held0: held0! });
    await gradient.dispose();
    const slope = golden.expected("edit.objective.grad").data;
    const size = Math.max(...slope.map(Math.abs));
    expectClose(out["logp"]!, golden.expected("edit.objective.logp").data, { abs: 1e-4, rel: 1e-4 });
    expectClose(out["grad"]!, slope, { abs: 1e-4 * size, rel: 1e-4 });
  });

  // Two steps: where heads have kinks a step of 1e-4 ends some hundredths from one of 1e-5, and the next starts there.
  test("the first two steps in a row on onnx-cpu at 1e-4", async () => {
    const edit = goldenEdit(golden);
    const { samples } = await drawEdit(
      { ...edit, steps: edit.steps.slice(0, 2) },
      {
        model: modelOf(golden),
        engine: await engineOf("onnx-cpu"),
        clock: new PhaseClock(
          () => 0,
          () => undefined,
        ),
        signal: undefined,
        rows: [0, 1, 2, 3],
        memory: undefined,
        earlier: () => startOf(golden, edit.truncation),
      },
    );
    const dim = golden.weights.zDim;
    for (const at of [0, 1]) {
      const rows = samples.filter((s) => s.part === at);
      expect(rows.map((s) => s.status)).toEqual(Array(ROWS).fill("done"));
      const z = Float64Array.from(rows.flatMap((s) => [...s.z]));
      const distances = rowDistances(z, golden.expected(`edit.z_exact_after_${at + 1}`).data, dim);
      expect(Math.max(...distances), `step ${at + 1}`).toBeLessThan(0.05);
      const indices = edit.steps.map((s) => s.names[0]!);
      const said = rows.flatMap((s) => indices.flatMap((a) => s.heads[a]!));
      expectClose(said, golden.expected(`edit.logits_after_${at + 1}`).data, { abs: 0.2, rel: 0.05 });
    }
  }, 240_000);
});

/** Columns of some attributes out of a row of all logits, or of several rows. */
function pick({ attributes }: GoldenLace, logits: ArrayLike<number>, indices: readonly number[]): Float64Array {
  const widths = attributes.map((a) => (a.type === "scalar" ? 1 : a.classes.length));
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const total = sum(widths);
  const rows = Array.from({ length: logits.length / total }, (_, row) =>
    indices.flatMap((h) =>
      Array.from({ length: widths[h]! }, (_, k) => logits[row * total + sum(widths.slice(0, h)) + k]!),
    ),
  );
  return Float64Array.from(rows.flat());
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
  const samples = Array.from({ length: ROWS }, (_, index): SampleResult => {
    const z = z0.slice(index * weights.zDim, (index + 1) * weights.zDim);
    const { w, logits } = readout({ z });
    const heads = golden.attributes.map((_, a) => [...pick(golden, logits!, [a])]);
    const stats = { status: "done" as const, steps: 0, accepted: 0, rejected: 0, evaluations: 0, logp: 0 };
    return { ...stats, index, part: 0, seed: 1, origin: index, z, w: Float32Array.from(w!), heads };
  });
  const task = { kind: "sample", count: ROWS } as SampleTask;
  return { task, samples, seconds: new Map() };
}
