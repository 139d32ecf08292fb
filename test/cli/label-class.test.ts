import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDataMetadata, type DataMetadata } from "../../src/learn/label/data-metadata.js";
import type { Evaluation } from "../../src/learn/evaluate/evaluation.js";
import { modelsFolder } from "../../src/node/host.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { readSafetensors, type Safetensors } from "../../src/models/formats/safetensors.js";
import { drawLatents } from "../../src/runtime/sample/noise-source.js";
import { expectClose } from "../support/close.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const COUNT = 70;
const CLASSES = 3;
const model = randomModel({ classes: CLASSES });
const { zDim, wDim } = model.info;

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "eye.json": JSON.stringify({
      format: 1,
      input: { size: 128 },
      attributes: [
        ...["glasses", "smile", "beard", "hat"].map((name) => ({ name, type: "binary" })),
        { name: "hair", type: "category", classes: ["black", "brown", "blond", "red", "gray"] },
        ...["skin", "tilt", "light"].map((name) => ({ name, type: "scalar", min: 0, max: 1 })),
      ],
      features: "features",
    }),
    "two.lace": `lace 1\nmodel c from "classes.safetensors"\nsample some from c { class 1  where glasses  count 4 }\n`,
  });
  writeFileSync(join(folder.path, "classes.safetensors"), writePack(model, { source: "a test" }));
  writeFileSync(join(folder.path, "plain.safetensors"), writePack(randomModel(), { source: "a test" }));
  copyFileSync(join(modelsFolder(), "avatar-labeller.onnx"), join(folder.path, "eye.onnx"));
});
afterAll(() => folder.remove());

const run = (...args: readonly string[]): Promise<Ended> =>
  lacec([...args, "--labeller", "eye.onnx", "--engine", "onnx-cpu"], { cwd: folder.path });

async function label(index: number, file: string): Promise<{ data: Safetensors; metadata: DataMetadata }> {
  const args = ["-n", `${COUNT}`, "--seed", "3", "--jitter", "0", "--thumbnails", "8", "-o", file];
  const ended = await run("label", "classes.safetensors", "--class", `${index}`, ...args);
  expect([ended.code, ended.err]).toEqual([0, expect.stringMatching(/✓ label random/)]);
  const data = readSafetensors(readFileSync(join(folder.path, file)), file);
  return { data, metadata: parseDataMetadata(data.metadata.get("lace"), file) };
}

/** w of a latent and a class, layer by layer as StyleGAN2-ADA maps them. Shapes [zDim] -> [wDim]. */
function mapped(z: readonly number[], index: number): number[] {
  const { layers, embedding } = model.weights.mapping!;
  const normalised = (v: readonly number[]): number[] => {
    const rms = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0) / v.length + 1e-8);
    return v.map((x) => x / rms);
  };
  const { weight, bias, weightGain } = embedding!;
  const embedded = [...bias.data].map((b, i) => weight.data[i * CLASSES + index]! * weightGain + b);
  let x = [...normalised(z), ...normalised(embedded)];
  for (const layer of layers)
    x = [...layer.bias.data].map((b, o) => {
      const sum = x.reduce((s, v, i) => s + v * layer.weight.data[o * x.length + i]!, 0);
      const y = sum * layer.weightGain + b * layer.biasGain;
      return Math.SQRT2 * (y < 0 ? 0.2 * y : y);
    });
  return x;
}

describe("lacec label --class", () => {
  test("draws that class of a conditional generator, and the data file says which", async () => {
    const one = await label(1, "one.safetensors");
    const two = await label(2, "two.safetensors");
    expect([one.metadata.class, two.metadata.class]).toEqual([1, 2]);
    expect(one.metadata).toMatchObject({ count: COUNT, seed: 3, jitter: 0, model: { name: "random", zDim, wDim } });
    const average = model.weights.mapping!.wAverage.data;
    const indices = Array.from({ length: COUNT }, (_, i) => i);
    const z = drawLatents(3, indices, zDim);
    for (const [{ data }, index] of [
      [one, 1],
      [two, 2],
    ] as const) {
      expectClose(data.tensor("z")!.data, z, { abs: 1e-6, rel: 0 });
      const psi = data.tensor("truncation")!.data;
      const expected = indices.flatMap((row) =>
        mapped([...z.subarray(row * zDim, (row + 1) * zDim)], index).map(
          (w, i) => average[i]! + psi[row]! * (w - average[i]!),
        ),
      );
      expectClose(data.tensor("w")!.data, expected, { abs: 1e-5, rel: 1e-4 });
      expect(data.tensor("labels.glasses")!.data.every(Number.isFinite)).toBe(true);
    }
    // The pictures are those of the class too.
    expect(one.data.tensor("thumbnails")!.data).not.toEqual(two.data.tensor("thumbnails")!.data);
  });

  test("trains heads on the class's data", async () => {
    const { code, err } = await lacec(
      [
        "train",
        "one.safetensors",
        "-o",
        "heads.safetensors",
        "--attributes",
        "light",
        "--epochs",
        "1",
        "--engine",
        "onnx-cpu",
        "-q",
      ],
      { cwd: folder.path },
    );
    // Seventy pictures of a random network: heads are made, and what they are worth is said.
    expect(code).toBe(0);
    expect(err.match(/^\w+\[L\d+\]/gm)).toEqual(["warning[L5321]", "warning[L5321]"]);
    expect(filesIn(folder.path)).toContain("heads.safetensors");
  });

  test("a script of the class is evaluated", async () => {
    const { code, out, err } = await run("eval", "two.lace", "--reference", "8", "--json");
    expect([code, err]).toEqual([0, ""]);
    const { sets } = (JSON.parse(out) as { evaluation: Evaluation }).evaluation;
    expect(sets[0]).toMatchObject({ name: "some", images: 4 });
    expect(sets[0]!.frechet.unconditional).toBeGreaterThan(0);
  });

  test.each([
    ["no class", ["classes.safetensors"], /L5107.*the model has classes 0 to 2.*--class N/s],
    ["a class too far", ["classes.safetensors", "--class", "3"], /L5107.*the model has classes 0 to 2/s],
    ["a class of a model of one", ["plain.safetensors", "--class", "0"], /L5107.*the model has no classes/s],
  ])("with %s is told, and nothing is left", async (_, args, message) => {
    const before = filesIn(folder.path);
    const ended = await run("label", ...args, "-n", "4", "-o", "none.safetensors");
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(3);
    expect(filesIn(folder.path)).toEqual(before);
  });
});
