import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RgbImage } from "../../src/runtime/image/rgb.js";
import { findClip } from "../../src/node/labellers/clip-files.js";
import { openClipLabeller, type Transformers } from "../../src/node/labellers/clip.js";
import { thumbnail } from "../../src/learn/labellers/preprocess.js";
import { parsePrompts } from "../../src/learn/labellers/prompts.js";
import { expectClose } from "../support/close.js";
import { random } from "../support/random.js";
import { EDGE, embedImage, embedText, LONGEST, writeTinyClip, type TinyClipOptions } from "../support/tiny-clip.js";

let home: string;
let model: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "lacec-clip-"));
  model = tinyClip("model");
});
afterAll(() => rmSync(home, { recursive: true }));

function tinyClip(name: string, options: TinyClipOptions = {}): string {
  const folder = join(home, name);
  writeTinyClip(folder, options);
  return folder;
}

function noise(seed: number, edge = EDGE): RgbImage {
  const r = random(seed);
  return { width: edge, height: edge, data: Uint8Array.from({ length: edge * edge * 3 }, () => 256 * r.next()) };
}

const unit = (v: readonly number[]): number[] => {
  const length = Math.hypot(...v);
  return v.map((x) => x / length);
};
const cosine = (a: readonly number[], b: readonly number[]): number => {
  const u = unit(b);
  return unit(a).reduce((sum, x, i) => sum + x * u[i]!, 0);
};

const GLASSES = parsePrompts(["glasses: a person wearing glasses | a person without"]);

describe("the labeller of prompts", () => {
  test("gives scaled cosines of image and prompts, as computed by hand, and embeddings as features", async () => {
    const attributes = parsePrompts([
      "glasses: a person wearing glasses | a person without glasses",
      "hair: a person with black hair | a person with red hair | a person with blond hair",
      "mood: glad = a merry face; a smile | sad = a face in tears",
    ]);
    const labeller = await openClipLabeller(model, attributes);
    const images = [noise(1), noise(2), noise(3)];
    const { columns, features } = await labeller.look(images);
    await labeller.dispose();
    const merry = unit(embedText("a merry face"));
    const smile = unit(embedText("a smile"));
    const texts = [
      embedText("a person without glasses"),
      embedText("a person wearing glasses"),
      ...["black", "red", "blond"].map((colour) => embedText(`a person with ${colour} hair`)),
      merry.map((x, i) => x + smile[i]!),
      embedText("a face in tears"),
    ];
    const seen = images.map(embedImage);
    expectClose(
      columns,
      seen.flatMap((image) => texts.map((text) => 100 * cosine(image, text))),
      { abs: 1e-3, rel: 1e-4 },
    );
    expectClose(features!, seen.flat(), { abs: 1e-5, rel: 1e-4 });
    expect(labeller.attributes.map((a) => (a.type === "scalar" ? [] : a.classes))).toEqual([
      ["no", "yes"],
      ["black", "red", "blond"],
      ["glad", "sad"],
    ]);
    // Of the three attributes above no two classes look alike to this model: the numbers would not agree by accident.
    const spread = texts.map((text) => cosine(seen[0]!, text));
    expect(Math.max(...spread) - Math.min(...spread)).toBeGreaterThan(0.1);
  });

  test("makes large images smaller itself", async () => {
    const labeller = await openClipLabeller(model, GLASSES);
    const large = noise(4, 4 * EDGE);
    const small: RgbImage = { width: EDGE, height: EDGE, data: thumbnail(large, EDGE) };
    expect(await labeller.label([large])).toEqual(await labeller.label([small]));
    expectClose((await labeller.look([large])).features!, embedImage(small), { abs: 1e-5, rel: 1e-4 });
    expect((await labeller.label([noise(5, EDGE / 2)])).columns.every(Number.isFinite)).toBe(true);
    await labeller.dispose();
  });

  test("runs on lacec's own onnxruntime, without telemetry", async () => {
    const labeller = await openClipLabeller(model, GLASSES);
    await labeller.dispose();
    const require = createRequire(import.meta.url);
    const theirs = createRequire(require.resolve("@huggingface/transformers")).resolve("onnxruntime-node");
    expect(theirs).toBe(require.resolve("onnxruntime-node"));
    expect(process.env["ORT_DISABLE_TELEMETRY"]).toBe("1");
  });

  test("asks nobody but the disk", async () => {
    const asked: unknown[] = [];
    const load = async (): Promise<Transformers> => {
      const library = (await import("@huggingface/transformers")) as unknown as Transformers;
      Object.assign(library.env, { fetch: (url: unknown) => Promise.reject(new Error(String(asked.push(url)))) });
      return library;
    };
    const labeller = await openClipLabeller(model, GLASSES, load);
    await labeller.label([noise(1)]);
    await labeller.dispose();
    const lacking = tinyClip("lacking");
    rmSync(join(lacking, "tokenizer.json"));
    await expect(openClipLabeller(lacking, GLASSES, load)).rejects.toThrow(/L5316/);
    expect(asked).toEqual([]);
  });

  test("knows its name, the hash of its files and its prompts", async () => {
    const labeller = await openClipLabeller(model, GLASSES);
    await labeller.dispose();
    expect(labeller.name).toBe("clip model");
    expect(labeller.prompts).toEqual(["glasses: no = a person without | yes = a person wearing glasses"]);
    expect(parsePrompts(labeller.prompts!)).toEqual(GLASSES);
    const files = ["config.json", "onnx/text_model.onnx", "onnx/vision_model.onnx", "preprocessor_config.json"];
    const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
    const lines = [...files, "tokenizer.json", "tokenizer_config.json"].map(
      (file) => `${sha256(readFileSync(join(model, file)))}  ${file}\n`,
    );
    expect(labeller.sha256).toBe(sha256(lines.join("")));
  });
});

