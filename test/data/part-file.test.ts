import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { DataMetadata } from "../../src/learn/label/data-metadata.js";
import { DATA_KEY, parseDataMetadata } from "../../src/learn/label/data-metadata.js";
import { copyShards, openShards } from "../../src/learn/label/join.js";
import { layoutData, settingsOf, type DataRows } from "../../src/learn/label/layout.js";
import { shardRows, type PartFile, type PartPlan } from "../../src/learn/label/part-file.js";
import { nodeHost } from "../../src/node/host.js";
import { openPart, partName } from "../../src/node/part-file.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { InternalError } from "../../src/source/internal-error.js";
import { filesIn, folderWith } from "../support/lacec.js";
import { RANDOM_ATTRIBUTES } from "../support/model.js";

const folder = folderWith({});
afterAll(() => folder.remove());

const metadata: DataMetadata = {
  count: 150,
  model: { name: "random", sha256: "0".repeat(64), zDim: 2, wDim: 3 },
  attributes: RANDOM_ATTRIBUTES.map((a) => (a.type === "scalar" ? a : { ...a, temperature: 1 })),
  labeller: { name: "by hand", sha256: null },
  seed: 7,
  truncation: [0.5, 1],
  jitter: 0.25,
  lacec: "0.0.0",
};
const shape = { conditions: true, probabilities: ["hair"], thumbnails: 1 };

/** What is to be written, of `count` rows (from `first` of `of`). */
function plan(count = 150, more: Partial<DataMetadata> = {}): PartPlan {
  const whole = { ...metadata, count, ...more };
  const layout = layoutData(whole, shape);
  return { layout, settings: settingsOf(whole, layout), range: { first: whole.shard?.first ?? 0, count } };
}

/** Rows whose every number says its row. */
function rows(from: number, count: number): DataRows {
  const fill = (perRow: number): Float32Array =>
    Float32Array.from({ length: count * perRow }, (_, i) => from + Math.floor(i / perRow));
  return new Map<string, Float32Array | Uint8Array>([
    ["w", fill(3)],
    ["z", fill(2)],
    ...["truncation", "jitter", "labels.glasses", "labels.hair", "labels.tilt"].map((n) => [n, fill(1)] as const),
    ["probs.hair", fill(3)],
    ["thumbnails", Uint8Array.from(fill(3))],
  ]);
}

/** Writes what is missing. */
async function fill(part: PartFile): Promise<void> {
  for (const { first, count } of part.missing) await part.write(first, rows(first, count));
}

const at = (name: string): string => join(folder.path, name);

/** The bytes of a file that one run wrote. */
async function whole(name: string, ...of: Parameters<typeof plan>): Promise<Buffer> {
  const part = await openPart(at(name), plan(...of));
  await fill(part);
  await part.finish();
  return readFileSync(at(name));
}

