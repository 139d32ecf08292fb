// Image synthesis at FFHQ config-f size (512 channels, channel multiplier 2, random weights), or of StyleGAN3's configurations T and R, on engines of
// this machine, beside the same network in plain PyTorch, in turns.
// Run: node scripts/bench.js synthesis [--model f|t|r] [--json] [--size 1024 --size 256] [--rounds 5] [--seconds 60] [--threads 2] [--pack FILE]
//   [engine ...]
// PyTorch runs with the number of threads that it is fastest with, or with those asked for. On a machine that others use, compare the processor's seconds with --threads 1: they are nearly those of an idle machine.
// Without a Python that has torch the engines are timed alone. A slow subject stops before the others: each gets `seconds` at a size.
// The pictures are compared too: the largest difference of a colour from PyTorch's, of 255.
// --pack writes the model as a pack (for `lacec run`) and times nothing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ENGINE_NAMES, type EngineName } from "../src/runtime/services/engine.js";
import { openEngine } from "../src/node/engines/open.js";
import { imagesFromTile } from "../src/runtime/image/rgb.js";
import type { StyleganModel } from "../src/models/model.js";
import { writePack } from "../src/models/pack/write-pack.js";
import { compileSynthesis, repeatStyles } from "../src/compiler/build/synthesis.js";
import { transformInputs } from "../src/runtime/show/synthesis-inputs.js";
import { configF, styles } from "./config-f.js";
import { configStylegan3 } from "./config-stylegan3.js";
import { openBestPeer, openPeer } from "./peer.js";

/** Seconds on the clock and of processors, all threads together. */
interface Spent {
  readonly seconds: number;
  readonly cpu: number;
}

interface Subject {
  readonly label: string;
  /** Makes one picture. */
  draw(w: Float32Array): Promise<Spent>;
  close(): Promise<void>;
  readonly times: Spent[];
  spent: number;
}

interface Row {
  readonly resolution: number;
  readonly subject: string;
  readonly images: number;
  readonly min: number;
  readonly median: number;
  readonly cpu: number;
  readonly ratio: number | undefined;
  readonly cpuRatio: number | undefined;
  readonly difference: number | undefined;
}

const TORCH = "PyTorch";
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    model: { type: "string", default: "f" },
    size: { type: "string", multiple: true, default: ["1024", "256"] },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "60" },
    threads: { type: "string" },
    pack: { type: "string" },
  },
});
const threads = Number(values.threads ?? availableParallelism());
const configured = (size: number): StyleganModel => {
  if (values.model === "t" || values.model === "r") return configStylegan3(values.model === "t" ? "T" : "R", size);
  return configF(size);
};
const sizes = values.size.map(Number);
const asked = ENGINE_NAMES.filter((name) => positionals.includes(name));
const engines = asked.length > 0 ? asked : (["onnx-cpu", "tfjs-wasm"] as const);

if (values.pack !== undefined) {
  writeFileSync(
    values.pack,
    writePack(configured(sizes[0] ?? 1024), { source: `random weights of bench, ${values.model}` }),
  );
  console.log(`wrote ${values.pack}`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "lacec-bench-"));
  try {
    const rows: Row[] = [];
    for (const size of sizes) rows.push(...(await measure(size, folder)));
    if (values.json) console.log(JSON.stringify({ unit: "seconds per image", rows }, null, 2));
    else print(rows);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(resolution: number, folder: string): Promise<Row[]> {
  const model = configured(resolution);
  const w = styles(1);
  const pictures = new Map<string, Uint8Array>();
  const subjects: Subject[] = [];
  const torch = await openTorch(model, folder, pictures);
  if (torch !== undefined) subjects.push(torch);
  for (const name of engines) subjects.push(await engineSubject(name, model, pictures));
  // The first picture, untimed: memory is taken, code compiled.
  for (const subject of subjects) subject.spent += (await subject.draw(w)).seconds;
  const limit = Number(values.seconds);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const subject of subjects) {
      const least = Math.min(...subject.times.map((t) => t.seconds));
      if (subject.times.length > 0 && subject.spent + least > limit) continue;
      const time = await subject.draw(w);
      subject.times.push(time);
      subject.spent += time.seconds;
    }
  }
  for (const subject of subjects) await subject.close();
  const median = (list: readonly Spent[]): number =>
    list.map((t) => t.seconds).sort((a, b) => a - b)[list.length >> 1] ?? NaN;
  const cpu = (list: readonly Spent[]): number => Math.min(...list.map((t) => t.cpu));
  return subjects.map(({ label, times }) => ({
    resolution,
    subject: label,
    images: times.length,
    min: Math.min(...times.map((t) => t.seconds)),
    median: median(times),
    cpu: cpu(times),
    ratio: torch && median(torch.times) / median(times),
    cpuRatio: torch && cpu(torch.times) / cpu(times),
    difference: difference(pictures.get(label), pictures.get(TORCH)),
  }));
}

