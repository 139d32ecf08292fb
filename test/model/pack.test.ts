import { describe, expect, it } from "vitest";
import type { Attribute } from "../../src/compiler/attribute.js";
import type { Tensor } from "../../src/compiler/weights.js";
import type { Model } from "../../src/models/model.js";
import { addHeads, loadHeads, loadLabeller, loadModelInfo, loadPack } from "../../src/models/pack/pack.js";
import { writeHeads, writePack } from "../../src/models/pack/write-pack.js";
import { describeFile } from "../../src/models/describe-model.js";
import { readSafetensors, writeSafetensors } from "../../src/models/formats/safetensors.js";
import { memoryHost } from "../support/memory-host.js";
import { blocksOf, randomModel } from "../support/model.js";

const model = randomModel();
const bytes = writePack(model, { source: "a test" });

type Json = Record<string, unknown>;

/** The pack with its metadata and tensors changed. */
function changed(
  metadata: (json: Json) => unknown,
  tensors: (map: Map<string, Tensor>) => unknown = () => undefined,
): Uint8Array {
  const stored = readSafetensors(bytes, "x");
  const json = JSON.parse(stored.metadata.get("lace")!) as Json;
  metadata(json);
  const map = new Map([...stored.tensors.keys()].map((name) => [name, stored.tensor(name)!]));
  tensors(map);
  return writeSafetensors(map, { lace: JSON.stringify(json) });
}

function load(file: Uint8Array): Promise<Model> {
  return loadPack(memoryHost({ "/m/x.safetensors": file }), "/m/x.safetensors");
}

