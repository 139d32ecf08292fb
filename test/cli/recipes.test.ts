// Recipes inside images: what they hold, making images again from them, and what a hostile one cannot do.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LaceError, run } from "../../src/node.js";
import { nodeHost } from "../../src/node/host.js";
import { sharpCodec } from "../../src/node/codec.js";
import { withPngText } from "../../src/runtime/image/png-text.js";
import { DEFAULTS } from "../../src/compiler/defaults.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { comparePixels } from "../../src/runtime/recipe/compare.js";
import { parseRecipe, type Recipe } from "../../src/runtime/recipe/recipe.js";
import { fileFormat } from "../../src/runtime/plan/path-template.js";
import { openRecipe, reproduce, type Reproduction } from "../../src/app/reproduce.js";
import { lacecVersion, nodeServices } from "../../src/node/services.js";
import { filesIn, folderWith, lacec } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const MAIN = (folder: string): string => `lace 1
// A recipe with everything: an absolute import, one that climbs, a model elsewhere.
import { scholar } from "${folder}/private/lib.lace"
import "../shared/lib.lace"
model tiny from "${folder}/private/tiny.safetensors"
input level: number = 0.4

sample faces from tiny {
  where scholar and tilted(level)
  count 3
  seed 5
}

traverse walk from tiny { where scholar between seed 1 and seed 2 frames 3 }

save faces to "face-{index}.png"
save faces to "sheet.png" as grid
save faces to "sheet.webp" as grid
save faces to "sheet.jpg" as grid
save faces to "sheet.avif" as grid
save walk to "walk.webp" as animation { tween 1 }
save walk to "walk.gif" as animation { tween 2 }
`;

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);
const codec = sharpCodec();
const model = new Map<string, string>();