describe("a CLIP model", () => {
  test("that the tools of the hub have downloaded is found by its name", async () => {
    const revision = "0123456789abcdef0123456789abcdef01234567";
    const cached = join(home, "hub/models--some--clip.v1");
    writeTinyClip(join(cached, "snapshots", revision));
    mkdirSync(join(cached, "refs"));
    writeFileSync(join(cached, "refs/main"), revision);
    const found = await findClip("some/clip.v1", { HF_HUB_CACHE: join(home, "hub") });
    expect(found).toMatchObject({ name: "some/clip.v1", folder: join(cached, "snapshots", revision), edge: EDGE });
    expect(await findClip("some/clip.v1", { HF_HOME: home })).toEqual(found);
    expect((await findClip(model)).sha256).toBe(found.sha256);
  });

  test("of less precision is taken where there is no other", async () => {
    const folder = tinyClip("quantized");
    const onnx = join(folder, "onnx");
    writeFileSync(join(onnx, "text_model_quantized.onnx"), readFileSync(join(onnx, "text_model.onnx")));
    expect((await findClip(folder)).text).toBe("fp32");
    rmSync(join(onnx, "text_model.onnx"));
    expect(await findClip(folder)).toMatchObject({ text: "q8", vision: "fp32" });
    const [whole, quantized] = await Promise.all([model, folder].map((f) => openClipLabeller(f, GLASSES)));
    expect(await quantized!.label([noise(1)])).toEqual(await whole!.label([noise(1)]));
    await whole!.dispose();
    await quantized!.dispose();
  });

  test.each<[string, string, RegExp]>([
    ["nowhere", "no/where", /L5316: there is no folder no\/where.*of this name/],
    ["a file", "model/config.json", /it is a file/],
    ["an empty folder", "hub", /it lacks config.json, .*onnx\/text_model.onnx, onnx\/vision_model.onnx/],
  ])("%s is told", async (_, path, message) => {
    mkdirSync(join(home, "hub"), { recursive: true });
    const reference = path === "no/where" ? path : join(home, path);
    const error: unknown = await findClip(reference, { HF_HOME: home }).catch((e: unknown) => e);
    expect(error).toMatchObject({ message: expect.stringMatching(message) as string });
    expect(error).toMatchObject({
      diagnostics: [
        { hints: expect.arrayContaining([expect.stringMatching(/hf download .* onnx\/vision_model.onnx/)]) as unknown },
      ],
    });
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    [
      "of another kind",
      (f) => writeFileSync(join(f, "config.json"), '{"model_type":"siglip"}'),
      /of type siglip, not clip/,
    ],
    ["with a config that is no JSON", (f) => writeFileSync(join(f, "config.json"), "{"), /config.json: it is not JSON/],
    ["without the size of images", (f) => writeFileSync(join(f, "preprocessor_config.json"), "{}"), /size/],
    ["with a cut tokenizer", (f) => cut(join(f, "tokenizer.json")), /it cannot be opened/],
    ["with a cut text model", (f) => cut(join(f, "onnx/text_model.onnx")), /it cannot be opened/],
    ["with a cut vision model", (f) => cut(join(f, "onnx/vision_model.onnx")), /it cannot be opened/],
    [
      "without projection",
      (f) => writeTinyClip(f, { imageOutput: "pooler_output" }),
      /no output image_embeds, but pooler/,
    ],
    ["of two widths", (f) => writeTinyClip(f, { imageWidth: 5 }), /images have 5 numbers, those of texts 6/],
  ])("%s is told", async (name, damage, message) => {
    const folder = tinyClip(name.replaceAll(" ", "-"));
    damage(folder);
    const work = async (): Promise<void> => {
      const labeller = await openClipLabeller(folder, GLASSES);
      try {
        await labeller.label([noise(1)]);
      } finally {
        await labeller.dispose();
      }
    };
    const error: unknown = await work().catch((e: unknown) => e);
    expect(error).toMatchObject({
      diagnostics: [{ code: "L5316", message: expect.stringMatching(message) as string }],
    });
    expect(error).toMatchObject({ message: expect.stringContaining(folder) as string });
  });

  test("refuses a prompt that it would not read to its end", async () => {
    const long = parsePrompts([`a: ${"hat ".repeat(LONGEST / 3)} | b`]);
    await expect(openClipLabeller(model, long)).rejects.toThrow(/L5312: prompts: `hat hat .*` has \d+ tokens, .* 64/);
  });

  test("needs a package, and the error has the command that installs it", async () => {
    const load = (): Promise<Transformers> =>
      Promise.reject(Object.assign(new Error("no"), { code: "ERR_MODULE_NOT_FOUND" }));
    await expect(openClipLabeller(model, GLASSES, load)).rejects.toMatchObject({
      diagnostics: [{ code: "L5314", hints: [expect.stringContaining("npm install @huggingface/transformers")] }],
    });
  });
});

function cut(file: string): void {
  writeFileSync(file, readFileSync(file).subarray(0, 300));
}
