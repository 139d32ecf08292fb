// `attribute x: T from "x.onnx" on image`: a classifier of pictures that is followed, judged by others, hashed and asked for again.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { NodeId } from "../../src/compiler/graph/graph.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { run } from "../../src/node.js";
import type { LockEntry } from "../../src/runtime/recipe/lock.js";
import { folderWith, lacec } from "../support/lacec.js";
import { quarters, QUARTERS_JSON } from "../support/quarters.js";
import { randomModel } from "../support/model.js";

/** How bright a picture is, as one logit; `more` goes through it. */
function brightness(more: (b: GraphBuilder, logit: NodeId) => NodeId = (_, logit) => logit): Uint8Array {
  const b = new GraphBuilder();
  const shades = b.mean(b.input("image", [1, 3, 16, 16]), [2, 3]);
  const logit = b.matmul(shades, b.constant([8, 8, 8], [3, 1]));
  return emitOnnx(b.finish({ outputs: { logits: more(b, logit) } }));
}
const DESCRIPTION = {
  format: 1,
  input: { name: "image", size: 16 },
  attributes: [{ name: "bright", type: "binary", gives: "logit", temperature: 2 }],
};
const HEAD = 'lace 1\nmodel tiny from "tiny.safetensors"\nattribute bright: binary from "bright.onnx" on image\n';
const SAMPLER = "sampler ode { rtol 0.05  atol 0.05 }";
const FOLLOW = `${HEAD}sample as_is from tiny { count 3  seed 3 }
sample dark from tiny { where not bright  count 3  seed 3  ${SAMPLER} }
edit dimmed of as_is { keep latent 0.001  step not bright  layers 0..1  ${SAMPLER} }
expect dark: not bright >= 0.1
save as_is to "as_is-{index}.png"
save dark to "dark-{index}.png"
save dimmed to "dimmed-{index}.png"
`;

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);
const write = (name: string, text: string): void => writeFileSync(at(name), text);
let results: Awaited<ReturnType<typeof run>>;

