// A classifier of pixels alone beside heads on latents: who is satisfied more often, by an exact judge of the pictures.
// Run: node scripts/bench.js pixels FOLDER [--rows 2000] [--count 16] [--epochs 60] [--noise 0.3]         (needs `npm run build`)
// In: a bed (test/bed): a decoder and the rules that judge its pictures. Out: a table. Both learn from as many pictures that the judge has labelled: heads by
// `lacec train`, on z, the classifier here, on means of 2 x 2 pixels (with noise of a standard deviation added, where that is said), a layer of tanh between; the one is followed in z, the other through the decoder.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { GraphBuilder, scalar } from "../src/compiler/graph/builder.js";
import type { NodeId } from "../src/compiler/graph/graph.js";
import { differentiate } from "../src/compiler/passes/differentiate.js";
import { optimize } from "../src/compiler/passes/optimize.js";
import { emitOnnx } from "../src/compiler/targets/onnx/onnx.js";
import { run } from "../src/node.js";
import { openEngine } from "../src/node/engines/open.js";
import { openOnnxModel } from "../src/node/engines/open-onnx-model.js";
import { random } from "../test/support/random.js";
import { bedFolder } from "./bed-folder.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "2000" },
    count: { type: "string", default: "16" },
    epochs: { type: "string", default: "60" },
    noise: { type: "string", default: "0" },
  },
});
const [folder = "bed-pixels"] = positionals;
const [ROWS, COUNT, EPOCHS, NOISE] = [values.rows, values.count, values.epochs, values.noise].map(Number);
const [Z, EDGE, SMALL, HIDDEN, BATCH] = [32, 64, 32, 48, 16];
const WIDTH = 3 * SMALL * SMALL;
/** Attributes of classes, with the columns of the judge's readings; one column is a logit. */
const ASKED = [
  { name: "hue", classes: ["red", "green", "blue", "gold"], column: 0 },
  { name: "corner", classes: ["no", "yes"], column: 7 },
  { name: "ring", classes: ["no", "yes"], column: 8 },
  { name: "stripes", classes: ["no", "yes"], column: 9 },
  { name: "dots", classes: ["none", "one", "two", "three"], column: 10 },
] as const;
const OUTPUTS = ASKED.reduce((n, a) => n + a.classes.length, 0);
const REQUESTS = [
  ...["hue is red", "hue is green", "hue is gold", "corner", "ring", "not ring", "stripes", "dots is two"],
  ...["dots is none", "hue is red and ring", "hue is blue and stripes", "ring and hue is green"],
  ...["stripes and dots is none", "hue is red and ring and dots is two"],
];

const { data, lacec } = bedFolder(folder, {}, String(ROWS));
const at = (file: string): string => join(folder, file);
if (!existsSync(at("heads.safetensors"))) lacec("train", data, "-o", "heads.safetensors", "-q");
const [decoder, judge] = [await openOnnx("decoder.onnx"), await openOnnx("judge.onnx")];

function openOnnx(file: string): ReturnType<typeof openOnnxModel> {
  return openOnnxModel(readFileSync(at(file)));
}

/** Pictures and readings of a batch of z. */
async function judged(z: Float32Array): Promise<{ image: Float32Array; readings: Float32Array }> {
  const { image } = await decoder.run({ z: { data: z, dims: [BATCH, Z] } });
  const { readings } = await judge.run({ image: { data: image!.data, dims: [BATCH, 3, EDGE, EDGE] } });
  return { image: image!.data, readings: readings!.data };
}

/** The class that the judge sees, of each attribute. */
function classesOf(readings: Float32Array): number[] {
  return ASKED.map(({ classes, column }) => {
    if (classes.length === 2) return (readings[column] ?? 0) > 0 ? 1 : 0;
    const own = [...readings.subarray(column, column + classes.length)];
    return own.indexOf(Math.max(...own));
  });
}

/** Means of 2 x 2 pixels of pictures [rows, 3, 64, 64], [rows, 3072], about 0. */
function shrunk(b: GraphBuilder, image: NodeId, rows: number): NodeId {
  const blocks = b.reshape(image, [rows, 3, SMALL, 2, SMALL, 2]);
  return b.sub(b.reshape(b.mean(blocks, [3, 5]), [rows, WIDTH]), scalar(0.5));
}

type Parameters = Record<"a" | "c" | "d" | "e", Float32Array>;
const SHAPES = { a: [WIDTH, HIDDEN], c: [1, HIDDEN], d: [HIDDEN, OUTPUTS], e: [1, OUTPUTS] } as const;

/** Logits of the classifier, [rows, OUTPUTS]. */
function classified(b: GraphBuilder, small: NodeId, node: (name: keyof Parameters) => NodeId): NodeId {
  const units = b.sigmoid(b.add(b.matmul(small, node("a")), node("c")));
  return b.add(b.matmul(b.sub(b.mul(units, scalar(2)), scalar(1)), node("d")), node("e"));
}

