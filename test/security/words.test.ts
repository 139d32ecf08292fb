// What is wrong is said in the user's words: what a file is, what to do with it, and once.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileScript } from "../../src/app/compile-script.js";
import { addModel } from "../../src/app/models.js";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { loadHeads } from "../../src/models/pack/pack.js";
import { readSafetensors, writeSafetensors } from "../../src/models/formats/safetensors.js";
import { nodeHost } from "../../src/node/host.js";
import { nodePlatform } from "../../src/node/platform.js";
import { parse } from "../../src/parser/parse.js";
import { LaceError, type Diagnostic } from "../../src/source/diagnostic.js";
import { render } from "../../src/source/render.js";
import { SourceText } from "../../src/source/text.js";
import { tinyDecoder } from "../support/decoder.js";
import { folderWith } from "../support/lacec.js";
import { bytesOf, dict, floatBytes, global, STOP, tensor, torchFile, tuple } from "../support/pickle.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({});
});
afterAll(() => folder.remove());
const put = (name: string, content: Uint8Array | string): string => {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
};
async function said(work: () => unknown): Promise<readonly Diagnostic[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof LaceError) return error.diagnostics;
    throw error;
  }
}
/** A pickle of an object of a class. */
const objectOf = (module: string, name: string): Uint8Array =>
  bytesOf(0x80, 2, global(module, name), tuple(), "R", STOP);

/** A file of torch with one tensor of one number. */
const weightsOf = (name: string): Uint8Array =>
  torchFile(dict({ [name]: tensor({ key: "0", count: 1, shape: [1], strides: [1] }) }), { 0: floatBytes(1) });

describe("a checkpoint where what was imported is wanted", () => {
  test.each([
    ["x.pkl", objectOf("a", "B"), "a pickled checkpoint"],
    ["x.pt", weightsOf("a"), "a checkpoint of PyTorch"],
    ["x.onnx", tinyDecoder(), "an ONNX model"],
  ])("a model or a head of %s: import it first", async (name, bytes, what) => {
    const path = put(name, bytes);
    const script = put("m.lace", `lace 1\nmodel m from "${name}"\nsample s from m { count 1 }\nsave s to "s.png"\n`);
    const { diagnostics } = await compileScript(script, nodeHost());
    expect(diagnostics.map((d) => d.code)).toEqual(["L5107"]);
    const [found] = diagnostics;
    expect(found?.message).toContain(what);
    expect(found?.hints.join()).toContain(`import it first: lacec import ${path}`);
    const [head] = await said(() => loadHeads(nodeHost(), path, { zDim: 4, wDim: 4 }));
    expect(head?.hints.join()).toContain("import it first");
  });

  test("a safetensors file that is no pack says so too", async () => {
    const one = { shape: [1], data: new Float32Array(1) };
    put("x.safetensors", writeSafetensors(new Map([["a", one]]), {}));
    const script = put(
      "s.lace",
      'lace 1\nmodel m from "x.safetensors"\nsample s from m { count 1 }\nsave s to "s.png"\n',
    );
    const { diagnostics } = await compileScript(script, nodeHost());
    expect(diagnostics.flatMap((d) => d.hints).join()).toContain("import it first");
  });
});

