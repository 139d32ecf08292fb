import { describe, expect, it } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { compileReadout } from "../../src/compiler/build/gradient.js";
import { PhaseClock, type RunEvent } from "../../src/ports/events.js";
import { describeFile } from "../../src/models/describe-model.js";
import { parseAttribute } from "../../src/models/checkpoints/head-source.js";
import { readCheckpoint } from "../../src/models/checkpoints/import-checkpoint.js";
import { importModel, type ImportSettings } from "../../src/models/import-model.js";
import { loadHeads, loadPack } from "../../src/models/pack/pack.js";
import { writeHeads, writePack } from "../../src/models/pack/write-pack.js";
import { readSafetensors, writeSafetensors } from "../../src/models/formats/safetensors.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { examineDecoder } from "../../src/runtime/services/examine-decoder.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { tinyDecoder } from "../support/decoder.js";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
import { memoryHost, type MemoryHost } from "../support/memory-host.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
const labeller = new TextEncoder().encode("a labeller");

/** Imports `file` of the host and writes what comes out. */
async function bring(host: MemoryHost, file: string, settings: Partial<ImportSettings> = {}) {
  const events: RunEvent[] = [];
  const clock = new PhaseClock(
    () => 0,
    (e) => events.push(e),
  );
  const result = await importModel(
    host,
    file,
    {
      out: "/out/m.safetensors",
      heads: [],
      attributes: [],
      lacec: "1.2.3",
      averageStyle: () => Promise.reject(new Error("no mapping here lacks its average")),
      examineDecoder: async (bytes, path) => {
        const { seen, ...facts } = await examineDecoder(await openOnnxModel(bytes), path, {});
        expect(seen).toHaveLength(2);
        return facts;
      },
      ...settings,
    },
    clock,
  );
  for (const { path, bytes } of result.files) await host.writeAtomic(path, bytes);
  return { ...result, phases: events.filter((e) => e.kind === "end").map((e) => e.phase) };
}

type Json = Record<string, unknown>;
function metadataOf(host: MemoryHost, path: string): Json {
  return JSON.parse(readSafetensors(host.files.get(path)!, path).metadata.get("lace")!) as Json;
}

describe("importing packs", () => {
  const plain = writePack(model, { source: "a test" });

  it("keeps weights, source and fields that lacec does not know; adds name, licence and where it came from", async () => {
    const stored = readSafetensors(plain, "x");
    const json = JSON.parse(stored.metadata.get("lace")!) as { attributes: Json[] } & Json;
    json["note"] = "kept";
    json.attributes[0]!["validation"] = { accuracy: 0.99 };
    const tensors = new Map([...stored.tensors.keys()].map((name) => [name, stored.tensor(name)!]));
    const host = memoryHost({ "/in/x.safetensors": writeSafetensors(tensors, { lace: JSON.stringify(json) }) });
    const { phases } = await bring(host, "/in/x.safetensors", { name: "new", licence: "MIT" });
    expect(phases).toEqual(["read", "check", "convert"]);
    const loaded = await loadPack(host, "/out/m.safetensors");
    expect({ ...loaded, sha256: "" }).toEqual({
      ...model,
      info: { ...model.info, name: "new" },
      licence: "MIT",
      sha256: "",
    });
    const metadata = metadataOf(host, "/out/m.safetensors") as { attributes: Json[] } & Json;
    expect(metadata).toMatchObject({ note: "kept", source: "a test" });
    expect(metadata.attributes[0]).toMatchObject({ name: "glasses", validation: { accuracy: 0.99 } });
    const sha256 = await host.sha256(host.files.get("/in/x.safetensors")!);
    expect(metadata["madeFrom"]).toEqual([{ file: "x.safetensors", sha256, format: "pack" }]);
    await bring(host, "/out/m.safetensors", { out: "/out/n.safetensors" });
    expect(metadataOf(host, "/out/n.safetensors")["madeFrom"]).toHaveLength(2);
  });

  it("takes the labeller along, keeps half precision, and makes it where asked", async () => {
    const sha256 = await memoryHost().sha256(labeller);
    const withLabeller = { ...model, labeller: { file: "/in/l.onnx", sha256 } };
    const host = memoryHost({
      "/in/x.safetensors": writePack(withLabeller, { source: "a test", dtype: "F16" }),
      "/in/l.onnx": labeller,
    });
    const { files } = await bring(host, "/in/x.safetensors");
    expect(files.map((f) => f.path)).toEqual(["/out/m.safetensors", "/out/l.onnx"]);
    expect((await describeFile(host, "/out/m.safetensors")).dtypes).toEqual(["F16"]);
    await bring(host, "/in/x.safetensors", { dtype: "F32" });
    expect((await describeFile(host, "/out/m.safetensors")).dtypes).toEqual(["F32"]);
    host.files.delete("/in/l.onnx");
    await expect(bring(host, "/in/x.safetensors")).rejects.toThrow(/L5110.*missing/);
  });

  it("refuses a damaged one as loading it would", async () => {
    const host = memoryHost({ "/in/x.safetensors": plain.slice(0, -4) });
    await expect(bring(host, "/in/x.safetensors")).rejects.toThrow(/L5102/);
  });
});

