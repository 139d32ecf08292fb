// The samplers on energies whose solutions are known in closed form.
import { describe, expect, it } from "vitest";
import type { Executable } from "../../src/compiler/graph/graph.js";
import type { Sampler, SolverName } from "../../src/compiler/plan.js";
import { TABLEAUS } from "../../src/compiler/sampling/tableaus.js";
import { drawLatents, drawSamples, type JacobianTerm } from "../../src/runtime/sample/index.js";
import { gaussianNoise } from "../../src/runtime/sample/noise.js";
import { TAU_END } from "../../src/compiler/sampling/diffusion.js";
import { sampleOde, type OdeSampler } from "../../src/runtime/sample/ode.js";
import { sampleLangevin } from "../../src/runtime/sample/langevin.js";
import { samplePc } from "../../src/runtime/sample/pc.js";
import { tiledField } from "../../src/runtime/sample/field.js";
import { expectClose } from "../support/close.js";

const DIM = 3;
const ROWS = 4;
const ode: OdeSampler = {
  kind: "ode",
  solver: "dopri5",
  rtol: 1e-3,
  atol: 1e-3,
  control: "sample",
  stepControl: "pi",
  maxSteps: 1000,
};

/** log p = -|z - 1|^2 / (2 * 4), so the flow is z(tau) = 1 + (z0 - 1) exp(-tau / 4). Counts its runs; `spoil` may change a row. */
function bowl(spoil?: (z: Float32Array, logp: Float32Array, row: number) => void): Executable & { runs: number } {
  return {
    runs: 0,
    run({ z }) {
      this.runs += 1;
      if (z === undefined) throw new Error("no z");
      const logp = new Float32Array(ROWS);
      const grad = z.map((x) => -(x - 1) / 4);
      for (let row = 0; row < ROWS; row++) {
        for (let c = 0; c < DIM; c++) logp[row]! -= (z[row * DIM + c]! - 1) ** 2 / 8;
        spoil?.(z.subarray(row * DIM, (row + 1) * DIM), logp, row);
      }
      return Promise.resolve({ logp, grad });
    },
    dispose: () => Promise.resolve(),
  };
}
/** The bowl's own coordinates as the arguments of its energy. */
const jacobianTermOf = (gradient: Executable): JacobianTerm => ({
  executable: {
    async run(inputs) {
      const jacobian = new Float32Array(DIM * ROWS * DIM);
      for (let k = 0; k < DIM; k++) for (let row = 0; row < ROWS; row++) jacobian[(k * ROWS + row) * DIM + k] = 1;
      return { ...(await gradient.run(inputs)), arguments: inputs["z"]!, jacobian };
    },
    dispose: () => Promise.resolve(),
  },
  count: DIM,
  passes: DIM,
  hessianAt: () => Float64Array.from({ length: DIM * DIM }, (_, i) => (i % (DIM + 1) === 0 ? -1 / 4 : 0)),
});
const endOf = (z0: Float64Array): Float64Array => z0.map((z) => 1 + (z - 1) * Math.exp(-TAU_END / 4));
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const draw = (
  samples: number[],
  sampler: Sampler = ode,
  gradient: Executable = bowl(),
): ReturnType<typeof drawSamples> =>
  drawSamples({ gradient, jacobian: jacobianTermOf(gradient), rows: ROWS, zDim: DIM, sampler, seed: 42, samples });

