// `photo me from "me.png" in MODEL`: what is found, how it is told, edited, remembered and asked for again.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readLatents } from "../../src/models/latents.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { sharpCodec } from "../../src/node/codec.js";
import { run } from "../../src/node.js";
import type { RunRecord } from "../../src/runtime/record/record.js";
import { folderWith, lacec } from "../support/lacec.js";
import { quarters, QUARTERS_JSON } from "../support/quarters.js";
import { randomModel } from "../support/model.js";

const HEAD = 'lace 1\nmodel tiny from "tiny.safetensors"\n';
const MAKE = `${HEAD}sample own from tiny { count 1  seed 3  truncation 0.7  noise none }
save own to "own.png"
`;
const FIND = `${HEAD}photo me from "out/own.png" in tiny { space w+  prior 0.01 }
photo plain from "out/own.png" in tiny { space w  tries 2 }
photo noise from "noise.png" in tiny { }
edit other of me { keep latent 0.01  step glasses }
sweep moods over m in {glasses, hair is black, hair is blond} of me { where m  keep latent 0.01 }
sweep twice over m in {glasses, not glasses} of moods[1..2] { where m }
save me to "me.png"
save plain to "plain.png"
save noise to "noise-found.png"
save other to "other.png"
save me to "me.npz"
save other to "other.npz"
save moods to "moods.npz"
save moods to "mood-{cell}.png"
save twice to "twice.png" as strip
`;

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);