describe("importing heads", () => {
  const [age, beard] = [parseAttribute("age: scalar in 18..80 sigma 3"), parseAttribute("beard: binary")];
  const donor = randomModel({ seed: 2, attributes: [age, beard] });
  const heads = writeHeads({ attributes: donor.info.attributes, heads: donor.weights.heads }, { wDim: 8 }, "F32", {
    attributes: [{ name: "beard", validation: { accuracy: 0.9 } }],
  });
  const hosted = (more: Record<string, Uint8Array | string> = {}): MemoryHost =>
    memoryHost({ "/in/x.safetensors": writePack(model, { source: "a test" }), "/in/h.safetensors": heads, ...more });

  it("keeps the space of a head, and refuses one whose z the model does not have", async () => {
    const inZ = randomModel({ seed: 2, attributes: [age, beard], inZ: ["beard"] });
    const wider = randomModel({ seed: 2, attributes: [beard], inZ: ["beard"], zDim: 7 });
    const host = hosted({
      "/in/z.safetensors": writeHeads({ attributes: [age, beard], heads: inZ.weights.heads }, { wDim: 8, zDim: 6 }),
      "/in/7.safetensors": writeHeads({ attributes: [beard], heads: wider.weights.heads }, { wDim: 8, zDim: 7 }),
    });
    await bring(host, "/in/x.safetensors", { heads: [{ file: "/in/z.safetensors" }] });
    expect((await loadPack(host, "/out/m.safetensors")).weights.heads.slice(3)).toEqual(inZ.weights.heads);
    await bring(host, "/in/z.safetensors", { out: "/out/h.safetensors" });
    expect((await loadHeads(host, "/out/h.safetensors", model.info)).heads).toEqual(inZ.weights.heads);
    await expect(bring(host, "/in/x.safetensors", { heads: [{ file: "/in/7.safetensors" }] })).rejects.toThrow(
      /L5107.*the head `beard` takes 7 numbers, the model's z has 6/,
    );
  });

  it("puts those of a head file into a pack, all or one by name, with what was measured of them", async () => {
    const host = hosted();
    await bring(host, "/in/x.safetensors", { heads: [{ file: "/in/h.safetensors" }] });
    const loaded = await loadPack(host, "/out/m.safetensors");
    expect(loaded.info.attributes.map((a) => a.name)).toEqual(["glasses", "hair", "tilt", "age", "beard"]);
    expect(loaded.weights.heads.slice(3)).toEqual(donor.weights.heads);
    const { attributes } = await describeFile(host, "/out/m.safetensors");
    expect(attributes[4]).toMatchObject({ name: "beard", validation: { accuracy: 0.9 } });
    await bring(host, "/in/x.safetensors", { heads: [{ file: "/in/h.safetensors", name: "beard" }] });
    expect((await loadPack(host, "/out/m.safetensors")).info.attributes.map((a) => a.name)).toContain("beard");
    expect(metadataOf(host, "/out/m.safetensors")["madeFrom"]).toHaveLength(2);
  });

  it("reads a JSON table whose paths are relative to it", async () => {
    const row = { file: "h.safetensors", name: "age", type: "scalar", min: 0, max: 100, sigma: 5 };
    const host = hosted({ "/in/t.json": JSON.stringify([row]) });
    await bring(host, "/in/x.safetensors", { heads: [{ file: "/in/t.json" }] });
    const { info } = await loadPack(host, "/out/m.safetensors");
    expect(info.attributes[3]).toEqual({ name: "age", type: "scalar", min: 0, max: 100, sigma: 5 });
    host.files.set("/in/t.json", new TextEncoder().encode('[{ "name": "age" }]'));
    await expect(bring(host, "/in/x.safetensors", { heads: [{ file: "/in/t.json" }] })).rejects.toThrow(/L5108/);
  });

  it.each([
    ["a name that the file has not", [{ file: "/in/h.safetensors", name: "hat" }], [], /L5107.*no head for `hat`/],
    [
      "a type that does not fit",
      [{ file: "/in/h.safetensors" }],
      [parseAttribute("beard: category {a, b, c}")],
      /has 2 outputs; `beard`, category, needs 3/,
    ],
    ["an attribute without a head", [], [parseAttribute("hat: binary")], /no head is called `hat`/],
    [
      "two heads of one name",
      [{ file: "/in/h.safetensors" }, { file: "/in/h.safetensors" }],
      [],
      /two heads are called `age`/,
    ],
    ["a model in place of heads", [{ file: "/in/d.onnx" }], [], /holds no attribute heads, but a model/],
  ] as const)("refuses %s", async (_, requests, attributes, error) => {
    const host = hosted({ "/in/d.onnx": tinyDecoder() });
    await expect(bring(host, "/in/x.safetensors", { heads: requests, attributes })).rejects.toThrow(error);
  });

  it("refuses heads of another width", async () => {
    const wide = randomModel({ wDim: 9, attributes: [beard] });
    const host = hosted({
      "/in/w.safetensors": writeHeads({ attributes: [beard], heads: wide.weights.heads }, { wDim: 9 }),
    });
    await expect(bring(host, "/in/x.safetensors", { heads: [{ file: "/in/w.safetensors" }] })).rejects.toThrow(
      /takes 9 numbers, the model's w has 8/,
    );
  });

  it("says how an attribute is declared on the command line", () => {
    expect(parseAttribute("tilt: scalar in -1..1")).toEqual({
      name: "tilt",
      type: "scalar",
      min: -1,
      max: 1,
      sigma: 0.1,
    });
    expect(() => parseAttribute("tilt")).toThrow(/`tilt` does not declare an attribute/);
    expect(() => parseAttribute('a: binary from "x"')).toThrow(/does not declare/);
  });
});

