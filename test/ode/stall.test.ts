// Samples that make no progress: given up early, by their own pace alone, and said.
import { describe, expect, it } from "vitest";
import type { SampleTask } from "../../src/compiler/plan.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { describeFailures } from "../../src/runtime/draw/failures.js";
import type { TaskProgram } from "../../src/compiler/build/compile-task.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import type { Solution } from "../../src/runtime/ode/solution.js";
import { solve } from "../../src/runtime/ode/solver.js";
import { TABLEAUS } from "../../src/compiler/sampling/tableaus.js";
import { compileScript } from "../../src/app/compile-script.js";
import { memoryHost } from "../support/memory-host.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { randomModel } from "../support/model.js";
import { termOf } from "./terms.js";

/** y' = -rate (y - cos t): explicit methods are held to steps of about 2.5 / rate. */
const pulled = (rates: readonly number[]): ReturnType<typeof termOf> =>
  termOf(1, (t, y, out, i) => {
    out[0] = -rates[i]! * (y[0]! - Math.cos(t));
  });
const follow = (rates: readonly number[], maxSteps = 1000, givesUp = true): Promise<Solution> =>
  solve({
    ...{ term: pulled(rates), y0: Float64Array.from(rates, () => 2), t0: 0, t1: 5, tableau: TABLEAUS.bosh3 },
    ...{ control: "sample", rtol: 2e-3, atol: 2e-3, stepRule: "pi", maxSteps, givesUp },
  });

describe("a sample that makes no progress", () => {
  it("ends early, where its pace shows that it will not arrive, and only where that is asked for", async () => {
    const [stiff, patient] = [await follow([5000]), await follow([5000], 1000, false)];
    expect(stiff.samples.map((s) => [s.status, s.steps])).toEqual([["stalled", 400]]);
    expect(patient.samples.map((s) => [s.status, s.steps])).toEqual([["too-many-steps", 1000]]);
    expect(Math.abs(stiff.y[0]! - Math.cos(stiff.t[0]!))).toBeLessThan(0.05); // its last accepted state, by the looser tolerance
  });

  it("changes no bit of the others, nor do they change when it ends", async () => {
    const alone = await follow([3]);
    const steep = await follow([5000]);
    for (const rates of [
      [3, 5000],
      [5000, 3, 40],
    ]) {
      const { y, t, samples } = await follow(rates);
      const [calm, stuck] = [rates.indexOf(3), rates.indexOf(5000)];
      expect([y[calm], t[calm], samples[calm]]).toEqual([alone.y[0], alone.t[0], alone.samples[0]]);
      expect([y[stuck], t[stuck], samples[stuck]]).toEqual([steep.y[0], steep.t[0], steep.samples[0]]);
    }
  });

  it("is none that arrives within its steps, however many it takes", async () => {
    for (const rate of [100, 200, 300, 400]) {
      const [{ y, samples }, patient] = [await follow([rate]), await follow([rate], 1000, false)];
      expect(samples[0]!.status).toBe("done");
      // Where that is less than half of the steps allowed nothing changes; beyond, the tolerance is looser.
      if (patient.samples[0]!.steps < 500) expect([y, samples]).toEqual([patient.y, patient.samples]);
      expect(Math.abs(y[0]! - patient.y[0]!)).toBeLessThan(0.02);
    }
    expect((await follow([400])).samples[0]!.steps).toBeGreaterThan(400);
  });

  it("arrives where it slides along a kink, with looser tolerances, and no other's bits change", async () => {
    // Towards 0 from both sides of it, and along it: the tighter the tolerance, the smaller the steps across.
    const along = (pulls: readonly number[], givesUp: boolean): Promise<Solution> =>
      solve({
        term: termOf(2, (_, y, out, i) => out.set([1, -pulls[i]! * Math.sign(y[1]! - 0.3)])),
        ...{ y0: Float64Array.from(pulls.flatMap(() => [0, 2])), t0: 0, t1: 5, tableau: TABLEAUS.bosh3 },
        ...{ control: "sample", rtol: 2e-3, atol: 2e-3, stepRule: "pi", maxSteps: 1000, givesUp },
      });
    const [slow, calm] = [4, 0.1];
    const patient = await along([slow, calm], false);
    expect(patient.samples.map((s) => s.status)).toEqual(["too-many-steps", "done"]);
    const { y, samples } = await along([slow, calm], true);
    expect(samples.map((s) => s.status)).toEqual(["done", "done"]);
    expect(y[0]).toBeCloseTo(5, 9);
    expect(Math.abs(y[1]! - 0.3)).toBeLessThan(0.2);
    expect([y.slice(2), samples[1]]).toEqual([patient.y.slice(2), patient.samples[1]]);
  });

  it("has more time where more steps are allowed, and all of them where they are few", async () => {
    expect((await follow([5000], 20_000)).samples[0]!.status).toBe("done");
    expect((await follow([5000], 350)).samples.map((s) => [s.status, s.steps])).toEqual([["too-many-steps", 350]]);
  });

  it("is named, with what helps", async () => {
    const script = `lace 1\nmodel tiny from "tiny.safetensors"\nsample faces from tiny { where glasses count 9 }\nsave faces to "{index}.png"\n`;
    const { plan } = await compileScript(
      "x.lace",
      memoryHost({ "x.lace": script, "tiny.safetensors": writePack(randomModel(), { source: "a test" }) }),
    );
    const task = plan!.tasks[0] as SampleTask;
    const results = [0, 3, 8].map(
      (index) => ({ index, part: 0, status: index === 3 ? "stalled" : "done" }) as SampleResult,
    );
    const said = await describeFailures(task, results, () => task.energy, {} as TaskProgram, {} as Engine);
    expect(said.map((d) => [d.code, d.severity, d.message])).toEqual([
      [
        "L4103",
        "warning",
        expect.stringMatching(/^sample 3 of `faces` made no progress.*its image shows where it stopped$/),
      ],
    ]);
    expect(said[0]!.hints).toEqual([expect.stringContaining("solver ros2")]);
  });
});
