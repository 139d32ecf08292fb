// Pictures a second, end to end: `lacec run` as a user calls it, of this clone's dist and of another one, in turns.
// Run: npm run build, then node scripts/bench.js throughput [--baseline DIR] [--count 2000] [--samples 256] [--pictures 24] [--rounds 3]
//   [--only avatar,samples,pictures] [--engine onnx-cpu] [--json]
// In: DIR, a folder with dist, models, package.json and node_modules of another state. Out: of each subject the median, least and most of pictures
// (or samples) a second, seconds until the first file, most memory, and the ratio of medians to the baseline.
// Invariants: every run starts from nothing, without a cache; the bench fails if a file differs from the one that the other made.
// Subjects: `avatar`, COUNT pictures of the built-in model; `samples`, SAMPLES latents of a mapping of FFHQ size, by the phase that draws them; `pictures`,
// PICTURES at 256 px of the synthesis of that size. Both of random weights (bench/config-f.ts, three heads of the paper's size).
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writePack } from "../src/models/pack/write-pack.js";
import type { StyleganModel } from "../src/models/model.js";
import { random } from "../test/support/random.js";
import { configF } from "./config-f.js";
import { spread } from "./spread.js";

const { values } = parseArgs({
  options: {
    baseline: { type: "string" },
    count: { type: "string", default: "2000" },
    samples: { type: "string", default: "256" },
    pictures: { type: "string", default: "24" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "avatar,samples,pictures" },
    engine: { type: "string", default: "onnx-cpu" },
    json: { type: "boolean", default: false },
  },
});

/** What is asked of each contender. */
interface Subject {
  readonly name: string;
  /** Pictures or samples of a run. */
  readonly count: number;
  readonly script: string;
}

interface Run {
  readonly seconds: number;
  /** Of the phase that draws samples, without loading and compiling. */
  readonly sampling: number;
  /** Until the first file was at its place. */
  readonly first: number;
  /** The most memory that the process held, bytes; NaN where the system does not tell. */
  readonly memory: number;
  /** Hash of all files but run.json, which names times. */
  readonly files: string;
}

interface Contender {
  readonly name: string;
  readonly main: string;
}

const folder = mkdtempSync(join(tmpdir(), "lacec-bench-"));
const pack = join(folder, "size-f.safetensors");
const contenders: Contender[] = [
  ...(values.baseline === undefined ? [] : [{ name: "baseline", main: resolve(values.baseline, "dist/cli/main.js") }]),
  { name: "this clone", main: fileURLToPath(new URL("../dist/cli/main.js", import.meta.url)) },
];

try {
  const subjects = subjectsOf().filter(({ name }) => values.only.split(",").includes(name));
  if (subjects.some(({ name }) => name !== "avatar"))
    writeFileSync(pack, writePack(withHeads(configF(256)), { source: "random weights of bench/throughput.ts" }));
  const rows = [];
  for (const subject of subjects) rows.push(...(await measure(subject)));
  if (values.json) console.log(JSON.stringify({ unit: "a second", load: loadavg()[0], rows }, null, 2));
  else print(rows);
} finally {
  rmSync(folder, { recursive: true });
}

function subjectsOf(): readonly Subject[] {
  const [count, samples, pictures] = [values.count, values.samples, values.pictures].map(Number) as [
    number,
    number,
    number,
  ];
  return [
    {
      name: "avatar",
      count,
      script: script("builtin:avatar", "glasses and smile and hair is brown", count, "each/{index}.png"),
    },
    { name: "samples", count: samples, script: script(pack, "one and two and three", samples, "latents.npz") },
    { name: "pictures", count: pictures, script: script(pack, "one and two and three", pictures, "each/{index}.png") },
  ];
}

/** The model with three heads of the paper's size, whose answers are as sure as those of trained ones. */
function withHeads(model: StyleganModel): StyleganModel {
  const r = random(1);
  const dense = (inputs: number, outputs: number) => ({
    weight: {
      shape: [outputs, inputs],
      data: Float32Array.from({ length: inputs * outputs }, () => r.normal() * Math.sqrt(2 / inputs)),
    },
    bias: { shape: [outputs], data: new Float32Array(outputs) },
  });
  const names = ["one", "two", "three"];
  return {
    ...model,
    info: {
      ...model.info,
      attributes: names.map((name) => ({ name, type: "binary", classes: ["no", "yes"], temperature: 0.2 })),
    },
    weights: {
      ...model.weights,
      heads: names.map((attribute) => ({
        attribute,
        layers: [dense(512, 384), dense(384, 256), dense(256, 128), dense(128, 2)],
      })),
    },
  };
}

