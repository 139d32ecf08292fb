// How like photographs are found, what is seen in them, and what edits of them do beside edits of samples: the model's own pictures, and drawings that it has
// not seen.
// Run: node training/draw.mjs DRAWINGS 64 424243 natural    (training/README.md)
//      node scripts/bench.js photographs --drawings DRAWINGS [--json] [--own 64] [--count 64] [--encoder FILE] [--tries 12] [--space p+] [--prior 0.1] [--tune 100] [--model builtin:avatar]
//      node scripts/bench.js photographs --config-f 1024 --own 1 --space w+ --tries 1     (a model of that size with random weights)
// `--tune 100` tunes the model to each (its own pictures and drawings are told before and after; edits are of the model as it is). `--drawings ""` leaves drawings out, `--own 0` the model's own pictures. Figures: median PSNR in dB (of 8-bit colours, before the picture is rounded), seconds of the clock and
// of the processor, all threads together; of drawings the share of attributes that the model's labeller reads as they were drawn (classes by its choice,
// scalars within 0.1), in the drawings themselves and in what was found; of edits by `eval`: the share that satisfies the step, and how far other attributes drift.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { imageSizeOf, type Attribute } from "../src/compiler/attribute.js";
import type { PhotoSpace } from "../src/compiler/plan.js";
import { readEncoder } from "../src/models/encoder-file.js";
import { writeLatents } from "../src/models/latents.js";
import type { Model } from "../src/models/model.js";
import { writePack } from "../src/models/pack/write-pack.js";
import { evaluate, run } from "../src/node.js";
import { nodeHost } from "../src/node/host.js";
import { nodeServices } from "../src/node/services.js";
import type { Cache } from "../src/ports/cache.js";
import { encode } from "../src/runtime/draw/encode.js";
import { invert, type Inversion } from "../src/runtime/draw/inversion.js";
import { tune } from "../src/runtime/draw/tune.js";
import { ResultCache } from "../src/runtime/draw/result-cache.js";
import type { RgbImage } from "../src/runtime/image/rgb.js";
import { openPhotograph } from "../src/runtime/run/open-photograph.js";
import { attributesSeen } from "../src/runtime/run/photo-attributes.js";
import { NOWHERE } from "../src/source/span.js";
import { configF } from "./config-f.js";

const NAMES = ["glasses", "smile", "beard", "hat", "hair", "skin", "tilt", "light"];
const NEAR = 0.1;
/** What the embedded labeller takes and gives (docs/labellers.md), for a model of other attributes. */
const LABELLER = {
  format: 1,
  input: { name: "image", size: 128, layout: "nchw", range: [-1, 1] },
  attributes: [{ name: "smile", type: "binary", output: "logits", columns: [2, 3], gives: "logits" }],
  features: "features",
};
const EDITS = ["smile", "glasses", "hair is red"];
const { values } = parseArgs({
  options: {
    drawings: { type: "string", default: "" },
    own: { type: "string", default: "64" },
    count: { type: "string", default: "64" },
    encoder: { type: "string" },
    tries: { type: "string", default: "12" },
    space: { type: "string", default: "p+" },
    model: { type: "string", default: "builtin:avatar" },
    "config-f": { type: "string" },
    seed: { type: "string", default: "1611" },
    prior: { type: "string", default: "0.1" },
    tune: { type: "string", default: "0" },
    json: { type: "boolean", default: false },
  },
});

const host = nodeHost();
const world = nodeServices(host, "onnx-cpu");
const [engine, codec] = [await world.openEngine(), await world.openCodec()];
const folder = mkdtempSync(join(tmpdir(), "lace-photographs-"));
const reference = values["config-f"] === undefined ? values.model : await writeConfigF(Number(values["config-f"]));
const model = await load(reference);
const { width, height } = imageSizeOf(model.info);
const encoder = values.encoder === undefined ? undefined : readEncoder(readFileSync(values.encoder), values.encoder);
const reader = await world.openLabeller(model);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

function load(reference: string): Promise<Model> {
  return world.loadModel({ alias: "model", reference, heads: [], attributes: [], span: NOWHERE });
}

/** A pack of random weights, whose pictures the labeller of the embedded model looks at: its features are compared. */
async function writeConfigF(pixels: number): Promise<string> {
  const { labeller } = await load("builtin:avatar");
  if (labeller === undefined || labeller === "faces") throw new Error("the embedded model has no labeller of its own");
  copyFileSync(labeller.file, join(folder, basename(labeller.file)));
  const pack = join(folder, `config-f-${pixels}.safetensors`);
  const made = { ...configF(pixels), labeller: { ...labeller, description: LABELLER } };
  writeFileSync(pack, writePack(made, { source: "random weights of bench/config-f.ts", dtype: "F16" }));
  return pack;
}