describe("a data file in the making", () => {
  test("blocks written over an interruption make the file that docs/data.md describes", async () => {
    const file = at("new/data.safetensors");
    const first = await openPart(file, plan());
    expect(first.rows).toBe(0);
    expect(first.missing).toEqual([
      { first: 0, count: 64 },
      { first: 64, count: 64 },
      { first: 128, count: 22 },
    ]);
    await first.write(64, rows(64, 64));
    await first.close();
    expect(filesIn(at("new"))).toEqual(["data.safetensors.part"]);
    const second = await openPart(file, plan());
    expect([second.rows, second.missing.map((b) => b.first), second.damaged]).toEqual([64, [0, 128], []]);
    await fill(second);
    const numbers = Array.from({ length: 150 }, (_, i) => i);
    expect([...(await second.read("labels.tilt"))]).toEqual(numbers);
    await second.finish();
    expect(filesIn(at("new"))).toEqual(["data.safetensors"]);

    const stored = readSafetensors(readFileSync(file), file);
    expect(parseDataMetadata(stored.metadata.get(DATA_KEY), file)).toEqual(metadata);
    expect([...stored.tensors].map(([name, t]) => `${name} ${t.dtype} ${t.shape.join("x")}`)).toEqual([
      "w F32 150x3",
      "z F32 150x2",
      "truncation F32 150",
      "jitter F32 150",
      "labels.glasses F32 150",
      "labels.hair F32 150",
      "labels.tilt F32 150",
      "probs.hair F32 150x3",
      "thumbnails U8 150x1x1x3",
    ]);
    for (const [name, t] of stored.tensors) {
      const perRow = t.shape.slice(1).reduce((a, b) => a * b, 1);
      const wanted = Array.from({ length: 150 * perRow }, (_, i) => Math.floor(i / perRow));
      expect([...stored.tensor(name)!.data], name).toEqual(wanted);
    }
  });

  test("a run of more rows, or of fewer, goes on with the blocks that are whole", async () => {
    const file = at("grows.safetensors");
    const begun = await openPart(file, plan(150));
    await fill(begun);
    await begun.close();
    const more = await openPart(file, plan(300));
    expect(more.missing).toEqual([
      { first: 128, count: 64 }, // its 22 rows are no block
      { first: 192, count: 64 },
      { first: 256, count: 44 },
    ]);
    await more.write(128, rows(128, 64));
    await more.close();
    const fewer = await openPart(file, plan(170));
    expect([fewer.rows, fewer.missing]).toEqual([170, []]);
    await fewer.finish();
    expect(readFileSync(file).equals(await whole("at-once.safetensors", 170))).toBe(true);
    expect(filesIn(folder.path)).not.toContain("grows.safetensors.part");
  });

  test.each([
    ["rows", (b: Buffer) => (b[b.length - 3000] = b[b.length - 3000]! ^ 1)],
    ["its hash", (b: Buffer) => (b[b.length - 1] = b[b.length - 1]! ^ 1)],
    ["its number of rows", (b: Buffer) => (b[b.length - 33] = 1)],
  ])("a block of which %s changed on the disk is missing, and said to be damaged", async (_, change) => {
    const file = at("damaged.safetensors");
    const begun = await openPart(file, plan(), { fresh: true });
    await fill(begun);
    await begun.close();
    const bytes = readFileSync(partName(file));
    change(bytes);
    writeFileSync(partName(file), bytes);
    const again = await openPart(file, plan());
    const last = [{ first: 128, count: 22 }];
    expect([again.missing, again.damaged]).toEqual([last, last]);
    await expect(again.finish()).rejects.toThrow(InternalError);
    await fill(again);
    await again.close();
    const mended = await openPart(file, plan());
    expect([mended.rows, mended.damaged]).toEqual([150, []]);
    await mended.finish();
    expect(readFileSync(file).equals(await whole("sound.safetensors"))).toBe(true);
  });

  test("a part of other settings is refused and kept, and --fresh replaces it", async () => {
    const file = at("other.safetensors");
    const part = await openPart(file, plan());
    await part.write(0, rows(0, 64));
    await part.close();
    const before = readFileSync(partName(file));
    const other = plan(150, { seed: 8 });
    await expect(openPart(file, other)).rejects.toThrow(/L5311.*other settings/);
    expect(readFileSync(partName(file)).equals(before)).toBe(true);
    const fresh = await openPart(file, other, { fresh: true });
    expect(fresh.rows).toBe(0);
    await fresh.close();
  });

  test("of a part that was cut short the blocks before the cut are kept", async () => {
    const file = at("cut.safetensors");
    const part = await openPart(file, plan());
    await fill(part);
    await part.close();
    const { size } = statSync(partName(file));
    truncateSync(partName(file), size - 100);
    const cut = await openPart(file, plan());
    expect(cut.missing).toEqual([{ first: 128, count: 22 }]);
    await cut.close();
    truncateSync(partName(file), 12);
    await expect(openPart(file, plan())).rejects.toThrow(/L5311/);
  });

  test("a folder in the way is told before any work", async () => {
    await expect(openPart(folder.path, plan())).rejects.toThrow(/L5004.*a folder of that name exists/);
  });

  test.each([
    ["a head file", JSON.stringify({ format: 1, wDim: 3, attributes: [] }), /L5107.*not a file of labelled data/],
    ["a file without metadata", undefined, /L5107/],
    ["a wrong count", JSON.stringify({ format: 1, kind: "data", count: -1 }), /L5108.*count/],
  ])("%s is not taken for data", (_, text, message) => {
    expect(() => parseDataMetadata(text, "x.safetensors")).toThrow(message);
  });
});