describe("importing decoders", () => {
  it("references a copy beside the pack, whose hash is checked", async () => {
    const bytes = tinyDecoder();
    const host = memoryHost({ "/in/my decoder.onnx": bytes });
    const { files } = await bring(host, "/in/my decoder.onnx", { out: "/out/my faces.safetensors", licence: "MIT" });
    expect(files.map((f) => f.path)).toEqual(["/out/my faces.safetensors", "/out/my_faces.onnx"]);
    const loaded = await loadPack(host, "/out/my faces.safetensors");
    expect(loaded.decoder).toMatchObject({ file: "/out/my_faces.onnx", sha256: await host.sha256(bytes), batch: 2 });
    expect(loaded.info).toMatchObject({ name: "my decoder", zDim: 6, wDim: 6, numWs: 1, resolution: 8 });
    // A pack of a decoder is imported with its decoder.
    const again = await bring(host, "/out/my faces.safetensors", { out: "/else/f.safetensors" });
    expect(again.files.map((f) => f.path)).toEqual(["/else/f.safetensors", "/else/my_faces.onnx"]);
  });
});

describe("files that are no models", () => {
  it.each([
    ["a page of a web site", "<!DOCTYPE html><html>", /L5107[^]*web site/],
    ["a pointer of git-lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", /git-lfs/],
    ["an empty file", "", /very small/],
  ])("%s is recognised", async (_, text, hint) => {
    const error = await bring(memoryHost({ x: text }), "x").catch((e: unknown) => e);
    expect(JSON.stringify(error)).toMatch(hint);
  });

  it("a safetensors file of something else is refused by what it lacks", async () => {
    const host = memoryHost({ x: writeSafetensors(new Map(), {}) });
    await expect(bring(host, "x")).rejects.toThrow(/L5107.*no metadata key 'lace'/);
  });
});