async function engineSubject(
  name: EngineName,
  model: StyleganModel,
  pictures: Map<string, Uint8Array>,
): Promise<Subject> {
  const engine = await openEngine(name, { spinning: threads > 1, threads });
  const executable = await engine.compile(compileSynthesis(model, { rows: 1, layout: engine.layout, noise: "const" }));
  return {
    label: name,
    draw: async (w) => {
      const ws = repeatStyles(w, 1, model.info.numWs);
      const [start, before] = [performance.now(), process.cpuUsage()];
      const { pixels } = await executable.run({ ws, ...transformInputs(model.synthesis, [undefined]) });
      const { user, system } = process.cpuUsage(before);
      const seconds = (performance.now() - start) / 1000;
      pictures.set(name, bytesOf(pixels!));
      return { seconds, cpu: (user + system) / 1e6 };
    },
    close: async () => {
      await executable.dispose();
      await engine.dispose();
    },
    times: [],
    spent: 0,
  };
}

/** PyTorch in a process of its own; undefined where there is none. */
async function openTorch(
  model: StyleganModel,
  folder: string,
  pictures: Map<string, Uint8Array>,
): Promise<Subject | undefined> {
  const pack = join(folder, "pack.safetensors");
  writeFileSync(pack, writePack(model, { source: "random" }));
  const script = fileURLToPath(new URL("reference_synthesis.py", import.meta.url));
  const setupFor = (n: number): object => ({ pack, threads: n });
  const peer =
    values.threads === undefined
      ? (await openBestPeer(script, setupFor, (p) => p.ask({ w: [...styles(1)] })))?.peer
      : await openPeer(script, setupFor(threads), undefined, threads);
  if (peer === undefined) return undefined;
  const file = join(folder, "image.f32");
  return {
    label: TORCH,
    draw: async (w) => {
      const spent = (await peer.ask({ w: [...w], image: file })) as Spent;
      const bytes = readFileSync(file);
      pictures.set(TORCH, toColours(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)));
      return spent;
    },
    close: () => peer.close(),
    times: [],
    spent: 0,
  };
}

function bytesOf(pixels: Float32Array): Uint8Array {
  return imagesFromTile(pixels, pixels.length, 1)[0]!.data;
}

/** [3, R, R] in [-1, 1] -> [R, R, 3] as bytes. */
function toColours(image: Float32Array): Uint8Array {
  const pixels = image.length / 3;
  return Uint8Array.from(image, (_, i) => {
    return Math.min(255, Math.max(0, 127.5 * image[(i % 3) * pixels + Math.floor(i / 3)]! + 128));
  });
}

/** The largest difference of one colour of one pixel, of 255. */
function difference(got: Uint8Array | undefined, wanted: Uint8Array | undefined): number | undefined {
  if (got === undefined || wanted === undefined) return undefined;
  return wanted.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i]!)), 0);
}

function print(rows: readonly Row[]): void {
  console.log(
    `seconds per image, ${threads} threads; ratios: times as fast as PyTorch (medians), and times as little processor`,
  );
  console.log("  size  subject      images      min   median      cpu   ratio  cpu ratio  bytes apart");
  for (const r of rows) {
    const figures = [r.min, r.median, r.cpu].map((s) => s.toFixed(3).padStart(9)).join("");
    const ratios = (r.ratio?.toFixed(2) ?? "").padStart(8) + (r.cpuRatio?.toFixed(2) ?? "").padStart(11);
    const distance = (r.difference?.toString() ?? "").padStart(13);
    const subject = r.subject.padEnd(12);
    console.log(
      `${String(r.resolution).padStart(6)}  ${subject}${String(r.images).padStart(7)}${figures}${ratios}${distance}`,
    );
  }
}
