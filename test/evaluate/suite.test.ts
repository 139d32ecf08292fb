import { describe, expect, test } from "vitest";
import type { Attribute } from "../../src/compiler/attribute.js";
import { compileScript } from "../../src/app/compile-script.js";
import { clausesOf } from "../../src/learn/evaluate/conditions.js";
import { paperSuite } from "../../src/learn/evaluate/suite.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { memoryHost } from "../support/memory-host.js";
import { RANDOM_ATTRIBUTES, randomModel } from "../support/model.js";

const BINARY: Attribute[] = ["glasses", "smile", "beard", "hat"].map((name) => {
  return { name, type: "binary", classes: ["no", "yes"], temperature: 1 };
});

describe("the paper's suite", () => {
  test.each([
    ["one attribute", RANDOM_ATTRIBUTES.slice(0, 1), 5],
    ["a scalar alone", RANDOM_ATTRIBUTES.slice(2), 5],
    ["three of three types", RANDOM_ATTRIBUTES, 14],
    ["seven", [...BINARY, ...RANDOM_ATTRIBUTES.slice(1)], 22],
  ])("is a script without mistakes for a model of %s", async (_, attributes, tasks) => {
    const model = randomModel({ attributes });
    const text = paperSuite(model.info, { reference: "/tiny.safetensors", count: 4, seed: 2 });
    const host = memoryHost({ "/s.lace": text, "/tiny.safetensors": writePack(model, { source: "a test" }) });
    const { plan, diagnostics } = await compileScript("/s.lace", host);
    const mistakes = diagnostics.filter((d) => d.code !== "L2024"); // nothing is saved
    expect(mistakes.map((d) => d.message)).toEqual([]);
    expect(plan!.tasks.length).toBe(tasks);
    const named = plan!.tasks.map(({ sampler: s }) =>
      s.kind === "ode" ? `${s.solver} at ${s.rtol} and ${s.atol}` : s.kind,
    );
    expect(new Set(named)).toEqual(new Set(["dopri5 at 0.001 and 0.001", "langevin", "pc"]));
  });

  test("conditions are judged clause by clause and as a whole, in the script's words", async () => {
    const model = randomModel();
    const text = `lace 1
model m from "/tiny.safetensors"
energy both = glasses and 2 * (hair is   black
  or tilt > 0.5)
sample a from m { where both  count 1 }
sample b from m { where glasses  count 1 }
`;
    const host = memoryHost({ "/s.lace": text, "/tiny.safetensors": writePack(model, { source: "a test" }) });
    const { plan, sources } = await compileScript("/s.lace", host);
    const texts = plan!.tasks.map((t) => (t.kind === "sample" ? clausesOf(t.energy, sources).map((c) => c.text) : []));
    expect(texts).toEqual([["glasses", "hair is black or tilt > 0.5", "all of it"], ["glasses"]]);
  });
});
