// Climbing by L-BFGS: it comes to the top of what is smooth, rows do not know of each other, and what is no number is no way.
import { describe, expect, test } from "vitest";
import type { Executable } from "../../src/compiler/graph/graph.js";
import { ascendLbfgs } from "../../src/runtime/draw/lbfgs.js";

/** -Rosenbrock's function of each row of two numbers, whose top is at (1, 1). */
const rosenbrock: Executable = {
  run: ({ x = new Float32Array() }) => {
    const rows = x.length / 2;
    const out = { value: new Float32Array(rows), grad: new Float32Array(x.length), seen: new Float32Array(rows) };
    for (let row = 0; row < rows; row++) {
      const [a = 0, b = 0] = [x[2 * row], x[2 * row + 1]];
      out.value[row] = -((1 - a) ** 2 + 100 * (b - a * a) ** 2);
      out.grad[2 * row] = 2 * (1 - a) + 400 * a * (b - a * a);
      out.grad[2 * row + 1] = -200 * (b - a * a);
      out.seen[row] = a;
    }
    return Promise.resolve(out);
  },
  dispose: () => Promise.resolve(),
};
const climb = (start: readonly number[], steps = 80) =>
  ascendLbfgs(Float64Array.from(start), {
    ...{ graph: rosenbrock, of: "x", value: "value", beside: "seen", inputs: {}, rows: start.length / 2, steps },
  });

describe("L-BFGS", () => {
  test("comes to the top of a curved ridge", async () => {
    const { x, value, beside } = await climb([-1.2, 1]);
    expect(x[0]).toBeCloseTo(1, 2);
    expect(x[1]).toBeCloseTo(1, 2);
    expect(value[0]).toBeGreaterThan(-1e-4);
    expect(beside[0]).toBeCloseTo(x[0]!, 6);
  });

  test("never ends lower than it began", async () => {
    const begun = (await climb([-1.2, 1], 0)).value[0]!;
    for (const steps of [1, 2, 5, 9]) expect((await climb([-1.2, 1], steps)).value[0]).toBeGreaterThanOrEqual(begun);
  });

  test("goes the same way whatever rows are beside", async () => {
    const alone = await climb([2, 2]);
    const beside = await climb([-1.2, 1, 2, 2, 0, 0]);
    expect([...beside.x.subarray(2, 4)]).toEqual([...alone.x]);
  });

  test("stays where it is where the value is no number", async () => {
    const { x, value } = await climb([NaN, 1, 0, 0]);
    expect(value[0]).toBe(-Infinity);
    expect(x[0]).toBeNaN();
    expect(value[1]).toBeGreaterThan(-1e-3);
  });
});
