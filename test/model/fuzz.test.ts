// Mutations of model files: whatever is done to a file, reading it gives a model or a LaceError, soon and in bounded memory.
// A short seeded run here; LACEC_FUZZ=20000 npx vitest run test/model/fuzz.test.ts is the long one, and prints its figures.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { readHeadFile, readPack } from "../../src/models/pack/pack.js";
import { writeHeads, writePack } from "../../src/models/pack/write-pack.js";
import { isDict, type Fail, type PickleValue } from "../../src/models/formats/pickle-value.js";
import { findGenerator } from "../../src/models/checkpoints/find-generator.js";
import { readGenerator } from "../../src/models/checkpoints/import-checkpoint.js";
import { storageOf, TORCH_NAMES, type TorchStorage } from "../../src/models/formats/torch-tensor.js";
import { unpickle } from "../../src/models/formats/unpickle.js";
import { openZip } from "../../src/models/formats/zip.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { conditionalDecoder } from "../support/conditional-decoder.js";
import { tinyDecoder } from "../support/decoder.js";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
import { randomModel } from "../support/model.js";
import { dict, floatBytes, tensor, torchFile } from "../support/pickle.js";
import { random, type Random } from "../support/random.js";
import { tensorflowCheckpoint } from "../support/tensorflow-pickle.js";

const COUNT = Number(process.env["LACEC_FUZZ"] ?? 250);
const SEED = Number(process.env["LACEC_FUZZ_SEED"] ?? 1);
/** Far above what a file takes on a busy machine, far below what a hang takes. */
const SLOWEST_MS = 5000;
const MOST_BYTES = 1e9;

const model = randomModel();
const own: readonly (readonly [string, Uint8Array])[] = [
  ["pack", writePack(model, { source: "a test" })],
  ["heads", writeHeads({ attributes: model.info.attributes, heads: model.weights.heads }, model.info)],
  ["tensorflow", tensorflowCheckpoint(randomModel({ attributes: [] }))],
  ["onnx", tinyDecoder()],
  ["onnx with further inputs", conditionalDecoder({ classes: "index", type: "float16" })],
  ...["binary", "category", "objects", "margin", "scalar", "pipeline", "vectors", "ridge", "descent", "several"].map(
    (name): [string, Uint8Array] => {
      return [`scikit-learn, ${name}`, readFileSync(new URL(`../fixtures/scikit-learn/${name}.pkl`, import.meta.url))];
    },
  ),
  ...["relu", "leaky", "wrapped", "rosinality"].map((name): [string, Uint8Array] => {
    return [`torch.save, ${name}`, readFileSync(new URL(`../fixtures/torch-modules/${name}.pt`, import.meta.url))];
  }),
  ...[false, true].map((deflate): [string, Uint8Array] => {
    const weight = tensor({ key: "0", count: 16, shape: [2, 8], strides: [8, 1] });
    const bias = tensor({ key: "1", count: 2, shape: [2], strides: [1] });
    const head = dict({ state_dict: dict({ "heads.weight": weight, "heads.bias": bias }) });
    return [
      `head, ${deflate ? "deflated" : "stored"}`,
      torchFile(head, { 0: floatBytes(...Array<number>(16).fill(1)), 1: floatBytes(0, 1) }, { deflate }),
    ];
  }),
];
const form = (name: string): string => `checkpoint-forms/${name}`;
const golden = [
  "stylegan2-ada/skip64.pkl",
  "stylegan2-ada/skip32_conditional.pkl",
  "stylegan2-ada/orig32.pkl",
  "stylegan2-ada/resnet32.pkl",
  "stylegan2-rosinality/size64.pt",
  "lace-tiny/classifier_glasses.pt",
  "lace-tiny/mapping.pt",
  ...["ada_torch_save.pt", "ada_rgba.pkl", "ada_wide.pkl", "ada_state_dict.pt", "ada_state_dict.safetensors"].map(form),
  ...["rosinality_train.pt", "rosinality_lightning.ckpt", "psp.pt", "rosinality_data_parallel.pt"].map(form),
  ...["boundary.npy", "direction.pt", "head_linear.pt", "head_sequential.pt"].map(form),
  ...["t64.pkl", "r64.pkl", "t32_conditional.pkl"].map((name) => `stylegan3/${name}`),
];

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A place in the file: anywhere, or near one of its ends, where formats keep what they are made of. */
function place(r: Random, length: number): number {
  const near = Math.min(length, 4096);
  const kind = r.below(4);
  if (kind === 0) return r.below(near);
  return kind === 1 ? length - 1 - r.below(near) : r.below(length);
}

