// The golden cases from end to end: values, gradients and the ends of the flow, on the interpreter and the engines.
// The interpreter at 1e-6 slides along kinks of the heads in tens of thousands of steps on some samples: those of EXACT_SAMPLES are quick
// and always run, the others are shown as skipped unless LACE_SLOW=1 is set.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { tiledField } from "../../src/runtime/sample/field.js";
import {
  DEFAULT_ODE,
  goldenGradient,
  goldenJacobian,
  interpretedField,
  odeAt,
  reportOn,
  rms,
  rowDistances,
  solveGolden,
  type EngineReport,
} from "../support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace, type GoldenLace } from "../support/golden.js";
import { runOnSoftwareGpu, SOFTWARE_GPU_PRESENT } from "../targets/software-gpu.js";

type Dir = "lace-tiny" | "lace-ffhq-scale";
const DIRS: readonly Dir[] = ["lace-tiny", "lace-ffhq-scale"];

/** Samples of each case that the interpreter solves at 1e-6 in a second or less; for the second model, in two. */
const EXACT_SAMPLES: Readonly<Record<Dir, Readonly<Record<string, readonly number[]>>>> = {
  "lace-tiny": {
    one_binary: [1, 3],
    and: [3],
    or: [0, 1, 2, 3],
    and_not: [2],
    recursive: [0, 1, 2, 3],
    category: [0, 3],
  },
  "lace-ffhq-scale": { and: [0] },
};
const SLOW = process.env["LACE_SLOW"] === "1";

/** Those of the default, and of the solver of the paper, which was the default before. */
const YARDSTICKS = [DEFAULT_ODE, odeAt(1e-3)];

/** Bounds that come with the golden numbers; the yardstick of default settings is the reference's own distance. */
function judge({ name, logp, grad, ends, reference }: EngineReport): void {
  expect(logp, `${name}: log p`).toBeLessThan(1e-4);
  expect(grad, `${name}: gradient`).toBeLessThan(1e-4);
  for (const { sampler, distances } of ends) {
    const what = `${name}: ends of ${sampler.solver} at ${sampler.rtol}`;
    if (sampler.rtol >= 1e-3) expect(rms(distances), what).toBeLessThanOrEqual(reference);
    else expect(Math.max(...distances), what).toBeLessThan(2e-2);
  }
}

const goldens: readonly { readonly dir: Dir; readonly golden: GoldenLace }[] = GOLDEN_PRESENT
  ? await Promise.all(DIRS.map(async (dir) => ({ dir, golden: await loadGoldenLace(dir) })))
  : [];

if (!GOLDEN_PRESENT) test.skip("the golden ends of the flow (skipped without ../shared/golden)");

describe.each(goldens)("the interpreter on $dir, at 1e-6, comes within 2e-3 of the exact end", ({ dir, golden }) => {
  const dim = golden.weights.zDim;
  const samples = golden.cases.flatMap((c) => Array.from({ length: c.batch }, (_, i) => ({ c, name: c.name, i })));
  const isQuick = (name: string, i: number): boolean => EXACT_SAMPLES[dir][name]?.includes(i) === true;

  test.each(samples.filter(({ name, i }) => SLOW || isQuick(name, i)))(
    "$name, sample $i",
    async ({ c, i }) => {
      const row = (key: string): Float64Array => golden.expected(`${c.name}.${key}`).data.slice(i * dim, (i + 1) * dim);
      const { z, samples } = await solveGolden(interpretedField(golden, c), row("z0"), odeAt(1e-6));
      expect(samples[0]!.status).toBe("done");
      expect(rowDistances(z, row("z_exact"), dim)[0]).toBeLessThan(2e-3);
    },
    600_000,
  );
  const long = samples.filter(({ name, i }) => !SLOW && !isQuick(name, i));
  for (const { name, i } of long) test.skip(`${name}, sample ${i} (LACE_SLOW=1)`);
});

describe.skipIf(!GOLDEN_PRESENT)("the interpreter on lace-tiny", () => {
  test.each(YARDSTICKS)(
    "$solver at $rtol is no farther from the exact ends than the reference, in every case",
    async (sampler) => {
      const { golden } = goldens[0]!;
      const dim = golden.weights.zDim;
      for (const c of golden.cases) {
        const expected = (key: string): Float64Array => golden.expected(`${c.name}.${key}`).data;
        const { z } = await solveGolden(interpretedField(golden, c), expected("z0"), sampler);
        const distance = (ends: Float64Array): number => rms(rowDistances(ends, expected("z_exact"), dim));
        expect(distance(z), c.name).toBeLessThanOrEqual(distance(expected("z_dopri5_batch_1e-3")));
      }
    },
  );
});