beforeAll(async () => {
  folder = folderWith({ "follow.lace": FOLLOW, "bright.json": JSON.stringify(DESCRIPTION) });
  writeFileSync(at("tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  writeFileSync(at("bright.onnx"), brightness());
  results = await run(at("follow.lace"), { out: at("out"), engine: "onnx-cpu" });
}, 120_000);
afterAll(() => folder.remove());

async function shadeOf(file: string): Promise<number> {
  const pixels = await sharp(at("out", file)).removeAlpha().raw().toBuffer();
  return pixels.reduce((sum, v) => sum + v, 0) / pixels.length;
}

describe("a classifier of pictures", () => {
  test("is followed: pictures become what was asked", async () => {
    for (const index of [0, 1, 2]) {
      const before = await shadeOf(`as_is-${index}.png`);
      expect(await shadeOf(`dark-${index}.png`)).toBeLessThan(before - 5);
      expect(await shadeOf(`dimmed-${index}.png`)).toBeLessThan(before);
    }
  });

  test("says of a sample what it says of its picture, by its temperature", () => {
    const [dark] = results.tasks.filter((t) => t.task.name === "dark");
    for (const { heads, logp } of dark!.samples) {
      const [no, yes] = heads.at(-1)!;
      expect(no).toBe(0);
      expect(logp).toBeCloseTo(-Math.log1p(Math.exp(yes! / 2)), 4);
    }
  });

  test("that nobody else judges is told of", () => {
    const said = results.diagnostics.filter((d) => d.code === "L4110").map((d) => d.message);
    expect(said).toEqual(["`dark`: `not bright` judged by the heads that were followed, and by nobody else"]);
  });

  test("has a picture that does not depend on the others of its batch", async () => {
    write("one.lace", FOLLOW.replaceAll("count 3", "count 1"));
    await run(at("one.lace"), { out: at("one"), engine: "onnx-cpu" });
    for (const name of ["dark-0.png", "dimmed-0.png"]) {
      const [a, b] = [at("one", name), at("out", name)];
      expect(await sharp(a).raw().toBuffer()).toEqual(await sharp(b).raw().toBuffer());
    }
  });
});

describe("an evaluation of it", () => {
  test("says that the judge was followed, and compares with nothing that reads latents", async () => {
    const judged = ["--labeller", "bright.onnx", "--reference", "8", "--compare"];
    const { code, out, err } = await lacec(["eval", "follow.lace", ...judged], { cwd: folder.path });
    expect(code).toBe(0);
    expect(err).toContain("warning[L4110]: `dark`: `bright` judged by the network over pictures that was followed");
    expect(err).toMatch(/warning\[L4112\]: `dark` is not compared with rejection by the heads and linear directions/);
    expect(err).not.toContain("`as_is` is not compared");
    const own = out.slice(out.indexOf("\ndark  sample"));
    expect(own).toContain("rejection by the judge");
    expect(own).not.toMatch(/linear direction|rejection by the heads/);
  });
});

describe("its files", () => {
  test("are in the lock, the network and what describes it", async () => {
    const { code } = await lacec(["lock", "follow.lace"], { cwd: folder.path });
    expect(code).toBe(0);
    const lock = JSON.parse(readFileSync(at("lace.lock"), "utf8")) as { scripts: Record<string, LockEntry> };
    const entry = lock.scripts["follow.lace"]!;
    expect(entry.models["tiny"]!.heads["bright"]).toMatchObject({ from: "bright.onnx" });
    expect(Object.keys(entry.files ?? {})).toEqual(["bright.json"]);
  });

  test("are asked for by a picture, and make it again to the pixel", async () => {
    const picture = at("out", "dark-1.png");
    const model = ["--model", `tiny=${at("tiny.safetensors")}`];
    const asked = await lacec(["reproduce", picture, ...model], { cwd: folder.path });
    expect(asked.err).toMatch(/L5304[^]*bright\.onnx[^]*SHA-256 [0-9a-f]{64}/);
    const given = [...model, "--model", `bright=${at("bright.onnx")}`];
    const made = await lacec(["reproduce", picture, ...given, "-o", at("again.png"), "--engine", "onnx-cpu"], {
      cwd: folder.path,
    });
    expect([made.code, made.err.match(/error\[/g)]).toEqual([0, null]);
    expect(await sharp(at("again.png")).raw().toBuffer()).toEqual(await sharp(picture).raw().toBuffer());
  });
});

describe("what cannot be followed is told before anything is drawn", () => {
  const check = async (text: string): Promise<string> => {
    write("wrong.lace", `lace 1\nmodel tiny from "tiny.safetensors"\n${text}\nsave s to "s.png"\n`);
    const { err, out, code } = await lacec(["run", "wrong.lace", "--out", "wrong"], { cwd: folder.path });
    expect(code).not.toBe(0);
    return `${err}${out}`;
  };
  const SAMPLE = "sample s from tiny { where bright }";

  test("a network without a description", async () => {
    writeFileSync(at("bare.onnx"), brightness());
    const said = await check(`attribute bright: binary from "bare.onnx" on image\n${SAMPLE}`);
    expect(said).toMatch(/L5312[^]*bare\.json[^]*wrong\.lace:3:31/);
  });

  test("a network that is declared as heads of latents, and heads as a network", async () => {
    expect(await check(`attribute bright: binary from "bright.onnx"\n${SAMPLE}`)).toMatch(/L5107[^]*on image/);
    expect(await check(`attribute bright: binary from "tiny.safetensors" on image\n${SAMPLE}`)).toMatch(
      /L5107[^]*leave out `on image`/,
    );
  });

  test("something else than a picture", async () => {
    expect(await check(`attribute bright: binary from "bright.onnx" on picture\n${SAMPLE}`)).toMatch(
      /L2001[^]*on image/,
    );
  });

  test("an attribute that the network does not know", async () => {
    expect(
      await check(`attribute dark: binary from "bright.onnx" on image\nsample s from tiny { where dark }`),
    ).toMatch(/L5107[^]*'dark'[^]*bright/);
  });

  test("a model without a labeller to look with", async () => {
    expect(await check(`attribute glasses: binary on image\nsample s from tiny { where glasses }`)).toMatch(
      /L5324[^]*no labeller/,
    );
  });
});

describe("`keep identity`", () => {
  const EDITS = `${HEAD}sample base from tiny { count 2  seed 3 }
edit free of base { step glasses  step hair is blond }
edit held of base { keep identity 30 by "face.onnx"  step glasses  step hair is blond }
sweep row over t in 0.2..0.8 by 0.3 from tiny { where tilt is t  keep identity 1 by "face.onnx"  count 1  seed 3 }
save base to "base-{index}.png"
save free to "free-{index}.png"
save held to "held-{index}.png"
save row to "row.png" as grid
`;

  /** 1 - cos of what the network sees in two pictures. */
  async function distance(a: string, b: string): Promise<number> {
    const see = async (file: string): Promise<number[]> => {
      const data = await sharp(at("held", file)).removeAlpha().raw().toBuffer();
      const sums = new Array<number>(12).fill(0);
      data.forEach((v, i) => {
        const [c, x, y] = [i % 3, Math.floor(i / 3) % 16, Math.floor(i / 48)];
        sums[(Math.floor(y / 8) * 2 + Math.floor(x / 8)) * 3 + c]! += v / 127.5 - 1;
      });
      return sums;
    };
    const [x, y] = [await see(a), await see(b)];
    const dot = (p: readonly number[], q: readonly number[]): number => p.reduce((sum, v, i) => sum + v * q[i]!, 0);
    return 1 - dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
  }

  beforeAll(async () => {
    write("edits.lace", EDITS);
    write("face.json", QUARTERS_JSON);
    writeFileSync(at("face.onnx"), quarters());
    results = await run(at("edits.lace"), { out: at("held"), engine: "onnx-cpu" });
  }, 120_000);

  test("holds pictures near in the eyes of a network", async () => {
    for (const index of [0, 1]) {
      const [free, held] = [
        await distance(`base-${index}.png`, `free-${index}.png`),
        await distance(`base-${index}.png`, `held-${index}.png`),
      ];
      expect(held).toBeLessThan(0.5 * free);
    }
  });

  test("is in the record of edits and of rows", () => {
    const [, , held, row] = results.record.tasks;
    const identity = { file: "face.onnx" };
    expect(held!.family).toMatchObject({ keepIdentity: { ...identity, weight: 30 } });
    expect(row!.family).toMatchObject({ keepIdentity: { ...identity, weight: 1 } });
  });

  test("has its network in recipes", async () => {
    const given = ["tiny=tiny.safetensors", "bright=bright.onnx"].flatMap((g) => {
      const [name, file] = g.split("=");
      return ["--model", `${name}=${at(file!)}`];
    });
    const picture = at("held", "held-1.png");
    const asked = await lacec(["reproduce", picture, ...given], { cwd: folder.path });
    expect(asked.err).toMatch(/L5304[^]*`(held|row)\.identity`[^]*face\.onnx[^]*SHA-256 [0-9a-f]{64}/);
    const faces = ["held", "row"].flatMap((task) => ["--model", `${task}.identity=${at("face.onnx")}`]);
    const made = await lacec(
      ["reproduce", picture, ...given, ...faces, "-o", at("once-more.png"), "--engine", "onnx-cpu"],
      {
        cwd: folder.path,
      },
    );
    expect([made.code, made.err.match(/error\[/g)]).toEqual([0, null]);
    expect(await sharp(at("once-more.png")).raw().toBuffer()).toEqual(await sharp(picture).raw().toBuffer());
  });

  test.each([
    ['by "none.onnx"', /L5001[^]*none\.onnx[^]*keeper\.lace:5/],
    ['by "bright.onnx"', /L5312[^]*names no output of features/],
    ["", /L5324[^]*no labeller/],
  ])("%s says what is missing, at its place", async (by, wanted) => {
    const base = EDITS.split("\n").slice(0, 4).join("\n");
    write(
      "keeper.lace",
      `${base}\nedit e of base { keep identity 0.1 ${by}  step glasses }\nsave e to "e.png" as grid\n`,
    );
    const { err, code } = await lacec(["run", "keeper.lace", "--out", "keeper"], { cwd: folder.path });
    expect(code).not.toBe(0);
    expect(err).toMatch(wanted);
  });
});

test("the labeller of a pack is followed where no file is named, and is no judge of it", async () => {
  write(
    "own.lace",
    `lace 1\nmodel avatar from "builtin:avatar"\nattribute smile: binary on image
sample s from avatar { where smile  count 1  sampler ode { solver euler  steps 2 } }
expect s: smile >= 0, hat >= 0\n`,
  );
  const { diagnostics, expectations } = await run(at("own.lace"), { out: at("own"), engine: "onnx-cpu" });
  const said = diagnostics.filter((d) => d.code === "L4110").map((d) => d.message);
  expect(said).toEqual(["`s`: `smile` judged by the network over pictures that was followed, and by no other"]);
  expect(expectations.map((e) => e.labeller !== undefined)).toEqual([false, true]);
});
