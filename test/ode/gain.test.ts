// A step that gains other than its slopes say is no step of a gradient flow: what pulls to a place and ends beyond it has no slope there by which an error would be seen.
import { describe, expect, it } from "vitest";
import { TABLEAUS } from "../../src/compiler/sampling/tableaus.js";
import { solve } from "../../src/runtime/ode/solver.js";
import type { Solution } from "../../src/runtime/ode/solution.js";

/** What holds x near 0, steep and narrow, and what would rather have it at 2. */
const valueAt = (x: number): number => 5 * Math.exp(-50 * x * x) + 8 / (1 + Math.exp(-2 * (x - 0.5)));
function slopeAt(x: number): number {
  const share = 1 / (1 + Math.exp(-2 * (x - 0.5)));
  return -500 * x * Math.exp(-50 * x * x) + 16 * share * (1 - share);
}

function follow(starts: readonly number[], tolerance: number, within?: number): Promise<Solution> {
  const at = new Float64Array(starts.length).fill(NaN);
  return solve({
    term: {
      dim: 1,
      evaluate(_t, y, active, out) {
        for (let i = 0; i < active.length; i++) {
          if (active[i] !== 1) continue;
          at[i] = valueAt(y[i]!);
          out[i] = slopeAt(y[i]!);
        }
        return Promise.resolve();
      },
    },
    ...{ y0: Float64Array.from(starts), t0: 0, t1: 5, tableau: TABLEAUS.bosh3, control: "sample", stepRule: "pi" },
    ...{ rtol: tolerance, atol: tolerance, maxSteps: 2000 },
    ...(within !== undefined && { value: { at, within } }),
  });
}

describe("a flow whose gains are watched", () => {
  it("stays where it is held, at a tolerance by which it would jump away", async () => {
    const loose = await follow([0.02, -0.03], 0.5);
    expect(Math.max(...loose.y)).toBeGreaterThan(1);
    const watched = await follow([0.02, -0.03], 0.5, 0.15);
    expect(Math.max(...watched.y.map(Math.abs))).toBeLessThan(0.1);
    expect(watched.samples.map((s) => s.status)).toEqual(["done", "done"]);
  });

  it("takes the same steps where no gain is off", async () => {
    const [plain, watched] = [await follow([0.3, 0.6], 1e-4), await follow([0.3, 0.6], 1e-4, 0.15)];
    expect([...watched.y]).toEqual([...plain.y]);
    expect(watched.samples).toEqual(plain.samples);
  });

  it("of one sample does not depend on the others", async () => {
    const [both, alone] = [await follow([0.02, 0.3], 0.5, 0.15), await follow([0.02], 0.5, 0.15)];
    expect(both.y[0]).toBe(alone.y[0]);
  });
});