/** What one run keeps for the next, in memory. */
function memory(): Cache {
  const kept = new Map<string, Uint8Array>();
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, bytes) => Promise.resolve(void kept.set(key, Uint8Array.from(bytes))),
    close: () => Promise.resolve(),
    trouble: undefined,
  };
}
const resultCache = new ResultCache(memory(), host, "bench");

interface Found extends Inversion {
  readonly seconds: number;
  readonly cpu: number;
  /** dB after the model was tuned to it. */
  readonly tuned: number;
  readonly tuneSeconds: number;
}

async function find(picture: RgbImage, file: string): Promise<Found> {
  const start = { kind: "photo" as const, file, space: "p+" as const, prior: 0.1, tries: 1, tune: 0, span: NOWHERE };
  const { decoder } = model.decoder === undefined ? {} : await openPhotograph(start, { model, world, codec });
  const pictures = { info: model.info, synthesis: model.synthesis, decoder };
  const [begun, used] = [performance.now(), process.cpuUsage()];
  const seen = reader && (await attributesSeen(picture, reader));
  const found = await invert(picture, {
    ...{ model, engine, pictures, seen, resultCache },
    ...{ noise: "none", prior: Number(values.prior), tries: Number(values.tries) },
    space: values.space as PhotoSpace,
    ...(encoder && { encode: (target: Float32Array) => encode(target, [width, height], encoder, engine) }),
  });
  const { user, system } = process.cpuUsage(used);
  const seconds = (performance.now() - begun) / 1000;
  const steps = Number(values.tune);
  const before = performance.now();
  const { psnr: tuned } =
    steps > 0 && model.synthesis !== undefined
      ? await tune(picture, found.styles, { model, engine, noise: "none", steps })
      : found;
  return { ...found, seconds, cpu: (user + system) / 1e6, tuned, tuneSeconds: (performance.now() - before) / 1000 };
}

async function findAll(pictures: readonly RgbImage[], what: string, file: string): Promise<readonly Found[]> {
  const all: Found[] = [];
  for (const [k, picture] of pictures.entries()) {
    const found = await find(picture, file);
    all.push(found);
    const { psnr, nats, cpu, tuned } = found;
    say(
      `${what} ${k}: ${psnr.toFixed(1)} dB, ${tuned.toFixed(1)} where the model is tuned, ${nats.toFixed(0)} nats, ${cpu.toFixed(1)} s of the processor`,
    );
  }
  return all;
}

function summary(found: readonly Found[]): Record<string, number> {
  const middle = (of: (f: Found) => number): number => {
    const sorted = found.map(of).sort((a, b) => a - b);
    const half = sorted.length / 2;
    return ((sorted[Math.floor(half - 0.5)] ?? NaN) + (sorted[Math.ceil(half - 0.5)] ?? NaN)) / 2;
  };
  const least = Math.min(...found.map((f) => f.psnr));
  return {
    count: found.length,
    psnr: middle((f) => f.psnr),
    least,
    nats: middle((f) => f.nats),
    seconds: middle((f) => f.seconds),
    cpu: middle((f) => f.cpu),
    tuned: middle((f) => f.tuned),
    tuneSeconds: middle((f) => f.tuneSeconds),
  };
}

/** Pictures that the model draws. */
async function ownPictures(count: number): Promise<readonly RgbImage[]> {
  const path = join(folder, "own.lace");
  const noise = model.decoder === undefined ? "truncation 0.7  noise none" : "";
  writeFileSync(
    path,
    `lace 1\nmodel m from "${reference}"\nsample own from m { count ${count}  seed ${values.seed}  ${noise} }\nsave own to "own-{index}.png"\n`,
  );
  await run(path, { out: folder, engine: "onnx-cpu" });
  return Promise.all(
    Array.from({ length: count }, (_, k) => codec.photograph(readFileSync(join(folder, `own-${k}.png`)))),
  );
}

/** Which of the attributes of a drawing the labeller reads as they were drawn. */
function asDrawn(columns: Float32Array, attributes: readonly Attribute[], truth: Float32Array): readonly boolean[] {
  let at = 0;
  return attributes.map((attribute) => {
    const wanted = truth[NAMES.indexOf(attribute.name)] ?? NaN;
    if (attribute.type === "scalar") return Math.abs((columns[at++] ?? NaN) - wanted) <= NEAR;
    const logits = columns.subarray(at, at + attribute.classes.length);
    at += attribute.classes.length;
    return logits.indexOf(Math.max(...logits)) === wanted;
  });
}

