// The samplers as graphs, by the float64 interpreter, against the samplers of the host on the same interpreter: ends to rounding, statuses and counts equal.
import { describe, expect, test } from "vitest";
import { compileStepGraph, stepGraphsOf } from "../../src/compiler/build/step-graphs.js";
import { noiseParts, scheduleOf, type StochasticSampler } from "../../src/compiler/build/step-stochastic.js";
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { Graph, NodeId } from "../../src/compiler/graph/graph.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import { verify } from "../../src/compiler/graph/verify.js";
import type { Sampler, SolverName } from "../../src/compiler/plan.js";
import type { Field } from "../../src/runtime/sample/field.js";
import { sampleHmc } from "../../src/runtime/sample/hmc.js";
import { sampleLangevin } from "../../src/runtime/sample/langevin.js";
import { drawLatents, seededNoise } from "../../src/runtime/sample/noise-source.js";
import { followFlow, type OdeSampler } from "../../src/runtime/sample/ode.js";
import { samplePc } from "../../src/runtime/sample/pc.js";
import type { SamplingResult } from "../../src/runtime/sample/result.js";
import { summarizeChain } from "../../src/runtime/sample/chains.js";
import { expectClose } from "../support/close.js";
import { DEFAULT_ODE, goldenGradient, interpretedField, odeAt } from "../support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace } from "../support/golden.js";
import { interpretSteps, type InterpretedSteps } from "../support/step-graphs.js";

const ROWS = 6;
const DIM = 3;

/** A gradient of `rows` rows: log p [rows] and its derivative, as `make` gives them for z [rows, DIM]. */
function gradientOf(make: (b: GraphBuilder, z: NodeId) => { readonly logp: NodeId; readonly grad: NodeId }): Graph {
  const b = new GraphBuilder();
  const z = b.input("z", [ROWS, DIM]);
  const { logp, grad } = make(b, z);
  return b.finish({ outputs: { logp: b.sum(logp, [1]), grad } });
}

/** log p = -sum s_c (z_c - 1)^2 / 2. */
const bowl = (stiffness: readonly number[]): Graph =>
  gradientOf((b, z) => {
    const offset = b.sub(z, scalar(1));
    const pull = b.mul(offset, b.constant(stiffness, [1, DIM]));
    return { logp: b.mul(b.mul(offset, pull), scalar(-0.5)), grad: b.neg(pull) };
  });

/** The gradient of a graph on the interpreter, as the host's samplers take it. */
function fieldOf(graph: Graph): Field {
  const run = prepare(graph);
  return {
    dim: DIM,
    evaluate(z, active, gradient, logp) {
      const out = run({ z });
      for (let i = 0; i < active.length; i++) {
        if (active[i] !== 1) continue;
        const value = out["logp"]![i]!;
        logp[i] = value;
        const row = out["grad"]!.subarray(i * DIM, (i + 1) * DIM);
        gradient.set(Number.isFinite(value) ? row : row.map(() => NaN), i * DIM);
      }
      return Promise.resolve();
    },
  };
}

function graphsOf(sampler: Sampler, gradient: Graph): { readonly start: Graph; readonly step: Graph } {
  const graphs = stepGraphsOf(sampler)!;
  const [start, step] = [graphs.start(gradient), graphs.step(gradient)].map(compileStepGraph) as [Graph, Graph];
  expect([...verify(start), ...verify(step)]).toEqual([]);
  return { start, step };
}

/**
 * Ends, log p, statuses and counts of both. A sample that has not arrived is evaluated once more by the host, for log p where it stopped, unless its solver did so
 * at the end of the step: `more` says of which statuses.
 */
function expectSame(
  device: InterpretedSteps,
  host: SamplingResult,
  tolerance: number,
  more: readonly string[] = [],
): void {
  expectClose(device.z, host.z, { abs: tolerance, rel: tolerance });
  host.logp.forEach((x, i) => {
    if (Number.isFinite(x)) expectClose(device.logp[i]!, x, { abs: tolerance, rel: tolerance });
  });
  expect(device.samples).toEqual(
    host.samples.map(({ status, accepted, rejected, evaluations }) => ({
      ...{ status, accepted, rejected },
      evaluations: evaluations - (more.includes(status) ? 1 : 0),
    })),
  );
}

