// The same cases over each solver, on plain float64 problems. A new tableau is in here by being in TABLEAUS.
import { describe, expect, it } from "vitest";
import { solve, type SolveOptions } from "../../src/runtime/ode/solver.js";
import { TABLEAUS, type Tableau } from "../../src/compiler/sampling/tableaus.js";
import { expectClose } from "../support/close.js";
import { decay, pulled, smooth, stiff, termOf } from "./terms.js";

const all: readonly Tableau[] = Object.values(TABLEAUS);
const adaptive = all.filter((tableau) => tableau.error !== undefined);
const fixedOnly = all.filter((tableau) => tableau.error === undefined);

const defaults = { control: "sample", rtol: 1e-6, atol: 1e-6, stepRule: "pi", maxSteps: 10_000, t0: 0, t1: 1 } as const;
/** Options that suit the tableau: fixed steps where it has no error estimate. */
function options(tableau: Tableau, more: Pick<SolveOptions, "term" | "y0"> & Partial<SolveOptions>): SolveOptions {
  return { ...defaults, tableau, ...(tableau.error === undefined && { fixedSteps: 200 }), ...more };
}
const sum = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0);

/** Sum of weights of the term's values that weights of the stages come to: where A is 0, stages of an implicit method are sums of these. */
function total({ implicit }: Tableau, weights: readonly number[]): number {
  const totals: number[] = [];
  for (const row of implicit?.couplings ?? []) totals.push(1 + sum(row.map((x, j) => x * totals[j]!)));
  return sum(weights.map((x, s) => x * (implicit === undefined ? 1 : totals[s]!)));
}