async function shareAsDrawn(pictures: readonly RgbImage[], truth: Float32Array): Promise<number> {
  if (reader === undefined) return NaN;
  const { columns } = await reader.label(pictures);
  const [n, k] = [columns.length / pictures.length, truth.length / pictures.length];
  const right = pictures.flatMap((_, row) =>
    asDrawn(columns.subarray(row * n, (row + 1) * n), reader.attributes, truth.subarray(row * k, (row + 1) * k)),
  );
  return right.filter(Boolean).length / right.length;
}

/** The latents of what was found, as a file that scripts start from. */
function keep(found: readonly Found[]): string {
  const { numWs, wDim, zDim } = model.info;
  const join32 = (of: (f: Found) => ArrayLike<number>, size: number): Float32Array => {
    const out = new Float32Array(found.length * size);
    found.forEach((f, k) => out.set(of(f), k * size));
    return out;
  };
  const w = { shape: [found.length, numWs, wDim], data: join32((f) => f.styles, numWs * wDim) };
  const z = { shape: [found.length, zDim], data: join32((f) => f.z, zDim) };
  const path = join(folder, "found.npz");
  writeFileSync(path, writeLatents("npz", { w, z }));
  return path;
}

async function picturesOf(count: number): Promise<readonly RgbImage[]> {
  const path = join(folder, "found.lace");
  writeFileSync(
    path,
    `lace 1\nmodel m from "${reference}"\nsample found from m { start from "found.npz" as wplus  noise none }\nsave found to "found-{index}.png"\n`,
  );
  await run(path, { out: folder, engine: "onnx-cpu" });
  return Promise.all(
    Array.from({ length: count }, (_, k) => codec.photograph(readFileSync(join(folder, `found-${k}.png`)))),
  );
}

/** One step on what was found, and on samples, as `eval` measures it. */
async function editsOf(count: number): Promise<Record<string, Record<string, number | null>>> {
  const path = join(folder, "edits.lace");
  const lines = EDITS.flatMap((step, k) => [
    `edit found${k} from m { start from "found.npz" as wplus  noise none  keep latent 0.02  step ${step} }`,
    `edit sample${k} from m { count ${count}  seed 77  truncation 0.7  noise none  keep latent 0.02  step ${step} }`,
  ]);
  writeFileSync(path, `lace 1\nmodel m from "${reference}"\n${lines.join("\n")}\n`);
  const { evaluation } = await evaluate(path, { reference: 64, engine: "onnx-cpu" });
  return Object.fromEntries(
    EDITS.map((step, k) => {
      const of = (name: string): readonly [number | null, number | null] => {
        const own = evaluation.sets.find((s) => s.name === `${name}${k}`)?.edit?.steps[0];
        return [own?.after?.mean ?? null, own?.drift?.share ?? null];
      };
      const [[satisfied, drift], [ofSamples, driftOfSamples]] = [of("found"), of("sample")];
      return [step, { satisfied, drift, ofSamples, driftOfSamples }];
    }),
  );
}

const result: Record<string, unknown> = {
  model: model.sha256,
  space: values.space,
  tries: Number(values.tries),
  encoder: values.encoder !== undefined,
};
try {
  const own = Number(values.own);
  if (own > 0) result["own"] = summary(await findAll(await ownPictures(own), "own", join(folder, "own-0.png")));
  if (values.drawings !== "") {
    const count = Number(values.count);
    const bytes = readFileSync(`${values.drawings}.u8`);
    const size = width * height * 3;
    const truth = new Float32Array(Uint8Array.from(readFileSync(`${values.drawings}.labels.f32`)).buffer);
    const drawings = Array.from({ length: count }, (_, k): RgbImage => {
      return { width, height, data: new Uint8Array(bytes.subarray(k * size, (k + 1) * size)) };
    });
    const found = await findAll(drawings, "drawing", "");
    keep(found);
    const labels = truth.subarray(0, count * NAMES.length);
    const read = await shareAsDrawn(drawings, labels);
    result["drawings"] = { ...summary(found), read, readOfFound: await shareAsDrawn(await picturesOf(count), labels) };
    result["edits"] = await editsOf(count);
  }
} finally {
  rmSync(folder, { recursive: true });
  await reader?.dispose();
  await engine.dispose();
}
if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
else
  process.stdout.write(
    Object.entries(result)
      .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
      .join(""),
  );
