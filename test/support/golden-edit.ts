// The golden edit: its steps as the plan has them, and each step as a field that starts at the reference's own end of the step before.
// In: `edit.*` of lace-tiny. Out: an EditTask, starts, Fields in float64.
// Invariant: a step starts from and is anchored at a golden state, so that no step inherits another's distance from the exact end.
import type { Energy } from "../../src/compiler/energy/energy.js";
import { goalOf, keepOf } from "../../src/compiler/build/edit-goals.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { compileEnergyGradient, compileReadout } from "../../src/compiler/build/gradient.js";
import type { EditStep, EditTask } from "../../src/compiler/plan.js";
import type { Field } from "../../src/runtime/sample/field.js";
import type { GoldenLace } from "./golden.js";
import { odeAt } from "./golden-energy.js";

const span = { file: "cases.json", start: 0, end: 0 };

/** Samples of the golden edit. */
export const EDIT_ROWS = 4;
export const EDIT_STEPS = 5;

interface Settings {
  readonly attributes: readonly string[];
  readonly targets: readonly number[];
  readonly truncation: number;
  readonly reg_z: number;
  readonly reg_logits: number;
}

/** The golden edit as the plan would have it. */
export function goldenEdit(
  golden: GoldenLace,
  {
    temperature = 1,
    reweight = false,
    tolerance = 1e-3,
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
    source: { kind: "task", task: 0, from: 0, to: EDIT_ROWS - 1 },
    truncation: settings.truncation,
    sampler: odeAt(tolerance),
    goals: "all",
    reweight,
    keepLatent: settings.reg_z,
    keepAttributes: settings.reg_logits,
    steps,
  };
}

/** Where step `at` (from 0) starts, or where the last one ended: [EDIT_ROWS, dim]. */
export function editStart(golden: GoldenLace, at: number): Float64Array {
  return golden.expected(at === 0 ? "edit.z0" : `edit.z_exact_after_${at}`).data;
}

/** The gradient of step `at` for a tile of `rows` rows, optimized. */
export function editGradient(golden: GoldenLace, edit: EditTask, at: number, rows: number): Graph {
  const { weights, attributes } = golden;
  const { truncation, logic } = edit;
  const [keep, energy] = [keepOf(edit, at), goalOf(edit, at, attributes)];
  return compileEnergyGradient({ energy, logic, weights, attributes, truncation, rows, keep });
}

/** What the gradient of step `at` gets beside z, anchored at `z0` [n, dim]: in float64. */
export function editAnchors(
  golden: GoldenLace,
  edit: EditTask,
  at: number,
  z0: Float64Array,
): { readonly z0: Float64Array; readonly w0: Float64Array; readonly held0: Float64Array } {
  const { weights } = golden;
  const rows = z0.length / weights.zDim;
  const { w, logits } = prepare(compileReadout({ weights, truncation: edit.truncation, rows }))({ z: z0 });
  return { z0, w0: Float64Array.from(w!), held0: pickHeads(golden, logits!, keepOf(edit, at).held) };
}

/** One sample's step on the float64 interpreter, from `z0` [dim]. */
export function editField(golden: GoldenLace, edit: EditTask, at: number, z0: Float64Array): Field {
  const run = prepare(editGradient(golden, edit, at, 1));
  const anchors = editAnchors(golden, edit, at, z0);
  return {
    dim: z0.length,
    evaluate(z, _active, gradient, logp) {
      const out = run({ z, ...anchors });
      gradient.set(out["grad"]!);
      logp[0] = out["logp"]![0]!;
      return Promise.resolve();
    },
  };
}

/** Columns of some attributes out of a row of all logits, or of several rows. */
export function pickHeads(
  { attributes }: GoldenLace,
  logits: ArrayLike<number>,
  indices: readonly number[],
): Float64Array {
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
