import { describe, expect, it } from "vitest";
import type { Overrides } from "../../src/compiler/check/check.js";
import type { Energy } from "../../src/compiler/energy/energy.js";
import type { Plan, Task } from "../../src/compiler/plan.js";
import { printChecked, printEnergy, printPlan } from "../../src/compiler/print.js";
import { compile, mistakesOf, planOf, script } from "./support.js";

const SAVE = 'save s to "s.png" as grid';

/** The printed energy of `where E`, on one line. */
async function energyOf(where: string, settings = ""): Promise<string> {
  const plan = await planOf(`sample s from avatar { where ${where}  ${settings} }\n${SAVE}`);
  const task = plan.tasks[0]!;
  if (task.kind !== "sample") throw new Error("not a sample");
  return shown(task.energy, plan, task);
}

function shown(energy: Energy, plan: Plan, task: Task): string {
  const lines = printEnergy(energy, plan.models[task.model]!.attributes).split("\n");
  return lines.map((l) => l.replace(/^ */, (spaces) => ">".repeat(spaces.length / 2))).join(" ");
}

describe("logic product", () => {
  it.each([
    ["glasses", "glasses is yes"],
    ["not glasses", "glasses is no"],
    ["hair is not red", "hair in {black, brown, blond, gray}"],
    ["not hair in {red, gray}", "hair in {black, brown, blond}"],
    ["not not smile", "smile is yes"],
    ["light > 0.6", "light > 0.6 (sigma 0.1)"],
    ["0.6 < light", "light > 0.6 (sigma 0.1)"],
    ["0.6 > light", "light < 0.6 (sigma 0.1)"],
    ["not light > 0.6", "light < 0.6 (sigma 0.1)"],
    ["not light < 0.6", "light > 0.6 (sigma 0.1)"],
    ["tilt is 0.5", "tilt is 0.5 +- 0.1"],
    ["tilt is 0.5 +- 0.05", "tilt is 0.5 +- 0.05"],
    ["tilt is not 0.5", "not >tilt is 0.5 +- 0.1"],
    ["tilt in 0.2..0.4", "and >tilt > 0.2 (sigma 0.1) >tilt < 0.4 (sigma 0.1)"],
    ["glasses and smile and hat", "and >glasses is yes >smile is yes >hat is yes"],
    ["glasses and (smile or hat or beard)", "and >glasses is yes >or >>smile is yes >>hat is yes >>beard is yes"],
    ["not (glasses or smile)", "and >glasses is no >smile is no"],
    ["not (glasses and smile)", "not >and >>glasses is yes >>smile is yes"],
    ["glasses implies smile", "or >glasses is no >smile is yes"],
    ["not (glasses implies smile)", "and >glasses is yes >smile is no"],
    ["glasses xor smile", "exactly 1 of >glasses is yes >smile is yes"],
    ["glasses iff smile", "not >exactly 1 of >>glasses is yes >>smile is yes"],
    ["not (glasses iff smile)", "exactly 1 of >glasses is yes >smile is yes"],
    ["atleast 1 of (glasses, smile)", "or >glasses is yes >smile is yes"],
    ["atleast 2 of (glasses, smile)", "and >glasses is yes >smile is yes"],
    ["atmost 0 of (glasses, smile)", "and >glasses is no >smile is no"],
    ["atleast 2 of (glasses, smile, hat)", "2 to 3 of >glasses is yes >smile is yes >hat is yes"],
    ["not atmost 1 of (glasses, smile, hat)", "2 to 3 of >glasses is yes >smile is yes >hat is yes"],
    ["exactly 2 of (glasses, smile, hat)", "exactly 2 of >glasses is yes >smile is yes >hat is yes"],
    ["2 * smile", "2 * >smile is yes"],
    ["smile * (1 + 1)", "2 * >smile is yes"],
    ["smile and 0 * hat", "smile is yes"],
    ["temperature 2 (smile and light > 0.5)", "and >smile is yes at temperature 2 >light > 0.5 (sigma 0.1)"],
    ["temperature 2 (temperature 0.25 (smile))", "smile is yes at temperature 0.5"],
  ])("%s", async (where, printed) => {
    expect(await energyOf(where)).toBe(printed);
  });
});

describe("logic lace keeps the structure as it was written", () => {
  it.each([
    ["not glasses", "not >glasses is yes"],
    ["not not glasses", "not >not >>glasses is yes"],
    ["hair is not red", "not >hair is red"],
    ["glasses or smile or hat", "or >glasses is yes >smile is yes >hat is yes"],
    ["glasses or (smile or hat)", "or >glasses is yes >or >>smile is yes >>hat is yes"],
    ["glasses and (smile or hat)", "and >glasses is yes >or >>smile is yes >>hat is yes"],
    ["not light > 0.6", "not >light > 0.6 (sigma 0.1)"],
  ])("%s", async (where, printed) => {
    expect(await energyOf(where, "logic lace")).toBe(printed);
  });
});

