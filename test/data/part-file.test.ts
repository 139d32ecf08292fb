import { readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { DataMetadata } from "../../src/learn/label/data-metadata.js";
import { DATA_KEY, parseDataMetadata } from "../../src/learn/label/data-metadata.js";
import { layoutData, type DataRows } from "../../src/learn/label/layout.js";
import { openPart, partName } from "../../src/node/part-file.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { filesIn, folderWith } from "../support/lacec.js";
import { RANDOM_ATTRIBUTES } from "../support/model.js";

const folder = folderWith({});
afterAll(() => folder.remove());

const metadata: DataMetadata = {
  count: 5,
  model: { name: "random", sha256: "0".repeat(64), zDim: 2, wDim: 3 },
  attributes: RANDOM_ATTRIBUTES.map((a) => (a.type === "scalar" ? a : { ...a, temperature: 1 })),
  labeller: { name: "by hand", sha256: null },
  seed: 7,
  truncation: [0.5, 1],
  jitter: 0.25,
  lacec: "0.0.0",
};
const shape = { conditions: true, probabilities: ["hair"], thumbnails: 1 };
const layout = layoutData(metadata, shape);

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

describe("a data file in the making", () => {
  test("rows written in pieces, over an interruption, make the file that docs/data.md describes", async () => {
    const file = join(folder.path, "new/data.safetensors");
    const first = await openPart(file, layout);
    expect(first.rows).toBe(0);
    await first.write(rows(0, 2));
    await first.close();
    expect(filesIn(join(folder.path, "new"))).toEqual(["data.safetensors.part"]);
    const second = await openPart(file, layout);
    expect(second.rows).toBe(2);
    await second.write(rows(2, 3));
    expect([...(await second.read("labels.tilt"))]).toEqual([0, 1, 2, 3, 4]);
    await second.finish();
    expect(filesIn(join(folder.path, "new"))).toEqual(["data.safetensors"]);

    const stored = readSafetensors(readFileSync(file), file);
    expect(parseDataMetadata(stored.metadata.get(DATA_KEY), file)).toEqual(metadata);
    expect([...stored.tensors].map(([name, t]) => `${name} ${t.dtype} ${t.shape.join("x")}`)).toEqual([
      "w F32 5x3",
      "z F32 5x2",
      "truncation F32 5",
      "jitter F32 5",
      "labels.glasses F32 5",
      "labels.hair F32 5",
      "labels.tilt F32 5",
      "probs.hair F32 5x3",
      "thumbnails U8 5x1x1x3",
    ]);
    for (const [name, t] of stored.tensors) {
      const perRow = t.shape.slice(1).reduce((a, b) => a * b, 1);
      const wanted = Array.from({ length: 5 * perRow }, (_, i) => Math.floor(i / perRow));
      expect([...stored.tensor(name)!.data], name).toEqual(wanted);
    }
  });

  test("a part of other settings is refused and kept, and --fresh replaces it", async () => {
    const file = join(folder.path, "other.safetensors");
    const part = await openPart(file, layout);
    await part.write(rows(0, 4));
    await part.close();
    const other = layoutData({ ...metadata, seed: 8 }, shape);
    await expect(openPart(file, other)).rejects.toThrow(/L5311.*other settings/);
    expect(statSync(partName(file)).size).toBe(layout.bytes + 16);
    const fresh = await openPart(file, other, { fresh: true });
    expect(fresh.rows).toBe(0);
    await fresh.close();
  });

  test("a part that was cut short is refused", async () => {
    const file = join(folder.path, "cut.safetensors");
    const part = await openPart(file, layout);
    await part.write(rows(0, 4));
    await part.close();
    truncateSync(partName(file), layout.bytes - 3);
    await expect(openPart(file, layout)).rejects.toThrow(/L5311/);
  });

  test("a folder in the way is told before any work", async () => {
    await expect(openPart(folder.path, layout)).rejects.toThrow(/L5004.*a folder of that name exists/);
  });

  test.each([
    ["a head file", JSON.stringify({ format: 1, wDim: 3, attributes: [] }), /L5107.*not a file of labelled data/],
    ["a file without metadata", undefined, /L5107/],
    ["a wrong count", JSON.stringify({ format: 1, kind: "data", count: -1 }), /L5108.*count/],
  ])("%s is not taken for data", (_, text, message) => {
    expect(() => parseDataMetadata(text, "x.safetensors")).toThrow(message);
  });
});
