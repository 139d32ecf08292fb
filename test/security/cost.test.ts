// What would take for ever or fill memory is refused before any work, with the size that it would have.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check as checkFiles } from "../../src/app/check.js";
import { inferAttributes, readLabelTable } from "../../src/learn/label/label-table.js";
import { exportImages, label } from "../../src/app/label.js";
import { nodePlatform } from "../../src/node/platform.js";
import { compile } from "../check/support.js";
import { folderWith, lacec } from "../support/lacec.js";

const check = async (script: string) => {
  const start = performance.now();
  const { diagnostics } = await compile({ "main.lace": script }, {});
  expect(performance.now() - start).toBeLessThan(10_000);
  return diagnostics.map((d) => `${d.code}: ${d.message}`);
};
const head = 'lace 1\nmodel avatar from "builtin:avatar"\n';

describe("a script that asks for too much", () => {
  test.each([
    ["samples", "sample s from avatar { where glasses  count 100000000 }", /`s` would make 100000000 images/],
    ["more", "sample s from avatar { where glasses  count 9007199254740991 }", /would make 9007199254740991 images/],
    [
      "frames",
      "traverse s from avatar { where glasses  between seed 1 and seed 2  frames 100000  count 10000 }",
      /would make 1000000000 images/,
    ],
    [
      "cells",
      "sweep s over t in 0..1 by 0.001 from avatar { where tilt is t  count 1000000 }",
      /would make 1001000000/,
    ],
    ["edits", "edit s from avatar { count 1000000 step glasses step smile }", /would make 2000000 images/],
  ])("%s", async (_, task, message) => {
    const found = await check(`${head}${task}\nsave s to "s-{index}.png"\n`);
    expect(found).toEqual([expect.stringMatching(message)]);
  });

  test("a sheet", async () => {
    const sample = "sample s from avatar { where glasses  count 100000 }";
    expect(await check(`${head}${sample}\nsave s to "s.png" as grid\n`)).toEqual([
      "L2004: this file would show 100000 images of `s` at once; 10000 are the most of one sheet",
    ]);
    expect(await check(`${head}${sample}\nsave s to "s-{index}.png"\n`)).toEqual([]);
  });

  test("on the command line: run, check and --count say the same, with exit code 2", async () => {
    const folder = folderWith({
      "much.lace": `${head}sample s from avatar { where glasses  count 1e8 }\nsave s to "s.png" as grid\n`,
      "little.lace": `${head}sample s from avatar { where glasses  count 1 }\nsave s to "s-{index}.png"\n`,
    });
    try {
      for (const args of [
        ["check", "much.lace"],
        ["run", "much.lace"],
        ["run", "little.lace", "--count", "1000000000"],
      ]) {
        const { code, err } = await lacec(args, { cwd: folder.path });
        expect(err).toMatch(/would make 10{8,9} images|would show 10{8} images/);
        expect(code).toBe(2);
      }
    } finally {
      folder.remove();
    }
  });
});

test("a film or a sheet that no file holds is refused by check as by a run", async () => {
  const walk = "traverse s from avatar { between seed 1 and seed 2  frames 5000 }";
  const folder = folderWith({
    "film.lace": `${head}${walk}\nsave s to "s.webp" as animation { tween 100 }\n`,
    "sheet.lace": `${head}sample s from avatar { count 200 }\nsave s to "s.webp" as grid { columns 1 }\n`,
  });
  try {
    for (const [name, message] of [
      ["film.lace", /504900 frames of 128x128 pixels/],
      ["sheet.lace", /at most 16383 a side/],
    ] as const) {
      const [found] = await checkFiles(nodePlatform(), [join(folder.path, name)]);
      expect(found?.diagnostics).toMatchObject([{ code: "L5006", message: expect.stringMatching(message) as string }]);
    }
  } finally {
    folder.remove();
  }
});

test("two outputs with one path are found among many in little time", async () => {
  const saves = Array.from({ length: 4000 }, (_, i) => `save s to "a${i}-{index}.png"`);
  const script = `${head}sample s from avatar { where glasses  count 1 }\n${saves.join("\n")}\n`;
  expect(await check(script)).toEqual([]);
  const found = await check(`${script}save s to "a7-3.png"\nsave s to "a9-{index}.png"\n`);
  expect(found.map((d) => d.slice(0, 5))).toEqual(["L2016", "L2016"]);
});

describe("a column of labels", () => {
  const table = (name: string, values: readonly string[]) =>
    readLabelTable(`index,${name}\n${values.map((v, i) => `${i},${v}`).join("\n")}\n`, "labels.csv");

  test("of free text is no category, and the column is named", () => {
    const words = Array.from({ length: 5000 }, (_, i) => `word${i}`);
    expect(() => inferAttributes(table("note", words))).toThrow(/column `note` has 5000 different values/);
    expect(inferAttributes(table("hair", words.slice(0, 100)))).toMatchObject([{ type: "category" }]);
  });

  test("whose range has no sigma is refused", () => {
    for (const values of [
      ["0", "1e308"],
      ["-1e308", "1e308"],
      ["0", "1e16"],
    ])
      expect(() => inferAttributes(table("age", values))).toThrow(/L5313.*column `age` holds numbers from/);
  });

  test("with a field of megabytes is read", () => {
    const long = `"${'a""'.repeat(2_000_000)}"`;
    expect(table("note", [long]).rows).toHaveLength(1);
  });
});

test.each([
  ["label", "builtin:avatar", "-n", "9007199254740991"],
  ["label", "builtin:avatar", "-n", "4", "--thumbnails", "9007199254740991"],
  ["build", "s.lace", "--print", "graph", "--rows", "1000000000"],
  ["train", "d.safetensors", "--epochs", "9007199254740991"],
  ["eval", "s.lace", "--reference", "9007199254740991"],
])("an option that asks for senselessly much is refused: lacec %s %s %s %s", async (...words) => {
  const { code, err } = await lacec(words, { cwd: "." });
  expect([code, err]).toEqual([2, expect.stringMatching(/a whole number of \d+ to \d+ is needed/)]);
});

test("a row of labels with a senseless index is refused, and so are images by the billion", async () => {
  const folder = folderWith({ "l.csv": "index,glasses\n0,yes\n999999999,no\n" });
  const platform = nodePlatform();
  try {
    const labels = join(folder.path, "l.csv");
    await expect(label(platform, "builtin:avatar", { labels, output: join(folder.path, "d") })).rejects.toThrow(
      /1000000000 are too many: 10000000 are the most rows/,
    );
    await expect(exportImages(platform, "builtin:avatar", folder.path, { count: 1e9 })).rejects.toThrow(/are too many/);
  } finally {
    await platform.close();
    folder.remove();
  }
});
