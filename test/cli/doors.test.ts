// The doors of the package: that of browsers bundles without Node, every example in a docstring runs as it stands, rows drawn apart are
// those of a whole run.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LaceError } from "../../src/index.js";
import { sharpCodec } from "../../src/node/codec.js";
import { run } from "../../src/node.js";
import { parseRecipe, type Recipe } from "../../src/runtime/recipe/recipe.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { runJob } from "../../src/worker.js";
import { requireBuild } from "../support/build.js";
import { labelledData } from "../support/labelled-data.js";
import { dict, floatBytes, int, type Part } from "../support/pickle.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";
import { array, bytes, float, list, pickle } from "../support/styleflow.js";
import { randomModel } from "../support/model.js";
import { folderWith, lacec, root } from "../support/lacec.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
input seed: number = 5
sample portraits from avatar { where glasses count 3 seed seed }
expect portraits: glasses >= 0.5
save portraits to "portrait-{index}.png"
save portraits to "sheet.png" as grid
`;

let folder: ReturnType<typeof folderWith>;
let redis: OwnRedis | undefined;
const at = (...path: string[]): string => join(folder.path, ...path);
async function recipeOf(file: string): Promise<Recipe> {
  const { text } = await sharpCodec().inspect(readFileSync(at("out", file)));
  return parseRecipe(text ?? "", file);
}

beforeAll(async () => {
  folder = folderWith({ "portraits.lace": SCRIPT });
  writeFileSync(at("data.safetensors"), labelledData());
  writeFileSync(at("pack.safetensors"), writePack(randomModel(), { source: "a test" }));
  for (const [name, bytes] of Object.entries(labelledElsewhere())) {
    mkdirSync(at(dirname(name)), { recursive: true });
    writeFileSync(at(name), bytes);
  }
  await run(at("portraits.lace"), { out: at("out"), engine: "onnx-cpu" });
  if (hasRedis) {
    mkdirSync(at("redis"));
    redis = await startRedis(at("redis"));
  }
});
afterAll(async () => {
  await redis?.stop();
  folder.remove();
});

/** Two samples as StyleFlow's data set has them, and as the LACE paper's scripts keep them. */
function labelledElsewhere(): Readonly<Record<string, Uint8Array>> {
  const held = (key: string, value: Part): Uint8Array => pickle(dict({ [key]: value }));
  const latents = (...shape: number[]): Part => array(shape, "f4", bytes(floatBytes(1, 2, 3, 4)));
  const row = (smile: number): Part[] => Array.from({ length: 21 }, (_, k) => (k === 2 ? int(smile) : float(0.5)));
  const objects = new Uint8Array(BigInt64Array.from([8n, 0n]).buffer);
  return {
    "styleflow/all_latents.pickle": held("Latent", latents(2, 1, 1, 2)),
    "styleflow/att_light.pickle": held("att_light", list([array([2, 21], "O8", list([...row(1), ...row(0)]))])),
    "lace-latents/ws_latent.pickle": held("ws_latent", list([latents(2, 1, 2)])),
    "lace-latents/pred.pickle": held("pred", list([array([2], "i8", bytes(objects))])),
  };
}

describe("the door of browsers", () => {
  test("bundles into one file that asks for nothing of Node and no native library", async () => {
    const bundle = await rolldown({
      input: join(root, "src/index.ts"),
      platform: "browser",
      cwd: root,
      logLevel: "silent",
    });
    const { output } = await bundle.generate({ format: "esm" });
    const chunks = output.flatMap((o) => (o.type === "chunk" ? [o] : []));
    const names = chunks.map((c) => c.fileName);
    expect(chunks.flatMap((c) => [...c.imports, ...c.dynamicImports]).filter((i) => !names.includes(i))).toEqual([]);
    const modules = chunks.flatMap((c) => c.moduleIds);
    expect(modules.some((m) => m.endsWith("src/runtime/execute.ts"))).toBe(true);
    const native =
      /\/src\/(node|cli)\/|node_modules\/(sharp|onnxruntime-|webgpu|commander|@tensorflow\/tfjs-node)|\.node$/;
    expect(modules.filter((m) => native.test(m))).toEqual([]);
    expect(chunks.filter((c) => /["'`]node:/.test(c.code)).map((c) => c.fileName)).toEqual([]);
  });
});

