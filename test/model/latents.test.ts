// Files of latents: those of other projects, ours, and such as are none.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { latentForm, type LatentTable, type LatentWord } from "../../src/compiler/latent-table.js";
import { latentRows, readLatents, writeLatents } from "../../src/models/latents.js";
import { writeNpy } from "../../src/models/formats/npy.js";
import { openZip, writeZip } from "../../src/models/formats/zip.js";
import { GOLDEN_PRESENT, goldenArrays, goldenBytes } from "../support/golden.js";
import { dict, floatBytes, tensor, torchFile, type Part } from "../support/pickle.js";

const sizes = { zDim: 16, wDim: 32, numWs: 8 };
const array = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
});

function formOf(table: LatentTable, word?: LatentWord) {
  return latentForm(table, word, sizes);
}

describe.skipIf(!GOLDEN_PRESENT)("files of projectors and editors", () => {
  const expected = goldenArrays("checkpoint-forms/latents.expected.safetensors")("ws");
  const perRow = 8 * 32;

  test.each<[string, LatentWord | undefined, readonly number[], boolean]>([
    ["projected_w.npz", undefined, [0], true],
    ["latent_wplus.npy", "wplus", [1], true],
    ["latents.pt", undefined, [0, 1, 2], true],
  ])("%s as %s is what it was made of", async (name, word, rows, layered) => {
    const bytes = goldenBytes(`checkpoint-forms/${name}`);
    const arrays = await readLatents(bytes, name);
    const form = formOf(Object.fromEntries(Object.entries(arrays).map(([key, { shape }]) => [key, shape])), word);
    if (typeof form === "string") throw new Error(form);
    expect(form).toMatchObject({ space: "w", rows: rows.length, layered });
    const found = latentRows(arrays, form, name);
    const all = rows.map((r) => [...expected.data.slice(r * perRow, (r + 1) * perRow)]);
    const matches = found.map((row) =>
      all.findIndex((e) => e.every((x, i) => Math.abs(x - (row.w?.[i] ?? NaN)) < 1e-6)),
    );
    expect(rows.length === 1 ? [anyRow(found[0]?.w, expected.data)] : matches).toEqual(
      rows.length === 1 ? [true] : rows,
    );
  });

  function anyRow(w: Float32Array | undefined, data: Float64Array): boolean {
    return [0, 1, 2].some((r) => w?.every((x, i) => Math.abs(x - (data[r * perRow + i] ?? NaN)) < 1e-6) === true);
  }

  test("latents_w.npy has one w for all layers", async () => {
    const arrays = await readLatents(goldenBytes("checkpoint-forms/latents_w.npy"), "latents_w.npy");
    const form = formOf({ plain: arrays.plain?.shape ?? [] });
    expect(form).toMatchObject({ space: "w", rows: 3, layered: false });
  });
});

describe("files of rosinality's projector", () => {
  const layers = Array.from({ length: 2 * 8 * 32 }, (_, i) => Math.fround(Math.cos(i)));
  // projector.py slices one tensor for all pictures: latents share a storage.
  const face = (row: number, shape: readonly number[]): Part => {
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    const count = shape.reduce((a, b) => a * b, 1);
    const noise = [0x5d, tensor({ key: "1", count: 16, shape: [1, 1, 4, 4], strides: [16, 16, 4, 1] }), 0x61];
    return dict({
      img: tensor({ key: "2", count: 12, shape: [3, 2, 2], strides: [4, 2, 1] }),
      latent: tensor({ key: "0", count: layers.length, offset: row * count, shape, strides }),
      noise,
    });
  };
  const storages = {
    "0": floatBytes(...layers),
    "1": floatBytes(...Array.from({ length: 16 }, () => 1)),
    "2": floatBytes(...Array.from({ length: 12 }, () => 2)),
  };

  test.each<[string, readonly number[], boolean]>([
    ["w of each layer", [8, 32], true],
    ["one w", [32], false],
    ["one w in a row", [1, 32], false],
  ])("%s of each of two pictures", async (_, shape, layered) => {
    const bytes = torchFile(dict({ "faces/a.png": face(0, shape), "faces/b.png": face(1, shape) }), storages);
    const arrays = await readLatents(bytes, "a.pt");
    const form = formOf({ w: arrays.w?.shape ?? [] });
    if (typeof form === "string") throw new Error(form);
    expect(form).toMatchObject({ space: "w", rows: 2, layered });
    const width = layered ? 8 * 32 : 32;
    const rows = latentRows(arrays, form, "a.pt").map((row) => [...(row.w ?? [])]);
    expect(rows).toEqual([layers.slice(0, width), layers.slice(width, 2 * width)]);
  });

  test("latents of several shapes are refused", async () => {
    const bytes = torchFile(dict({ "a.png": face(0, [8, 32]), "b.png": face(1, [32]) }), storages);
    await expect(readLatents(bytes, "a.pt")).rejects.toThrow(/L5323.*several shapes/);
  });
});

