// A 3x3 convolution of a synthesis on WebAssembly, made in several ways, in turns: what the studio's engine could do faster.
// Run: node scripts/bench.js convolution [--json] [--rounds 5] [--ort-web FOLDER], a folder that has onnxruntime-web in its node_modules: it is not a dependency.
// In: random images and weights. Out: for each size and way the least and the median of milliseconds, the processor's milliseconds of the median round, and the largest difference from the
// float64 interpreter's convolution, relative to the largest value. One thread each, as TensorFlow.js has in Node; "as is" is what the engine tfjs-wasm does now.
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { GraphBuilder } from "../src/compiler/graph/builder.js";
import type { Graph, ImageLayout } from "../src/compiler/graph/graph.js";
import { interpret } from "../src/compiler/graph/interpret.js";
import { winograd } from "../src/compiler/passes/winograd.js";
import { emitOnnx } from "../src/compiler/targets/onnx/onnx.js";
import { openEngine } from "../src/node/engines/open.js";
import { random } from "../test/support/random.js";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    "ort-web": { type: "string" },
  },
});

/** Sides and channels: those of the embedded model, then of FFHQ config-f. */
const SIZES = [
  { side: 64, channels: 32 },
  { side: 32, channels: 64 },
  { side: 32, channels: 512 },
  { side: 64, channels: 512 },
  { side: 128, channels: 256 },
  { side: 256, channels: 128 },
] as const;
type Size = (typeof SIZES)[number];
/** The pass takes every convolution of this benchmark, whatever it gains. */
const ALL = { minSide: 1, maxSide: 4096, minPairs: 1 };

interface Way {
  readonly name: string;
  run(x: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

const weightsOf = ({ channels }: Size): Float32Array => {
  const r = random(channels);
  const scale = 1 / Math.sqrt(9 * channels);
  return Float32Array.from({ length: channels * channels * 9 }, () => r.normal() * scale);
};

function shapeOf({ side, channels }: Size, layout: ImageLayout): number[] {
  return layout === "nchw" ? [1, channels, side, side] : [1, side, side, channels];
}

/** One convolution as the compiler builds it. */
function convolution(size: Size, layout: ImageLayout): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", shapeOf(size, layout));
  const { channels } = size;
  const weight = b.constant(weightsOf(size), [channels, channels, 3, 3]);
  return b.finish({ outputs: { y: b.conv2d(x, weight, { pad: 1, layout }) } });
}

/** The same as one product: nine shifted images side by side, by the weights as a matrix. */
function asProduct(size: Size): Graph {
  const { side, channels } = size;
  const b = new GraphBuilder();
  const x = b.input("x", shapeOf(size, "nhwc"));
  const padded = b.pad(x, [0, 1, 1, 0], [0, 1, 1, 0]);
  const shifts = Array.from({ length: 9 }, (_, k) =>
    b.slice(padded, [0, Math.floor(k / 3), k % 3, 0], [1, side, side, channels]),
  );
  const seen = b.reshape(b.concat(shifts, 3), [side * side, 9 * channels]);
  // [O, I, kh, kw] to [kh kw I, O]
  const weights = weightsOf(size);
  const matrix = new Float32Array(weights.length);
  for (let o = 0; o < channels; o++)
    for (let i = 0; i < channels; i++)
      for (let k = 0; k < 9; k++) matrix[(k * channels + i) * channels + o] = weights[(o * channels + i) * 9 + k] ?? 0;
  const y = b.matmul(seen, b.constant(matrix, [9 * channels, channels]));
  return b.finish({ outputs: { y: b.reshape(y, shapeOf(size, "nhwc")) } });
}

const engines = {
  "tfjs-wasm": await openEngine("tfjs-wasm", { threads: 1 }),
  "onnx-cpu": await openEngine("onnx-cpu", { threads: 1, spinning: false }),
};

async function onEngine(name: string, engine: keyof typeof engines, graph: Graph): Promise<Way> {
  const executable = await engines[engine].compile(graph);
  return {
    name,
    run: async (x) => (await executable.run({ x }))["y"] ?? new Float32Array(0),
    close: () => executable.dispose(),
  };
}

interface Ort {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => unknown;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      readonly inputNames: readonly string[];
      readonly outputNames: readonly string[];
      run(feeds: object): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
    }>;
  };
}