/** The examples in the docstrings of a door. */
function examplesOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/\* @example\n \* ```ts\n((?: \*.*\n)*?) \* ```/g)].map(([, lines = ""]) =>
    lines.replace(/^ \* ?/gm, ""),
  );
}

describe("examples in docstrings", () => {
  const QUEUE = "redis://127.0.0.1:6379";
  const doors = [
    ...["src/node.ts", "src/node/verbs.ts", "src/node/learning-verbs.ts", "src/node/picture-verbs.ts"],
    ...["src/node/model-verbs.ts", "src/node/many/verbs.ts", "src/worker.ts"],
  ];
  const examples = doors.flatMap((file) => examplesOf(file).map((code) => ({ file, code })));

  test("stand at every function of the doors", () => {
    for (const file of doors) {
      const functions = readFileSync(join(root, file), "utf8").match(/^export async function /gm) ?? [];
      expect(examplesOf(file)).toHaveLength(functions.length);
    }
    expect(examples.length).toBeGreaterThan(3);
  });

  test("are named for every verb of the command line, but for those about the command line itself and editors", async () => {
    const { out } = await lacec(["--help"], { cwd: folder.path });
    const verbs = [...out.slice(out.indexOf("Commands:")).matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name);
    expect(verbs.length).toBeGreaterThan(20);
    const ofTheProgram = ["completion", "manual", "help", "lsp", "studio"];
    const texts = doors.map((file) => readFileSync(join(root, file), "utf8")).join("");
    const unnamed = verbs.filter((v) => v !== undefined && !new RegExp(`as \`lacec ${v}\\b`).test(texts));
    expect(unnamed.sort()).toEqual(ofTheProgram.sort());
  });

  test.for(examples)("$file: $code", async ({ code }, { skip }) => {
    if (code.includes(QUEUE) && redis === undefined) skip("no redis-server is installed");
    requireBuild();
    mkdirSync(at("node_modules"), { recursive: true });
    try {
      symlinkSync(root, at("node_modules/lacec"), "dir");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    writeFileSync(at("recipe.json"), JSON.stringify(await recipeOf("portrait-0.png")));
    const given = `import { readFileSync } from "node:fs";\nconst recipe = JSON.parse(readFileSync("recipe.json", "utf8"));\n`;
    writeFileSync(
      at("example.mjs"),
      /\brecipe\b/.test(code) ? given + code : code.replaceAll(QUEUE, redis?.url ?? QUEUE),
    );
    const { stderr } = await promisify(execFile)(process.execPath, ["example.mjs"], {
      cwd: folder.path,
      env: { ...process.env, LACE_MODELS: at("models") },
    });
    expect(stderr).toBe("");
  });
});

describe("rows of a recipe, drawn apart", () => {
  test("are byte for byte those of the whole run, whichever image the recipe is of", async () => {
    const job = { recipe: await recipeOf("portrait-1.png"), rows: [2, 0] };
    const drawn = await runJob(structuredClone(job), { engine: "onnx-cpu" });
    expect(drawn.map((d) => [d.index, d.format, d.differences])).toEqual([
      [2, "png", []],
      [0, "png", []],
    ]);
    for (const { index, bytes } of drawn)
      expect(Buffer.compare(bytes, readFileSync(at("out", `portrait-${index}.png`)))).toBe(0);
  });

  test("are refused where the recipe is that of a sheet, or a row is no index", async () => {
    const codeOf = (job: Parameters<typeof runJob>[0]): Promise<unknown> =>
      runJob(job).catch((error: unknown) => (error instanceof LaceError ? error.diagnostics[0]?.code : error));
    expect(await codeOf({ recipe: await recipeOf("sheet.png"), rows: [0] })).toBe("L5303");
    expect(await codeOf({ recipe: await recipeOf("portrait-0.png"), rows: [-1] })).toBe("L5303");
    const damaged = { ...(await recipeOf("portrait-0.png")), files: [] };
    expect(await codeOf({ recipe: damaged, rows: [0] })).toBe("L5303");
  });
});