describe("numbers, energies and inputs", () => {
  it("an energy takes its arguments, lets and inputs by value, in any order of declaration", async () => {
    const plan = await planOf(`
sample s from avatar { where turned(most) and turned(start + 0.05 * 2)  seed start * 70 }
energy turned(t: number) = tilt is t +- wide
let most = start + wide
let wide = 0.1
input start: number = 0.1
${SAVE}`);
    const task = plan.tasks[0]!;
    expect(task).toMatchObject({ kind: "sample", seed: 7 });
    if (task.kind !== "sample") return;
    expect(shown(task.energy, plan, task)).toBe("and >tilt is 0.2 +- 0.1 >tilt is 0.2 +- 0.1");
  });

  it("--set, --count and --seed override inputs and settings", async () => {
    const body = `input seed: number = 3\nsample s from avatar { where glasses  seed seed  count 4 }\nsample more from avatar { where light is seed / 10 }\n${SAVE}\nsave more to "m.png" as grid`;
    const set = await planOf(body, { inputs: new Map([["seed", 5]]) });
    expect(set.inputs).toEqual([{ name: "seed", value: 5 }]);
    expect(set.tasks).toMatchObject([
      { seed: 5, count: 4 },
      { seed: 0, count: 1, energy: { target: 0.5 } },
    ]);
    const both = await planOf(body, { count: 9, seed: 11 });
    expect(both.tasks).toMatchObject([
      { seed: 11, count: 9 },
      { seed: 11, count: 9, energy: { target: 0.3 } },
    ]);
  });

  it("overrides are checked: unknown inputs, bad counts, values that do not fit where they are used", async () => {
    const body = `input seed: number = 3\nsample s from avatar { where glasses  seed seed }\n${SAVE}`;
    expect(await mistakesOf(body, { inputs: new Map([["sede", 5]]) })).toEqual([
      "L2023 the script has no input `sede` to set",
    ]);
    expect(await mistakesOf(body, { count: 0, seed: 0.5 })).toEqual([
      "L2004 `--count` must be a whole number, 1 or more, and this is 0",
      "L2004 `--seed` must be a whole number from 0 to 2^53 - 1, and this is 0.5",
    ]);
    expect(await mistakesOf(body, { inputs: new Map([["seed", 0.5]]) })).toEqual([
      "L2004 `seed` must be a whole number from 0 to 2^53 - 1, and this is 0.5",
    ]);
    expect(await mistakesOf(body, { inputs: new Map([["seed", NaN]]) })).toContain(
      "L2014 the input `seed` must be set to a finite number",
    );
  });
});

describe("defaults", () => {
  it("of a sample are those of the design", async () => {
    const plan = await planOf(`sample s from avatar { where glasses }\n${SAVE}`);
    expect(plan.tasks[0]).toMatchObject({
      count: 1,
      seed: 0,
      truncation: 0.7,
      logic: "product",
      sampler: {
        kind: "ode",
        solver: "bosh3",
        rtol: 2e-3,
        atol: 2e-3,
        control: "sample",
        stepControl: "pi",
        maxSteps: 1000,
      },
    });
  });

  it("are in editions: records of an earlier one still mean what they meant", async () => {
    const body = `sample a from avatar { where glasses }
sample b from avatar { where glasses  sampler ode { tau 3 } }
sample c from avatar { where glasses  sampler ode { solver bosh3  atol 1e-2 } }
sample d from avatar { where glasses  sampler ode { solver dopri5 } }
save a to "a.png"
save b to "b.png"
save c to "c.png"
save d to "d.png"`;
    const said = async (overrides: Overrides): Promise<string[]> =>
      (await planOf(body, overrides)).tasks.map(({ sampler: s }) =>
        s.kind === "ode" ? `${s.solver} ${s.rtol} ${s.atol}` : s.kind,
      );
    expect(await said({})).toEqual([
      "bosh3 0.002 0.002",
      "bosh3 0.002 0.002",
      "bosh3 0.002 0.01",
      "dopri5 0.001 0.001",
    ]);
    expect(await said({ defaults: 1 })).toEqual([
      "dopri5 0.001 0.001",
      "dopri5 0.001 0.001",
      "bosh3 0.001 0.01",
      "dopri5 0.001 0.001",
    ]);
    expect((await planOf(body, { defaults: 1 })).defaults).toBe(1);
  });

  it("of samplers are those of the design, and fixed-step solvers take equal steps", async () => {
    const plan = await planOf(`
sample a from avatar { sampler langevin }
sample b from avatar { sampler pc }
sample c from avatar { sampler ode { solver rk4 } }
sample d from avatar { sampler hmc }
sample e from avatar { sampler ode { tau 20 } }
save a to "a.png"
save b to "b.png"
save c to "c.png"
save d to "d.png"
save e to "e.png"`);
    expect(plan.tasks.map((t) => t.sampler)).toEqual([
      { kind: "langevin", steps: 100, step: 0.01, noise: 0.01 },
      { kind: "pc", steps: 1000, corrector: 2, snr: 0.16 },
      expect.objectContaining({ kind: "ode", solver: "rk4", steps: 100 }),
      { kind: "hmc", steps: 60, leaps: 9, temper: 0.5 },
      expect.objectContaining({ kind: "ode", tau: 20 }),
    ]);
    expect(plan.tasks.every((t) => t.kind === "sample" && t.energy.kind === "always")).toBe(true);
  });

  it("of truncation is 1 for a model without a mapping", async () => {
    const { plan } = await compile({
      "main.lace": 'lace 1\nmodel d from "builtin:dcgan"\nsample s from d { where smile }\nsave s to "s.png"',
    });
    expect(plan?.tasks[0]).toMatchObject({ truncation: 1, energy: { temperature: 1.5 } });
  });
});

