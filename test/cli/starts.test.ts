// Tasks that start from latents of a file: what a run saves gives the same pictures again, edits go on from there, recipes ask for the file.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unzipSync } from "fflate";
import { run } from "../../src/node.js";
import { readLatents } from "../../src/models/latents.js";
import { folderWith, lacec } from "../support/lacec.js";

const HEAD = 'lace 1\nmodel avatar from "builtin:avatar"\n';
const MAKE = `${HEAD}sample some from avatar { where glasses  count 3  seed 4 }
save some to "some-{index}.png"
save some to "some.npz"
save some to "some.safetensors"
save some to "some.npy"
`;
const USE = `${HEAD}sample whole from avatar { start from "out/some.npz" }
sample stored from avatar { start from "out/some.safetensors"  count 2 }
sample plain from avatar { start from "out/some.npy" }
sample ofz from avatar { start from "out/some.npz" as z }
sample followed from avatar { start from "out/some.npz"  where smile and hair is red }
edit steps from avatar { start from "out/some.npy"  count 1  keep latent 0.01  step hat  layers 0..7  step smile }
edit later of whole[1..2] { step smile }
save whole to "whole-{index}.png"
save stored to "stored-{index}.png"
save plain to "plain-{index}.png"
save ofz to "ofz-{index}.png"
save followed to "followed.npz"
save steps to "steps-{index}-{step}.png"
save later to "later.npz"
`;

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);

beforeAll(async () => {
  folder = folderWith({ "make.lace": MAKE, "use.lace": USE });
  await run(at("make.lace"), { out: at("out"), engine: "onnx-cpu" });
  await run(at("use.lace"), { out: at("used"), engine: "onnx-cpu" });
}, 240_000);
afterAll(() => folder.remove());

const pixels = (file: string): Promise<Buffer> => sharp(file).raw().toBuffer();
async function latents(file: string, name: "w" | "z" = "w"): Promise<Float32Array> {
  const arrays = await readLatents(readFileSync(file), file);
  return (arrays[name] ?? arrays.plain)?.read().data ?? new Float32Array();
}

describe("latents that a run saved", () => {
  test.each(["whole", "plain", "ofz"])("are the same pictures when a task starts from them: %s", async (name) => {
    for (const index of [0, 1, 2])
      expect(await pixels(at("used", `${name}-${index}.png`))).toEqual(await pixels(at("out", `some-${index}.png`)));
  });

  test("of a file the first `count` are taken", async () => {
    expect(await pixels(at("used", "stored-1.png"))).toEqual(await pixels(at("out", "some-1.png")));
    expect(() => readFileSync(at("used", "stored-2.png"))).toThrow();
  });

  test("are an array of numpy [n, layers, d], and z beside it", () => {
    const { "w.npy": w, "z.npy": z } = unzipSync(readFileSync(at("out", "some.npz")));
    const header = (bytes?: Uint8Array): string => new TextDecoder("latin1").decode(bytes?.subarray(0, 100));
    expect(header(w)).toContain("'shape': (3, 12, 64)");
    expect(header(z)).toContain("'shape': (3, 64)");
  });
});

describe("what goes on from them", () => {
  test("a condition moves every layer of a picture by as much", async () => {
    const [before, after] = [await latents(at("out", "some.npz")), await latents(at("used", "followed.npz"))];
    const moved = after.map((x, i) => x - (before[i] ?? 0));
    expect(Math.hypot(...moved.subarray(0, 64))).toBeGreaterThan(0.5);
    for (let layer = 1; layer < 12; layer++)
      for (let i = 0; i < 64; i++) expect(moved[layer * 64 + i]).toBeCloseTo(moved[i] ?? NaN, 4);
  });

  test("an edit's step over some layers leaves the others as the file has them", async () => {
    const [before, hat] = [await pixels(at("out", "some-0.png")), await pixels(at("used", "steps-0-0.png"))];
    expect(hat).not.toEqual(before);
    expect(await pixels(at("used", "steps-0-1.png"))).not.toEqual(hat);
  });

  test("an edit of such a task goes on from its pictures", async () => {
    const [before, after] = [await latents(at("out", "some.npz")), await latents(at("used", "later.npz"))];
    expect(after).toHaveLength((before.length / 3) * 2);
    expect(after).not.toEqual(before.subarray(before.length / 3));
  });
});

describe("their recipes", () => {
  test("name the file by its hash, and reproduce asks for it", async () => {
    const picture = at("used", "whole-1.png");
    const asked = await lacec(["reproduce", picture], { cwd: folder.path });
    expect(asked.code).not.toBe(0);
    expect(asked.err).toMatch(/L5304[^]*`whole`[^]*some\.npz[^]*SHA-256 [0-9a-f]{64}/);
    const given = ["whole", "stored", "plain", "ofz", "followed", "steps"].flatMap((name) => [
      "--model",
      `${name}=${at("out", name === "stored" ? "some.safetensors" : name === "plain" || name === "steps" ? "some.npy" : "some.npz")}`,
    ]);
    const again = await lacec(["reproduce", picture, ...given, "-o", at("again.png"), "--engine", "onnx-cpu"], {
      cwd: folder.path,
    });
    expect(again.err).not.toMatch(/error/);
    expect(await pixels(at("again.png"))).toEqual(await pixels(picture));
  });
});

describe("what cannot be started from", () => {
  test("is an error at its path", async () => {
    const texts = folderWith({
      "a.lace": `${HEAD}sample a from avatar { start from "none.npz" }\nsave a to "a.png" as grid\n`,
      "b.lace": `${HEAD}sample b from avatar { start from "b.lace" }\nsave b to "b.png" as grid\n`,
    });
    try {
      const [a, b] = [
        await lacec(["check", "a.lace"], { cwd: texts.path }),
        await lacec(["check", "b.lace"], { cwd: texts.path }),
      ];
      expect(a.err).toMatch(/L5001[^]*a\.lace:3:35/);
      expect(b.err).toMatch(/L5323[^]*b\.lace:3:35/);
    } finally {
      texts.remove();
    }
  });
});