describe("parts of the rows", () => {
  test.each([
    [150, 3],
    [150, 2],
    [64, 1],
    [1000, 7],
  ])("%i rows in %i parts: each row once, whole blocks", (count, of) => {
    const parts = Array.from({ length: of }, (_, k) => shardRows(count, { number: k + 1, of }));
    let end = 0;
    for (const p of parts) {
      expect([p.first, p.first % 64]).toEqual([end, 0]);
      end += p.count;
    }
    expect(end).toBe(count);
    const sizes = parts.slice(0, -1).map((p) => p.count);
    expect(Math.max(0, ...sizes) - Math.min(count, ...sizes)).toBeLessThanOrEqual(64);
  });

  /** The file of part `number` of `of` of 150 rows. */
  async function shard(name: string, number: number, of: number, more: Partial<DataMetadata> = {}): Promise<string> {
    const { first, count } = shardRows(150, { number, of });
    await whole(name, count, { shard: { first, of: 150 }, ...more });
    return at(name);
  }
  const host = nodeHost();

  test("join to the bytes of one run, in whatever order they are named", async () => {
    const files = [await shard("c", 3, 3), await shard("a", 1, 3), await shard("b", 2, 3)];
    const joined = await openShards(host, files);
    const part = await openPart(at("joined"), joined);
    const seen: number[] = [];
    await copyShards(host, joined, part, { onProgress: (done) => seen.push(done) });
    await part.finish();
    expect(seen).toEqual([64, 128, 150]);
    expect(readFileSync(at("joined")).equals(await whole("one-run"))).toBe(true);
  });

  test.each([
    [
      "a row that is in none",
      async () => [await shard("x1", 1, 3), await shard("x3", 3, 3)],
      /rows 64 to 127 of 150 are in no file/,
    ],
    [
      "an end that is in none",
      async () => [await shard("y1", 1, 3), await shard("y2", 2, 3)],
      /rows 128 to 149 of 150/,
    ],
    [
      "a row that is in two",
      async () => [await shard("z1", 1, 3), await shard("z2", 1, 2), await shard("z3", 2, 2)],
      /row 0 is in .*z1.* and in .*z2/,
    ],
    [
      "another seed",
      async () => [await shard("s1", 1, 2), await shard("s2", 2, 2, { seed: 8 })],
      /s2.*s1.*seed is 8 and 7/,
    ],
    [
      "another labeller",
      async () => [await shard("l1", 1, 2), await shard("l2", 2, 2, { labeller: { name: "x", sha256: null } })],
      /labeller is/,
    ],
    [
      "a whole file",
      async () => {
        await whole("entire");
        return [at("entire")];
      },
      /entire has all of its rows/,
    ],
  ])("do not fit together with %s", async (_, files, message) => {
    await expect(openShards(host, await files())).rejects.toThrow(message);
  });

  test("one that was cut short is told, and so is a head that promises other tensors", async () => {
    const [one, two] = [await shard("h1", 1, 2), await shard("h2", 2, 2)];
    truncateSync(two, statSync(two).size - 1);
    const joined = await openShards(host, [one, two]);
    const part = await openPart(at("h"), joined);
    await expect(copyShards(host, joined, part, { onProgress: () => undefined })).rejects.toThrow(/L5102.*ends early/);
    await part.close();
    const bytes = readFileSync(one);
    bytes.write("Z", bytes.indexOf('"z":'));
    writeFileSync(one, bytes);
    await expect(openShards(host, [one, two])).rejects.toThrow(/L5107|L5102|L5108/);
  });
});
