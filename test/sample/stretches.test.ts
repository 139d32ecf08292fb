// A flow that a term joins on its way: the ends of two flows, one after the other.
import { describe, expect, test } from "vitest";
import { followStretches } from "../../src/runtime/sample/stretches.js";
import type { Field } from "../../src/runtime/sample/field.js";
import { Path } from "../../src/runtime/sample/path.js";
import type { OdeSampler } from "../../src/runtime/sample/ode.js";
import type { SolveProgress } from "../../src/runtime/ode/solution.js";
import { expectClose } from "../support/close.js";

const SAMPLER: OdeSampler = {
  ...{ kind: "ode", solver: "dopri5", rtol: 1e-8, atol: 1e-8, control: "sample", stepControl: "pi", maxSteps: 1000 },
  tau: 5,
};

/** log p = -rate (z - goal)^2 / 2 in each coordinate; where `breaks` says so, not a number. */
function well(goal: number, rate: number, breaks: (z: number) => boolean = () => false): Field {
  return {
    dim: 2,
    evaluate(z, active, gradient, logp) {
      active.forEach((on, i) => {
        if (on !== 1) return;
        logp[i] = 0;
        for (let c = 2 * i; c < 2 * i + 2; c++) {
          const x = breaks(z[c]!) ? NaN : z[c]! - goal;
          gradient[c] = -rate * x;
          logp[i] -= (rate * x * x) / 2;
        }
      });
      return Promise.resolve();
    },
  };
}

describe("a flow in stretches", () => {
  const z0 = Float64Array.of(3, -1, 0.5, 2);

  test.each([undefined, 200])("goes from where the last ended, %s equal steps", async (steps) => {
    const { z, logp, samples } = await followStretches({
      ...{ field: well(-1, 2), z0, sampler: { ...SAMPLER, ...(steps !== undefined && { steps }) } },
      early: [
        { until: 1, field: well(1, 0.5) },
        { until: 3, field: well(0, 0.25) },
      ],
    });
    const end = z0.map((x) => {
      const first = 1 + (x - 1) * Math.exp(-0.5);
      return -1 + (first * Math.exp(-0.25 * 2) + 1) * Math.exp(-2 * 2);
    });
    expectClose(z, end, { abs: 1e-6, rel: 0 });
    for (const i of [0, 1]) {
      const exact = -((end[2 * i]! + 1) ** 2) - (end[2 * i + 1]! + 1) ** 2;
      expect(Math.abs(logp[i]! - exact)).toBeLessThan(1e-6);
      expect(samples[i]!.status).toBe("done");
      if (steps !== undefined) expect(samples[i]!.accepted).toBe(steps);
    }
  });

  test("tells of its progress as of one, and passes through all of its way", async () => {
    const told: SolveProgress[] = [];
    const paths = [new Path(z0.subarray(0, 2)), new Path(z0.subarray(2))];
    const { z, evaluations } = await followStretches({
      ...{ field: well(-1, 2), z0, sampler: SAMPLER, paths, onProgress: (p) => told.push(p) },
      early: [{ until: 4, field: well(1, 0.5) }],
    });
    const fractions = told.map((p) => p.fraction);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
    expect(fractions.some((f) => f > 0.7 && f < 0.85)).toBe(true);
    expect(told.at(-1)!.evaluations).toBeLessThanOrEqual(evaluations);
    expect([...paths[0]!.at([0])]).toEqual([3, -1]);
    expectClose(paths[0]!.at([1]), z.subarray(0, 2), { abs: 1e-12, rel: 0 });
    const middle = paths[0]!.at([0.5]);
    expect(middle[0]).toBeGreaterThan(z[0]!);
    expect(middle[0]).toBeLessThan(3);
  });

  test("leaves a sample that left the finite numbers where it was, and the others alone", async () => {
    const early = [{ until: 2, field: well(1, 0.5, (z) => z > 1.9 && z < 2.2) }];
    const all = await followStretches({ field: well(-1, 2), z0, sampler: SAMPLER, early });
    expect(all.samples.map((s) => s.status)).toEqual(["non-finite", "non-finite"]);
    const [first] = all.samples;
    expect(first!.steps).toBeGreaterThan(0);
    expect(all.logp[0]).toBeNaN();
    const calm = await followStretches({
      ...{ field: well(-1, 2), z0: Float64Array.of(...z0.subarray(0, 2), 0, 0.5), sampler: SAMPLER, early },
    });
    expect(calm.samples.map((s) => s.status)).toEqual(["non-finite", "done"]);
    const alone = await followStretches({ field: well(-1, 2), z0: Float64Array.of(0, 0.5), sampler: SAMPLER, early });
    expect([...calm.z.subarray(2)]).toEqual([...alone.z]);
  });
});
