// What a GPU makes of a run: solves stepped by the host against solves stepped on the device, and pictures, on each engine of a GPU.
// Run: node scripts/bench.js gpu [--json] [--engines onnx-webgpu,tfjs-webgpu,tfjs-gpu] [--samples 16,256,4096] [--rows 16] [--rounds 3]
//   [--sizes 256,1024] [--images 16] [--model lace-tiny] [--case conjunction] [--torch PYTHON]
// In: the golden weights beside the repository (gender, smile and age; default tolerances); of pictures random weights of FFHQ size. Out: for each
// engine and count, in turns of one run: samples and evaluations a second (each sample's own, summed), runs and reads of the device, the ratio of the two places, the largest
// distance between their ends; milliseconds to compile either, at first and again in one process; pictures a second. PyTorch beside, eager, on its CUDA device, where that Python has one.
// Without a GPU: on SwiftShader (VK_ICD_FILENAMES) or engines of the processor, with fewer samples and `--sizes ""`, for the ratios.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileSynthesis, repeatStyles } from "../src/compiler/build/synthesis.js";
import { compileStepGraph, stepGraphsOf } from "../src/compiler/build/step-graphs.js";
import type { Executable, Graph } from "../src/compiler/graph/graph.js";
import { openEngine } from "../src/node/engines/open.js";
import { drawLatents, drawSamples, type CompiledSampler } from "../src/runtime/sample/index.js";
import type { Engine, EngineName } from "../src/runtime/services/engine.js";
import { TILES_TOGETHER } from "../src/runtime/plan/tiles.js";
import { LaceError } from "../src/source/diagnostic.js";
import { DEFAULT_ODE, goldenGradient, rms } from "../test/support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace } from "../test/support/golden.js";
import { configF, styles } from "./config-f.js";
import { openPeer } from "./peer.js";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    engines: { type: "string", default: "onnx-webgpu,tfjs-webgpu,tfjs-gpu" },
    samples: { type: "string", default: "16,256,4096" },
    rows: { type: "string", default: "16" },
    rounds: { type: "string", default: "3" },
    sizes: { type: "string", default: "256,1024" },
    images: { type: "string", default: "16" },
    model: { type: "string", default: "lace-ffhq-scale" },
    case: { type: "string", default: "conjunction" },
    torch: { type: "string" },
  },
});
if (!GOLDEN_PRESENT) throw new Error("this benchmark needs ../shared/golden beside the repository");
const numbersOf = (text: string): readonly number[] => text.split(",").filter(Boolean).map(Number);
const [tile, rounds] = [Number(values.rows), Number(values.rounds)];
const golden = await loadGoldenLace(values.model as "lace-ffhq-scale");
const task = golden.cases.find((c) => c.name === values.case);
if (task === undefined) throw new Error(`there is no case ${values.case}`);
const dim = golden.weights.zDim;

/** One way to step on one engine. */
interface Place {
  readonly sampler: CompiledSampler;
  /** Runs of a graph since it was opened. */
  readonly runs: () => number;
  close(): Promise<void>;
}

interface Drawn {
  readonly ms: number;
  readonly z: Float64Array;
  readonly evaluations: number;
  readonly runs: number;
  readonly reads: number;
}

const rows: object[] = [];
for (const name of values.engines.split(",") as EngineName[]) {
  const engine = await openEngine(name).catch((error: unknown) => {
    if (error instanceof LaceError) return undefined;
    throw error;
  });
  if (engine === undefined) {
    say(`${name}: cannot be used here`);
    continue;
  }
  say(engine.description);
  await measureSolves(engine);
  await measureImages(engine);
  await engine.dispose();
}
await measureTorch();
if (values.json) console.log(JSON.stringify({ model: values.model, case: values.case, tile, rows }, null, 2));

async function measureSolves(engine: Engine): Promise<void> {
  const gradient = goldenGradient(golden, task!, tile);
  const [cold, host] = await timed(() => hostPlace(engine, gradient));
  const [coldSteps, device] = await timed(() => devicePlace(engine, gradient));
  const [warm, again] = await timed(() => devicePlace(engine, gradient));
  await again.close();
  add({ engine: engine.name, compileHostMs: cold, compileDeviceMs: coldSteps, compileDeviceAgainMs: warm });
  for (const count of numbersOf(values.samples)) {
    const draws: Record<"host" | "device", Drawn[]> = { host: [], device: [] };
    const least = Math.min(count, tile);
    for (const place of [host, device]) await draw(engine, place, least); // shaders are compiled at the first run
    for (let round = 0; round < rounds; round++) {
      draws.host.push(await draw(engine, host, count));
      draws.device.push(await draw(engine, device, count));
    }
    const [a, b] = [best(draws.host), best(draws.device)];
    const apart = Array.from({ length: count }, (_, i) =>
      rms(Array.from(a.z.subarray(i * dim, (i + 1) * dim), (x, c) => x - b.z[i * dim + c]!)),
    );
    const ofPlace = ({ ms, evaluations, runs, reads }: Drawn) => ({
      ...{ ms, runs, reads, samplesPerSecond: (1000 * count) / ms, evaluationsPerSecond: (1000 * evaluations) / ms },
    });
    add({
      ...{ engine: engine.name, samples: count, host: ofPlace(a), device: ofPlace(b), ratio: a.ms / b.ms },
      medianApart: apart.sort((p, q) => p - q)[apart.length >> 1]!,
    });
  }
  await host.close();
  await device.close();
}

