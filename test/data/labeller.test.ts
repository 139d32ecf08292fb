import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nodeHost, modelsFolder } from "../../src/node/host.js";
import type { RgbImage } from "../../src/runtime/image/rgb.js";
import { packLabellerSpec, parseLabellerSpec } from "../../src/learn/labellers/labeller-spec.js";
import { openOnnxLabeller as openWith } from "../../src/learn/labellers/onnx-labeller.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { rangeNormalization } from "../../src/learn/labellers/labeller-spec.js";
import { thumbnail, toBatch } from "../../src/learn/labellers/preprocess.js";
import { resize } from "../../src/runtime/image/resize.js";
import { loadPack } from "../../src/models/pack/pack.js";
import { nodeServices } from "../../src/node/services.js";
import { expectClose } from "../support/close.js";
import { RANDOM_ATTRIBUTES } from "../support/model.js";
import { random } from "../support/random.js";
import { tinyLabeller } from "../support/tiny-labeller.js";

const openOnnxLabeller = async (
  bytes: Uint8Array,
  ...[spec, identity]: Parameters<typeof openWith> extends [unknown, ...infer Rest] ? Rest : never
): ReturnType<typeof openWith> => openWith(await openOnnxModel(bytes), spec, identity);

function noise(size: number, seed = 1): RgbImage {
  const r = random(seed);
  return { width: size, height: size, data: Uint8Array.from({ length: size * size * 3 }, () => 255 * r.next()) };
}

describe("what a classifier is given", () => {
  test("layout, order of channels, range, mean and deviation", () => {
    const image: RgbImage = { width: 1, height: 1, data: Uint8Array.of(0, 51, 255) };
    const format = { size: 1, layout: "nchw", channels: "rgb", ...rangeNormalization([-1, 1]) } as const;
    expectClose(toBatch([image], format), [-1, -0.6, 1], { abs: 1e-6, rel: 0 });
    expectClose(toBatch([image], { ...format, channels: "bgr" }), [1, -0.6, -1], { abs: 1e-6, rel: 0 });
    const statistics = { mean: [0.5, 0.1, 0], std: [0.5, 0.1, 2] } as const;
    expectClose(toBatch([image], { ...format, ...statistics }), [-1, 1, 0.5], { abs: 1e-6, rel: 0 });
    const two = noise(2);
    const planes = toBatch([two], { ...format, size: 2 });
    const pixels = toBatch([two], { ...format, size: 2, layout: "nhwc" });
    for (let p = 0; p < 4; p++) for (let c = 0; c < 3; c++) expect(pixels[p * 3 + c]).toBe(planes[c * 4 + p]);
  });

  test("shrinking counts every pixel; growing interpolates; an even image stays even", () => {
    const image = noise(8);
    const mean = (d: ArrayLike<number>): number => Array.from(d).reduce((a, b) => a + b, 0) / d.length;
    expectClose(mean(resize(image, 1, 1)), mean(image.data), { abs: 4, rel: 0 });
    const flat: RgbImage = { width: 5, height: 5, data: new Uint8Array(75).fill(90) };
    expectClose(resize(flat, 3, 7), new Float32Array(63).fill(90), { abs: 1e-4, rel: 0 });
    const ramp: RgbImage = { width: 2, height: 1, data: Uint8Array.of(0, 0, 0, 100, 100, 100) };
    expectClose(
      resize(ramp, 4, 1).filter((_, i) => i % 3 === 0),
      [0, 25, 75, 100],
      { abs: 1e-4, rel: 0 },
    );
    expect(thumbnail(image, 8)).toBe(image.data);
  });
});