describe("sweeps", () => {
  it("go over their axes row by row, ends included within rounding", async () => {
    const plan = await planOf(`
sweep w over t in 0..0.3 by 0.1, u in {1, 0.25} from avatar { where tilt is t and light is u  count 2 }
save w to "w.png" as grid`);
    const task = plan.tasks[0]!;
    if (task.kind !== "sweep") throw new Error("not a sweep");
    expect(task.axes).toEqual([
      { name: "t", values: [0, 0.1, 0.2, 0.3] },
      { name: "u", values: [1, 0.25] },
    ]);
    expect(task.cells.map((c) => shown(c, plan, task)).slice(0, 3)).toEqual([
      "and >tilt is 0 +- 0.1 >light is 1 +- 0.1",
      "and >tilt is 0 +- 0.1 >light is 0.25 +- 0.1",
      "and >tilt is 0.1 +- 0.1 >light is 1 +- 0.1",
    ]);
    expect(task.cells).toHaveLength(8);
  });

  it("may go downwards, and stop before an end that no step meets", async () => {
    const plan = await planOf(`
sweep w over t in 1..0 by -0.4 from avatar { where tilt is t }
save w to "w.png" as grid`);
    expect(plan.tasks[0]).toMatchObject({ axes: [{ values: [1, 0.6, 0.2] }] });
  });
});

describe("edits", () => {
  const steps = "step smile  step hair is red layers coarse weight 2  step not glasses layers 2..5";

  it("know what each step names, and hold the declared attributes that none has named yet", async () => {
    const plan = await planOf(`
attribute glasses: binary
attribute hair: category { black, brown, blond, red, gray }
attribute tilt: scalar in 0..1
sample s from avatar { where glasses  count 8  truncation 0.5 }
edit e of s[2..5] { keep latent 0.04, attributes 0.01  ${steps} }
save e to "e.png" as strip`);
    const [glasses, smile, hair, tilt] = [0, 1, 4, 6];
    expect(plan.tasks[1]).toMatchObject({
      kind: "edit",
      source: { kind: "task", task: 0, from: 2, to: 5 },
      truncation: 0.5,
      goals: "all",
      reweight: false,
      keepLatent: 0.04,
      keepAttributes: 0.01,
      steps: [
        { names: [smile], held: [glasses, hair, tilt], weight: 1 },
        { names: [hair], held: [glasses, tilt], weight: 2, layers: [0, 3] },
        { names: [glasses], held: [tilt], weight: 1, layers: [2, 5] },
      ],
    });
  });

  it("hold all of the model's attributes if the script declares none", async () => {
    const plan = await planOf(`
edit e from avatar { keep attributes 0.01  ${steps}  seed 3  count 2 }
save e to "e.png" as strip`);
    expect(plan.tasks[0]).toMatchObject({
      source: { kind: "seed", seed: 3, count: 2 },
      steps: [{ held: [0, 2, 3, 4, 5, 6, 7] }, { held: [0, 2, 3, 5, 6, 7] }, { held: [2, 3, 5, 6, 7] }],
    });
  });

  it("take all samples of their source without an index, one with one", async () => {
    const plan = await planOf(`
sample s from avatar { where glasses  count 8 }
edit all of s { step smile }
edit one of s[3] { step smile  goals last }
save all to "all.png" as strip
save one to "one.png"`);
    expect(plan.tasks.slice(1)).toMatchObject([
      { source: { from: 0, to: 7 } },
      { source: { from: 3, to: 3 }, goals: "last" },
    ]);
  });
});