describe("model packs", () => {
  for (const style of ["skip", "orig", "resnet"] as const) {
    it(`a ${style} model comes back from its pack as it was`, async () => {
      const written = randomModel({ style, noise: style !== "orig" });
      const host = memoryHost({ "/m/x.safetensors": writePack(written, { source: "a test" }) });
      const loaded = await loadPack(host, "/m/x.safetensors");
      expect({ ...loaded, sha256: "" }).toEqual({ ...written, sha256: "" });
      expect(loaded.sha256).toBe(await host.sha256(host.files.get("/m/x.safetensors")!));
    });
  }

  it("a model without a mapping comes back, and float16 keeps the values to its precision", async () => {
    const { mapping, ...weights } = randomModel({ zDim: 8 }).weights;
    expect(mapping).toBeDefined();
    const plain = { ...randomModel({ zDim: 8 }), weights };
    const loaded = await load(writePack(plain, { source: "a test", dtype: "F16" }));
    expect(loaded.weights.mapping).toBeUndefined();
    const [a, b] = [blocksOf(loaded.synthesis).first.constant.data, plain.synthesis.first.constant.data];
    a.forEach((v, i) => expect(Math.abs(v - b[i]!)).toBeLessThan(2e-3 * (1 + Math.abs(b[i]!))));
  });

  it("its table is read from the header alone", async () => {
    const host = memoryHost({ "/m/x.safetensors": bytes });
    expect(await loadModelInfo(host, "/m/x.safetensors")).toEqual({ ...model.info, noise: true });
    expect(host.bytesRead).toBeLessThan(bytes.length / 2);
    delete host.readRange;
    expect(await loadModelInfo(host, "/m/x.safetensors")).toEqual({ ...model.info, noise: true });
  });

  const wrong: readonly [string, (json: Json) => unknown, RegExp][] = [
    ["a format from the future", (j) => (j["format"] = 2), /format 2; this lacec reads format 1/],
    ["no format", (j) => delete j["format"], /format: /],
    ["an architecture that is not known", (j) => (j["architecture"] = "stylegan9"), /architecture: .*"stylegan9"/],
    ["a size that is text", (j) => (j["zDim"] = "64"), /zDim: .*"64"/],
    ["a size of 0", (j) => (j["wDim"] = 0), /wDim: /],
    ["a resolution that is no power of two", (j) => (j["resolution"] = 100), /resolution: .*100/],
    ["a number of styles that does not fit the resolution", (j) => (j["numWs"] = 7), /numWs/],
    [
      "an attribute type that is not known",
      (j) => (j["attributes"] = [{ name: "a", type: "ternary" }]),
      /attributes.0.type: .*"ternary"/,
    ],
    [
      "a name that no script could write",
      (j) => (j["attributes"] = [{ name: "a b", type: "binary" }]),
      /attributes.0.name: Invalid name/,
    ],
    [
      "two attributes of one name",
      (j) =>
        (j["attributes"] = [
          { name: "a", type: "binary" },
          { name: "a", type: "binary" },
        ]),
      /attributes: Invalid table: Two/,
    ],
    [
      "a category of one class",
      (j) => (j["attributes"] = [{ name: "a", type: "category", classes: ["x"] }]),
      /attributes.0.classes/,
    ],
    [
      "two classes of one name",
      (j) => (j["attributes"] = [{ name: "a", type: "category", classes: ["x", "x"] }]),
      /attributes.0.classes: Invalid classes/,
    ],
    [
      "an empty range",
      (j) => (j["attributes"] = [{ name: "a", type: "scalar", min: 1, max: 1 }]),
      /attributes.0: Invalid range/,
    ],
    [
      "a sigma of 0",
      (j) => (j["attributes"] = [{ name: "a", type: "scalar", min: 0, max: 1, sigma: 0 }]),
      /attributes.0.sigma: .*above 0/,
    ],
    [
      "heads in another space",
      (j) => (j["attributes"] = [{ name: "a", type: "binary", space: "x" }]),
      /attributes.0.space/,
    ],
    ["a layer group beyond the layers", (j) => (j["layerGroups"] = { fine: [0, 6] }), /layerGroups/],
    [
      "a labeller in another folder",
      (j) => (j["labeller"] = { file: "../x.onnx", sha256: "0".repeat(64) }),
      /labeller.file: .*without folders/,
    ],
    [
      "a labeller without a hash",
      (j) => (j["labeller"] = { file: "x.onnx", sha256: "abc" }),
      /labeller.sha256: .*64 hex/,
    ],
    ["a filter that sums to 0", (j) => (j["synthesis"] = { style: "skip", firKernel: [1, -1] }), /synthesis.firKernel/],
  ];
  for (const [what, change, error] of wrong) {
    it(`refuses metadata with ${what}`, async () => {
      const file = changed(change);
      await expect(load(file)).rejects.toThrow(/^L5108: \/m\/x.safetensors: /);
      await expect(load(file)).rejects.toThrow(error);
      await expect(loadModelInfo(memoryHost({ "/x": file }), "/x")).rejects.toThrow(error);
    });
  }

  it("names every wrong field, not only the first", async () => {
    const file = changed((j) => Object.assign(j, { zDim: -1, wDim: "x" }));
    await expect(load(file)).rejects.toThrow(/zDim: .*wDim: /);
  });

  it("refuses a file that is no pack", async () => {
    await expect(load(writeSafetensors(new Map(), {}))).rejects.toThrow(/L5108.*not a lacec model pack/);
    await expect(load(writeSafetensors(new Map(), { lace: "{" }))).rejects.toThrow(/L5108.*not JSON/);
    await expect(load(new TextEncoder().encode("not a model at all"))).rejects.toThrow(/L5102/);
    await expect(loadPack(memoryHost(), "/m/none.safetensors")).rejects.toThrow(/L5001/);
  });

  const tensors: readonly [string, (map: Map<string, Tensor>) => unknown, RegExp][] = [
    ["a missing mapping layer", (m) => m.delete("mapping.fc1.bias"), /'mapping.fc1.bias' is missing/],
    ["a missing centre", (m) => m.delete("mapping.w_avg"), /'mapping.w_avg' is missing/],
    ["a missing head", (m) => m.delete("heads.hair.out.weight"), /'heads.hair.out.weight' is missing/],
    [
      "a head of the wrong number of classes",
      (m) => m.set("heads.hair.out.weight", m.get("heads.glasses.out.weight")!),
      /'heads.hair.out.weight' has shape \[2, 7\], not \[3, 7\]/,
    ],
    ["a missing block", (m) => m.delete("synthesis.b16.conv0.weight"), /'synthesis.b16.conv0.weight' is missing/],
    [
      "a weight of another kernel size",
      (m) => m.set("synthesis.b8.conv1.weight", { shape: [5, 5, 1, 1], data: new Float32Array(25) }),
      /b8.conv1.weight' has shape/,
    ],
    [
      "noise of the wrong size",
      (m) => m.set("synthesis.b8.conv1.noise_const", { shape: [4, 4], data: new Float32Array(16) }),
      /noise_const' has shape \[4, 4\], not \[8, 8\]/,
    ],
    [
      "a number that is not finite",
      (m) => (m.get("synthesis.b4.const")!.data[3] = NaN),
      /'synthesis.b4.const' holds a number that is not finite/,
    ],
  ];
  for (const [what, change, error] of tensors) {
    it(`refuses tensors with ${what}`, async () => {
      const file = changed(() => undefined, change);
      await expect(load(file)).rejects.toThrow(/^L5109: \/m\/x.safetensors: /);
      await expect(load(file)).rejects.toThrow(error);
    });
  }

  it("a pack that is cut anywhere in its header or by a byte at its end is refused", async () => {
    for (const length of [0, 7, 8, 100, 500, bytes.length - 1]) {
      await expect(load(bytes.slice(0, length)), `cut at ${length}`).rejects.toThrow(/L5102/);
    }
  });

  it("the labeller is found beside the pack and its hash is checked when it is used", async () => {
    const onnx = new TextEncoder().encode("onnx");
    const sha256 = await memoryHost().sha256(onnx);
    const file = writePack({ ...model, labeller: { file: "/elsewhere/l.onnx", sha256 } }, { source: "a test" });
    const host = memoryHost({ "/m/x.safetensors": file, "/m/l.onnx": onnx });
    const loaded = await loadPack(host, "/m/x.safetensors");
    expect(loaded.labeller).toEqual({ file: "/m/l.onnx", sha256 });
    expect(await loadLabeller(host, loaded)).toEqual(onnx);
    host.files.set("/m/l.onnx", new TextEncoder().encode("other"));
    await expect(loadLabeller(host, loaded)).rejects.toThrow(/L5110: \/m\/l.onnx: the labeller has SHA-256/);
    host.files.delete("/m/l.onnx");
    await expect(loadLabeller(host, loaded)).rejects.toThrow(/L5110.*missing/);
    expect(await loadLabeller(host, model)).toBeUndefined();
  });
});

