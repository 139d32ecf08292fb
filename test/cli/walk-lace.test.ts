// The walk of docs/models.md through the files of the LACE paper: every command and script of it, on small files of the same form.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
import { folderWith, lacec, root } from "../support/lacec.js";
import { randomModel } from "../support/model.js";
import { bytesOf, dict, floatBytes, int, tensor, torchFile, type Part } from "../support/pickle.js";
import { random } from "../support/random.js";
import { array, float, list, NONE, pickle } from "../support/styleflow.js";
import { tensorflowCheckpoint } from "../support/tensorflow-pickle.js";

/** The section, and its blocks of a language. */
const text = readFileSync(join(root, "docs/models.md"), "utf8");
const section = text.slice(text.indexOf("## The files of the LACE paper"), text.indexOf("## Drawing"));
const blocks = (language: string): string[] =>
  [...section.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, "g"))].map((m) => m[1] ?? "");

/** What the training scripts save: the state of the whole classifier, and of its network alone, on the same storages. */
function headFile(wDim: number, outputs: number, last: "heads" | "linear", seed: number): Uint8Array {
  const r = random(seed);
  const storages: Record<string, Uint8Array> = {};
  const [state, whole]: [Record<string, Part>, Record<string, Part>] = [{}, {}];
  const add = (name: string, shape: readonly number[]): void => {
    const count = shape.reduce((a, b) => a * b, 1);
    const key = String(Object.keys(storages).length);
    const scale = 1 / Math.sqrt(shape[1] ?? 1);
    storages[key] = floatBytes(...Array.from({ length: count }, () => scale * r.normal()));
    const strides = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
    state[name] = tensor({ key, count, shape, strides });
    whole[`f.${name}`] = tensor({ key, count, shape, strides });
  };
  // Conv2d of one pixel, Identity, LeakyReLU, three times; then Linear.
  const widths = [wDim, 40, 28, 16];
  [0, 3, 6].forEach((at, k) => {
    add(`net.${at}.weight`, [widths[k + 1]!, widths[k]!, 1, 1]);
    add(`net.${at}.bias`, [widths[k + 1]!]);
  });
  add(`${last}.weight`, [outputs, 16]);
  add(`${last}.bias`, [outputs]);
  return torchFile(dict({ model_state_dict: dict(whole), state_dict: dict(state) }), storages);
}

/** 60 rows of the StyleFlow data: glasses follow the first number of w. */
function styleflow(wDim: number): Record<string, Uint8Array> {
  const r = random(8);
  const w = Array.from({ length: 60 * wDim }, () => r.normal());
  const rows = Array.from({ length: 60 }, (_, row) =>
    Array.from({ length: 21 }, (__, k): Part => {
      if (k === 9) return int(w[row * wDim]! > 0 ? 1 : 0);
      return k === 7 ? float(0.3 + 0.01 * (row % 30)) : NONE;
    }),
  );
  const latents = Uint8Array.from(floatBytes(...w));
  const long = bytesOf(0x42, latents.length & 255, (latents.length >> 8) & 255, latents.length >> 16, 0, latents);
  return {
    "dataset_styleflow/all_latents.pickle": pickle(dict({ Latent: array([60, 1, 1, wDim], "f4", long) })),
    "dataset_styleflow/att_light.pickle": pickle(dict({ att_light: list([array([60, 21], "O8", list(rows.flat()))]) })),
  };
}

/** 60 rows as the paper's script keeps those of AFHQ's cats: haircolor follows the first number of w. */
function catLatents(wDim: number, layers: number): Record<string, Uint8Array> {
  const r = random(9);
  const w = Array.from({ length: 60 }, () => Array.from({ length: wDim }, () => r.normal()));
  const data = Uint8Array.from(floatBytes(...w.flatMap((row) => Array.from({ length: layers }, () => row).flat())));
  const long = bytesOf(0x42, data.length & 255, (data.length >> 8) & 255, data.length >> 16, 0, data);
  const labels = w.flatMap((row, k) => [
    int(k % 16),
    int(row[0]! > 0 ? 2 : 0),
    k % 9 === 0 ? NONE : int(k % 5),
    int(-1),
  ]);
  return {
    "ada-afhqcat-latents/ws_latent.pickle": pickle(dict({ ws_latent: list([array([60, layers, wDim], "f4", long)]) })),
    "ada-afhqcat-latents/pred0.3.pickle": pickle(dict({ "pred0.3": list([array([60, 4], "O8", list(labels))]) })),
  };
}

describe.skipIf(!GOLDEN_PRESENT)("from download to picture (skipped without ../shared/golden)", () => {
  let folder: ReturnType<typeof folderWith>;
  beforeAll(() => {
    folder = folderWith({});
    const cats = randomModel({ attributes: [] });
    const files: Record<string, Uint8Array> = {
      "stylegan2-ffhq-config-f.pt": goldenBytes("stylegan2-rosinality/size64.pt"),
      "best_valid_ckpt_glasses.pt": headFile(48, 2, "heads", 1),
      "best_valid_ckpt_age.pt": headFile(48, 1, "heads", 2),
      "best_valid_ckpt_haircolor.pt": headFile(48, 5, "heads", 3),
      ...styleflow(48),
      "cifar10u-cifar-ada-best-fid.pkl": goldenBytes("stylegan2-ada/orig32.pkl"),
      "dense_embedder_w/best_valid_ckpt.pt": headFile(64, 10, "linear", 4),
      "dense_embedder_z/best_valid_ckpt.pt": headFile(48, 10, "linear", 5),
      "metfaces.pkl": goldenBytes("stylegan2-ada/skip64.pkl"),
      "best_valid_ckpt_yaw.pt": headFile(64, 1, "heads", 6),
      "afhqcat.pkl": tensorflowCheckpoint(cats),
      ...catLatents(cats.info.wDim, cats.info.numWs),
      "best_valid_ckpt_moods.pt": headFile(cats.info.wDim, 5, "heads", 7),
    };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder.path, name)), { recursive: true });
      writeFileSync(join(folder.path, name), content);
    }
    for (const script of blocks("lace")) {
      const name = /^\/\/ (\S+\.lace)\n/.exec(script)?.[1];
      if (name === undefined) throw new Error(`a script without a name: ${script}`);
      writeFileSync(join(folder.path, name), script);
    }
  });
  afterAll(() => folder.remove());

  // Ten processes, one after the other.
  it("every command of the section runs, in its order", { timeout: 300_000 }, async () => {
    const commands = blocks("sh").flatMap((block) => block.trim().split("\n"));
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      const [program, ...args] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? "");
      expect(program).toBe("lacec");
      const { code, err } = await lacec(args, { cwd: folder.path });
      expect([command, code, err]).toEqual([command, 0, expect.any(String)]);
    }
    for (const picture of ["ffhq.png", "ships.png", "cats.png", "paintings.png"])
      expect(readFileSync(join(folder.path, picture)).length).toBeGreaterThan(1000);
    const inspected = await lacec(["inspect", "cifar-z.safetensors", "--json"], { cwd: folder.path });
    expect(JSON.parse(inspected.out)).toMatchObject({ attributes: [{ name: "object", space: "z" }] });
    const own = await lacec(["inspect", "ffhq.safetensors", "--json"], { cwd: folder.path });
    const names = (JSON.parse(own.out) as { attributes: { name: string; type: string }[] }).attributes;
    expect(names.map((a) => `${a.name}: ${a.type}`)).toEqual(["glasses: binary", "age: scalar", "haircolor: category"]);
  });
});