async function onOrtWeb(name: string, folder: string, graph: Graph, size: Size): Promise<Way> {
  const ort = createRequire(join(folder, "package.json"))("onnxruntime-web") as Ort;
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(emitOnnx(graph), { executionProviders: ["wasm"] });
  const [input = "", output = ""] = [session.inputNames[0], session.outputNames[0]];
  return {
    name,
    run: async (x) => {
      const outputs = await session.run({ [input]: new ort.Tensor("float32", x, shapeOf(size, "nchw")) });
      return outputs[output]?.data ?? new Float32Array(0);
    },
    close: () => Promise.resolve(),
  };
}

/** [H, W, C] of [C, H, W]. */
function toNhwc(x: Float32Array, { side, channels }: Size): Float32Array {
  const y = new Float32Array(x.length);
  for (let c = 0; c < channels; c++)
    for (let p = 0; p < side * side; p++) y[p * channels + c] = x[c * side * side + p] ?? 0;
  return y;
}

const table: { size: Size; name: string; least: number; median: number; cpu: number; error: number }[] = [];
for (const size of SIZES) {
  const r = random(7);
  const { side, channels } = size;
  const nchw = Float32Array.from({ length: channels * side * side }, () => r.normal());
  const nhwc = toNhwc(nchw, size);
  const plain = convolution(size, "nchw");
  const ways: readonly (Way & { readonly layout: ImageLayout })[] = await Promise.all([
    onEngine("tfjs-wasm, as is", "tfjs-wasm", convolution(size, "nhwc")).then((w) => ({
      ...w,
      layout: "nhwc" as const,
    })),
    onEngine("tfjs-wasm, one product", "tfjs-wasm", asProduct(size)).then((w) => ({ ...w, layout: "nhwc" as const })),
    onEngine("tfjs-wasm, Winograd", "tfjs-wasm", winograd(plain, ALL)).then((w) => ({ ...w, layout: "nchw" as const })),
    onEngine("onnx-cpu (native)", "onnx-cpu", plain).then((w) => ({ ...w, layout: "nchw" as const })),
    ...(values["ort-web"] === undefined
      ? []
      : [
          onOrtWeb("onnxruntime-web", values["ort-web"], plain, size).then((w) => ({ ...w, layout: "nchw" as const })),
          onOrtWeb("onnxruntime-web, Winograd", values["ort-web"], winograd(plain, ALL), size).then((w) => ({
            ...w,
            layout: "nchw" as const,
          })),
        ]),
  ]);
  // Of the smaller ones the meaning is computed too.
  const truth =
    side * side * channels * channels < 2 ** 25
      ? Float64Array.from(interpret(plain, { x: nchw })["y"] ?? [])
      : undefined;
  const times = ways.map((): { ms: number; cpu: number }[] => []);
  const errors = ways.map(() => NaN);
  for (let k = 0; k <= Number(values.rounds); k++)
    for (const [w, way] of ways.entries()) {
      const cpuBefore = process.cpuUsage();
      const before = performance.now();
      const y = await way.run(way.layout === "nhwc" ? nhwc : nchw);
      const ms = performance.now() - before;
      const { user, system } = process.cpuUsage(cpuBefore);
      // The first round takes memory and compiles code.
      if (k > 0) times[w]?.push({ ms, cpu: (user + system) / 1000 });
      else if (truth !== undefined) {
        const own = way.layout === "nhwc" ? y : toNhwc(y, size);
        const wanted = toNhwc(Float32Array.from(truth), size);
        const largest = truth.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        errors[w] = own.reduce((m, v, i) => Math.max(m, Math.abs(v - (wanted[i] ?? 0))), 0) / largest;
      }
    }
  for (const [w, way] of ways.entries()) {
    const sorted = [...(times[w] ?? [])].sort((a, b) => a.ms - b.ms);
    const middle = sorted[Math.floor(sorted.length / 2)] ?? { ms: NaN, cpu: NaN };
    table.push({
      size,
      name: way.name,
      least: sorted[0]?.ms ?? NaN,
      median: middle.ms,
      cpu: middle.cpu,
      error: errors[w] ?? NaN,
    });
    await way.close();
  }
  if (!values.json)
    for (const row of table.filter((t) => t.size === size))
      console.log(
        `${side} px, ${channels} channels  ${row.name.padEnd(26)} least ${row.least.toFixed(1).padStart(8)} ms  median ${row.median.toFixed(1).padStart(8)}  processor ${row.cpu.toFixed(1).padStart(8)}  error ${Number.isNaN(row.error) ? "-" : row.error.toExponential(1)}`,
      );
}
for (const engine of Object.values(engines)) await engine.dispose();
if (values.json) console.log(JSON.stringify(table, null, 2));