function script(model: string, where: string, count: number, path: string): string {
  return `lace 1
model m from "${model}"
sample all from m {
  where ${where}
  count ${count}
  seed 6
}
save all to "${path}"
`;
}

async function measure(subject: Subject) {
  const runs = new Map<Contender, Run[]>(contenders.map((c) => [c, []]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const contender of contenders) runs.get(contender)?.push(await runOnce(contender, subject));
  const made = new Set([...runs.values()].flat().map((r) => r.files));
  if (made.size !== 1) throw new Error(`${subject.name}: files differ from one run to another`);
  const base = spread([...runs.values()][0]!.map((r) => subject.count / paceOf(subject, r))).median;
  return [...runs].map(([{ name }, all]) => {
    const pace = spread(all.map((r) => subject.count / paceOf(subject, r)));
    return {
      ...{ subject: subject.name, count: subject.count, contender: name, pace, ratio: pace.median / base },
      firstSeconds: spread(all.map((r) => r.first)).median,
      megabytes: spread(all.map((r) => r.memory)).median / 1e6,
    };
  });
}

/** Seconds that count: of samples those of their phase. */
function paceOf({ name }: Subject, { seconds, sampling }: Run): number {
  return name === "samples" ? sampling : seconds;
}

async function runOnce({ main }: Contender, { script: text }: Subject): Promise<Run> {
  const work = mkdtempSync(join(folder, "run-"));
  const out = join(work, "out");
  writeFileSync(join(work, "bench.lace"), text);
  const [began, start] = [Date.now(), performance.now()];
  const words = ["run", "bench.lace", "--out", out, "--no-cache", "--engine", values.engine, "-q"];
  const child = spawn(process.execPath, [main, ...words], { cwd: work, stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  let memory = NaN;
  const watch = setInterval(() => (memory = mostMemory(child.pid) ?? memory), 100);
  const code = await new Promise((done, failed) => child.on("close", done).on("error", failed));
  const seconds = (performance.now() - start) / 1000;
  clearInterval(watch);
  if (code !== 0) throw new Error(`${main} ended with ${String(code)}: ${errors}`);
  const names = readdirSync(out, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((n) => !n.endsWith("run.json") && statSync(join(out, n)).isFile());
  const first = (Math.min(...files.map((n) => statSync(join(out, n)).mtimeMs)) - began) / 1000;
  const hash = createHash("sha256");
  for (const name of files) hash.update(`${name}\n`).update(readFileSync(join(out, name)));
  const [record = "run.json"] = names.filter((n) => n.endsWith("run.json"));
  const { seconds: phases } = JSON.parse(readFileSync(join(out, record), "utf8")) as {
    readonly seconds: { readonly sample: number };
  };
  rmSync(work, { recursive: true });
  return { seconds, sampling: phases.sample, first, memory, files: hash.digest("hex") };
}

/** The most memory that a process has held so far, bytes; undefined where that is not told, or it has ended. */
function mostMemory(pid: number | undefined): number | undefined {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid ?? 0}/status`, "utf8")) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

function print(rows: Awaited<ReturnType<typeof measure>>): void {
  console.log(
    `a second, median (least .. most) of ${values.rounds} runs in turns, load ${(loadavg()[0] ?? NaN).toFixed(1)}`,
  );
  for (const { subject, count, contender, pace, ratio, firstSeconds, megabytes } of rows) {
    const figures = `${pace.median.toFixed(1)} (${pace.min.toFixed(1)} .. ${pace.max.toFixed(1)})`;
    console.log(
      `${`${subject} x ${count}`.padEnd(18)} ${contender.padEnd(11)} ${figures.padEnd(26)} ${ratio.toFixed(2)}x  first file ${firstSeconds.toFixed(1)} s  ${megabytes.toFixed(0)} MB`,
    );
  }
}