describe("attributes", () => {
  it("with their own head come after the model's, in order of first use, and name the resolved file", async () => {
    const plan = await planOf(`
attribute elegant: binary from "heads/elegant.safetensors"
attribute mood: scalar in -1..1 sigma 0.2 from "heads/mood.safetensors"
sample s from avatar { where mood > 0 and elegant and glasses }
${SAVE}`);
    expect(plan.models[0]).toMatchObject({
      alias: "avatar",
      reference: "builtin:avatar",
      heads: [
        { attribute: "mood", file: "heads/mood.safetensors" },
        { attribute: "elegant", file: "heads/elegant.safetensors" },
      ],
    });
    expect(plan.models[0]!.attributes.slice(8)).toEqual([
      { name: "mood", type: "scalar", min: -1, max: 1, sigma: 0.2 },
      { name: "elegant", type: "binary", classes: ["no", "yes"], temperature: 1 },
    ]);
    expect(plan.tasks[0]).toMatchObject({
      energy: { parts: [{ attribute: 8, sigma: 0.2 }, { attribute: 9 }, { attribute: 0 }] },
    });
  });

  it("may be declared with another sigma, or their values in another order, than the model's", async () => {
    const plan = await planOf(`
attribute tilt: scalar sigma 0.3
attribute hair: category { gray, red, blond, brown, black }
sample s from avatar { where tilt is 0.5 and hair is red }
${SAVE}`);
    expect(plan.tasks[0]).toMatchObject({ energy: { parts: [{ sigma: 0.3 }, { values: [3] }] } });
  });
});

describe("expectations", () => {
  it("quote what was written and read it as a predicate, in any logic", async () => {
    const plan = await planOf(`
sample s from avatar { where glasses  logic lace }
expect s: glasses   xor
  hat >= 0.5, tilt is 0.5 >= 1 - 0.1
${SAVE}`);
    expect(plan.expects[0]).toMatchObject({
      task: 0,
      clauses: [
        { text: "glasses xor hat", fraction: 0.5, energy: { kind: "count" } },
        { text: "tilt is 0.5", fraction: 0.9 },
      ],
    });
  });
});

describe("printing", () => {
  it("shows a checked module as written and a plan as computed", async () => {
    const body = `input seed: number = 3
sample s from avatar { where not (glasses or hair is not red)  seed seed }
edit e of s { step smile layers coarse  keep latent 0.1 }
expect s: glasses >= 0.5
save s to "s-{index}.png"
save e to "e.webp" as animation { fps 2 }`;
    const { checked, plan } = await compile(script(body));
    expect(printChecked(checked!)).toMatchInlineSnapshot(`
      "model avatar from "builtin:avatar"
      input seed = 3

      sample s from avatar
        count 1, seed 3, truncation 0.7, logic product
        sampler ode, bosh3, rtol 0.002, atol 0.002, control sample pi, at most 1000 steps
          not
            or
              glasses is yes
              not
                hair is red

      edit e from avatar
        of s[0..0], truncation 0.7, logic product
        goals all, keep latent 0.1, attributes 0
        sampler ode, bosh3, rtol 0.002, atol 0.002, control sample pi, at most 1000 steps
        step 0: weight 1, layers 0..3
          smile is yes

      expect s
        at least 0.5 of the images:
          glasses is yes

      save s to "s-{index}.png" as one file for each image
      save e to "e.webp" as animation of 2 frames a second
      "
    `);
    expect(printPlan(plan!)).toMatchInlineSnapshot(`
      "model avatar from "builtin:avatar"
      input seed = 3

      sample s from avatar
        count 1, seed 3, truncation 0.7, logic product
        sampler ode, bosh3, rtol 0.002, atol 0.002, control sample pi, at most 1000 steps
          and
            glasses is no
            hair is red

      edit e from avatar
        of s[0..0], truncation 0.7, logic product
        goals all, keep latent 0.1, attributes 0
        sampler ode, bosh3, rtol 0.002, atol 0.002, control sample pi, at most 1000 steps
        step 0: weight 1, layers 0..3
          smile is yes

      expect s
        at least 0.5 of the images:
          glasses is yes

      save s to "s-{index}.png" as one file for each image
      save e to "e.webp" as animation of 2 frames a second
      "
    `);
  });
});
