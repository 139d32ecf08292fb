// An ONNX file may name other files for its weights. What a stranger names is never followed; what lies beside is taken in, once.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wholeOnnx } from "../../src/models/onnx-file.js";
import { externalTensors, OnnxDamage, withDataInside } from "../../src/models/formats/onnx-weights.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { nodeHost } from "../../src/node/host.js";
import { tinyDecoder } from "../support/decoder.js";
import { externalOnnx } from "../support/external-onnx.js";
import { folderWith, lacec, type Ended } from "../support/lacec.js";
import { random } from "../support/random.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "draw.lace": 'lace 1\nmodel m from "d.safetensors"\nsample s from m { count 2 }\nsave s to "s-{index}.png"\n',
  });
});
afterAll(() => folder.remove());

const run = (...args: readonly string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const inFolder = (path: string): string => join(folder.path, path);
const plain = tinyDecoder();

function put(path: string, bytes: Uint8Array): string {
  mkdirSync(join(inFolder(path), ".."), { recursive: true });
  writeFileSync(inFolder(path), bytes);
  return inFolder(path);
}

describe("an ONNX file with weights beside it", () => {
  test("is imported whole: its weights are in the pack's own file, hashed, and changing theirs changes nothing", async () => {
    const { onnx, data } = externalOnnx(plain, { location: "d.onnx.data" });
    put("get/d.onnx", onnx);
    put("get/d.onnx.data", data);
    expect((await run("import", "get/d.onnx")).code).toBe(0);
    const taken = readFileSync(inFolder("d.onnx"));
    expect(externalTensors(taken)).toEqual([]);
    const { code, out } = await run("inspect", "d.safetensors", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      decoder: { sha256: sha256(taken) },
      madeFrom: [
        { file: "d.onnx", sha256: sha256(onnx) },
        { file: "d.onnx.data", sha256: sha256(data) },
      ],
    });
    const first = await run("run", "draw.lace", "--no-cache", "--engine", "onnx-cpu");
    expect(first.code).toBe(0);
    const picture = readFileSync(inFolder("s-0.png"));
    put(
      "get/d.onnx.data",
      data.map((b) => b ^ 1),
    );
    expect((await run("run", "draw.lace", "--no-cache", "--engine", "onnx-cpu", "--frozen")).code).toBe(0);
    expect(readFileSync(inFolder("s-0.png")).equals(picture)).toBe(true);
    // The same pictures as of the model that never was in two files.
    const whole = await openOnnxModel(plain);
    const ours = await openOnnxModel(taken);
    const z = { z: { data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)), dims: [2, 6] } };
    expect((await ours.run(z))["img"]).toEqual((await whole.run(z))["img"]);
  });

  test("is not written over when it is imported where it lies", async () => {
    const { onnx, data } = externalOnnx(plain, { location: "w.bin" });
    put("here.onnx", onnx);
    put("w.bin", data);
    const { code, out } = await run("import", "here.onnx");
    expect(code).toBe(0);
    expect(out).toContain("here.whole.onnx");
    expect(readFileSync(inFolder("here.onnx")).equals(onnx)).toBe(true);
  });

  test("is read through the links of the hub's cache", async () => {
    const { onnx, data } = externalOnnx(plain, { location: "model.onnx_data" });
    put("hub/blobs/aa", onnx);
    put("hub/blobs/bb", data);
    mkdirSync(inFolder("hub/snapshots/1"), { recursive: true });
    symlinkSync("../../blobs/aa", inFolder("hub/snapshots/1/model.onnx"));
    symlinkSync("../../blobs/bb", inFolder("hub/snapshots/1/model.onnx_data"));
    const { parts } = await wholeOnnx(nodeHost(), inFolder("hub/snapshots/1/model.onnx"), onnx);
    expect(parts.map((p) => p.file)).toEqual(["model.onnx_data"]);
  });
});