describe.skipIf(!GOLDEN_PRESENT)("importing checkpoints (skipped without ../shared/golden)", () => {
  it.each([
    ["stylegan2-ada/skip32_conditional.pkl", "stylegan2-ada-pytorch"],
    ["stylegan2-ada/orig32.pkl", "stylegan2-ada-pytorch"],
    ["stylegan2-ada/resnet32.pkl", "stylegan2-ada-pytorch"],
    ["stylegan2-rosinality/size64.pt", "rosinality"],
  ])("%s gives a pack of the same model", async (name, format) => {
    const file = `/in/${name.split("/")[1]!}`;
    const host = memoryHost({ [file]: goldenBytes(name) });
    const imported = await bring(host, file, { licence: "CC0" });
    expect(imported.format).toBe(format);
    const { model: read } = await readCheckpoint(goldenBytes(name), file, { name: "x", sha256: "" });
    const loaded = await loadPack(host, "/out/m.safetensors");
    const stem = loaded.info.name;
    expect(stem).toBe(file.slice(4).replace(/\..*/, ""));
    const direct = writePack({ ...read, info: { ...read.info, name: stem } }, { source: "" });
    const back = writePack({ ...loaded, licence: read.licence }, { source: "" });
    expect(Buffer.compare(direct, back)).toBe(0);
    const described = await describeFile(host, file);
    expect(described).toMatchObject({ format, resolution: read.info.resolution, classes: read.info.classes ?? null });
    expect(described.parameters).toBe((await describeFile(host, "/out/m.safetensors")).parameters);
  });

  it("LACE heads go into a pack by name, type and class, or into a file of their own", async () => {
    const pt = (name: string): [string, Uint8Array] => [
      `/in/classifier_${name}.pt`,
      goldenBytes(`lace-tiny/classifier_${name}.pt`),
    ];
    const host = memoryHost({
      "/in/size64.pt": goldenBytes("stylegan2-rosinality/size64.pt"),
      ...Object.fromEntries([pt("glasses"), pt("haircolor"), pt("yaw")]),
    });
    const hair = parseAttribute("hair: category { black, brown, blond, red, gray }");
    const heads = [
      { file: "/in/classifier_glasses.pt" },
      { file: "/in/classifier_haircolor.pt", name: "hair" },
      { file: "/in/classifier_yaw.pt" },
    ];
    await expect(bring(host, "/in/size64.pt", { heads })).rejects.toThrow(/its head has 5 classes/);
    await bring(host, "/in/size64.pt", { heads, attributes: [hair] });
    const loaded = await loadPack(host, "/out/m.safetensors");
    expect(loaded.info.attributes.map((a) => [a.name, a.type])).toEqual([
      ["glasses", "binary"],
      ["hair", "category"],
      ["yaw", "scalar"],
    ]);
    const { logits, w } = interpret(compileReadout({ weights: loaded.weights, truncation: 1, rows: 1 }), {
      z: new Float32Array(loaded.info.zDim).fill(1),
    });
    expect([logits!.length, w!.length]).toEqual([2 + 5 + 1, 48]);
    expect(buildSynthesis(loaded, { rows: 1, layout: "nchw", noise: "none" }).outputs).toHaveLength(2);

    await bring(host, "/in/classifier_glasses.pt", { heads: [heads[2]!], out: "/out/h.safetensors" });
    const own = await loadHeads(host, "/out/h.safetensors", { wDim: 48, zDim: 48 });
    expect(own.attributes.map((a) => a.name)).toEqual(["glasses", "yaw"]);
    expect(own.heads[0]).toEqual(loaded.weights.heads[0]);
    expect(metadataOf(host, "/out/h.safetensors")["madeFrom"]).toHaveLength(2);
  });
});
