// The way of a sample: where its states are, how many are kept, and that a solve's tremor is no way.
import { describe, expect, test } from "vitest";
import type { Executable } from "../../src/compiler/graph/graph.js";
import type { Sampler, SolverName } from "../../src/compiler/plan.js";
import { TABLEAUS } from "../../src/compiler/sampling/tableaus.js";
import { drawSamples, type JacobianTerm } from "../../src/runtime/sample/index.js";
import { TAU_END } from "../../src/compiler/sampling/diffusion.js";
import { Path } from "../../src/runtime/sample/path.js";
import { expectClose } from "../support/close.js";

const ROWS = 4;
const RATE = 0.3;
const TURN = 0.8;

/** dz/dtau = RATE z turned by TURN: a spiral, z(tau) = exp(RATE tau) (turned by TURN tau) z0. */
const spiral: Executable = {
  run({ z }) {
    const grad = new Float32Array(2 * ROWS);
    for (let row = 0; row < ROWS; row++) {
      const [x, y] = [z![2 * row]!, z![2 * row + 1]!];
      grad.set([RATE * x - TURN * y, TURN * x + RATE * y], 2 * row);
    }
    return Promise.resolve({ logp: new Float32Array(ROWS), grad });
  },
  dispose: () => Promise.resolve(),
};
/** For ros2: a field without curvature. */
const FLAT: JacobianTerm = { count: 0, passes: 1, hessianAt: () => new Float64Array(0) };
const ode: Sampler = {
  kind: "ode",
  solver: "dopri5",
  rtol: 1e-4,
  atol: 1e-4,
  control: "sample",
  stepControl: "pi",
  maxSteps: 1000,
};
const SHARES = [0.25, 0.5, 0.75];

function draw(samples: readonly number[], sampler: Sampler = ode, shares: readonly number[] = SHARES) {
  const z0 = Float64Array.from(samples.flatMap((s) => [1 + s, 0]));
  return drawSamples({ gradient: spiral, jacobian: FLAT, rows: ROWS, zDim: 2, sampler, seed: 1, samples, z0, shares });
}

/** Where the spiral from (1, 0) is at a share of its length, which is proportional to exp(RATE tau) - 1. */
function onSpiral(share: number): readonly [number, number] {
  const growth = 1 + share * (Math.exp(RATE * TAU_END) - 1);
  const angle = (TURN * Math.log(growth)) / RATE;
  return [growth * Math.cos(angle), growth * Math.sin(angle)];
}

describe("the way of a solve", () => {
  const adaptive = Object.keys(TABLEAUS).filter((name) => "error" in TABLEAUS[name as SolverName]) as SolverName[];
  test.each(adaptive)(
    "with %s passes equal lengths between equal shares, though its steps are few and long",
    async (solver) => {
      const { between, samples } = await draw([0], { ...ode, solver });
      expect(samples[0]!.status).toBe("done");
      expectClose(between, SHARES.flatMap(onSpiral), { abs: 0.02, rel: 0 });
    },
  );
  test.each(["euler", "rk4"] as const)("follows fixed steps of %s", async (solver) => {
    const { between, z } = await draw([0], { ...ode, solver, steps: 1000 }, [...SHARES, 1]);
    expectClose(between, [...SHARES, 1].flatMap(onSpiral), { abs: solver === "euler" ? 0.06 : 0.02, rel: 0 });
    expectClose(between.subarray(6), z, { abs: 1e-12, rel: 0 });
  });
  test("in the diffusion's time, with one step for all, is the same way", async () => {
    const { between } = await draw([0, 1], { ...ode, control: "batch" });
    expectClose(between.subarray(0, 6), SHARES.flatMap(onSpiral), { abs: 0.02, rel: 0 });
  });
  test("has the same bits alone, in a batch and out of order", async () => {
    const alone = (await draw([6])).between;
    for (const samples of [
      [0, 1, 2, 3, 4, 5, 6],
      [6, 2],
    ]) {
      const { between } = await draw(samples);
      const i = samples.indexOf(6);
      expect([...between.subarray(i * 6, i * 6 + 6)]).toEqual([...alone]);
    }
    expect([...alone].filter(Number.isFinite)).toHaveLength(6);
  });
  test("of Langevin dynamics goes through its states", async () => {
    const sampler: Sampler = { kind: "langevin", steps: 50, step: 0.01, noise: 0 };
    const { between, z } = await draw([0], sampler, [0, 1]);
    expect([...between.subarray(0, 2)]).toEqual([1, 0]);
    expect([...between.subarray(2)]).toEqual([...z]);
  });
});

describe("a path", () => {
  test("that trembles about a line has the line's lengths", () => {
    const path = new Path(Float64Array.of(0, 0));
    for (let k = 1; k <= 2000; k++) path.add(Float64Array.of(Math.min(1, k / 100), (k % 2) * 0.004));
    // 19 of 20 states are at the end, trembling.
    expectClose(path.at([0.25, 0.5, 0.75]), [0.25, 0, 0.5, 0, 0.75, 0], { abs: 0.02, rel: 0 });
  });
  test("of any number of states stays true", () => {
    const path = new Path(Float64Array.of(1, 0));
    for (let k = 1; k <= 50_000; k++) path.add(Float64Array.of(Math.cos(k / 10_000), Math.sin(k / 10_000)));
    const expected = [1, 2.5, 4].flatMap((a) => [Math.cos(a), Math.sin(a)]);
    expectClose(path.at([0.2, 0.5, 0.8]), expected, { abs: 0.01, rel: 0 });
  });
  test("without a way is where it starts", () => {
    const path = new Path(Float64Array.of(3, 4));
    path.add(Float64Array.of(3, 4));
    expect([...path.at([0, 0.5, 1])]).toEqual([3, 4, 3, 4, 3, 4]);
  });
});