describe("the probability-flow ODE", () => {
  it("lasts as long as the diffusion's integral", () => {
    expectClose(TAU_END, 5.024945, { abs: 1e-6, rel: 0 });
  });
  it.each(Object.keys(TABLEAUS) as SolverName[])("ends where the gradient flow ends with %s", async (solver) => {
    const { z, z0, logp, samples } = await draw(range(5), { ...ode, solver });
    const abs = solver === "euler" ? 0.03 : 0.004;
    expectClose(z, endOf(z0), { abs, rel: 0 });
    expect(samples.map((s) => s.status)).toEqual(Array(5).fill("done"));
    range(5).forEach((i) => {
      const expected = z.subarray(i * DIM, (i + 1) * DIM).reduce((sum, x) => sum - (x - 1) ** 2 / 8, 0);
      expectClose(logp[i]!, expected, { abs: 1e-6, rel: 1e-5 });
    });
  });
  it.each(["dopri5", "ros2"] as const)(
    "integrated in the diffusion's time with one step for all ends at the same place with %s",
    async (solver) => {
      const { z, z0, samples } = await draw(range(5), { ...ode, solver, control: "batch" });
      expectClose(z, endOf(z0), { abs: 0.004, rel: 0 });
      expect(new Set(samples.map((s) => s.steps)).size).toBe(1);
    },
  );
  it("lasts as long as the script says", async () => {
    for (const tau of [1, 12]) {
      const { z, z0 } = await draw(range(3), { ...ode, tau });
      expectClose(
        z,
        z0.map((x) => 1 + (x - 1) * Math.exp(-tau / 4)),
        { abs: 0.004, rel: 0 },
      );
    }
  });
  it("takes a number of fixed steps if the script names one", async () => {
    const { samples } = await draw(range(2), { ...ode, solver: "rk4", steps: 7 });
    expect(samples.map((s) => s.steps)).toEqual([7, 7]);
    expect((await draw([0], { ...ode, steps: 9 })).samples[0]!.steps).toBe(9);
  });
  it("gives a sample whose log p is not finite its status and finishes the others", async () => {
    const gradient = bowl((_z, logp, row) => {
      if (row === 1) logp[row] = -Infinity;
    });
    const { samples, logp, z, z0 } = await draw(range(3), ode, gradient);
    expect(samples.map((s) => s.status)).toEqual(["done", "non-finite", "done"]);
    expect([...z.subarray(DIM, 2 * DIM)]).toEqual([...z0.subarray(DIM, 2 * DIM)]);
    expect(logp[1]).toBe(-Infinity);
  });
  it("says too-many-steps, with log p where it stopped", async () => {
    const { samples, logp, z } = await draw([0], { ...ode, rtol: 1e-9, atol: 1e-9, maxSteps: 2 });
    expect(samples[0]!.status).toBe("too-many-steps");
    expectClose(
      logp[0]!,
      z.reduce((sum, x) => sum - (x - 1) ** 2 / 8, 0),
      { abs: 1e-6, rel: 1e-5 },
    );
  });
  it("starts from given states when there are some", async () => {
    const z0 = Float64Array.of(1, 2, 3);
    const { z } = await sampleOde({ gradient: bowl(), rows: ROWS, zDim: DIM, z0, sampler: ode });
    expectClose(z, endOf(z0), { abs: 0.004, rel: 0 });
    expect([...z0]).toEqual([1, 2, 3]);
  });
});

describe("Hamiltonian Monte Carlo", () => {
  const hmc: Sampler = { kind: "hmc", steps: 40, leaps: 7, temper: 0.5 };
  it("draws the posterior: that of a Gaussian condition has its mean, its variance and independent samples", async () => {
    const { z, samples } = await draw(range(1000), hmc);
    // exp(-(z - 1)^2 / 8) times N(0, 1) is N(0.2, 0.8).
    const mean = z.reduce((sum, x) => sum + x, 0) / z.length;
    const variance = z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / z.length;
    expectClose(mean, 0.2, { abs: 4 * Math.sqrt(0.8 / z.length), rel: 0 });
    expectClose(variance, 0.8, { abs: 4 * 0.8 * Math.sqrt(2 / z.length), rel: 0 });
    const share = samples.reduce((sum, s) => sum + s.accepted / s.steps, 0) / samples.length;
    expect(share).toBeGreaterThan(0.65);
    expect(share).toBeLessThan(0.97);
    for (const s of samples) expect([s.steps, s.accepted + s.rejected, s.evaluations]).toEqual([40, 40, 1 + 40 * 7]);
  });
  it("without tempering and without a condition stays with the prior", async () => {
    const flat = bowl((z, logp, row) => {
      logp[row] = 0;
    });
    const still: Executable = {
      run: async (inputs) => {
        const out = await flat.run(inputs);
        return { ...out, grad: out["grad"]!.map(() => 0) };
      },
      dispose: () => flat.dispose(),
    };
    const { z } = await draw(range(1000), { ...hmc, temper: 0 }, still);
    expectClose(z.reduce((sum, x) => sum + x * x, 0) / z.length, 1, { abs: 4 * Math.sqrt(2 / z.length), rel: 0 });
  });
  it("gives a sample whose log p is not finite its status, and rejects proposals that are not", async () => {
    const gradient = bowl((_z, logp, row) => {
      if (row === 1) logp[row] = NaN;
    });
    const { samples, logp } = await draw(range(3), hmc, gradient);
    expect(samples.map((s) => s.status)).toEqual(["done", "non-finite", "done"]);
    expect([logp[0], logp[2]].every((x) => Number.isFinite(x))).toBe(true);
    const walls = bowl((z, out, row) => {
      if (z.some((x) => x > 2.5)) out[row] = NaN;
    });
    const kept = await draw(range(64), hmc, walls);
    const inside = kept.samples.flatMap((s, i) =>
      s.status === "done" ? [...kept.z.subarray(i * DIM, (i + 1) * DIM)] : [],
    );
    expect(inside.length).toBeGreaterThan(0);
    expect(Math.max(...inside)).toBeLessThanOrEqual(2.5);
  });
});