describe.each(all)("$name", (tableau) => {
  it("has consistent coefficients", () => {
    expectClose(total(tableau, tableau.b), 1, { abs: 1e-14, rel: 0 });
    tableau.a.forEach((row, s) => {
      expect(row.length).toBe(s);
      expectClose(total(tableau, row), tableau.c[s]!, { abs: 1e-13, rel: 0 });
    });
    if (tableau.firstSameAsLast) expect([...tableau.a.at(-1)!, 0]).toEqual(tableau.b);
    if (tableau.error !== undefined) {
      expect(tableau.error.weights.length).toBe(tableau.c.length);
      expectClose(total(tableau, tableau.error.weights), 0, { abs: 1e-14, rel: 0 });
    }
  });

  it("converges at its declared order with fixed steps", async () => {
    const y0 = Float64Array.of(1, 0.5);
    const run = async (t: Tableau, fixedSteps: number): Promise<Float64Array> =>
      (await solve({ ...defaults, tableau: t, term: smooth(), y0, t1: 2, fixedSteps })).y;
    const exact = await run(TABLEAUS.dopri5, 4000);
    const error = (y: Float64Array): number => Math.hypot(y[0]! - exact[0]!, y[1]! - exact[1]!);
    const coarse = error(await run(tableau, 40));
    const fine = error(await run(tableau, 80));
    expect(Math.abs(Math.log2(coarse / fine) - tableau.order)).toBeLessThan(0.3);
  });

  it("integrates backwards in time", async () => {
    const y0 = Float64Array.of(Math.exp(-1));
    const { y, t, samples } = await solve(options(tableau, { term: decay(), y0, t0: 1, t1: 0 }));
    expect(samples[0]!.status).toBe("done");
    expect(t[0]).toBe(0);
    expectClose(y, [1], { abs: tableau.order === 1 ? 5e-3 : 2e-5, rel: 0 });
  });

  it("gives the start back, without an evaluation, when t0 is t1", async () => {
    const term = decay();
    const y0 = Float64Array.of(3, 4);
    const { y, samples, evaluations } = await solve(options(tableau, { term, y0, t1: 0 }));
    expect([...y]).toEqual([3, 4]);
    expect(y).not.toBe(y0);
    expect(samples).toEqual(Array(2).fill({ status: "done", steps: 0, accepted: 0, rejected: 0, evaluations: 0 }));
    expect([evaluations, term.calls]).toEqual([0, 0]);
  });

  it("takes an empty batch", async () => {
    const { samples, evaluations } = await solve(options(tableau, { term: decay(), y0: new Float64Array(0) }));
    expect([samples.length, evaluations]).toEqual([0, 0]);
  });

  it("ends the sample whose term gives NaN, at its last good state, and finishes the others", async () => {
    const term = termOf(1, (t, y, out, i) => {
      out[0] = i === 1 && t > 0.5 ? NaN : -y[0]!;
    });
    const { y, t, samples } = await solve(options(tableau, { term, y0: Float64Array.of(1, 1, 2) }));
    expect(samples.map((s) => s.status)).toEqual(["done", "non-finite", "done"]);
    expectClose([y[0]!, y[2]!], [Math.exp(-1), 2 * Math.exp(-1)], { abs: tableau.order === 1 ? 5e-3 : 2e-5, rel: 0 });
    expect(t[1]).toBeLessThanOrEqual(0.51);
    expectClose(y[1]!, Math.exp(-t[1]!), { abs: 5e-3, rel: 0 });
  });

  it("ends a sample that is not finite from the start", async () => {
    const term = termOf(1, (_t, y, out, i) => {
      out[0] = i === 0 ? Infinity : -y[0]!;
    });
    const { y, samples } = await solve(options(tableau, { term, y0: Float64Array.of(1, 1) }));
    expect(samples.map((s) => s.status)).toEqual(["non-finite", "done"]);
    expect(samples[0]).toEqual({ status: "non-finite", steps: 0, accepted: 0, rejected: 0, evaluations: 1 });
    expect(y[0]).toBe(1);
  });

  it("gives each sample the same bits alone and with any batch mates", async () => {
    const starts = [0.3, -2, 5, 1e-3, 40];
    const term = termOf(2, (t, y, out) => {
      out[0] = y[1]! * Math.cos(3 * t);
      out[1] = -y[0]! * y[0]! * 0.5 - Math.tanh(y[1]!);
    });
    const together = await solve(options(tableau, { term, y0: Float64Array.from(starts.flatMap((x) => [x, 1])) }));
    for (const [i, start] of starts.entries()) {
      const alone = await solve(options(tableau, { term, y0: Float64Array.of(start, 1) }));
      expect([...alone.y]).toEqual([...together.y.subarray(2 * i, 2 * i + 2)]);
      expect(alone.samples[0]).toEqual(together.samples[i]);
    }
  });

  it("stops when told to and says so", async () => {
    const controller = new AbortController();
    const { samples, t } = await solve(
      options(tableau, {
        term: decay(),
        y0: Float64Array.of(1, 2),
        signal: controller.signal,
        onProgress: () => {
          controller.abort();
        },
      }),
    );
    expect(samples.map((s) => [s.status, s.accepted])).toEqual([
      ["stopped", 1],
      ["stopped", 1],
    ]);
    expect(t[0]).toBeLessThan(1);
  });

  it("counts evaluations as the term sees them", async () => {
    const term = smooth();
    const { samples, evaluations } = await solve(options(tableau, { term, y0: Float64Array.of(1, 0.5) }));
    const { steps, accepted, rejected } = samples[0]!;
    const stages = tableau.c.length;
    const probe = tableau.error === undefined ? 0 : 1;
    const expected = tableau.firstSameAsLast
      ? 1 + probe + steps * (stages - 1)
      : accepted + probe + steps * (stages - 1);
    expect(steps).toBe(accepted + rejected);
    expect([samples[0]!.evaluations, evaluations, term.calls]).toEqual([expected, expected, expected]);
  });
});

