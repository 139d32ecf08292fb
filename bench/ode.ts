// Sampling at FFHQ scale: one gradient evaluation and the whole solve (gender, smile, age; 16 samples; default tolerances), in turns.
// Run: node scripts/bench.js ode [--json] [--rounds 5] [--only onnx-cpu] [--torch PYTHON]
// In: the golden weights beside the repository. Out: median, spread and ratio to the first row of onnx-cpu, tfjs-wasm, TensorFlow.js's
// own tf.grad on wasm (all with dopri5, the first with other solvers too), and the reference algorithm in PyTorch (reference_ode.py), at its best number of threads, where that Python has it.
// All take the same starts; the bench fails if a gradient differs from the first row's by more than float32 explains.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import type { SolverName } from "../src/compiler/plan.js";
import type { EngineName } from "../src/runtime/services/engine.js";
import { openEngine } from "../src/node/engines/open.js";
import { tiledField, type Field } from "../src/runtime/sample/field.js";
import { drawLatents } from "../src/runtime/sample/index.js";
import { goldenGradient, goldenJacobian, odeAt, solveGolden } from "../test/support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace } from "../test/support/golden.js";
import { openBestPeer } from "./peer.js";
import { spread, type Spread } from "./spread.js";

const ROWS = 16;
const GRADIENTS = 20; // a round
const AGREE = 1e-3; // of the largest component
/** Of the first engine, beside its dopri5, which they are as near to the exact ends as, or nearer (docs/solvers.md). */
const OTHERS = [
  { solver: "bosh3", tolerance: 1e-3 },
  { solver: "bosh3", tolerance: 2e-3 },
  { solver: "bosh3", tolerance: 5e-3 },
  { solver: "heun", tolerance: 1e-2 },
  { solver: "ros2", tolerance: 1e-2 },
] as const;

interface Solved {
  readonly ms: number;
  /** Calls of the gradient, each for all samples under way. */
  readonly evaluations: number;
}
interface Peer {
  readonly name: string;
  /** Milliseconds of each of `count` gradient evaluations at the starts. */
  gradients(count: number): Promise<readonly number[]>;
  solve(): Promise<Solved>;
  close(): Promise<void>;
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    torch: { type: "string" },
  },
});
if (!GOLDEN_PRESENT) throw new Error("this benchmark needs ../shared/golden beside the repository");
const golden = await loadGoldenLace("lace-ffhq-scale");
const conjunction = golden.cases.find((c) => c.name === "conjunction")!;
const dim = golden.weights.zDim;
const samples = Array.from({ length: ROWS }, (_, i) => i);
const z0 = drawLatents(42, samples, dim);
const active = new Uint8Array(ROWS).fill(1);

const isWanted = (name: string): boolean => values.only?.split(",").includes(name) ?? true;

const fields: { readonly name: string; readonly field: Field; readonly close: () => Promise<void> }[] = [
  await engineField("onnx-cpu"),
  await engineField("tfjs-wasm"),
  tapeField(),
];
let first: Float64Array | undefined;
for (const { name, field } of fields) {
  if (!isWanted(name)) continue;
  const gradient = await gradientOf(field);
  first ??= gradient;
  const largest = first.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const apart = first.reduce((most, x, i) => Math.max(most, Math.abs(x - gradient[i]!)), 0);
  if (!(apart <= AGREE * largest)) throw new Error(`${name}: the gradient is ${apart / largest} away`);
}
const peers: Peer[] = fields
  .filter(({ name }) => isWanted(name))
  .map(({ name, field, close }) => fieldPeer(name, field, close));
const [own] = fields;
if (own !== undefined && isWanted(own.name))
  peers.splice(
    1,
    0,
    ...OTHERS.map(({ solver, tolerance }) =>
      fieldPeer(`${own.name}, ${solver} ${tolerance}`, own.field, () => Promise.resolve(), { solver, tolerance }),
    ),
  );
const torch = isWanted("torch") ? await torchPeer(values.torch) : undefined;
if (torch !== undefined) peers.push(torch);

const times = peers.map(() => ({ gradient: [] as number[], solve: [] as number[], evaluations: 0 }));
for (const peer of peers) await peer.gradients(3);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [i, peer] of peers.entries()) {
    const had = times[i]!;
    had.gradient.push(...(await peer.gradients(GRADIENTS)));
    const { ms, evaluations } = await peer.solve();
    had.solve.push(ms);
    had.evaluations = evaluations;
  }
}
for (const peer of peers) await peer.close();

const rows = peers.map(({ name }, i) => {
  const { gradient, solve, evaluations } = times[i]!;
  return { name, gradientMs: spread(gradient), solveMs: spread(solve), evaluations };
});
const base = rows[0]!;
if (values.json) {
  const ratio = (r: (typeof rows)[number]) => ({
    gradientRatio: r.gradientMs.median / base.gradientMs.median,
    solveRatio: r.solveMs.median / base.solveMs.median,
  });
  console.log(JSON.stringify({ rows: rows.map((r) => ({ ...r, ...ratio(r) })) }, null, 2));
} else {
  console.log(
    `gender and smile and age at FFHQ scale, ${ROWS} samples, dopri5 (where nothing else is said) at 1e-3: median (min .. max), ratio`,
  );
  for (const r of rows) {
    const text = (s: Spread, of: Spread): string =>
      `${s.median.toFixed(2)} (${s.min.toFixed(2)} .. ${s.max.toFixed(2)}) ms, ${(s.median / of.median).toFixed(1)}x`;
    console.log(
      `${r.name.padEnd(24)} gradient ${text(r.gradientMs, base.gradientMs).padEnd(40)} solve ${text(r.solveMs, base.solveMs)}, ${r.evaluations} evaluations`,
    );
  }
}

