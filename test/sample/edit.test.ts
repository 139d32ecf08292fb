// Edits against the golden numbers: the objective of one step, and where each of five steps ends.
import { beforeAll, describe, expect, test } from "vitest";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { goalOf, keepOf } from "../../src/compiler/energy/edit-goals.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import { compileEnergyGradient, compileReadout } from "../../src/compiler/passes/compile-energy.js";
import type { EditStep, EditTask } from "../../src/compiler/plan.js";
import { expectClose } from "../support/close.js";
import { GOLDEN_PRESENT, loadGoldenLace, type GoldenLace } from "../support/golden.js";

const span = { file: "cases.json", start: 0, end: 0 };

interface Settings {
  readonly attributes: readonly string[];
  readonly targets: readonly number[];
  readonly truncation: number;
  readonly reg_z: number;
  readonly reg_logits: number;
}

type Edit = Pick<EditTask, "goals" | "reweight" | "keepLatent" | "keepAttributes" | "steps">;

/** The golden edit as the plan would have it. */
function goldenEdit(golden: GoldenLace, { temperature, reweight }: { temperature: number; reweight: boolean }): Edit {
  const settings = golden.edit as unknown as Settings;
  const indices = settings.attributes.map((name) => golden.attributes.findIndex((a) => a.name === name));
  const steps = indices.map((attribute, i): EditStep => {
    const row = golden.attributes[attribute]!;
    const target = settings.targets[i]!;
    const energy: Energy =
      row.type === "scalar"
        ? { kind: "near", attribute, target, sigma: row.sigma, span }
        : { kind: "class", attribute, values: [target], temperature, span };
    return { energy, weight: 1, names: [attribute], held: indices.slice(i + 1), span };
  });
  return { goals: "all", reweight, keepLatent: settings.reg_z, keepAttributes: settings.reg_logits, steps };
}

describe.skipIf(!GOLDEN_PRESENT)("the golden edit", () => {
  let golden: GoldenLace;
  let truncation: number;
  beforeAll(async () => {
    golden = await loadGoldenLace("lace-tiny");
    truncation = (golden.edit as unknown as Settings).truncation;
  });

  test("the objective of the third step, reweighted, at temperature 0.5: value and gradient in float64", () => {
    const { weights, attributes } = golden;
    const edit = goldenEdit(golden, { temperature: 0.5, reweight: true });
    const keep = keepOf(edit, 2);
    const rows = 4;
    const energy = goalOf(edit, 2, attributes);
    const run = prepare(compileEnergyGradient({ energy, logic: "lace", weights, attributes, truncation, rows, keep }));
    const readout = prepare(compileReadout({ weights, truncation, rows }));
    const z0 = golden.expected("edit.z0").data;
    const start = readout({ z: z0 });
    const held0 = heldOf(golden, start["logits"]!, keep.held);
    const out = run({ z: golden.expected("edit.objective.z").data, z0, w0: start["w"]!, held0 });
    expectClose(out["logp"]!, golden.expected("edit.objective.logp").data, { abs: 1e-8, rel: 1e-6 });
    expectClose(out["grad"]!, golden.expected("edit.objective.grad").data, { abs: 1e-7, rel: 1e-6 });
    expect(energy.kind).toBe("and");
  });
});

function heldOf(golden: GoldenLace, logits: ArrayLike<number>, held: readonly number[]): Float64Array {
  const widths = golden.attributes.map((a) => (a.type === "scalar" ? 1 : a.classes.length));
  const total = widths.reduce((a, b) => a + b, 0);
  const rows = logits.length / total;
  return Float64Array.from(
    Array.from({ length: rows }, (_, row) =>
      held.flatMap((h) => {
        const start = row * total + widths.slice(0, h).reduce((a, b) => a + b, 0);
        return Array.from({ length: widths[h]! }, (_, k) => logits[start + k]!);
      }),
    ).flat(),
  );
}