describe.each(adaptive)("$name with error control", (tableau) => {
  it.each(["pi", "pid"] as const)("keeps the error near the tolerance with the %s rule", async (stepRule) => {
    for (const tol of [1e-3, 1e-5, 1e-7]) {
      const y0 = Float64Array.of(1, 0.5);
      const exact = await solve({ ...defaults, tableau: TABLEAUS.dopri5, term: smooth(), y0, t1: 5, fixedSteps: 4000 });
      const { y, samples } = await solve(
        options(tableau, { term: smooth(), y0, t1: 5, rtol: tol, atol: tol, stepRule, maxSteps: 100_000 }),
      );
      expect(samples[0]!.status).toBe("done");
      expectClose(y, exact.y, { abs: 60 * tol, rel: 0 });
    }
  });

  it("ends with too-many-steps when it may not take enough", async () => {
    const { samples, t } = await solve(
      options(tableau, { term: smooth(), y0: Float64Array.of(1, 0.5), t1: 50, maxSteps: 3 }),
    );
    expect(samples[0]!.status).toBe("too-many-steps");
    expect(samples[0]!.steps).toBe(3);
    expect(t[0]).toBeLessThan(50);
  });

  it("follows a stiff term, within its stability, to the attracting solution", async () => {
    const { y, samples } = await solve(
      options(tableau, { term: stiff(500), y0: Float64Array.of(2), rtol: 1e-4, atol: 1e-4 }),
    );
    expect(samples[0]!.status).toBe("done");
    expectClose(y, [Math.cos(1)], { abs: 1e-3, rel: 0 });
    expect(samples[0]!.rejected).toBeLessThan(0.35 * samples[0]!.steps);
  });

  it("ends with step-too-small at a singularity", async () => {
    const term = termOf(1, (_t, y, out) => {
      out[0] = y[0]! * y[0]!;
    });
    const { samples, t } = await solve(options(tableau, { term, y0: Float64Array.of(1), t1: 2, maxSteps: 1_000_000 }));
    expect(["step-too-small", "non-finite"]).toContain(samples[0]!.status);
    expectClose(t, [1], { abs: 1e-2, rel: 0 });
  });

  it("shrinks a first trial that leaves the domain instead of giving up", async () => {
    // sqrt of a negative number is NaN: y reaches 0 only with steps that are too long.
    const term = termOf(1, (_t, y, out) => {
      out[0] = -Math.sqrt(y[0]!) * 4;
    });
    const { y, samples } = await solve(options(tableau, { term, y0: Float64Array.of(4), t1: 0.9 }));
    expect(samples[0]!.status).toBe("done");
    expectClose(y, [(2 - 2 * 0.9) ** 2], { abs: 1e-3, rel: 0 });
  });

  it("crosses an interval where nothing moves in one step", async () => {
    const term = termOf(1, (_t, _y, out) => {
      out[0] = 0;
    });
    const { y, samples } = await solve(options(tableau, { term, y0: Float64Array.of(7), t1: 5 }));
    expect([...y]).toEqual([7]);
    expect(samples[0]!.steps).toBe(1);
  });

  it("with control batch takes the same steps for all", async () => {
    const { samples, t, y } = await solve(
      options(tableau, { term: decay(), y0: Float64Array.of(1, 100, 3), control: "batch", stepRule: "torchdiffeq" }),
    );
    expect(new Set(samples.map((s) => JSON.stringify(s))).size).toBe(1);
    expect([...t]).toEqual([1, 1, 1]);
    expectClose(
      y,
      [1, 100, 3].map((x) => x * Math.exp(-1)),
      { abs: 1e-3, rel: 0 },
    );
  });

  it("with control batch drops a sample that is not finite and finishes the others", async () => {
    const term = termOf(1, (t, y, out, i) => {
      out[0] = i === 1 && t > 0.5 ? NaN : -y[0]!;
    });
    const { samples } = await solve(
      options(tableau, { term, y0: Float64Array.of(1, 1, 2), control: "batch", stepRule: "torchdiffeq" }),
    );
    expect(samples.map((s) => s.status)).toEqual(["done", "non-finite", "done"]);
  });
});