describe("head files", () => {
  const beard: Attribute = { name: "beard", type: "binary", classes: ["no", "yes"], temperature: 1 };
  const donor = randomModel({
    seed: 2,
    attributes: [beard, { name: "age", type: "scalar", min: 18, max: 80, sigma: 3 }],
  });
  const file = writeHeads({ attributes: donor.info.attributes, heads: donor.weights.heads }, { wDim: donor.info.wDim });

  it("come back as they were written", async () => {
    const heads = await loadHeads(memoryHost({ h: file }), "h", donor.info);
    expect(heads).toEqual({ attributes: donor.info.attributes, heads: donor.weights.heads });
  });

  it("hold smooth heads, in files and packs, and refuse one without the latent beside its units", async () => {
    const smooth = randomModel({ seed: 4, attributes: donor.info.attributes, smooth: ["age"], inZ: ["age"] });
    const own = { attributes: smooth.info.attributes, heads: smooth.weights.heads };
    const written = writeHeads(own, smooth.info);
    expect(await loadHeads(memoryHost({ h: written }), "h", smooth.info)).toEqual(own);
    expect((await load(writePack(smooth, { source: "a test" }))).weights.heads).toEqual(own.heads);
    const stored = readSafetensors(written, "h");
    const tensors = new Map([...stored.tensors.keys()].map((name) => [name, stored.tensor(name)!]));
    expect([...tensors.keys()].filter((name) => name.includes("age")).sort()).toEqual(
      ["direct.weight", "mix.bias", "mix.weight", "units.bias", "units.weight"].map((name) => `heads.age.${name}`),
    );
    tensors.delete("heads.age.direct.weight");
    const spoilt = writeSafetensors(tensors, Object.fromEntries(stored.metadata));
    await expect(loadHeads(memoryHost({ h: spoilt }), "h", smooth.info)).rejects.toThrow(
      /L5109: h: the tensor 'heads.age.direct.weight' is missing/,
    );
  });

  it("say which of their heads take z, and fit any model with a z and a w like that", async () => {
    const mixed = randomModel({ seed: 3, attributes: donor.info.attributes, inZ: ["age"] });
    const own = { attributes: mixed.info.attributes, heads: mixed.weights.heads };
    const { wDim, zDim } = mixed.info;
    const bytesOf = (widths: { wDim: number; zDim?: number }) => memoryHost({ h: writeHeads(own, widths) });
    expect(await loadHeads(bytesOf({ wDim, zDim }), "h", mixed.info)).toEqual(own);
    await expect(loadHeads(bytesOf({ wDim, zDim }), "h", { wDim, zDim: 7 })).rejects.toThrow(
      /L5107: h: its heads take 6 numbers, the model's z has 7/,
    );
    await expect(loadHeads(bytesOf({ wDim }), "h", mixed.info)).rejects.toThrow(
      /L5108: h: .*Invalid zDim: Heads in space z need it/,
    );
    const pack = memoryHost({ "/p": writePack(mixed, { source: "a test" }) });
    expect((await loadPack(pack, "/p")).weights.heads).toEqual(mixed.weights.heads);
    expect((await describeFile(pack, "/p")).attributes.map((a) => a.space)).toEqual(["w", "z"]);
  });

  it("add rows behind those of the model, in the order asked for", async () => {
    const wanted = ["age", "beard"].map((attribute) => ({ attribute, file: "h" }));
    const more = await addHeads(memoryHost({ h: file }), model, wanted);
    expect(more.info.attributes.map((a) => a.name)).toEqual(["glasses", "hair", "tilt", "age", "beard"]);
    expect(more.weights.heads.map((h) => h.attribute)).toEqual(["glasses", "hair", "tilt", "age", "beard"]);
    expect(more.weights.heads[3]).toEqual(donor.weights.heads[1]);
    expect(model.info.attributes).toHaveLength(3);
  });

  it("of another width, without the name that is asked for, or damaged, are refused", async () => {
    await expect(loadHeads(memoryHost({ h: file }), "h", { wDim: 512, zDim: 512 })).rejects.toThrow(
      /L5107: h: its heads take 8 numbers, the model's w has 512/,
    );
    const wanted = [{ attribute: "hat", file: "h" }];
    await expect(addHeads(memoryHost({ h: file }), model, wanted)).rejects.toThrow(
      /L5107: h: it has no head for 'hat'/,
    );
    await expect(loadHeads(memoryHost({ h: bytes }), "h", { wDim: 8, zDim: 8 })).resolves.toHaveProperty("heads"); // a pack holds heads too
    await expect(loadHeads(memoryHost({ h: file.slice(0, 90) }), "h", { wDim: 8, zDim: 8 })).rejects.toThrow(/L5102/);
    await expect(
      loadHeads(memoryHost({ h: writeSafetensors(new Map(), {}) }), "h", { wDim: 8, zDim: 8 }),
    ).rejects.toThrow(/L5108: h: not a file of attribute heads/);
  });
});