/** Samples as a run draws them: some tiles at a time. */
async function draw(engine: Engine, { sampler, runs }: Place, count: number): Promise<Drawn> {
  const [before, reads, start] = [runs(), engine.reads(), performance.now()];
  const z = new Float64Array(count * dim);
  let evaluations = 0;
  for (let first = 0; first < count; first += tile * TILES_TOGETHER) {
    const samples = Array.from({ length: Math.min(tile * TILES_TOGETHER, count - first) }, (_, i) => first + i);
    const drawn = await drawSamples({
      ...{ ...sampler, rows: tile, zDim: dim, sampler: DEFAULT_ODE, seed: 42, samples },
      z0: drawLatents(42, samples, dim),
    });
    z.set(drawn.z, first * dim);
    evaluations += drawn.samples.reduce((sum, s) => sum + s.evaluations, 0);
  }
  return { ms: performance.now() - start, z, evaluations, runs: runs() - before, reads: engine.reads() - reads };
}

async function hostPlace(engine: Engine, gradient: Graph): Promise<Place> {
  const executable = await engine.compile(gradient);
  let count = 0;
  const counted: Executable = { ...executable, run: (inputs, into) => ((count += 1), executable.run(inputs, into)) };
  return { sampler: { gradient: counted }, runs: () => count, close: () => executable.dispose() };
}

async function devicePlace(engine: Engine, gradient: Graph): Promise<Place> {
  const graphs = stepGraphsOf(DEFAULT_ODE)!;
  const open = async (graph: Graph): Promise<Executable> => {
    const executable = await engine.compile(compileStepGraph(graph), { keeps: true });
    const queue = executable.queue!;
    return { ...executable, queue: (inputs) => ((count += 1), queue(inputs)) };
  };
  let count = 0;
  const [start, step] = [await open(graphs.start(gradient)), await open(graphs.step(gradient))];
  const close = async (): Promise<void> => {
    await start.dispose();
    await step.dispose();
  };
  return { sampler: { device: { ...graphs, start, step } }, runs: () => count, close };
}

async function measureImages(engine: Engine): Promise<void> {
  for (const size of numbersOf(values.sizes)) {
    const model = configF(size);
    const graph = compileSynthesis(model, { rows: 1, layout: engine.layout, noise: "const" });
    const executable = await engine.compile(graph);
    const ws = repeatStyles(styles(1), 1, model.info.numWs);
    await executable.run({ ws });
    const [ms] = await timed(async () => {
      for (let i = 0; i < Number(values.images); i++) await executable.run({ ws });
    });
    await executable.dispose();
    add({ engine: engine.name, pixels: size, imagesPerSecond: (1000 * Number(values.images)) / ms });
  }
}

/** The reference's sampler on the device that PyTorch has; nothing without a Python that has PyTorch. */
async function measureTorch(): Promise<void> {
  const { attributes, targets, truncation } = task!;
  const folder = fileURLToPath(new URL(`../../shared/golden/${values.model}`, import.meta.url));
  const script = fileURLToPath(new URL("./reference_ode.py", import.meta.url));
  const setup = { folder, attributes, targets, truncation, rtol: 1e-3, atol: 1e-3, device: "cuda" };
  const peer = await openPeer(script, setup, values.torch);
  if (peer === undefined) return;
  for (const count of numbersOf(values.samples)) {
    const samples = Array.from({ length: count }, (_, i) => i);
    const z0 = drawLatents(42, samples, dim);
    const starts = samples.map((i) => [...z0.subarray(i * dim, (i + 1) * dim)]);
    await peer.ask({ z0: starts });
    const { seconds, evaluations } = (await peer.ask({ z0: starts })) as { seconds: number; evaluations: number };
    const perSecond = { samplesPerSecond: count / seconds, evaluationsPerSecond: (count * evaluations) / seconds };
    add({ ...{ engine: "PyTorch", ...(peer.hello as object), samples: count, ms: 1000 * seconds }, ...perSecond });
  }
  await peer.close();
}

function best(draws: readonly Drawn[]): Drawn {
  return draws.reduce((a, b) => (b.ms < a.ms ? b : a));
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

function add(row: object): void {
  rows.push(row);
  say(
    JSON.stringify(row, (_, x: unknown) =>
      typeof x === "number" && !Number.isInteger(x) ? Number(x.toPrecision(3)) : x,
    ),
  );
}

function say(text: string): void {
  if (!values.json) console.log(text);
}