describe("a labeller described by its JSON", () => {
  const bytes = readFileSync(join(modelsFolder(), "avatar-labeller.onnx"));
  const identity = { name: "x.onnx", sha256: "0".repeat(64) };
  const spec = (extra: object): string =>
    JSON.stringify({
      format: 1,
      input: { size: 128 },
      attributes: [
        { name: "hat", type: "binary", columns: [6, 7] },
        { name: "redness", type: "binary", columns: [11], gives: "logit" },
        { name: "tilt", type: "scalar", min: 0, max: 1, columns: [14] },
        { name: "lit", type: "binary", columns: [15], gives: "probability" },
      ],
      features: "features",
      ...extra,
    });

  test("reads the same numbers as the pack's own, by column and reading", async () => {
    const host = nodeHost();
    const model = await loadPack(host, "builtin:avatar");
    const own = (await nodeServices(host, "onnx-cpu").openLabeller(model))!;
    const described = await openOnnxLabeller(bytes, parseLabellerSpec(spec({}), "x.json"), identity);
    const images = [noise(128, 1), noise(128, 2)];
    const [a, b] = [await own.look(images), await described.look(images)];
    expect(own.attributes.map((x) => x.name)).toEqual(model.info.attributes.map((x) => x.name));
    expect(a.features).toEqual(b.features);
    const width = a.columns.length / 2;
    for (const row of [0, 1]) {
      const all = a.columns.subarray(row * width);
      const [no, yes, zero, red, tilt, dark, light] = b.columns.subarray(row * 7);
      expect([no, yes, zero, red, tilt]).toEqual([all[6], all[7], 0, all[11], all[14]]);
      const p = Math.min(1, Math.max(1e-9, all[15]!));
      expectClose([light!, Math.exp(dark!)], [Math.log(p), 1 - p], { abs: 1e-5, rel: 1e-4 });
    }
    await own.dispose();
    await described.dispose();
  });

  test.each([
    ["not JSON", "{", /not JSON/],
    ["no attributes", spec({ attributes: [] }), /attributes/],
    ["an unknown reading", spec({ attributes: [{ name: "a", type: "binary", gives: "magic" }] }), /gives/],
    [
      "a scalar of classes",
      spec({ attributes: [{ name: "a", type: "scalar", min: 0, max: 1, gives: "logits" }] }),
      /a scalar cannot be given as logits/,
    ],
    [
      "too few columns",
      spec({ attributes: [{ name: "a", type: "binary", columns: [1] }] }),
      /1 columns, as logits it has 2/,
    ],
    ["a mean without deviation", spec({ input: { size: 4, mean: [0, 0, 0] } }), /mean and std belong together/],
    ["a name that no script can write", spec({ attributes: [{ name: "a b", type: "binary" }] }), /name/],
  ])("%s is an error", (_, text, message) => {
    expect(() => parseLabellerSpec(text, "x.json")).toThrow(message);
  });

  test.each([
    ["input", { input: { size: 128, name: "picture" } }, /no input called picture/],
    ["output", { features: "thoughts" }, /no output called thoughts/],
  ])("an %s that the file lacks is told with what it has", async (_, extra, message) => {
    await expect(openOnnxLabeller(bytes, parseLabellerSpec(spec(extra), "x.json"), identity)).rejects.toThrow(message);
  });

  describe("that has a word for what is unclear", () => {
    const grey = (value: number): RgbImage => ({ width: 16, height: 16, data: new Uint8Array(768).fill(value) });
    const tiny = tinyLabeller({ logits: [1, 2, 3, 4, 5], unclear: [0, -3], dark: [9, 0] });
    const describe = (unclear: object): string =>
      JSON.stringify({
        format: 1,
        input: { size: 16 },
        attributes: [
          { name: "tall", type: "binary" },
          { name: "glasses", type: "binary" },
          { name: "tilt", type: "scalar", min: 0, max: 9 },
        ],
        unclear,
      });

    test.each([
      ["a logit for each attribute that is named", { attributes: ["glasses", "tilt"] }, [0, 0, 0, 0, 1, 0]],
      ["a probability", { attributes: ["tilt", "tall"], gives: "probability" }, [0, 0, 0, 0, 0, 1]],
    ])("reads %s", async (_, unclear, expected) => {
      const labeller = await openOnnxLabeller(tiny, parseLabellerSpec(describe(unclear), "x.json"), identity);
      const labels = await labeller.label([grey(255), grey(0)]);
      expect(labeller.tellsUnclear).toBe(true);
      expect([...labels.unclear!]).toEqual(expected);
      expect([...labels.columns]).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
      await labeller.dispose();
    });

    test("one without it has no answer", async () => {
      const labeller = await openOnnxLabeller(
        tiny,
        parseLabellerSpec(describe({}).replace(/,"unclear":.*\}$/, "}"), "x.json"),
        identity,
      );
      expect(labeller.tellsUnclear).toBeUndefined();
      expect((await labeller.label([grey(0)])).unclear).toBeUndefined();
      await labeller.dispose();
    });

    test("says which columns it needs and which names it does not know", async () => {
      const labeller = await openOnnxLabeller(tiny, parseLabellerSpec(describe({}), "x.json"), identity);
      await expect(labeller.label([grey(0)])).rejects.toThrow(
        /output unclear has 2 columns, and 3 attributes can be unclear/,
      );
      await labeller.dispose();
      expect(() => parseLabellerSpec(describe({ attributes: ["hat"] }), "x.json")).toThrow(/`hat` is no attribute/);
      const missing = parseLabellerSpec(describe({ output: "doubt" }), "x.json");
      await expect(openOnnxLabeller(tiny, missing, identity)).rejects.toThrow(/no output called doubt/);
    });

    test("beside a pack it is about the first attributes", () => {
      const outputs = (columns: number) => [
        { name: "logits", dims: [null, 6] },
        { name: "unclear", dims: [null, columns] },
      ];
      const spec = packLabellerSpec(outputs(2), RANDOM_ATTRIBUTES, 16, "x.onnx");
      expect(spec.unclear).toEqual({ output: "unclear", attributes: [0, 1], gives: "logit" });
      expect(() => packLabellerSpec(outputs(4), RANDOM_ATTRIBUTES, 16, "x.onnx")).toThrow(/`unclear` has 4 columns/);
    });
  });

  test("a column that the output lacks is told", async () => {
    const text = spec({ attributes: [{ name: "a", type: "binary", columns: [1, 99] }] });
    const labeller = await openOnnxLabeller(bytes, parseLabellerSpec(text, "x.json"), identity);
    await expect(labeller.label([noise(128)])).rejects.toThrow(/`a` is column 99 of the output logits, which has 16/);
    await labeller.dispose();
  });
});