describe("an ONNX file that asks for a file of the user's", () => {
  test.each([
    "secret.txt",
    ".ssh/id_key",
    "../secret.txt",
    "/etc/hostname",
    "a/../../secret.txt",
    "link",
    "C:\\x",
    "builtin:avatar",
    "./",
  ])("%s is refused, and nothing of it comes out", async (location) => {
    put("secret.txt", new Uint8Array(20_000).fill(65));
    put(".ssh/id_key", new Uint8Array(20_000).fill(66));
    const { onnx } = externalOnnx(plain, { location });
    const file = put("sent/evil.onnx", onnx);
    try {
      symlinkSync("../secret.txt", inFolder("sent/link"));
    } catch {
      // It is there already.
    }
    await expect(wholeOnnx(nodeHost(), file, onnx)).rejects.toThrow(/L5112/);
    const ended = await run("import", "sent/evil.onnx", "-o", "evil.safetensors");
    expect(ended.code).toBe(3);
    expect(ended.err).toContain("L5112");
    await expect(openOnnxModel(onnx)).rejects.toThrow(/L5202.*another file/);
  });

  test("by a pack that was made so by hand is refused when it is run", async () => {
    put("w2.onnx", plain);
    expect((await run("import", "w2.onnx", "-o", "p/w2.safetensors")).code).toBe(0);
    const { onnx } = externalOnnx(plain, { location: "secret.txt" });
    put("secret.txt", new Uint8Array(20_000).fill(65));
    const pack = readFileSync(inFolder("p/w2.safetensors"));
    const text = pack.toString("latin1").replaceAll(sha256(plain), sha256(onnx));
    put("p/w2.safetensors", Buffer.from(text, "latin1"));
    put("p/w2.onnx", onnx);
    writeFileSync(
      inFolder("p.lace"),
      'lace 1\nmodel m from "p/w2.safetensors"\nsample s from m { count 1 }\nsave s to "p.png"\n',
    );
    const ended = await run("run", "p.lace", "--no-cache");
    expect(ended.code).toBe(3);
    expect(ended.err).toContain("L5202");
  });

  test("as a labeller is refused in the same way", async () => {
    const { onnx } = externalOnnx(plain, { location: "../secret.txt" });
    put("l/judge.onnx", onnx);
    put("l/judge.json", Buffer.from(JSON.stringify({ input: { name: "z", size: 8 }, attributes: [] })));
    const ended = await run("label", "d.safetensors", "-n", "2", "--labeller", "l/judge.onnx", "-o", "x.safetensors");
    expect(ended.code).toBe(3);
    expect(ended.err).toMatch(/L5112|L5312/);
  });
});

describe("weights beside an ONNX file", () => {
  const files: readonly [string, (entries: Record<string, string>) => void, RegExp][] = [
    ["too short", (e) => (e["offset"] = String(Number(e["offset"]) + 4)), /ends at byte/],
    ["of another length than the tensor", (e) => (e["length"] = "4"), /needs \d+ bytes, the model says 4/],
    ["at no offset", (e) => (e["offset"] = "-1"), /no number of bytes/],
    ["at an endless offset", (e) => (e["offset"] = "99999999999999999999"), /no number of bytes/],
    ["nowhere", (e) => delete e["location"], /does not say where/],
    ["in the memory of the runtime", (e) => (e["location"] = "*/_ORT_MEM_ADDR_/*"), /not beside it/],
  ];
  test.each(files)("%s are refused", async (_, edit, message) => {
    const { onnx, data } = externalOnnx(plain, { location: "w.bin", edit });
    const file = put("bad/m.onnx", onnx);
    put("bad/w.bin", data);
    await expect(wholeOnnx(nodeHost(), file, onnx)).rejects.toThrow(message);
  });

  test("used by many tensors at once are refused: a small file makes no large model", async () => {
    const { onnx, data } = externalOnnx(plain, { location: "w.bin" });
    const file = put("bomb/m.onnx", Buffer.concat(Array.from({ length: 50 }, () => onnx)));
    put("bomb/w.bin", data);
    await expect(wholeOnnx(nodeHost(), file, readFileSync(file))).rejects.toThrow(
      /more bytes of 'w.bin' than there are/,
    );
  });

  test("that are damaged in any byte of the model give a model without outside files, or an error", () => {
    const { onnx, data } = externalOnnx(plain, { location: "w.bin" });
    const r = random(7);
    for (let n = 0; n < 3000; n++) {
      const bytes = onnx.slice(0, n % 3 === 0 ? Math.floor(r.next() * onnx.length) : onnx.length);
      for (let k = 0; k < 1 + (n % 4) && bytes.length > 0; k++)
        bytes[Math.floor(r.next() * bytes.length)] = Math.floor(r.next() * 256);
      try {
        const tensors = externalTensors(bytes);
        if (tensors.some((t) => t.size > 1e6)) continue;
        const whole = withDataInside(
          bytes,
          tensors.map((t) => new Uint8Array(t.size)),
        );
        expect(externalTensors(whole)).toEqual([]);
      } catch (error) {
        if (!(error instanceof OnnxDamage)) throw error;
      }
    }
    expect(data.length).toBeGreaterThan(0);
  });
});
