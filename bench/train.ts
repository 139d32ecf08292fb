// Training twelve attributes on 10,000 latents of width 512, beside the same in plain PyTorch, in turns.
// Run: node scripts/bench.js train [--epochs 2] [--rounds 3] [--engine onnx-cpu] [--json]      short trainings that alternate
//      node scripts/bench.js train --epochs 50 --rounds 1 --alone                              one whole training, without PyTorch
// Without python3 and torch: lacec alone.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Attribute } from "../src/compiler/attribute.js";
import { ENGINE_NAMES } from "../src/runtime/services/engine.js";
import { openEngine } from "../src/node/engines/open.js";
import { nodeHost } from "../src/node/host.js";
import type { TrainingData } from "../src/learn/train/data.js";
import { evaluateHeads } from "../src/learn/train/evaluate.js";
import { DEFAULTS, hiddenWidths } from "../src/learn/train/settings.js";
import { trainHeads } from "../src/learn/train/trainer.js";
import { random } from "../test/support/random.js";
import { openBestPeer } from "./peer.js";

const [ROWS, WIDTH, HEADS, EPOCHS] = [10_000, 512, 12, 50];
const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    engine: { type: "string", default: "onnx-cpu" },
    alone: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const epochs = Number(values.epochs);
const data = makeData();
const engine = await openEngine(ENGINE_NAMES.find((n) => n === values.engine) ?? "auto");
const host = nodeHost();
const peer = values.alone ? undefined : await openTorch();
const ours: number[] = [];
const theirs: number[] = [];
// What a busy machine changes least: seconds of processor time, all threads together.
const ourCpu: number[] = [];
const theirCpu: number[] = [];
let [accuracy, theirAccuracy] = [NaN, NaN];
for (let round = 0; round < Number(values.rounds); round++) {
  const settings = { ...DEFAULTS, epochs: epochs < EPOCHS ? epochs : EPOCHS, patience: 0 };
  const before = process.cpuUsage();
  const trained = await trainHeads(data, settings, { host, engine });
  const { user, system } = process.cpuUsage(before);
  ourCpu.push((user + system) / 1e6 / trained.epochsDone);
  ours.push(trained.seconds / trained.epochsDone);
  const report = evaluateHeads(data, trained);
  accuracy = report.attributes.reduce((sum, a) => sum + (a.type === "scalar" ? 0 : a.accuracy), 0) / HEADS;
  if (peer === undefined) continue;
  const answer = await peer.ask({ epochs: settings.epochs, of: settings.epochs });
  theirs.push(answer["seconds"]! / settings.epochs);
  theirCpu.push(answer["cpu"]! / settings.epochs);
  theirAccuracy = answer["accuracy"]!;
}
peer?.close();
await engine.dispose();
await host.close();

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? NaN;
const rowsOut = [
  { what: `lacec, ${engine.description}`, perEpoch: ours, cpu: median(ourCpu), accuracy },
  ...(peer === undefined
    ? []
    : [{ what: peer.title, perEpoch: theirs, cpu: median(theirCpu), accuracy: theirAccuracy }]),
].map((r) => ({ ...r, min: Math.min(...r.perEpoch), median: median(r.perEpoch) }));
if (values.json)
  console.log(JSON.stringify({ rows: ROWS, width: WIDTH, heads: HEADS, epochs, results: rowsOut }, null, 2));
else {
  console.log(
    `${HEADS} heads, ${ROWS} latents of width ${WIDTH}, batch ${DEFAULTS.batch}: seconds an epoch over ${values.rounds} rounds of ${epochs} epochs`,
  );
  for (const r of rowsOut)
    console.log(
      `${r.what.padEnd(44)} min ${r.min.toFixed(2)}  median ${r.median.toFixed(2)}  processor ${r.cpu.toFixed(2)}  ${EPOCHS} epochs: ${(EPOCHS * r.median).toFixed(0)} s  accuracy ${r.accuracy.toFixed(3)}`,
    );
}

/** Halves of space in random directions: twelve binary attributes. */
function makeData(): TrainingData {
  const r = random(1);
  const latents = Float32Array.from({ length: ROWS * WIDTH }, () => r.normal());
  const columns = Array.from({ length: HEADS }, (_, index) => {
    const direction = Float64Array.from({ length: WIDTH }, () => r.normal());
    const labels = Float32Array.from({ length: ROWS }, (_row, row) => {
      let sum = 0;
      for (let i = 0; i < WIDTH; i++) sum += direction[i]! * latents[row * WIDTH + i]!;
      return sum > 0 ? 1 : 0;
    });
    const attribute: Attribute = { name: `a${index}`, type: "binary", classes: ["no", "yes"], temperature: 1 };
    return { attribute, index, labels };
  });
  const metadata = {
    ...{
      count: ROWS,
      attributes: columns.map((c) => c.attribute),
      seed: null,
      truncation: null,
      jitter: null,
      lacec: "",
    },
    model: { name: "none", sha256: null, zDim: null, wDim: WIDTH },
    labeller: { name: "none", sha256: null },
  };
  return { file: "", sha256: "", rows: ROWS, space: "w", width: WIDTH, latents, columns, metadata, warnings: [] };
}

interface Peer {
  readonly title: string;
  readonly ask: (request: object) => Promise<Record<string, number>>;
  readonly close: () => void;
}

/** PyTorch in a process of its own, at its best number of threads; undefined, visibly, where it is not installed. */
async function openTorch(): Promise<Peer | undefined> {
  const script = fileURLToPath(new URL("reference_train.py", import.meta.url));
  const about = {
    rows: ROWS,
    width: WIDTH,
    hidden: hiddenWidths(WIDTH, DEFAULTS),
    heads: HEADS,
    batch: DEFAULTS.batch,
  };
  const best = await openBestPeer(
    script,
    (threads) => ({ ...about, threads }),
    (peer) => peer.ask({ epochs: 1, of: EPOCHS }),
  );
  if (best === undefined) return undefined;
  const { peer, threads } = best;
  const { torch } = peer.hello as { readonly torch: string };
  const title = `PyTorch ${torch}, ${threads} thread${threads === 1 ? "" : "s"}`;
  return {
    title,
    ask: async (request) => (await peer.ask(request)) as Record<string, number>,
    close: () => void peer.close(),
  };
}