describe("samples and tiles", () => {
  const samplers: Sampler[] = [
    ode,
    { kind: "langevin", steps: 10, step: 0.01, noise: 0.01 },
    { kind: "pc", steps: 20, corrector: 2, snr: 0.16 },
    { kind: "hmc", steps: 6, leaps: 3, temper: 0.5 },
  ];
  it.each(samplers)(
    "sample 6 has the same bits alone, in a batch, in a shard and out of order ($kind)",
    async (sampler) => {
      // This field makes row and tile matter a little, as float32 engines do.
      const gradient: Executable = {
        async run(inputs) {
          const out = await bowl().run(inputs);
          return { ...out, grad: out["grad"]!.map((g, c) => g * (1 + Math.floor(c / DIM) * 1e-7)) };
        },
        dispose: () => Promise.resolve(),
      };
      const six = async (samples: number[]): Promise<number[]> => {
        const { z, logp } = await draw(samples, sampler, gradient);
        const i = samples.indexOf(6);
        return [...z.subarray(i * DIM, (i + 1) * DIM), logp[i]!];
      };
      const alone = await six([6]);
      expect(alone.filter(Number.isFinite)).toEqual(alone); // toEqual takes NaN for equal to NaN
      for (const samples of [range(7), range(16), [5, 6], [9, 6, 2]]) expect(await six(samples)).toEqual(alone);
    },
  );
  it("runs no more tiles than the fullest row has samples under way", async () => {
    const runsOf = async (drawn: number[]): Promise<readonly number[]> => {
      const gradient = bowl();
      const { evaluations, samples } = await draw(drawn, ode, gradient);
      const own = samples.map((s) => s.evaluations);
      expect(evaluations).toBe(Math.max(...own));
      return [gradient.runs, ...own];
    };
    const [one, a, b] = await runsOf([1, 9]); // both sit in row 1
    expect(one).toBe(a! + b!);
    const [other, c, d] = await runsOf([0, 9]);
    expect(other).toBe(Math.max(c!, d!));
  });
  it("refuses to draw one sample twice", async () => {
    await expect(draw([3, 3])).rejects.toThrow("twice");
  });
  it("refuses a gradient of another tile", async () => {
    await expect(
      drawSamples({ gradient: bowl(), rows: ROWS + 1, zDim: DIM, sampler: ode, seed: 1, samples: [0] }),
    ).rejects.toThrow();
  });
});

describe("drawLatents", () => {
  it("gives each sample the noise of its own address", () => {
    const z = drawLatents(42, [7, 2], 5);
    expect([...z.subarray(0, 5)]).toEqual([...gaussianNoise({ seed: 42, sample: 7, purpose: "latent", step: 0 }, 5)]);
    expect([...z.subarray(5)]).toEqual([...gaussianNoise({ seed: 42, sample: 2, purpose: "latent", step: 0 }, 5)]);
  });
});