function mutate(bytes: Uint8Array, other: Uint8Array, r: Random): Uint8Array {
  const out = Buffer.from(bytes);
  const at = place(r, out.length);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  switch (r.below(8)) {
    case 0:
      return out.subarray(0, at);
    case 1:
      for (let n = 1 + r.below(8); n > 0; n--) out[place(r, out.length)] = r.below(256);
      return out;
    case 2:
      out[at] = out[at]! ^ (1 << r.below(8));
      return out;
    case 3:
      if (at + 4 <= out.length) view.setUint32(at, EXTREMES[r.below(EXTREMES.length)]!, true);
      return out;
    case 4:
      if (at + 8 <= out.length)
        view.setBigUint64(at, BigInt(EXTREMES[r.below(EXTREMES.length)]!) << BigInt(r.below(32)), true);
      return out;
    case 5: // inserted: another part of the file
      return Buffer.concat([
        out.subarray(0, at),
        out.subarray(place(r, out.length)).subarray(0, r.below(64)),
        out.subarray(at),
      ]);
    case 6: // taken out
      return Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + 1 + r.below(64)))]);
    default: // spliced with another file
      return Buffer.concat([out.subarray(0, at), other.subarray(place(r, other.length))]);
  }
}

/** Reads a file as import and inspect do. Gives what it was, or the code of the error. */
async function read(bytes: Uint8Array): Promise<string> {
  try {
    const source = await openSource(bytes, "x", { name: "x", sha256: "" });
    if (source.kind === "pack") readPack(source.stored, "x", { resolve: (name) => name, sha256: "" });
    else if (source.kind === "heads") readHeadFile(source.stored, "x");
    return source.kind;
  } catch (error) {
    if (error instanceof LaceError) return error.diagnostics[0]?.code ?? "none";
    throw error;
  }
}

describe("mutated model files", () => {
  const files = [
    ...own,
    ...(GOLDEN_PRESENT ? golden.map((name): [string, Uint8Array] => [name, goldenBytes(name)]) : []),
  ];

  it("the files themselves are read", async () => {
    for (const [name, bytes] of files)
      expect([name, await read(bytes)]).toEqual([
        name,
        name === "lace-tiny/mapping.pt" ? "L5107" : expect.not.stringMatching(/^L/),
      ]);
  });

  it(`${COUNT} mutations from seed ${SEED} give a model or a LaceError, soon and in bounded memory`, async () => {
    const r = random(SEED);
    const outcomes = new Map<string, number>();
    let [slowest, most] = [0, 0];
    for (let i = 0; i < COUNT; i++) {
      const [name, original] = files[r.below(files.length)]!;
      let bytes = mutate(original, files[r.below(files.length)]![1], r);
      for (let more = r.below(3); more > 0 && bytes.length > 0; more--) bytes = mutate(bytes, original, r);
      const start = performance.now();
      const outcome = await read(bytes).catch((error: unknown) => {
        throw new Error(`mutation ${i} of seed ${SEED}, of ${name}`, { cause: error });
      });
      slowest = Math.max(slowest, performance.now() - start);
      if (i % 20 === 0) most = Math.max(most, process.memoryUsage().rss);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    if (process.env["LACEC_FUZZ"] !== undefined) {
      console.log(
        `slowest ${slowest.toFixed(0)} ms, at most ${(most / 1e6).toFixed(0)} MB`,
        Object.fromEntries(outcomes),
      );
    }
    expect(slowest).toBeLessThan(SLOWEST_MS);
    expect(most).toBeLessThan(MOST_BYTES);
    // Mutations that change nothing but a weight leave a model; most do not.
    expect([...outcomes.keys()].filter((k) => k.startsWith("L")).length).toBeGreaterThan(3);
  }, 3_600_000);

  // The checksum of a zip hides its pickle from mutations of the file, so the pickle is mutated alone here.
  it.skipIf(!GOLDEN_PRESENT)(
    "mutations of the pickle inside a zip give a model or a LaceError too (needs ../shared/golden)",
    async () => {
      const zip = openZip(goldenBytes("stylegan2-rosinality/size64.pt"), "x");
      const name = [...zip.entries.keys()].find((n) => n.endsWith("data.pkl"))!;
      const original = await zip.read(name);
      const r = random(SEED);
      const outcomes = new Set<string>();
      for (let i = 0; i < COUNT; i++) {
        const bytes = mutate(original, original, r);
        try {
          const storages = new Map<string, TorchStorage>();
          const persistent = (id: PickleValue, fail: Fail) => storageOf(id, storages, fail);
          const { value } = unpickle(bytes, { file: "x", allow: TORCH_NAMES, persistent });
          const total = [...storages.values()].reduce((sum, s) => sum + s.byteLength, 0);
          if (total > 10_000_000 || !isDict(value)) continue; // readTorchZip refuses it: the file has fewer bytes
          for (const storage of storages.values()) storage.bytes = new Uint8Array(storage.byteLength);
          const found = findGenerator(value);
          if (found !== undefined) readGenerator(found, "x", { name: "x", sha256: "" });
          outcomes.add("model");
        } catch (error) {
          if (!(error instanceof LaceError)) throw new Error(`pickle ${i} of seed ${SEED}`, { cause: error });
          outcomes.add(error.diagnostics[0]?.code ?? "none");
        }
      }
      expect(outcomes.size).toBeGreaterThan(2);
    },
    3_600_000,
  );
});