/** Trains the classifier by Adam on pictures of fresh z. */
async function trained(): Promise<Parameters> {
  const r = random(77);
  const rows = Math.floor(ROWS! / BATCH) * BATCH;
  const pictures = new Float32Array(rows * WIDTH);
  const labels = new Float32Array(rows * OUTPUTS);
  const shrink = await engineOf((b) => ({ small: shrunk(b, b.input("image", [BATCH, 3, EDGE, EDGE]), BATCH) }));
  for (let start = 0; start < rows; start += BATCH) {
    const { image, readings } = await judged(Float32Array.from({ length: BATCH * Z }, () => r.normal()));
    const { small } = await shrink({ image });
    pictures.set(small!, start * WIDTH);
    for (let row = 0; row < BATCH; row++) {
      let offset = 0;
      classesOf(readings.subarray(row * 14, (row + 1) * 14)).forEach((own, k) => {
        labels[(start + row) * OUTPUTS + offset + own] = 1;
        offset += ASKED[k]!.classes.length;
      });
    }
  }
  const size = 64;
  const step = await engineOf((b) => {
    const logits = classified(b, b.input("small", [size, WIDTH]), (name) => b.input(name, SHAPES[name]));
    const wanted = b.input("wanted", [size, OUTPUTS]);
    let offset = 0;
    const losses = ASKED.map(({ classes }) => {
      const own = b.sliceAxis(logits, 1, offset, classes.length);
      const picked = b.sum(b.mul(own, b.sliceAxis(wanted, 1, offset, classes.length)), [1], true);
      offset += classes.length;
      return b.mean(b.sub(b.logSumExp(own, [1], true), picked), [0, 1]);
    });
    return { loss: losses.reduce((sum, l) => b.add(sum, l)) };
  }, "loss");
  const weights = Object.fromEntries(
    Object.entries(SHAPES).map(([name, [n, m]]) => [
      name,
      Float32Array.from({ length: n * m }, () => (n === 1 ? 0 : r.normal() / Math.sqrt(n))),
    ]),
  ) as Parameters;
  const names = Object.keys(SHAPES) as (keyof Parameters)[];
  const moments = new Map(
    names.map((n) => [n, [new Float32Array(weights[n].length), new Float32Array(weights[n].length)] as const]),
  );
  let t = 0;
  for (let epoch = 0; epoch < EPOCHS!; epoch++) {
    let [sum, steps] = [0, 0];
    for (let k = 0; k + size <= rows; k += size, steps++) {
      const picked = Array.from({ length: size }, () => Math.floor(r.next() * rows));
      const small = new Float32Array(size * WIDTH);
      const wanted = new Float32Array(size * OUTPUTS);
      picked.forEach((row, i) => {
        for (let j = 0; j < WIDTH; j++)
          small[i * WIDTH + j] = pictures[row * WIDTH + j]! + (NOISE === 0 ? 0 : NOISE! * r.normal());
        wanted.set(labels.subarray(row * OUTPUTS, (row + 1) * OUTPUTS), i * OUTPUTS);
      });
      const out = await step({ small, wanted, ...weights });
      t += 1;
      sum += out["loss"]![0]!;
      for (const name of names) {
        const [m, v] = moments.get(name)!;
        const gradient = out[`d${name}`]!;
        const own = weights[name];
        for (let i = 0; i < own.length; i++) {
          m[i] = 0.9 * m[i]! + 0.1 * gradient[i]!;
          v[i] = 0.999 * v[i]! + 0.001 * gradient[i]! ** 2;
          const rate = (2e-3 * (1 - epoch / EPOCHS!) * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
          own[i] = own[i]! * (1 - 1e-4) - (rate * m[i]!) / (Math.sqrt(v[i]!) + 1e-8);
        }
      }
    }
    if (epoch % 20 === 19) console.error(`epoch ${epoch + 1}: loss ${(sum / steps).toFixed(3)}`);
  }
  return weights;
}

const engine = await openEngine("onnx-cpu");
/** A graph as a function; with `of`, its gradient in all parameters beside it. */
async function engineOf(build: (b: GraphBuilder) => Record<string, NodeId>, of?: string) {
  const b = new GraphBuilder();
  const graph = b.finish({ outputs: build(b) });
  const wrt = Object.fromEntries(Object.keys(SHAPES).map((name) => [name, `d${name}`]));
  const compiled = await engine.compile(optimize(of === undefined ? graph : differentiate(graph, { of, wrt })));
  return (inputs: Record<string, Float32Array>) => compiled.run(inputs);
}

if (!existsSync(at("pixels.onnx"))) {
  const weights = await trained();
  const b = new GraphBuilder();
  const image = b.input("image", [1, 3, EDGE, EDGE]);
  const logits = classified(b, shrunk(b, image, 1), (name) => b.constant(weights[name], SHAPES[name]));
  writeFileSync(at("pixels.onnx"), emitOnnx(b.finish({ outputs: { logits } })));
  let offset = 0;
  const attributes = ASKED.map(({ name, classes }) => {
    const columns = classes.map((_, k) => offset + k);
    offset += classes.length;
    const type = classes.length === 2 ? { type: "binary" } : { type: "category", classes };
    return { name, ...type, gives: "logits", columns };
  });
  const input = { name: "image", size: EDGE, layout: "nchw", range: [0, 1] };
  writeFileSync(at("pixels.json"), JSON.stringify({ format: 1, input, attributes }));
}

/** How often the classifier agrees with the judge on fresh pictures, by attribute. */
async function agreement(): Promise<string> {
  const r = random(99);
  const network = await openOnnx("pixels.onnx");
  const right = ASKED.map(() => 0);
  const batches = 32;
  for (let batch = 0; batch < batches; batch++) {
    const { image, readings } = await judged(Float32Array.from({ length: BATCH * Z }, () => r.normal()));
    for (let row = 0; row < BATCH; row++) {
      const own = image.slice(row * 3 * EDGE * EDGE, (row + 1) * 3 * EDGE * EDGE);
      const { logits } = await network.run({ image: { data: own, dims: [1, 3, EDGE, EDGE] } });
      let offset = 0;
      classesOf(readings.subarray(row * 14, (row + 1) * 14)).forEach((wanted, k) => {
        const values = [...logits!.data.subarray(offset, offset + ASKED[k]!.classes.length)];
        if (values.indexOf(Math.max(...values)) === wanted) right[k]! += 1;
        offset += values.length;
      });
    }
  }
  await network.dispose();
  return ASKED.map(({ name }, k) => `${name} ${(right[k]! / (batches * BATCH)).toFixed(2)}`).join(", ");
}

/** How many of the samples of a request the judge finds satisfied, mean evaluations and seconds. */
async function satisfied(
  request: string,
  by: "heads.safetensors" | "pixels.onnx",
  sampler = "",
  temperature = 1,
): Promise<readonly number[]> {
  const from = by === "pixels.onnx" ? `from "${by}" on image` : `from "${by}"`;
  const types = ASKED.map(({ name, classes }) =>
    classes.length === 2
      ? `attribute ${name}: binary ${from}`
      : `attribute ${name}: category { ${classes.join(", ")} } ${from}`,
  );
  const used = types.filter((line) => new RegExp(`\\b${/attribute (\w+)/.exec(line)![1]!}\\b`).test(request));
  const text = `lace 1\nmodel bed from "bed.safetensors"\n${used.join("\n")}\nsample s from bed { where temperature ${temperature} (${request})  count ${COUNT}  seed 5 ${sampler} }\n`;
  writeFileSync(at("ask.lace"), text);
  const began = Date.now();
  const { tasks } = await run(at("ask.lace"), { out: at("out"), engine: "onnx-cpu" });
  const seconds = (Date.now() - began) / 1000;
  const { samples } = tasks[0]!;
  let good = 0;
  for (let start = 0; start < samples.length; start += BATCH) {
    const z = new Float32Array(BATCH * Z);
    samples.slice(start, start + BATCH).forEach((s, i) => z.set(s.z, i * Z));
    const { readings } = await judged(z);
    for (let i = 0; i < Math.min(BATCH, samples.length - start); i++) {
      const classes = classesOf(readings.subarray(i * 14, (i + 1) * 14));
      const holds = request.split(" and ").every((part) => {
        const [, not, name, value] = /^(not )?(\w+)(?: is (\w+))?$/.exec(part)!;
        const k = ASKED.findIndex((a) => a.name === name);
        const wanted = value === undefined ? 1 : (ASKED[k]!.classes as readonly string[]).indexOf(value);
        return (classes[k] === wanted) === (not === undefined);
      });
      if (holds) good += 1;
    }
  }
  return [good, samples.reduce((sum, s) => sum + s.evaluations, 0) / samples.length, seconds];
}

const ways = [
  ["heads", "heads.safetensors", ""],
  ["pixels", "pixels.onnx", ""],
  ["pixels, tolerance 0.01", "pixels.onnx", "sampler ode { rtol 0.01  atol 0.01 }"],
  ["pixels, temperature 4", "pixels.onnx", "", 4],
] as const;
console.log(`the classifier agrees with the judge: ${await agreement()}`);
const totals = ways.map(() => [0, 0, 0]);
for (const request of REQUESTS) {
  const cells: string[] = [];
  for (const [k, [, by, sampler, temperature]] of ways.entries()) {
    const [good = 0, evaluations = 0, seconds = 0] = await satisfied(request, by, sampler, temperature);
    [good, evaluations, seconds].forEach((x, i) => (totals[k]![i]! += x));
    cells.push(`${good} (${evaluations.toFixed(0)})`);
  }
  console.log(`${request}: ${cells.join(" | ")}`);
}
ways.forEach(([name], k) => {
  const [good, evaluations, seconds] = totals[k]!;
  console.log(
    `${name}: ${good} of ${COUNT! * REQUESTS.length}, ${(evaluations! / REQUESTS.length).toFixed(0)} evaluations, ${seconds!.toFixed(1)} s`,
  );
});
await engine.dispose();
