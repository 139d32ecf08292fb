import { describe, expect, test } from "vitest";
import { diffPlans } from "../../src/compiler/diff-plans.js";
import type { Plan } from "../../src/compiler/plan.js";
import { compileScript } from "../../src/app/compile-script.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { memoryHost } from "../support/memory-host.js";
import { randomModel } from "../support/model.js";

const pack = writePack(randomModel(), { source: "a test" });

async function planOf(body: string): Promise<Plan> {
  const text = `lace 1\nmodel tiny from "tiny.safetensors"\n${body}`;
  const host = memoryHost({ "/a.lace": text, "/tiny.safetensors": pack });
  const { plan, diagnostics } = await compileScript("/a.lace", host);
  if (plan === undefined) throw new Error(diagnostics.map((d) => d.message).join());
  return plan;
}

async function said(before: string, after: string): Promise<string[]> {
  const [a, b] = [await planOf(before), await planOf(after)];
  return diffPlans(a, b).flatMap((d) => d.sentences.map((s) => `${d.about}: ${s}`));
}

const sample = (where: string, rest = "count 2 seed 1"): string =>
  `sample faces from tiny { where ${where} ${rest} }\nsave faces to "{index}.png"\n`;

describe("the difference of two scripts", () => {
  test("is in their meaning: names, layout, comments and the order of a conjunction make none", async () => {
    const named = `energy e = tilt > 0.5 // a comment\nlet half = 0.5\n${sample("e and 2 * (hair is red or glasses)").replace("red", "brown")}`;
    expect(
      await said(named.replace("let half = 0.5\n", ""), sample("2 * (glasses or hair is brown) and tilt > 0.5")),
    ).toEqual([]);
  });

  test("names terms, weights and values", async () => {
    expect(
      await said(
        sample("glasses and 2 * (tilt > 0.5) and hair is brown"),
        sample("3 * (tilt > 0.5) and hair is blond and not (tilt < 0.2)"),
      ),
    ).toEqual([
      "faces: weight of `tilt > 0.5 +- 0.1` 2 -> 3",
      "faces: `hair is brown` -> `hair is blond`",
      "faces: added: tilt > 0.2 +- 0.1",
      "faces: removed: glasses",
    ]);
  });

  test("names settings, samplers, inputs, outputs and expectations", async () => {
    const before = `input n: number = 1\n${sample("glasses", "count 2 seed n")}expect faces: glasses >= 0.5\n`;
    const after = before
      .replace("= 1", "= 2")
      .replace("count 2", "count 3 logic lace truncation 0.5 sampler ode { rtol 1e-2 }")
      .replace(`"{index}.png"`, `"x-{index}.png"`)
      .replace("0.5\n", "0.9\n");
    expect(await said(before, after)).toEqual([
      "inputs: n: value 1 -> 2",
      "faces: count 2 -> 3",
      "faces: seed 1 -> 2",
      "faces: truncation 0.7 -> 0.5",
      "faces: logic product -> lace",
      "faces: sampler rtol 0.002 -> 0.01",
      "expectations: faces: glasses: at least 0.5 -> 0.9",
      "outputs: x-{index}.png: new",
      "outputs: {index}.png: gone",
    ]);
  });

  test("names steps of edits, cells of sweeps, and tasks that come and go", async () => {
    const edit = (steps: string): string =>
      `${sample("glasses")}edit made of faces { ${steps} }\nsave made to "m.png" as strip\n`;
    expect(
      await said(edit("step glasses weight 2"), edit("step glasses weight 3 layers 0..1\nstep hair is brown")),
    ).toEqual(["made: step 0: weight 2 -> 3", "made: step 0: layers none -> 0..1", "made: step 1: new: hair is brown"]);
    const sweep = (x: string): string =>
      `sweep s over t in 0..1 by 0.5 from tiny { where tilt is ${x} }\nsave s to "s.png" as grid\n`;
    expect(await said(sweep("t"), sweep("t / 2"))).toEqual([
      "s: at t = 0.5: `tilt is 0.5 +- 0.1` -> `tilt is 0.25 +- 0.1`",
    ]);
    expect(await said(sample("glasses"), sweep("t"))).toEqual([
      "s: is new (sweep)",
      "faces: is gone",
      "outputs: s.png: new",
      "outputs: {index}.png: gone",
    ]);
  });
});