describe("ros2", () => {
  const tableau = TABLEAUS.ros2;
  it.each(["exact", "zero", "wrong"] as const)("is of order 2 whatever the matrix: %s", async (nearness) => {
    const y0 = Float64Array.of(1, 0.5);
    const run = async (t: Tableau, fixedSteps: number): Promise<Float64Array> =>
      (await solve({ ...defaults, tableau: t, term: smooth(nearness), y0, t1: 2, fixedSteps })).y;
    const exact = await run(TABLEAUS.dopri5, 4000);
    const errors: number[] = [];
    for (const steps of [80, 160, 320]) {
      const y = await run(tableau, steps);
      errors.push(Math.hypot(y[0]! - exact[0]!, y[1]! - exact[1]!));
    }
    expect(Math.abs(Math.log2(errors[0]! / errors[1]!) - 2)).toBeLessThan(0.3);
    expect(Math.abs(Math.log2(errors[1]! / errors[2]!) - 2)).toBeLessThan(0.2);
  });
  it("needs as few steps however stiff a term is, and an explicit method as many as it is stiff", async () => {
    const run = async (t: Tableau, rate: number): Promise<number> => {
      const y0 = Float64Array.of(2, 0);
      const given = { term: pulled(rate), y0, rtol: 1e-3, atol: 1e-3, maxSteps: 1_000_000 };
      const { y, samples } = await solve(options(t, given));
      const slow = 2 * Math.exp(-1);
      expectClose(y, [slow, (slow * rate) / (rate - 1)], { abs: 2e-3, rel: 0 });
      return samples[0]!.steps;
    };
    const [stiff, stiffer] = [await run(tableau, 1e3), await run(tableau, 1e6)];
    expect(stiffer).toBeLessThan(70);
    expect(stiffer - stiff).toBeLessThan(10);
    expect(await run(TABLEAUS.bosh3, 1e4)).toBeGreaterThan(50 * stiffer);
  });
  it("takes no new linearisation for a step that is tried again", async () => {
    const term = termOf(1, (t, y, out) => {
      out[0] = t < 0.5 ? -y[0]! : 200 - y[0]!;
    });
    let linearisations = 0;
    const linear = {
      ...term.linear!,
      cost: 10,
      evaluate: (...given: Parameters<typeof term.evaluate>) => {
        linearisations += 1;
        return term.linear!.evaluate(...given);
      },
    };
    const { samples } = await solve(options(tableau, { term: { ...term, linear }, y0: Float64Array.of(1) }));
    const { accepted, rejected, steps, evaluations } = samples[0]!;
    expect(rejected).toBeGreaterThan(0);
    expect(linearisations).toBe(accepted);
    expect(evaluations).toBe(10 * accepted + steps + 1);
  });
  it("needs a term that gives its linearisation", async () => {
    const { linear, ...term } = decay();
    expect(linear).toBeDefined();
    await expect(solve(options(tableau, { term, y0: Float64Array.of(1) }))).rejects.toThrow("linearisation");
  });
});

describe("the driver", () => {
  it.each(fixedOnly)("refuses $name without a number of steps", async (tableau) => {
    await expect(solve({ ...defaults, tableau, term: decay(), y0: Float64Array.of(1) })).rejects.toThrow(
      "no error estimate",
    );
  });
  it("refuses states that do not divide into samples", async () => {
    await expect(solve(options(TABLEAUS.dopri5, { term: smooth(), y0: new Float64Array(3) }))).rejects.toThrow(
      "multiple of 2",
    );
  });
  it("lets a calm sample finish in fewer steps than its stiff batch mate", async () => {
    const term = termOf(1, (_t, y, out, i) => {
      out[0] = -(i === 0 ? 1 : 1000) * y[0]!;
    });
    const { samples, evaluations } = await solve(options(TABLEAUS.dopri5, { term, y0: Float64Array.of(1, 1) }));
    expect(samples[0]!.steps * 4).toBeLessThan(samples[1]!.steps);
    expect(evaluations).toBe(samples[1]!.evaluations);
  });
  it("reports progress that grows to the whole", async () => {
    const seen: number[] = [];
    await solve(
      options(TABLEAUS.dopri5, {
        term: smooth(),
        y0: Float64Array.of(1, 0.5, -2, 0),
        onProgress: (p) => seen.push(p.fraction),
      }),
    );
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});
