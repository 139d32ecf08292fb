// What a GPU makes of a run: solves stepped by the host against solves stepped on the device, and pictures, on each engine of a GPU.
// Run: node scripts/bench.js gpu [--json] [--engines onnx-webgpu,tfjs-webgpu,tfjs-gpu] [--samples 16,256,4096] [--rows 16,256] [--rounds 3]
//   [--sizes 256,1024] [--images 32] [--batch 8] [--seconds 270] [--model lace-tiny] [--case conjunction] [--torch PYTHON] [--torch-device cuda]
// It ends within about `seconds`: rounds and counts that do not fit are left out, and said to be. `--rows`: heights of tiles; a run has the first, the host steps with it alone.
// In: the golden weights beside the repository (gender, smile and age; default tolerances); of pictures random weights of FFHQ size. Out: for each
// engine and count, in turns of one run: samples and evaluations a second (each sample's own, summed), runs and reads of the device, the ratio of the two places, the largest
// distance between their ends; milliseconds to compile either, at first and again in one process; pictures a second, `batch` in a run, and how far a colour is from the processor's, of 255.
// PyTorch beside, eager and with the gradient as a CUDA graph, on its CUDA device, where that Python has one.
// Without a GPU: on SwiftShader (VK_ICD_FILENAMES) or engines of the processor, with fewer samples and `--sizes ""`, for the ratios.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileSynthesis, repeatStyles } from "../src/compiler/build/synthesis.js";
import { compileStepGraph, stepGraphsOf } from "../src/compiler/build/step-graphs.js";
import type { Executable, Graph } from "../src/compiler/graph/graph.js";
import type { StyleganModel } from "../src/models/model.js";
import { writePack } from "../src/models/pack/write-pack.js";
import { openEngine } from "../src/node/engines/open.js";
import { imagesFromTile } from "../src/runtime/image/rgb.js";
import { drawLatents, drawSamples, type CompiledSampler } from "../src/runtime/sample/index.js";
import type { Engine, EngineName } from "../src/runtime/services/engine.js";
import { samplesTogether } from "../src/runtime/plan/tiles.js";
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
    rows: { type: "string", default: "16,256" },
    rounds: { type: "string", default: "3" },
    sizes: { type: "string", default: "256,1024" },
    images: { type: "string", default: "32" },
    batch: { type: "string", default: "8" },
    seconds: { type: "string", default: "270" },
    model: { type: "string", default: "lace-ffhq-scale" },
    case: { type: "string", default: "conjunction" },
    torch: { type: "string" },
    "torch-device": { type: "string", default: "cuda" },
  },
});
if (!GOLDEN_PRESENT) throw new Error("this benchmark needs ../shared/golden beside the repository");
const numbersOf = (text: string): readonly number[] => text.split(",").filter(Boolean).map(Number);
const tiles = numbersOf(values.rows);
const [tile = 16] = tiles;
const rounds = Number(values.rounds);
const end = performance.now() + 1000 * Number(values.seconds);
const golden = await loadGoldenLace(values.model as "lace-ffhq-scale");
const task = golden.cases.find((c) => c.name === values.case);
if (task === undefined) throw new Error(`there is no case ${values.case}`);
const dim = golden.weights.zDim;