beforeAll(async () => {
  folder = folderWith({ "make.lace": MAKE, "find.lace": FIND });
  writeFileSync(at("tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
  await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
    .png()
    .toFile(at("noise.png"));
  await run(at("make.lace"), { out: at("out"), engine: "onnx-cpu" });
  await run(at("find.lace"), { out: at("found"), engine: "onnx-cpu" });
}, 240_000);
afterAll(() => folder.remove());

async function psnr(a: string, b: string): Promise<number> {
  const [x, y] = [await sharp(a).raw().toBuffer(), await sharp(b).raw().toBuffer()];
  const sum = x.reduce((s, v, i) => s + (v - (y[i] ?? 0)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (sum / x.length));
}
const record = (): RunRecord => JSON.parse(readFileSync(at("found/run.json"), "utf8")) as RunRecord;
async function stylesAt(file: string): Promise<Float32Array> {
  const { w } = await readLatents(readFileSync(file), file);
  return w?.read().data ?? new Float32Array(0);
}
const likenessOf = (task: string) => record().tasks.find((t) => t.name === task)?.samples[0]?.likeness;

describe("a picture of the model itself", () => {
  test("is found again, with the likeness that is told", async () => {
    const found = await psnr(at("out/own.png"), at("found/me.png"));
    expect(found).toBeGreaterThan(30);
    // The record tells of colours before they are rounded.
    expect(Math.abs(found - (likenessOf("me")?.psnr ?? NaN))).toBeLessThan(2);
    expect(likenessOf("me")?.usual).toBe(4);
  });

  test("is found with one style for all layers too, as it was drawn", () => {
    expect(likenessOf("plain")?.psnr).toBeGreaterThan(30);
  });

  test("is edited from there", async () => {
    expect(await psnr(at("found/me.png"), at("found/other.png"))).toBeLessThan(60);
    expect(record().tasks.find((t) => t.name === "other")?.samples[0]?.status).toBe("done");
  });
});

describe("a sweep of it", () => {
  const styles = (path: string): Promise<Float32Array> => stylesAt(at("found", path));

  test("has in each cell what an edit of one step makes of it", async () => {
    const [edited, cells, found] = [await styles("other.npz"), await styles("moods.npz"), await styles("me.npz")];
    expect(cells.length).toBe(3 * edited.length);
    const away = (from: Float32Array, cell: number): number =>
      Math.hypot(...from.map((x, i) => x - (cells[cell * from.length + i] ?? NaN)));
    expect(away(found, 0)).toBeGreaterThan(0.1);
    expect(away(edited, 0)).toBeLessThan(1e-3);
    expect(away(edited, 2)).toBeGreaterThan(0.1);
  });

  test("starts from a cell of another sweep too", () => {
    const twice = record().tasks.find((t) => t.name === "twice");
    expect(twice?.family).toMatchObject({ source: { task: "moods", from: 1, to: 2 } });
    expect(twice?.samples.map((s) => [s.index, s.part, s.status])).toEqual(
      [0, 1].flatMap((row) => [0, 1].map((cell) => [row, cell, "done"])),
    );
  });

  test("is made again, cell by cell", async () => {
    const files = { tiny: "tiny.safetensors", me: "out/own.png", plain: "out/own.png", noise: "noise.png" };
    const given = Object.entries(files).flatMap(([name, file]) => ["--model", `${name}=${at(file)}`]);
    const made = await lacec(
      ["reproduce", at("found/mood-2.png"), ...given, "-o", at("mood.png"), "--engine", "onnx-cpu"],
      { cwd: folder.path },
    );
    expect([made.code, made.err.match(/error\[/g)]).toEqual([0, null]);
    expect(await sharp(at("mood.png")).raw().toBuffer()).toEqual(await sharp(at("found/mood-2.png")).raw().toBuffer());
  });
});

test("a picture that the model would not draw is warned of", () => {
  const said = record()
    .diagnostics.filter((d) => d.code === "L4111")
    .map((d) => d.message);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/`noise` is not of this model's kind: likeness [\d.-]+ dB/);
});

describe("its recipe", () => {
  test("holds the hash of the photograph, and reproduce asks for it", async () => {
    const asked = await lacec(["reproduce", at("found/me.png"), "--model", `tiny=${at("tiny.safetensors")}`], {
      cwd: folder.path,
    });
    expect(asked.code).not.toBe(0);
    expect(asked.err).toMatch(/L5304[^]*own\.png[^]*SHA-256 [0-9a-f]{64}/);
  });

  test("makes an edit of it again, to the pixel, where the file is given", async () => {
    const files = { tiny: "tiny.safetensors", me: "out/own.png", plain: "out/own.png", noise: "noise.png" };
    const given = Object.entries(files).flatMap(([name, file]) => ["--model", `${name}=${at(file)}`]);
    const again = at("again.png");
    const { code, err } = await lacec(
      ["reproduce", at("found/other.png"), ...given, "-o", again, "--engine", "onnx-cpu"],
      { cwd: folder.path },
    );
    expect([code, err.match(/error\[/g)]).toEqual([0, null]);
    expect(await sharp(again).raw().toBuffer()).toEqual(await sharp(at("found/other.png")).raw().toBuffer());
  });
});

describe("a model that is tuned to a photograph", () => {
  const TUNE = `${HEAD}photo plain from "noise.png" in tiny { tries 1 }
photo me from "noise.png" in tiny { tries 1  tune 40  compare by "face.onnx" }
edit still of me { keep latent 1000  step glasses }
sample other from tiny { count 1  seed 3 }
save plain to "plain.png"
save me to "me.png"
save still to "still.png"
save other to "other.png"
`;
  const given = ["tiny=tiny.safetensors", "me=noise.png", "plain=noise.png", "me.identity=face.onnx"];
  const tuned = (): RunRecord => JSON.parse(readFileSync(at("tuned/run.json"), "utf8")) as RunRecord;
  const likeness = (name: string) => tuned().tasks.find((t) => t.name === name)?.samples[0]?.likeness;

  beforeAll(async () => {
    writeFileSync(at("face.onnx"), quarters());
    writeFileSync(at("face.json"), QUARTERS_JSON);
    writeFileSync(at("tune.lace"), TUNE);
    await run(at("tune.lace"), { out: at("tuned"), engine: "onnx-cpu" });
  }, 120_000);

  test("makes a picture that is more like it, as is told, and draws its edits too", async () => {
    const [plain, me] = [likeness("plain")!, likeness("me")!];
    expect(me.untuned).toBeCloseTo(plain.psnr, 3);
    expect(me.psnr).toBeGreaterThan(plain.psnr + 0.5);
    const [own, other] = [
      await psnr(at("tuned/me.png"), at("tuned/still.png")),
      await psnr(at("tuned/plain.png"), at("tuned/still.png")),
    ];
    expect(own).toBeGreaterThan(other);
  });

  test("stays as it is for all else", async () => {
    writeFileSync(at("alone.lace"), `${HEAD}sample other from tiny { count 1  seed 3 }\nsave other to "other.png"\n`);
    await run(at("alone.lace"), { out: at("alone"), engine: "onnx-cpu" });
    expect(await sharp(at("alone/other.png")).raw().toBuffer()).toEqual(
      await sharp(at("tuned/other.png")).raw().toBuffer(),
    );
  });

  test("is compared in the eyes of a network that is named", () => {
    expect(likeness("me")?.identity).toBeGreaterThan(0.3);
    expect(likeness("me")?.identity).toBeLessThanOrEqual(1 + 1e-6);
    expect(likeness("plain")?.identity).toBeUndefined();
  });

  test("is made again, to the pixel", async () => {
    const models = given.flatMap((g) => ["--model", g.replace("=", `=${folder.path}/`)]);
    const { code, err } = await lacec(
      ["reproduce", at("tuned/still.png"), ...models, "-o", at("still.png"), "--engine", "onnx-cpu"],
      { cwd: folder.path },
    );
    expect([code, err.match(/error\[/g)]).toEqual([0, null]);
    expect(await sharp(at("still.png")).raw().toBuffer()).toEqual(await sharp(at("tuned/still.png")).raw().toBuffer());
  });
});

describe("what cannot be looked for", () => {
  test("a file that is no picture", async () => {
    writeFileSync(at("bad.lace"), `${HEAD}photo me from "bad.lace" in tiny { }\nsave me to "me.png"\n`);
    const { code, err } = await lacec(["run", "bad.lace", "--out", "bad"], { cwd: folder.path });
    expect(code).not.toBe(0);
    expect(err).toMatch(/L5301/);
  });

  test("one that is not there, at its path", async () => {
    writeFileSync(at("none.lace"), `${HEAD}photo me from "none.jpg" in tiny { }\nsave me to "me.png"\n`);
    const { err } = await lacec(["check", "none.lace"], { cwd: folder.path });
    expect(err).toMatch(/L5001[^]*none\.lace:3:15/);
  });
});

describe("a photograph of a face that lies elsewhere", () => {
  test("is aligned by landmarks, edited, and put back into the whole", { timeout: 120_000 }, async () => {
    const five = [0.3769, 0.4687, 0.6229, 0.4691, 0.5012, 0.6133, 0.3931, 0.7254, 0.6115, 0.725];
    const points = five.map((x, i) => x * 16 + (i % 2 === 0 ? 90 : 30));
    await sharp({ create: { width: 200, height: 120, channels: 3, background: "#206080" } })
      .composite([{ input: at("out/own.png"), left: 90, top: 30 }])
      .removeAlpha()
      .png()
      .toFile(at("whole.png"));
    const pairs = [0, 2, 4, 6, 8].map((k) => [points[k], points[k + 1]]);
    writeFileSync(at("marks.json"), JSON.stringify({ points: pairs }));
    writeFileSync(
      at("aligned.lace"),
      `${HEAD}photo me from "whole.png" in tiny { landmarks {${points.join(", ")}}  prior 0.01 }
photo again from "whole.png" in tiny { landmarks "marks.json"  prior 0.01 }
edit other of me { keep latent 0.01  step glasses }
save me to "face.png"
save again to "face-again.png"
save me to "back.png" as paste { feather 0.1 }
save other to "other-{step}.png" as paste
`,
    );
    const { diagnostics } = await run(at("aligned.lace"), { out: at("aligned"), engine: "onnx-cpu" });
    expect(diagnostics.filter((d) => d.severity === "error")).toEqual([]);
    expect(await psnr(at("aligned/face.png"), at("out/own.png"))).toBeGreaterThan(30);
    expect(await psnr(at("aligned/face-again.png"), at("aligned/face.png"))).toBe(Infinity);
    const back = await sharp(at("aligned/back.png")).raw().toBuffer({ resolveWithObject: true });
    expect([back.info.width, back.info.height]).toEqual([200, 120]);
    expect(await psnr(at("aligned/back.png"), at("whole.png"))).toBeGreaterThan(30);
    const other = await sharp(at("aligned/other-0.png")).raw().toBuffer();
    expect([...other.subarray(0, 3)]).toEqual([0x20, 0x60, 0x80]);
    expect(await psnr(at("aligned/other-0.png"), at("aligned/back.png"))).toBeLessThan(60);
  });
});

describe("an encoder", () => {
  test(
    "is trained without data, begins the search, is in the lock, and is asked for",
    { timeout: 120_000 },
    async () => {
      const words = ["train", "tiny.safetensors", "--encoder", "--count", "256", "--epochs", "2", "--hidden", "16"];
      const made = await lacec([...words, "-o", "enc.safetensors", "--engine", "onnx-cpu"], { cwd: folder.path });
      expect([made.code, made.out]).toEqual([0, expect.stringMatching(/explains -?\d+% .*\n\nwrote enc\.safetensors/)]);
      writeFileSync(
        at("encoded.lace"),
        `${HEAD}photo me from "out/own.png" in tiny { encoder "enc.safetensors"  tries 1  prior 0.01 }\nsave me to "me.png"\n`,
      );
      const ran = await lacec(["run", "encoded.lace", "--out", "encoded", "--engine", "onnx-cpu"], {
        cwd: folder.path,
      });
      expect([ran.code, ran.err.match(/error\[/g)]).toEqual([0, null]);
      expect(await psnr(at("encoded/me.png"), at("out/own.png"))).toBeGreaterThan(25);
      const { files } = (
        JSON.parse(readFileSync(at("lace.lock"), "utf8")) as { scripts: Record<string, { files: object }> }
      ).scripts["encoded.lace"]!;
      expect(Object.keys(files)).toEqual(["out/own.png", "enc.safetensors"]);
      const asked = await lacec(
        [
          "reproduce",
          at("encoded/me.png"),
          "--model",
          `tiny=${at("tiny.safetensors")}`,
          "--model",
          `me=${at("out/own.png")}`,
        ],
        { cwd: folder.path },
      );
      expect(asked.err).toMatch(/L5304[^]*enc\.safetensors/);
    },
  );

  test("of another model is refused, and so is what is none", async () => {
    writeFileSync(
      at("no.lace"),
      `${HEAD}photo me from "out/own.png" in tiny { encoder "tiny.safetensors" }\nsave me to "me.png"\n`,
    );
    const { code, err } = await lacec(["run", "no.lace", "--out", "no"], { cwd: folder.path });
    expect([code === 0, err]).toEqual([false, expect.stringMatching(/L5325/)]);
    const words = ["train", "tiny.safetensors", "--count", "9"];
    expect((await lacec(words, { cwd: folder.path })).code).toBe(2);
  });
});

describe("photographs are opened", () => {
  const codec = sharpCodec();
  const colours = { create: { width: 4, height: 2, channels: 3 as const, background: "#ff8000" } };

  test("upright, as EXIF says", async () => {
    const turned = await sharp(colours).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await codec.photograph(turned)).toMatchObject({ width: 2, height: 4 });
    expect(await codec.decode(turned)).toMatchObject({ width: 4, height: 2 });
  });

  test("in sRGB, whatever their profile", async () => {
    const wide = await sharp({ create: { width: 2, height: 2, channels: 3, background: "#ff0000" } })
      .withIccProfile("p3")
      .png()
      .toBuffer();
    // Red of sRGB is duller in Display P3 (234, 51, 35), and red again once it is read.
    expect((await sharp(wide).metadata()).icc).toBeDefined();
    const { data } = await codec.photograph(wide);
    expect(data[0]).toBeGreaterThanOrEqual(253);
    expect(data[1]).toBeLessThanOrEqual(3);
  });

  test("grey in three channels, transparent on white", async () => {
    const grey = await sharp({ create: { width: 2, height: 2, channels: 3, background: "#808080" } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect([...(await codec.photograph(grey)).data]).toEqual(new Array(12).fill(128));
    const clear = await sharp({
      create: { width: 2, height: 2, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const opened = await codec.photograph(clear);
    expect([...opened.data]).toEqual(new Array(12).fill(255));
    expect(opened.alpha).toBeUndefined();
  });
});
