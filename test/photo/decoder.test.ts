// A photograph in a model whose pictures an ONNX decoder makes: z is found again.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import { run } from "../../src/node.js";
import type { RunRecord } from "../../src/runtime/record/record.js";
import { folderWith, lacec } from "../support/lacec.js";
import { random } from "../support/random.js";

const EDGE = 16;
const Z = 8;
const MODEL = 'lace 1\nmodel m from "decoder.safetensors"\n';

/** z -> sigmoid(z W): a picture of smooth bumps. */
function decoder(): Uint8Array {
  const r = random(5);
  const weights = Float32Array.from({ length: Z * 3 * EDGE * EDGE }, (_, i) => {
    const [x, y] = [i % EDGE, Math.floor(i / EDGE) % EDGE];
    return r.normal() * 0.05 + Math.sin((x * (1 + (i % 7))) / 9 + y / 5 + Math.floor(i / (EDGE * EDGE)));
  });
  const b = new GraphBuilder();
  const flat = b.sigmoid(b.matmul(b.input("z", [1, Z]), b.constant(weights, [Z, 3 * EDGE * EDGE])));
  return emitOnnx(b.finish({ outputs: { image: b.reshape(flat, [1, 3, EDGE, EDGE]) } }));
}

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);

beforeAll(async () => {
  folder = folderWith({
    "make.lace": `${MODEL}sample own from m { count 1  seed 4 }\nsave own to "own.png"\n`,
    "find.lace": `${MODEL}photo me from "own.png" in m { prior 0.01 }\nsave me to "me.png"\nsave me to "me.npz"\n`,
  });
  writeFileSync(at("decoder.onnx"), decoder());
  const { code, err } = await lacec(["import", "decoder.onnx", "-o", "decoder.safetensors"], { cwd: folder.path });
  expect([code, err]).toEqual([0, expect.not.stringContaining("error[")]);
}, 60_000);
afterAll(() => folder.remove());

test("is found among its z, as it was drawn", { timeout: 60_000 }, async () => {
  await run(at("make.lace"), { out: folder.path, engine: "onnx-cpu" });
  await run(at("find.lace"), { out: at("found"), engine: "onnx-cpu" });
  const [own, found] = [await sharp(at("own.png")).raw().toBuffer(), await sharp(at("found/me.png")).raw().toBuffer()];
  const misfit = own.reduce((sum, v, i) => sum + (v - (found[i] ?? 0)) ** 2, 0) / own.length;
  expect(10 * Math.log10(255 ** 2 / misfit)).toBeGreaterThan(30);
  const record = JSON.parse(readFileSync(at("found/run.json"), "utf8")) as RunRecord;
  expect(record.tasks[0]?.samples[0]?.likeness?.usual).toBe(Z / 2);
});

test.each([
  ["tune 100", /L2032[^]*`m` is a decoder, which cannot be tuned[^]*tune\.lace:3:\d+/],
  ["tune 5000", /L2004[^]*a whole number from 0 to 2000/],
])("%s is refused at its place", async (setting, message) => {
  writeFileSync(at("tune.lace"), `${MODEL}photo me from "own.png" in m { ${setting} }\nsave me to "me.png"\n`);
  const { code, err } = await lacec(["check", "tune.lace"], { cwd: folder.path });
  expect(code).not.toBe(0);
  expect(err).toMatch(message);
});
