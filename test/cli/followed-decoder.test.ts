// Conditions on pictures of an imported decoder: followed through it; what it does that is not read is told.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import { run } from "../../src/node.js";
import { tinyDecoder } from "../support/decoder.js";
import { folderWith, lacec } from "../support/lacec.js";

let folder: ReturnType<typeof folderWith>;
const path = (...parts: string[]): string => join(folder.path, ...parts);

beforeAll(async () => {
  const attributes = [{ name: "bright", type: "binary", gives: "logit" }];
  folder = folderWith({
    "bright.json": JSON.stringify({ format: 1, input: { name: "image", size: 8 }, features: "shades", attributes }),
    "follow.lace": `lace 1
model tiny from "tiny.safetensors"
attribute bright: binary from "bright.onnx" on image
sample as_is from tiny { count 3  seed 3 }
sample dark from tiny { where not bright  count 3  seed 3 }
edit dimmed of as_is { keep identity 0.001 by "bright.onnx"  step not bright }
save as_is to "as_is-{index}.png"
save dark to "dark-{index}.png"
save dimmed to "dimmed-{index}.png"
`,
  });
  writeFileSync(path("tiny.onnx"), tinyDecoder({ batch: 2 }));
  const b = new GraphBuilder();
  const shades = b.mean(b.input("image", [1, 3, 8, 8]), [2, 3]);
  const logits = b.matmul(shades, b.constant([60, 60, 60], [3, 1]));
  writeFileSync(path("bright.onnx"), emitOnnx(b.finish({ outputs: { logits, shades } })));
  const { code, err } = await lacec(["import", "tiny.onnx", "-o", "tiny.safetensors"], { cwd: folder.path });
  if (code !== 0) throw new Error(err);
}, 60_000);
afterAll(() => folder.remove());

async function shadeOf(file: string): Promise<number> {
  const pixels = await sharp(file).removeAlpha().raw().toBuffer();
  return pixels.reduce((sum, v) => sum + v, 0) / pixels.length;
}

test("pictures of a decoder become what a network asks for, alone or among others", async () => {
  const { tasks } = await run(path("follow.lace"), { out: path("out"), engine: "onnx-cpu" });
  const [free, dark, dimmed] = tasks.map((t) => t.samples.map((s) => s.heads.at(-1)![1]!));
  expect(Math.max(...free!)).toBeGreaterThan(0);
  for (const logit of [...dark!, ...dimmed!]) expect(logit).toBeLessThan(-1);
  for (const index of [0, 1]) {
    const before = await shadeOf(path("out", `as_is-${index}.png`));
    expect(await shadeOf(path("out", `dark-${index}.png`))).toBeLessThan(before - 1);
    expect(await shadeOf(path("out", `dimmed-${index}.png`))).toBeLessThan(before - 1);
  }
  writeFileSync(path("one.lace"), readFileSync(path("follow.lace"), "utf8").replaceAll("count 3", "count 1"));
  await run(path("one.lace"), { out: path("one"), engine: "onnx-cpu" });
  const [a, b] = [path("one", "dark-0.png"), path("out", "dark-0.png")];
  expect(await sharp(a).raw().toBuffer()).toEqual(await sharp(b).raw().toBuffer());
});

test("smaller pictures are not to be had of it", async () => {
  const text = readFileSync(path("follow.lace"), "utf8").replace("on image", "on image at 8 px");
  writeFileSync(path("small.lace"), text);
  const { code, err } = await lacec(["run", "small.lace", "--out", "small"], { cwd: folder.path });
  expect(code).not.toBe(0);
  expect(err).toMatch(/L5324[^]*8 px wide/);
});