describe.skipIf(!GOLDEN_PRESENT).each(["onnx-cpu", "tfjs-wasm"] as const)("%s", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(name);
  });
  afterAll(() => engine.dispose());

  for (const { dir, golden } of goldens) {
    test.each(golden.cases)(
      `$name of ${dir}: log p, gradient, ends at 1e-4, by default and by the solver of the paper`,
      async (c) => {
        // At 1e-4 tfjs-wasm at FFHQ scale would take as long as all the rest.
        const tight = SLOW || name !== "tfjs-wasm" || dir === "lace-tiny";
        judge(await reportOn(engine, golden, c, tight ? [...YARDSTICKS, odeAt(1e-4)] : YARDSTICKS));
      },
      600_000,
    );
  }
});

describe.skipIf(!GOLDEN_PRESENT).each(["onnx-cpu", "tfjs-wasm"] as const)("ros2 on %s", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(name);
  });
  afterAll(() => engine.dispose());

  for (const { dir, golden } of goldens) {
    // tfjs-wasm at FFHQ scale would take as long as all the rest.
    const cases = name === "onnx-cpu" || dir === "lace-tiny" || SLOW ? golden.cases : [];
    const dim = golden.weights.zDim;
    test.each(cases)(
      `$name of ${dir}: at 1e-3 no farther than the reference; at 1e-2 the same bits alone`,
      async (c) => {
        const expected = (key: string): Float64Array => golden.expected(`${c.name}.${key}`).data;
        const gradient = await engine.compile(goldenGradient(golden, c, c.batch));
        const jacobian = await goldenJacobian(golden, c, c.batch, engine);
        const solveAt = (tolerance: number, positions: readonly number[]) => {
          const field = tiledField({ gradient, jacobian, rows: c.batch, zDim: dim, lanes: positions });
          const z0 = Float64Array.from(positions.flatMap((i) => [...expected("z0").subarray(i * dim, (i + 1) * dim)]));
          return solveGolden(field, z0, odeAt(tolerance, "ros2"));
        };
        try {
          const all = Array.from({ length: c.batch }, (_, i) => i);
          const distance = (ends: Float64Array): number => rms(rowDistances(ends, expected("z_exact"), dim));
          const { z, samples } = await solveAt(1e-3, all);
          expect(samples.map((s) => s.status)).toEqual(all.map(() => "done"));
          expect(distance(z)).toBeLessThanOrEqual(distance(expected("z_dopri5_batch_1e-3")));
          const quick = await solveAt(1e-2, all);
          const [, second = NaN] = quick.samples.map((s) => s.evaluations);
          const alone = await solveAt(1e-2, [1]);
          expect([...alone.z]).toEqual([...quick.z.subarray(dim, 2 * dim)]);
          expect(alone.samples[0]!.evaluations).toBe(second);
        } finally {
          await gradient.dispose();
          await jacobian.executable?.dispose();
        }
      },
      600_000,
    );
  }
});

describe.skipIf(!GOLDEN_PRESENT || !SOFTWARE_GPU_PRESENT)(
  "tfjs-webgpu on SwiftShader (needs Debian's chromium)",
  () => {
    test("every case of lace-tiny: log p and gradient; the end of the quickest case (LACE_SLOW=1: of all)", async () => {
      const { cases } = goldens[0]!.golden;
      const quickest = cases.reduce((a, b) => (b.reference_nfe < a.reference_nfe ? b : a)).name;
      const child = new URL("./golden-gpu-child.ts", import.meta.url);
      const ends = SLOW ? cases.map((c) => c.name) : [quickest];
      const { code, lines, errors } = await runOnSoftwareGpu(child, ["tfjs-webgpu", ends.join(",")]);
      const reports = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as EngineReport);
      expect(code, errors).toBe(0);
      expect(reports.map((r) => r.name)).toEqual(cases.map((c) => c.name));
      expect(reports.filter((r) => r.ends.length > 0).map((r) => r.name)).toEqual(ends);
      reports.forEach(judge);
    }, 600_000);
  },
);