describe("the stochastic samplers", () => {
  const field = (gradient: Executable): ReturnType<typeof tiledField> =>
    tiledField({ gradient, rows: ROWS, zDim: DIM, lanes: [0, 1] });
  const z0 = Float64Array.of(0, 0.5, 1, -1, 2, 3);
  const silent = (_k: number, _purpose: string, _slot: number, out: Float64Array): void => void out.fill(0);

  it("Langevin without noise is gradient ascent on the joint log density", async () => {
    const { z, samples } = await sampleLangevin({
      field: field(bowl()),
      z0,
      noise: silent,
      sampler: { kind: "langevin", steps: 3, step: 0.1, noise: 1 },
    });
    let expected = z0;
    for (let k = 0; k < 3; k++) expected = expected.map((x) => x + 0.1 * (-(x - 1) / 4 - x));
    expectClose(z, expected, { abs: 1e-6, rel: 0 });
    expect(samples[0]).toEqual({ status: "done", steps: 3, accepted: 3, rejected: 0, evaluations: 4 });
  });
  it("one predictor-corrector step is the formula", async () => {
    const xi = [Float64Array.of(1, 2, 3, 4, 5, 6), Float64Array.of(1, 0, 0, 0, 2, 0)];
    const noise = (_k: number, purpose: string, _slot: number, out: Float64Array): void =>
      out.set(xi[purpose === "predictor" ? 0 : 1]!);
    const run = (norms: "sample" | "batch"): ReturnType<typeof samplePc> =>
      samplePc({ field: field(bowl()), z0, noise, norms, sampler: { kind: "pc", steps: 1, corrector: 1, snr: 0.16 } });
    const beta = 0.1;
    const score = z0.map((x) => -(x - 1) / 4 - x);
    const predicted = z0.map((x, c) => (2 - Math.sqrt(1 - beta)) * x + beta * score[c]! + Math.sqrt(beta) * xi[0]![c]!);
    const norm = (x: Float64Array, row: number): number => Math.hypot(...x.subarray(row * DIM, (row + 1) * DIM));
    const expected = (ratio: (row: number) => number): Float64Array =>
      predicted.map((x, c) => {
        const h = 2 * (1 - beta) * (0.16 * ratio(Math.floor(c / DIM))) ** 2;
        return x + h * score[c]! + Math.sqrt(2 * h) * xi[1]![c]!;
      });
    const own = (row: number): number => norm(xi[1]!, row) / norm(score, row);
    const mean = (): number => (norm(xi[1]!, 0) + norm(xi[1]!, 1)) / (norm(score, 0) + norm(score, 1));
    expectClose((await run("sample")).z, expected(own), { abs: 1e-6, rel: 0 });
    expectClose((await run("batch")).z, expected(mean), { abs: 1e-6, rel: 0 });
  });
  it("end a sample that is not finite with its state kept", async () => {
    const gradient = bowl((z, logp, row) => {
      if (row === 1) logp[row] = NaN;
      expect([...z].every(Number.isFinite)).toBe(true);
    });
    const { z, samples } = await sampleLangevin({
      field: field(gradient),
      z0,
      noise: silent,
      sampler: { kind: "langevin", steps: 2, step: 0.1, noise: 1 },
    });
    expect(samples.map((s) => s.status)).toEqual(["done", "non-finite"]);
    expect([...z.subarray(DIM)]).toEqual([...z0.subarray(DIM)]);
  });
  it("stop when told to", async () => {
    const controller = new AbortController();
    const { samples } = await samplePc({
      field: field(bowl()),
      z0,
      noise: silent,
      sampler: { kind: "pc", steps: 50, corrector: 1, snr: 0.16 },
      signal: controller.signal,
      onProgress: ({ evaluations }) => {
        if (evaluations === 5) controller.abort();
      },
    });
    expect(samples.map((s) => [s.status, s.steps])).toEqual([
      ["stopped", 5],
      ["stopped", 5],
    ]);
  });
});