beforeAll(async () => {
  folder = folderWith({});
  for (const name of ["private", "shared", "work"]) mkdirSync(at(name));
  writeFileSync(at("private/lib.lace"), `lace 1\nimport "deeper.lace"\nenergy scholar = worn\n`);
  writeFileSync(at("private/deeper.lace"), `lace 1\nenergy worn = glasses\n`);
  writeFileSync(at("shared/lib.lace"), `lace 1\nenergy tilted(x: number) = tilt > x\n`);
  writeFileSync(at("private/tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  writeFileSync(at("private/other.safetensors"), writePack(randomModel({ seed: 2 }), { source: "a test" }));
  writeFileSync(at("work/main.lace"), MAIN(folder.path));
  await run(at("work/main.lace"), { out: at("out"), engine: "onnx-cpu", inputs: { level: 0.3 }, seed: 9 });
  model.set("tiny", at("private/tiny.safetensors"));
});
afterAll(() => folder.remove());

async function recipeOf(file: string): Promise<Recipe> {
  const { text } = await codec.inspect(readFileSync(at("out", file)));
  return parseRecipe(text ?? "", file);
}

async function again(
  recipe: Recipe,
  files = model,
  engine: "onnx-cpu" | "tfjs-cpu" = "onnx-cpu",
): Promise<Reproduction> {
  const opened = await openRecipe(nodeHost(), recipe, files);
  const { path = "", form = { kind: "each" } } = opened.compilation.plan?.saves[recipe.save] ?? {};
  const format = fileFormat(path, form) ?? "png";
  return reproduce(opened, format, { world: (host) => nodeServices(host, engine), lacec: lacecVersion() });
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.catch((e: unknown) => e);
  if (!(error instanceof LaceError)) throw error instanceof Error ? error : new Error("it was not refused");
  return `${error.diagnostics[0]!.code} ${error.message} ${error.diagnostics[0]!.hints.join()}`;
}

describe("the recipe", () => {
  test("names nothing outside the script's folder, and keeps the text otherwise", async () => {
    const { files, inputs, overrides, lock } = await recipeOf("face-1.png");
    expect(files.map((f) => f.name).sort()).toEqual(["deeper.lace", "lib-2.lace", "lib.lace", "main.lace"]);
    expect(files[0]!.name).toBe("main.lace");
    expect(files[0]!.text).toContain('model tiny from "tiny.safetensors"');
    expect(files[0]!.text).toContain("// A recipe with everything");
    expect([inputs, overrides]).toEqual([{ level: 0.3 }, { seed: 9 }]);
    expect(Object.keys(lock.imports).sort()).toEqual(["deeper.lace", "lib-2.lace", "lib.lace"]);
    for (const file of filesIn(at("out"))) {
      const text = readFileSync(at("out", file)).toString("latin1");
      for (const secret of [folder.path, "private", "shared"]) expect(text, file).not.toContain(secret);
    }
  });

  test.each(["face-1.png", "sheet.png", "sheet.webp", "sheet.jpg", "sheet.avif", "walk.webp", "walk.gif"])(
    "%s is made again, byte for byte",
    async (file) => {
      const made = await again(await recipeOf(file));
      expect(made.differences).toEqual([]);
      expect(Buffer.compare(made.bytes, readFileSync(at("out", file)))).toBe(0);
    },
  );

  test("a sample beyond the script's count is found too", async () => {
    await run(at("work/main.lace"), { out: at("more"), engine: "onnx-cpu", count: 6 });
    const bytes = readFileSync(at("more/face-5.png"));
    const recipe = parseRecipe((await codec.inspect(bytes)).text ?? "", "face-5.png");
    expect(recipe.overrides).toEqual({});
    expect(Buffer.compare((await again(recipe)).bytes, bytes)).toBe(0);
  });

  test("one from before another default is made with the default that it knew", async () => {
    const recipe = await recipeOf("face-1.png");
    expect(recipe.lock.defaults).toBe(DEFAULTS);
    const { edition, lacec: version, models, imports } = recipe.lock;
    const lock = { edition, lacec: version, models, imports };
    const earlier = await again({ ...recipe, lock });
    expect(earlier.differences).toEqual([]);
    const named = recipe.files.map((f) => ({
      ...f,
      text: f.text.replace("seed 5", "seed 5 sampler ode { solver dopri5 }"),
    }));
    const [a, b, c] = await Promise.all(
      [earlier, await again({ ...recipe, lock, files: named }), await again(recipe)].map((made) =>
        codec.decode(made.bytes),
      ),
    );
    expect(comparePixels(a!, b!)!.psnr).toBe(Infinity);
    expect(comparePixels(a!, c!)!.psnr).toBeLessThan(Infinity);
  });

  test("another engine and another model are named, and the pixels compared", async () => {
    const recipe = await recipeOf("face-0.png");
    const made = await again(recipe, new Map([["tiny", at("private/other.safetensors")]]), "tfjs-cpu");
    expect(made.differences).toEqual([
      expect.stringMatching(/^model tiny .* has changed: SHA-256 was [0-9a-f]{12}, now it is [0-9a-f]{12}$/),
      "the engine was onnx-cpu, now it is tfjs-cpu",
    ]);
    const [a, b] = await Promise.all([codec.decode(made.bytes), codec.decode(readFileSync(at("out", "face-0.png")))]);
    expect(comparePixels(a, b)!.psnr).toBeLessThan(40);
    expect(comparePixels(a, a)).toEqual({ psnr: Infinity, largest: 0, pixels: 0 });
  });

  test("--no-provenance leaves it out", async () => {
    await run(at("work/main.lace"), { out: at("bare"), engine: "onnx-cpu", provenance: false });
    for (const file of filesIn(at("bare")).filter((f) => f !== "run.json")) {
      expect((await codec.inspect(readFileSync(at("bare", file)))).text, file).toBeUndefined();
    }
  });
});

describe("a recipe of a stranger", () => {
  test("cannot read files: a model that is not given is asked for", async () => {
    const recipe = await recipeOf("face-0.png");
    const opened = await openRecipe(nodeHost(), recipe, new Map());
    expect(opened.compilation.diagnostics.map((d) => d.code)).toEqual(["L5304"]);
    const stolen = recipe.files.map((f) => ({ ...f, text: f.text.replace("tiny.safetensors", "/etc/passwd") }));
    const { diagnostics } = (await openRecipe(nodeHost(), { ...recipe, files: stolen }, new Map())).compilation;
    expect(diagnostics.map((d) => [d.code, d.hints[0]])).toEqual([
      ["L5304", "say where you have it: --model tiny=PATH"],
    ]);
    const read = recipe.files.map((f) => ({ ...f, text: f.text.replace(/import .*$/m, `import "/etc/hostname"`) }));
    const imported = (await openRecipe(nodeHost(), { ...recipe, files: read }, new Map())).compilation;
    expect(imported.diagnostics.map((d) => d.code)).toContain("L2021");
  });

  test("cannot write files: nothing but the answer comes out", async () => {
    const recipe = await recipeOf("face-0.png");
    const before = filesIn(folder.path);
    const wild = recipe.files.map((f) => ({ ...f, text: f.text.replace("face-{index}.png", "../../x-{index}.png") }));
    expect((await openRecipe(nodeHost(), { ...recipe, files: wild }, model)).compilation.diagnostics[0]!.code).toBe(
      "L2017",
    );
    await again(recipe);
    expect(filesIn(folder.path)).toEqual(before);
  });

  test.each([
    ["no JSON", "{", /L5303 .*not JSON/],
    ["a later format", JSON.stringify({ format: 2 }), /L5303 .*format/],
    ["something else", JSON.stringify([1]), /L5303/],
  ])("%s is refused", async (_, text, message) => {
    expect(await refusal(Promise.resolve().then(() => parseRecipe(text, "x.png")))).toMatch(message);
  });

  test("a place that the script does not have is refused", async () => {
    const recipe = await recipeOf("face-0.png");
    expect(await refusal(again({ ...recipe, save: 99 }))).toMatch(/L5303/);
    expect(await refusal(again({ ...recipe, task: "others" }))).toMatch(/L5303/);
  });
});

describe("lacec show and lacec reproduce", () => {
  test.each(["walk.webp", "walk.gif"])("read the recipe of the film %s", async (film) => {
    const cwd = folder.path;
    const given = ["--model", `tiny=${at("private/tiny.safetensors")}`, "--quiet"];
    const extension = film.slice(4);
    const other = extension === ".gif" ? ".webp" : ".gif";
    const [shown, same, changed, still] = await Promise.all([
      lacec(["show", `out/${film}`], { cwd }),
      lacec(["reproduce", `out/${film}`, "-o", `same${extension}`, ...given], { cwd }),
      lacec(["reproduce", `out/${film}`, "-o", `other${extension}${other}`, ...given], { cwd }),
      lacec(["reproduce", `out/${film}`, "-o", `still${extension}.png`, ...given], { cwd }),
    ]);
    expect([shown.code, shown.out]).toEqual([0, expect.stringContaining("walk: all images")]);
    expect([same.code, same.out]).toEqual([0, `identical: the same bytes\nwrote same${extension}\n`]);
    expect(Buffer.compare(readFileSync(at(`same${extension}`)), readFileSync(at("out", film)))).toBe(0);
    expect([changed.code, (await codec.inspect(readFileSync(at(`other${extension}${other}`)))).format]).toEqual([
      0,
      other.slice(1),
    ]);
    expect([still.code, still.err]).toEqual([2, expect.stringContaining(".webp, .gif")]);
  });

  test("show prints the script, without control characters; reproduce says identical", async () => {
    const recipe = await recipeOf("face-0.png");
    const hostile = recipe.files.map((f) => ({
      ...f,
      text: f.text.replace("everything", "\u001b]0;owned\u0007\u009b2J"),
    }));
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    writeFileSync(at("hostile.png"), withPngText(png, "lace", JSON.stringify({ ...recipe, files: hostile })));
    writeFileSync(at("plain.png"), png);
    copyFileSync(at("out/face-0.png"), at("moved.png"));
    const cwd = folder.path;
    const given = `tiny=${at("private/tiny.safetensors")}`;
    const [shown, owned, plain, none, made] = await Promise.all([
      lacec(["show", "moved.png"], { cwd }),
      lacec(["show", "hostile.png"], { cwd }),
      lacec(["show", "plain.png"], { cwd }),
      lacec(["show", "work/main.lace"], { cwd }),
      lacec(["reproduce", "moved.png", "-o", "again.png", "--model", given], { cwd }),
    ]);
    expect([shown.code, shown.out]).toEqual([0, expect.stringContaining("where scholar and tilted(level)")]);
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    expect(owned.out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect([plain.code, plain.err]).toEqual([3, expect.stringContaining("error[L5302]")]);
    expect([none.code, none.err]).toEqual([3, expect.stringContaining("error[L5301]")]);
    expect([made.code, made.out]).toEqual([0, "identical: the same bytes\nwrote again.png\n"]);
    expect(Buffer.compare(readFileSync(at("again.png")), readFileSync(at("out/face-0.png")))).toBe(0);
  });
});