const ode = (more: Partial<OdeSampler>): OdeSampler => ({ ...odeAt(1e-3, "bosh3"), maxSteps: 1000, ...more });
const ADAPTIVE: readonly SolverName[] = ["bosh3", "dopri5", "tsit5", "heun"];
const STARTS = Float64Array.from({ length: ROWS * DIM }, (_, i) => 3 * Math.sin(1 + i) + (i < DIM ? 30 : 0));

/** Both of a sampler, held to be the same; the statuses. */
async function compare(
  sampler: OdeSampler,
  gradient: Graph,
  tolerance = 1e-9,
  more: readonly string[] = [],
): Promise<readonly string[]> {
  const { start, step } = graphsOf(sampler, gradient);
  const host = await followFlow({ field: fieldOf(gradient), z0: STARTS, sampler });
  expectSame(interpretSteps(start, step, STARTS, { rows: ROWS }), host, tolerance, more);
  return host.samples.map((s) => s.status);
}

describe("the flow as a graph", () => {
  const soft = bowl([0.3, 1, 2]);

  test.each([...ADAPTIVE, "euler", "rk4"] as const)(
    "%s ends where the host's solver ends, in as many steps",
    async (solver) => {
      await compare(ode({ solver }), soft);
      await compare(ode({ solver, steps: 7 }), soft);
    },
  );

  test.each(ADAPTIVE)("%s with the PID rule, another length, another tolerance", async (solver) => {
    await compare(ode({ solver, stepControl: "pid", tau: 1.7, rtol: 1e-5, atol: 1e-4 }), soft);
  });

  test("one step alone is the host's, of every number", async () => {
    const sampler = ode({ maxSteps: 1 });
    expect(new Set(await compare(sampler, soft, 1e-13, ["too-many-steps"]))).toEqual(new Set(["too-many-steps"]));
  });

  test("a state that does not move crosses the interval in one step", async () => {
    const still = gradientOf((b, z) => ({ logp: b.mul(z, scalar(0)), grad: b.mul(z, scalar(0)) }));
    await compare(ode({}), still);
  });

  test("a stiff row is too many steps, or given up for its pace, as on the host", async () => {
    const stiff = bowl([0.1, 1, 4000]);
    const patient = await compare(ode({ patient: true, maxSteps: 150 }), stiff, 1e-9, ["too-many-steps"]);
    expect(patient).toContain("too-many-steps");
    expect(await compare(ode({ maxSteps: 800 }), stiff, 1e-6, ["stalled"])).toContain("stalled");
    // Slow, so that its tolerance is loosened, but not too slow.
    expect(new Set(await compare(ode({ maxSteps: 800 }), bowl([0.1, 1, 350]), 1e-6))).toEqual(new Set(["done"]));
  });

  test("rejected steps that are not finite shrink, and end a row that stays so", async () => {
    // The root is not a number below 0, where long steps get to; log p of a row that begins there is none.
    const edge = gradientOf((b, z) => ({ logp: b.sqrt(z), grad: b.mul(b.sqrt(z), scalar(-2)) }));
    await compare(ode({}), edge, 1e-9, ["non-finite", "step-too-small"]);
    const { start, step } = graphsOf(ode({}), edge);
    const ends = interpretSteps(start, step, STARTS, { rows: ROWS });
    expect(new Set(ends.samples.map((s) => s.status))).toContain("non-finite");
    expect(ends.samples[0]!.rejected).toBeGreaterThan(0);
  });

  test("at a singularity the step becomes too small", async () => {
    const pole = gradientOf((b, z) => ({ logp: z, grad: b.mul(b.square(b.square(z)), scalar(1)) }));
    const ended = await compare(ode({ maxSteps: 100_000, patient: true }), pole, 1e-4, [
      "step-too-small",
      "non-finite",
    ]);
    expect(ended).toContain("step-too-small");
  });

  test("what steps on the host alone has no graphs", () => {
    expect(stepGraphsOf(ode({ solver: "ros2" }))).toBeUndefined();
    expect(stepGraphsOf(ode({ control: "batch" }))).toBeUndefined();
  });
});