describe("a file that is imported and is something else", () => {
  const open = (bytes: Uint8Array) => said(() => openSource(bytes, "x", { name: "x", sha256: "" }));

  test.each([
    ["tfutil", "Network", "Progressive GAN or StyleGAN of 2018"],
    ["training.networks_stylegan3", "Generator", "a StyleGAN3 generator"],
    ["diffusers.models.unet_2d", "UNet2DModel", "a diffusion model"],
    ["torch._utils", "_rebuild_tensor_v3", "numbers of 8 bits"],
    ["torchvision.models.resnet", "ResNet", "a classifier of pictures"],
  ])("%s.%s is called by name", async (module, name, what) => {
    const [found] = await open(objectOf(module, name));
    expect(found?.code).toBe("L5105");
    expect(found?.message).toContain(`it is ${what.startsWith("numbers") ? "a checkpoint with " : ""}`);
    expect(found?.message).toContain(what);
  });

  test("tensors of 8 bits are called by name", async () => {
    const bytes = writeSafetensors(new Map([["a", { shape: [4], data: new Float32Array(4) }]]), {});
    const text = Buffer.from(bytes).toString("latin1").replace('"F32"', '"F8_E4M3"');
    const header = text.slice(8, text.indexOf("}}") + 2);
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    const file = Buffer.concat([length, Buffer.from(header, "latin1"), Buffer.alloc(16)]);
    const [found] = await said(() => readSafetensors(file, "x"));
    expect(found).toMatchObject({ code: "L5107", message: expect.stringContaining("F8_E4M3") as string });
  });

  test("the hints lead on, not in a circle", async () => {
    const weights = new Map([["layer.weight", { shape: [1], data: new Float32Array(1) }]]);
    const [code] = await open(objectOf("my_project", "Generator"));
    const [tensors] = await open(writeSafetensors(weights, {}));
    const [pickle] = await open(weightsOf("layer.weight"));
    expect([code?.code, tensors?.code, pickle?.code]).toEqual(["L5105", "L5107", "L5107"]);
    // L5105 sends to state dicts of StyleGAN2 or to ONNX; who has saved a state dict of something else is sent to ONNX alone.
    expect(code?.hints.join()).toMatch(/StyleGAN2[^]*state_dict[^]*torch\.onnx\.export/);
    for (const found of [tensors, pickle]) {
      expect(found?.hints.join()).toMatch(/layer\.weight[^]*torch\.onnx\.export/);
      expect(found?.hints.join()).not.toMatch(/state dict|checkpoint that this file was made from/);
    }
  });
});

describe("a file that is no script", () => {
  const shown = (text: string): string => {
    const { diagnostics } = parse(text, "x.lace");
    expect(diagnostics).toHaveLength(1);
    return diagnostics.map((d) => render(d, (file) => new SourceText(file, text))).join();
  };
  const passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:*:1:1::/:/bin/sh\nlace:x:2:2::/:/bin/sh\n".repeat(200);

  test("is told once, and none of its lines is shown", () => {
    const told = shown(passwd);
    expect(told).toContain("this is not a Lace script");
    expect(told).not.toMatch(/root|daemon/);
    expect(shown('{"a": [1, 2, 3],\n "b": {"c": null},\n "d": "e"}\n')).toContain("this is not a Lace script");
  });

  test("of UTF-16 is told to be that", () => {
    const text = 'lace 1\nmodel m from "builtin:avatar"\n';
    const little = Buffer.from(`\ufeff${text}`, "utf16le");
    for (const bytes of [little, Buffer.from(little).swap16(), Buffer.from(text, "utf16le")])
      expect(shown(bytes.toString("utf8"))).toContain("UTF-16");
  });

  test("of bytes is told to be no text, however long it is", () => {
    const bytes = Buffer.alloc(3e6, "\u007fELF\u0002\u0001\u0001\u0000\u0000");
    expect(shown(bytes.toString("utf8"))).toContain("this is no text");
  });

  test("but a script with mistakes in every line is read line by line", () => {
    const { diagnostics } = parse('lace 1\nmodle m from "a"\nsampl s from m { count }\nsaev s to "a.png"\n', "x.lace");
    expect(diagnostics.length).toBeGreaterThan(2);
    expect(parse("glases and smile", "x.lace").diagnostics[0]?.message).not.toContain("not a Lace script");
    const sound = parse("sample s from m { where glasses }\n% %\n% %\n% %\n% %\n", "x.lace").diagnostics;
    expect(sound.length).toBeGreaterThan(4);
  });

  test("mistakes without number cost little time", () => {
    const before = process.cpuUsage().user;
    const text = `lace 1\n${Array.from({ length: 20_000 }, (_, i) => `sampl s${i} from # { count }`).join("\n")}\n`;
    expect(parse(text, "x.lace").diagnostics.length).toBeGreaterThan(20_000);
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(10);
  });
});

test("a folder of models that cannot be written is told before any work, and LACE_MODELS is named", async () => {
  const file = put("taken", "");
  mkdirSync(join(folder.path, "m"));
  put("m/d.onnx", tinyDecoder());
  const before = process.env["LACE_MODELS"];
  process.env["LACE_MODELS"] = join(file, "models");
  try {
    const platform = nodePlatform();
    const [found] = await said(() => addModel(platform, join(folder.path, "m/d.onnx")));
    await platform.close();
    expect(found).toMatchObject({ code: "L5004", hints: [expect.stringContaining("set LACE_MODELS to a folder")] });
  } finally {
    if (before === undefined) delete process.env["LACE_MODELS"];
    else process.env["LACE_MODELS"] = before;
  }
});