describe("what a model takes", () => {
  test.each<[LatentTable, LatentWord | undefined, object | RegExp]>([
    [{ plain: [32] }, undefined, { space: "w", rows: 1, layered: false }],
    [{ plain: [5, 32] }, undefined, { space: "w", rows: 5, layered: false }],
    [{ plain: [8, 32] }, "wplus", { space: "w", rows: 1, layered: true }],
    [{ plain: [5, 1, 8, 32] }, undefined, { space: "w", rows: 5, layered: true }],
    [{ plain: [5, 16] }, "z", { space: "z", rows: 5 }],
    [{ w: [4, 8, 32], z: [4, 16] }, undefined, { array: "w", hasZ: true, rows: 4 }],
    [{ w: [4, 8, 32], z: [3, 16] }, undefined, { hasZ: false }],
    [{ w: [4, 8, 32], z: [4, 16] }, "z", { array: "z", space: "z", rows: 4 }],
    [{ z: [4, 16] }, undefined, { array: "z", space: "z" }],
    [{ z: [4, 16] }, "w", /no array of w/],
    [{ plain: [5, 31] }, undefined, /\[5, 31\].*has 32/],
    [{ plain: [5, 7, 32] }, undefined, /7 layers.*8/],
    [{ plain: [0, 32] }, undefined, /none/],
    [{ plain: [] }, undefined, /\[\]/],
    [{ plain: [2, 3, 4, 5, 32] }, undefined, /\[2, 3, 4, 5, 32\]/],
  ])("%j as %s", (table, word, wanted) => {
    const form = formOf(table, word);
    if (wanted instanceof RegExp) expect(form).toMatch(wanted);
    else expect(form).toMatchObject(wanted);
  });
});

describe("our own files", () => {
  const w = array(3, 8, 32);
  const z = array(3, 16);

  test.each(["npz", "npy", "safetensors"] as const)("what %s holds comes back to the bit", async (format) => {
    const arrays = await readLatents(writeLatents(format, { w, z }), `x.${format}`);
    const own = format === "npy" ? arrays.plain : arrays.w;
    expect(own?.shape).toEqual([3, 8, 32]);
    expect(own?.read().data).toEqual(w.data);
    expect(arrays.z?.read().data).toEqual(format === "npy" ? undefined : z.data);
  });

  test("the same latents are the same bytes, and the zip is whole", () => {
    const bytes = writeLatents("npz", { w, z });
    expect(writeLatents("npz", { w, z })).toEqual(bytes);
    expect([...openZip(bytes, "x.npz").entries.keys()]).toEqual(["w.npy", "z.npy"]);
  });
});

describe("files that hold none", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["text", new TextEncoder().encode("lace 1"), /L5323/],
    [
      "two arrays without names",
      writeZip(
        new Map([
          ["a.npy", writeNpy(array(2))],
          ["b.npy", writeNpy(array(2))],
        ]),
      ),
      /L5323.*a, b/s,
    ],
    ["a zip of nothing", writeZip(new Map([["a.txt", new Uint8Array(3)]])), /L51/],
    ["half an array", writeNpy(array(4, 32)).subarray(0, 300), /L5104/],
    ["a damaged zip", writeLatents("npz", { w: array(2, 32), z: array(2, 16) }).subarray(0, 400), /L5103/],
    ["a picture", readFileSync("editors/vscode/media/icon.png"), /L5323/],
  ])("%s", async (_, bytes, message) => {
    await expect(readLatents(bytes, "x")).rejects.toThrow(message);
  });

  test("numbers that are not finite are refused", async () => {
    const plain = array(2, 32);
    plain.data[40] = NaN;
    const arrays = await readLatents(writeNpy(plain), "x.npy");
    const form = formOf({ plain: [2, 32] });
    if (typeof form === "string") throw new Error(form);
    expect(() => latentRows(arrays, form, "x.npy")).toThrow(/L5323.*finite/);
  });
});