/** What row 0..ROWS-1 at step k gets of noise and schedule. */
function inputsOf(sampler: StochasticSampler, seed: number) {
  const samples = Array.from({ length: ROWS }, (_, i) => i);
  const noise = seededNoise(seed, samples, DIM);
  return (k: number): Record<string, Float64Array> => {
    const parts = noiseParts(sampler).map(({ purpose, slot, isWhole }) => {
      const xi = new Float64Array(ROWS * DIM);
      noise(k, purpose, slot, xi);
      return (row: number) => [...xi.subarray(row * DIM, row * DIM + (isWhole ? DIM : 1))];
    });
    const schedule = scheduleOf(sampler, k);
    return {
      noise: Float64Array.from(samples.flatMap((row) => parts.flatMap((part) => part(row)))),
      ...(schedule.length > 0 && { schedule: Float64Array.from(samples.flatMap(() => [...schedule])) }),
    };
  };
}

describe("samplers that draw noise as graphs", () => {
  const SAMPLERS: readonly StochasticSampler[] = [
    { kind: "langevin", steps: 25, step: 0.05, noise: 0.2 },
    { kind: "pc", steps: 30, corrector: 2, snr: 0.1 },
    { kind: "hmc", steps: 40, leaps: 3, temper: 0.25 },
  ];
  const host = (sampler: StochasticSampler, gradient: Graph, z0: Float64Array): Promise<SamplingResult> => {
    const noise = seededNoise(
      5,
      Array.from({ length: ROWS }, (_, i) => i),
      DIM,
    );
    const field = fieldOf(gradient);
    if (sampler.kind === "langevin") return sampleLangevin({ field, z0, sampler, noise });
    return sampler.kind === "pc" ? samplePc({ field, z0, sampler, noise }) : sampleHmc({ field, z0, sampler, noise });
  };
  const z0 = drawLatents(
    5,
    Array.from({ length: ROWS }, (_, i) => i),
    DIM,
  );

  test.each(SAMPLERS)("$kind ends where the host's sampler ends", async (sampler) => {
    for (const gradient of [
      bowl([0.3, 1, 2]),
      gradientOf((b, z) => ({ logp: b.log(b.add(z, scalar(1.5))), grad: b.reciprocal(b.add(z, scalar(1.5))) })),
    ]) {
      const { start, step } = graphsOf(sampler, gradient);
      const { columns, trace } = stepGraphsOf(sampler)!;
      let book: Float64Array = new Float64Array(0);
      const ends = interpretSteps(start, step, z0, {
        rows: ROWS,
        inputs: inputsOf(sampler, 5),
        onStep: (outputs) => (book = outputs["book"]!),
      });
      const expected = await host(sampler, gradient, z0);
      expectSame(ends, expected, 1e-8);
      if (sampler.kind !== "hmc") continue;
      const width = columns.length + trace;
      expected.samples.forEach(({ chain }, i) => {
        if (chain === undefined) return;
        const own = summarizeChain([...book.subarray(i * width + columns.length, (i + 1) * width)])!;
        expect(own.length).toBe(chain.length);
        expectClose(own.ess, chain.ess, { abs: 0, rel: 1e-6 });
      });
    }
  });
});

const golden = GOLDEN_PRESENT ? await loadGoldenLace("lace-tiny") : undefined;
if (golden === undefined) test.skip("the golden cases, a graph a step (skipped without ../shared/golden)");

describe.skipIf(golden === undefined)("the golden cases of lace-tiny, a graph a step in float64", () => {
  test.each(golden?.cases ?? [])("$name, by default: the host's ends, statuses and counts", async (c) => {
    const z0 = golden!.expected(`${c.name}.z0`).data;
    const gradient = goldenGradient(golden!, c, c.batch);
    const { start, step } = graphsOf(DEFAULT_ODE, gradient);
    const host = await followFlow({ field: interpretedField(golden!, c), z0, sampler: DEFAULT_ODE });
    expectSame(interpretSteps(start, step, z0, { rows: c.batch }), host, 1e-7);
  });
});