async function gradientOf(field: Field): Promise<Float64Array> {
  const gradient = new Float64Array(z0.length);
  await field.evaluate(z0, active, gradient, new Float64Array(ROWS));
  return gradient;
}

function fieldPeer(
  name: string,
  field: Field,
  close: () => Promise<void>,
  how: { readonly solver?: SolverName; readonly tolerance?: number } = {},
): Peer {
  const timed = async <T>(work: () => Promise<T>): Promise<[number, T]> => {
    const start = performance.now();
    const result = await work();
    return [performance.now() - start, result];
  };
  return {
    name,
    async gradients(count) {
      const ms: number[] = [];
      for (let i = 0; i < count; i++) ms.push((await timed(() => gradientOf(field)))[0]);
      return ms;
    },
    async solve() {
      const [ms, { evaluations }] = await timed(() => solveGolden(field, z0, odeAt(how.tolerance ?? 1e-3, how.solver)));
      return { ms, evaluations };
    },
    close,
  };
}

async function engineField(name: EngineName) {
  const engine = await openEngine(name);
  const gradient = await engine.compile(goldenGradient(golden, conjunction, ROWS));
  const jacobian = await goldenJacobian(golden, conjunction, ROWS, engine);
  const close = async (): Promise<void> => {
    await gradient.dispose();
    await jacobian.executable?.dispose();
    await engine.dispose();
  };
  return { name, field: tiledField({ gradient, jacobian, rows: ROWS, zDim: dim, lanes: samples }), close };
}

/** The same function in plain TensorFlow.js, the mapping evaluated once, differentiated by its tape. */
function tapeField() {
  const { mapping, heads } = golden.weights;
  const matrix = (w: { shape: readonly number[]; data: Float32Array }, gain: number): tf.Tensor2D =>
    tf.tidy(() =>
      tf
        .tensor2d(w.data, w.shape as [number, number])
        .transpose<tf.Tensor2D>()
        .mul<tf.Tensor2D>(gain),
    );
  const layers = mapping!.layers.map((l) => ({
    weight: matrix(l.weight, l.weightGain),
    bias: tf.tidy(() => tf.tensor1d(l.bias.data).mul<tf.Tensor1D>(l.biasGain)),
  }));
  const mean = tf.tensor1d(mapping!.wAverage.data);
  const chosen = conjunction.indices.map((i, k) => ({
    layers: heads[i]!.layers.map((l) => ({ weight: matrix(l.weight, 1), bias: tf.tensor1d(l.bias.data) })),
    attribute: golden.attributes[i]!,
    target: conjunction.targets[k]!,
  }));
  const logp = (z: tf.Tensor): tf.Scalar => {
    let w = z.mul(z.square().mean(1, true).add(1e-8).rsqrt());
    for (const { weight, bias } of layers) w = w.matMul(weight).add(bias).leakyRelu(0.2).mul(Math.SQRT2);
    w = mean.add(w.sub(mean).mul(conjunction.truncation));
    const terms = chosen.map(({ layers: own, attribute, target }) => {
      let x = w;
      own.forEach(({ weight, bias }, n) => {
        x = x.matMul(weight).add(bias);
        if (n + 1 < own.length) x = x.leakyRelu(0.2);
      });
      if (attribute.type === "scalar")
        return x
          .sub(target)
          .square()
          .sum()
          .mul(-1 / (2 * attribute.sigma ** 2));
      return x.slice([0, target], [-1, 1]).sum().sub(x.logSumExp(1).sum());
    });
    return tf.addN(terms).asScalar();
  };
  const gradient = tf.grad(logp);
  const field: Field = {
    dim,
    async evaluate(z, _active, out, logps) {
      await tf.setBackend("wasm");
      const result = tf.tidy(() => gradient(tf.tensor2d(Float32Array.from(z), [ROWS, dim])));
      out.set(await result.data());
      result.dispose();
      logps.fill(0); // the tape keeps the sum alone, and the solver does not need it
    },
  };
  return { name: "tf.grad, tfjs-wasm", field, close: () => Promise.resolve() };
}

/** The reference algorithm in a Python with PyTorch; undefined, with a line on stderr, where there is none. */
async function torchPeer(python: string | undefined): Promise<Peer | undefined> {
  const script = fileURLToPath(new URL("./reference_ode.py", import.meta.url));
  const { attributes, targets, truncation } = conjunction;
  const folder = fileURLToPath(new URL("../../shared/golden/lace-ffhq-scale", import.meta.url));
  const setup = { folder, attributes, targets, truncation, rtol: 1e-3, atol: 1e-3 };
  const starts = samples.map((i) => [...z0.subarray(i * dim, (i + 1) * dim)]);
  const best = await openBestPeer(
    script,
    () => setup,
    (p) => p.ask({ z0: starts, gradient: GRADIENTS }),
    python,
  );
  if (best === undefined) return undefined;
  const { peer, threads } = best;
  return {
    name: `PyTorch ${(peer.hello as { torch: string }).torch}, ${threads} thread${threads === 1 ? "" : "s"}`,
    async gradients(count) {
      const { seconds } = (await peer.ask({ z0: starts, gradient: count })) as { seconds: number[] };
      return seconds.map((s) => s * 1000);
    },
    async solve() {
      const { seconds, evaluations } = (await peer.ask({ z0: starts })) as { seconds: number; evaluations: number };
      return { ms: seconds * 1000, evaluations };
    },
    close: () => peer.close(),
  };
}
