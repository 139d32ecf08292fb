// Decoders z -> image inside graphs: the pictures that onnxruntime makes of them, and their gradient in z.
import { describe, expect, test } from "vitest";
import { buildDecoded } from "../../src/compiler/build/decoded.js";
import { compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { rowsOfPictures } from "../../src/compiler/build/pictures.js";
import { feedsOf, type Decoder } from "../../src/compiler/decoder.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { LikenessHead } from "../../src/compiler/picture-head.js";
import type { DecoderHints } from "../../src/models/decoder-facts.js";
import { readOnnxModel } from "../../src/models/formats/onnx-model.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { imagesFromTile } from "../../src/runtime/image/rgb.js";
import { examineDecoder } from "../../src/runtime/services/examine-decoder.js";
import { openDecoder } from "../../src/runtime/services/onnx-decoder.js";
import { CLASSES, conditionalDecoder } from "../support/conditional-decoder.js";
import { tinyDecoder } from "../support/decoder.js";
import { SPAN } from "../support/energies.js";
import { random } from "../support/random.js";

const r = random(9);
type Hints = DecoderHints;

/** What is known of a file, as its pack keeps it. */
async function factsOf(bytes: Uint8Array, hints: Hints = {}): Promise<Decoder & { zDim: number; resolution: number }> {
  const facts = await examineDecoder(await openOnnxModel(bytes), "d.onnx", hints);
  return { ...facts, file: "d.onnx", sha256: "a" };
}

/** Bytes of pictures as onnxruntime makes them, and as numbers of the graph. */
async function both(bytes: Uint8Array, rows: number, hints: Hints = {}, index?: number): Promise<[number[], number[]]> {
  const facts = await factsOf(bytes, hints);
  const decoder = { ...facts, ...(index !== undefined && { class: index }) };
  const z = Float32Array.from({ length: rows * facts.zDim }, () => 0.5 * r.normal());
  const truncates = facts.inputs?.some((i) => i.role === "truncation") === true;
  const opened = openDecoder(await openOnnxModel(bytes), decoder, facts);
  const { pixels } = await opened.run({ ws: z, ...(truncates && { truncation: new Float32Array(rows).fill(0.5) }) });
  await opened.dispose();
  const size = facts.resolution;
  const drawn = imagesFromTile(pixels!, size * size, rows).flatMap(({ data }) => [...data]);
  const b = new GraphBuilder();
  const input = b.input("z", [rows, 1, facts.zDim]);
  const feeds = (n: number) => feedsOf(decoder, n, 0.5);
  const image = buildDecoded(b, input, { ...decoder, network: readOnnxModel(bytes), feeds }, "nhwc");
  expect(b.shape(image)).toEqual([rows, 3, size, size]);
  const planes = interpret(b.finish({ outputs: { image } }), { z: Float64Array.from(z) })["image"]!;
  const area = size * size;
  const seen = Array.from({ length: rows * area * 3 }, (_, i) => {
    const [row, p, c] = [Math.floor(i / (3 * area)), Math.floor(i / 3) % area, i % 3];
    return Math.min(255, Math.max(0, (planes[(row * 3 + c) * area + p]! + 1) * 127.5));
  });
  return [drawn, seen];
}

describe("a decoder that is followed", () => {
  test.each([
    ["one row at a time", { batch: 1 }, 3],
    ["a fixed batch, padded", { batch: 2 }, 3],
    ["a larger batch", { batch: 4 }, 3],
    ["channels last, white at 1", { layout: "nhwc", white: 1 }, 2],
    ["grey, white at 255", { channels: 1, white: 255 }, 2],
    ["alpha", { channels: 4 }, 2],
  ] as const)("draws what it draws: %s", async (_, options, rows) => {
    const [drawn, seen] = await both(tinyDecoder(options), rows);
    drawn.forEach((byte, i) => expect(Math.abs(byte - seen[i]!)).toBeLessThan(0.52));
  });

  test.each(["one-hot", "index"] as const)("draws its class, %s, at its truncation", async (classes) => {
    const hints: Hints = {
      inputs: {
        z: { role: "latent" },
        c: classes === "index" ? { role: "class", classes: CLASSES } : { role: "class" },
        psi: { role: "truncation" },
        noise: { role: "constant", values: [0.1] },
      },
    };
    const [drawn, seen] = await both(conditionalDecoder({ classes }), 2, hints, 2);
    drawn.forEach((byte, i) => expect(Math.abs(byte - seen[i]!)).toBeLessThan(0.52));
  });

  test("has the gradient of central differences", async () => {
    const bytes = tinyDecoder({ batch: 2 });
    const decoder = await factsOf(bytes);
    const size = decoder.resolution;
    const picture: LikenessHead = {
      ...{ kind: "likeness", sha256: "b", width: size, height: size },
      picture: Float32Array.from({ length: 3 * size * size }, () => Math.tanh(r.normal())),
    };
    const model = { info: { name: "tiny", numWs: 1, resolution: size }, decoder, network: readOnnxModel(bytes) };
    expect(rowsOfPictures(model)).toBe(2);
    const task: EnergyTask = {
      weights: { zDim: decoder.zDim, heads: [{ attribute: "like", layers: [], picture }] },
      ...{ truncation: 1, rows: 2, logic: "product" },
      look: { model, layout: "nchw", noise: "const", truncation: 1, anchored: false },
      attributes: [{ name: "like", type: "scalar", min: 0, max: Infinity, sigma: 1 }],
      energy: { kind: "near", attribute: 0, target: 0, sigma: 1, span: SPAN },
    };
    const graph = compileEnergyGradient(task);
    const z = Float64Array.from({ length: 2 * decoder.zDim }, () => r.normal());
    const { grad } = interpret(graph, { z });
    for (let i = 0; i < z.length; i++) {
      const at = (by: number) => interpret(graph, { z: z.map((x, k) => (k === i ? x + by : x)) })["logp"]!;
      const row = Math.floor(i / decoder.zDim);
      const slope = (at(1e-5)[row]! - at(-1e-5)[row]!) / 2e-5;
      expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
    }
  });
});