/** One way to step on one engine. */
interface Place {
  readonly sampler: CompiledSampler;
  /** Of its tile. */
  readonly rows: number;
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

/** In place of figures. */
const LEFT_OUT = "left out: it does not fit into --seconds";

const rows: object[] = [];
const names = values.engines.split(",") as EngineName[];
for (const [k, name] of names.entries()) {
  const engine = await openEngine(name).catch((error: unknown) => {
    if (error instanceof LaceError) return error;
    throw error;
  });
  if (engine instanceof LaceError) {
    add({ engine: name, missing: engine.diagnostics[0]?.message });
    continue;
  }
  say(engine.description);
  // What is left, shared with the engines to come and PyTorch: two thirds of it for solves.
  const share = (end - performance.now()) / (names.length - k + 1);
  await measureSolves(engine, performance.now() + (share * 2) / 3);
  await measureImages(engine, performance.now() + share / 3);
  await engine.dispose();
}
await measureTorch();
if (values.json) console.log(JSON.stringify({ model: values.model, case: values.case, tiles, rows }, null, 2));

async function measureSolves(engine: Engine, until: number): Promise<void> {
  const gradient = goldenGradient(golden, task!, tile);
  const [cold, host] = await timed(() => hostPlace(engine, gradient));
  const [coldSteps, first] = await timed(() => devicePlace(engine, gradient, tile));
  const [warm, again] = await timed(() => devicePlace(engine, gradient, tile));
  await again.close();
  add({ engine: engine.name, compileHostMs: cold, compileDeviceMs: coldSteps, compileDeviceAgainMs: warm });
  const higher = tiles.slice(1).filter((height) => numbersOf(values.samples).some((count) => count >= height));
  const devices = [first];
  for (const height of higher) devices.push(await devicePlace(engine, goldenGradient(golden, task!, height), height));
  const places = [host, ...devices];
  const ready = new Set<Place>();
  for (const place of places) {
    if (performance.now() > until) break;
    await draw(engine, place, Math.min(numbersOf(values.samples)[0] ?? 1, place.rows)); // shaders are compiled at the first run
    ready.add(place);
  }
  /** Milliseconds of the last count, for one sample. */
  const pace = new Map<Place, number>();
  for (const count of numbersOf(values.samples)) {
    const draws = new Map<Place, Drawn[]>(places.map((place) => [place, []]));
    for (let round = 0; round < rounds; round++) {
      for (const place of places.filter(({ rows }) => rows === tile || rows <= count)) {
        const expected = (pace.get(place) ?? 0) * count;
        if (!ready.has(place) || performance.now() + expected > until) continue;
        const drawn = await draw(engine, place, count);
        pace.set(place, drawn.ms / count);
        draws.get(place)?.push(drawn);
      }
    }
    const bestOf = (place: Place): Drawn | undefined => best(draws.get(place) ?? []);
    const stepped = bestOf(host);
    for (const device of devices.filter(({ rows }) => rows === tile || rows <= count)) {
      const found = bestOf(device);
      add({
        ...{ engine: engine.name, samples: count, rows: device.rows },
        host: stepped === undefined ? LEFT_OUT : figuresOf(stepped, count),
        device: found === undefined ? LEFT_OUT : figuresOf(found, count),
        ...(stepped && found && { ratio: stepped.ms / found.ms, medianApart: apart(stepped, found, count) }),
      });
    }
  }
  for (const place of places) await place.close();
}

function figuresOf({ ms, evaluations, runs, reads }: Drawn, count: number): object {
  return { ms, runs, reads, samplesPerSecond: (1000 * count) / ms, evaluationsPerSecond: (1000 * evaluations) / ms };
}

/** The median distance between the ends of samples. */
function apart(a: Drawn, b: Drawn, count: number): number {
  const distances = Array.from({ length: count }, (_, i) =>
    rms(Array.from(a.z.subarray(i * dim, (i + 1) * dim), (x, c) => x - b.z[i * dim + c]!)),
  );
  return distances.sort((p, q) => p - q)[count >> 1]!;
}

/** Samples as a run draws them: some tiles at a time. */
async function draw(engine: Engine, { sampler, runs, rows: height }: Place, count: number): Promise<Drawn> {
  const [before, reads, start] = [runs(), engine.reads(), performance.now()];
  const z = new Float64Array(count * dim);
  let evaluations = 0;
  const together = samplesTogether(sampler.device === undefined ? "host" : "device", height);
  for (let first = 0; first < count; first += together) {
    const samples = Array.from({ length: Math.min(together, count - first) }, (_, i) => first + i);
    const drawn = await drawSamples({
      ...{ ...sampler, rows: height, zDim: dim, sampler: DEFAULT_ODE, seed: 42, samples },
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
  return { sampler: { gradient: counted }, rows: tile, runs: () => count, close: () => executable.dispose() };
}

async function devicePlace(engine: Engine, gradient: Graph, height: number): Promise<Place> {
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
  return { sampler: { device: { ...graphs, start, step, rows: height } }, rows: height, runs: () => count, close };
}

async function measureImages(engine: Engine, until: number): Promise<void> {
  const batch = engine.batches === true ? Number(values.batch) : 1;
  for (const size of numbersOf(values.sizes)) {
    const model = configF(size);
    const wanted = await referencePicture(model);
    const executable = await engine.compile(
      compileSynthesis(model, { rows: batch, layout: engine.layout, noise: "const" }),
    );
    const ws = repeatStyles(manyStyles(batch), batch, model.info.numWs);
    const { pixels } = await executable.run({ ws });
    const got = imagesFromTile(pixels!, size, size)[0]!.data;
    let images = 0;
    const start = performance.now();
    while (images === 0 || (images < Number(values.images) && performance.now() < until)) {
      await executable.run({ ws });
      images += batch;
    }
    const ms = performance.now() - start;
    await executable.dispose();
    const coloursApart = got.reduce((most, v, i) => Math.max(most, Math.abs(v - wanted[i]!)), 0);
    add({ engine: engine.name, pixels: size, batch, images, imagesPerSecond: (1000 * images) / ms, coloursApart });
  }
}

/** The same style for so many pictures. */
function manyStyles(count: number): Float32Array {
  const one = styles(1);
  return Float32Array.from({ length: count * one.length }, (_, i) => one[i % one.length]!);
}

/** The picture of the first style, by the processor. */
async function referencePicture(model: StyleganModel): Promise<Uint8Array> {
  const { resolution, numWs } = model.info;
  const engine = await openEngine("onnx-cpu").catch(() => openEngine("tfjs-wasm"));
  const executable = await engine.compile(compileSynthesis(model, { rows: 1, layout: engine.layout, noise: "const" }));
  const { pixels } = await executable.run({ ws: repeatStyles(styles(1), 1, numWs) });
  await executable.dispose();
  await engine.dispose();
  return imagesFromTile(pixels!, resolution, resolution)[0]!.data;
}

/** The reference's sampler and synthesis on the device that PyTorch has; a row that says so without a Python that has both. */
async function measureTorch(): Promise<void> {
  const { attributes, targets, truncation } = task!;
  const device = values["torch-device"];
  const scriptOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const folder = fileURLToPath(new URL(`../../shared/golden/${values.model}`, import.meta.url));
  const setup = { folder, attributes, targets, truncation, rtol: 1e-3, atol: 1e-3, device };
  const peer = await openPeer(scriptOf("./reference_ode.py"), setup, values.torch);
  if (peer === undefined) {
    add({ engine: "PyTorch", missing: `no Python with PyTorch on ${device}: name one with --torch` });
    return;
  }
  const named = { engine: "PyTorch", device, ...(peer.hello as object) };
  for (const count of numbersOf(values.samples)) {
    const samples = Array.from({ length: count }, (_, i) => i);
    const z0 = drawLatents(42, samples, dim);
    const starts = samples.map((i) => [...z0.subarray(i * dim, (i + 1) * dim)]);
    for (const captured of device === "cuda" ? [false, true] : [false]) {
      const form = { ...named, form: captured ? "CUDA graph" : "eager", samples: count };
      if (performance.now() > end) {
        add({ ...form, solve: LEFT_OUT });
        continue;
      }
      await peer.ask({ z0: starts, captured });
      const answer = (await peer.ask({ z0: starts, captured })) as TorchSolve;
      if (answer.trouble !== undefined) add({ ...form, trouble: answer.trouble });
      else {
        const { seconds, evaluations } = answer;
        const perSecond = { samplesPerSecond: count / seconds, evaluationsPerSecond: (count * evaluations) / seconds };
        add({ ...form, ms: 1000 * seconds, ...perSecond });
      }
    }
  }
  await peer.close();
  for (const size of numbersOf(values.sizes))
    await measureTorchImages(size, device, scriptOf("./reference_synthesis.py"));
}

interface TorchSolve {
  readonly seconds: number;
  readonly evaluations: number;
  /** Why there are none. */
  readonly trouble?: string;
}

async function measureTorchImages(size: number, device: string, script: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lacec-bench-"));
  try {
    const pack = join(folder, "pack.safetensors");
    writeFileSync(pack, writePack(configF(size), { source: "random weights of bench/gpu.ts" }));
    const peer = await openPeer(script, { pack, threads: availableParallelism(), device }, values.torch);
    if (peer === undefined) return;
    const batch = Number(values.batch);
    const request = { w: [...styles(1)], batch };
    await peer.ask(request);
    let [images, seconds] = [0, 0];
    while (images === 0 || (images < Number(values.images) && performance.now() < end)) {
      seconds += ((await peer.ask(request)) as { readonly seconds: number }).seconds;
      images += batch;
    }
    add({ engine: "PyTorch", device, form: "eager", pixels: size, batch, images, imagesPerSecond: images / seconds });
    await peer.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function best([first, ...others]: readonly Drawn[]): Drawn | undefined {
  return first && others.reduce((a, b) => (b.ms < a.ms ? b : a), first);
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
