import { describe, expect, it } from "vitest";
import type { HeadWeights } from "../../src/compiler/weights.js";
import { describeFile } from "../../src/models/describe-model.js";
import { gatherHeads } from "../../src/models/gather-heads.js";
import { parseAttribute } from "../../src/models/checkpoints/head-source.js";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { writeSafetensors } from "../../src/models/formats/safetensors.js";
import { expectClose } from "../support/close.js";
import { memoryHost } from "../support/memory-host.js";
import { random } from "../support/random.js";

type Tensors = Parameters<typeof writeSafetensors>[0];
const r = random(11);
const normal = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => r.normal()),
});
const layer = (name: string, outputs: number, inputs: number): [string, ReturnType<typeof normal>][] => [
  [`${name}.weight`, normal(outputs, inputs)],
  [`${name}.bias`, normal(outputs)],
];
const norm = (name: string, size: number): [string, ReturnType<typeof normal>][] => {
  const positive = normal(size);
  return [
    ...[[`${name}.weight`, normal(size)] as [string, ReturnType<typeof normal>]],
    [`${name}.bias`, normal(size)],
    [`${name}.running_mean`, normal(size)],
    [`${name}.running_var`, { shape: [size], data: positive.data.map((v) => v * v + 0.1) }],
    [`${name}.num_batches_tracked`, { shape: [], data: Float32Array.of(100) }],
  ];
};
const leaky = (v: number): number => (v > 0 ? v : 0.2 * v);

/** Layer for layer as PyTorch would: dense, normalisation of a trained network, leaky ReLU. */
function reference(tensors: Tensors, steps: readonly string[], x: readonly number[]): number[] {
  const of = (name: string): Float32Array => tensors.get(name)!.data;
  return steps.reduce<number[]>(
    (input, step) => {
      if (step === "leaky") return input.map(leaky);
      if (tensors.has(`${step}.running_mean`))
        return input.map((v, i) => {
          const scale = of(`${step}.weight`)[i]! / Math.sqrt(of(`${step}.running_var`)[i]! + 1e-5);
          return (v - of(`${step}.running_mean`)[i]!) * scale + of(`${step}.bias`)[i]!;
        });
      return [...of(`${step}.bias`)].map((b, o) =>
        input.reduce((sum, v, i) => sum + v * of(`${step}.weight`)[o * input.length + i]!, b),
      );
    },
    [...x],
  );
}

function outputs(layers: HeadWeights["layers"], x: readonly number[]): number[] {
  return layers.reduce<number[]>(
    (input, { weight, bias }, k) => {
      const y = [...bias.data].map((b, o) => input.reduce((s, v, i) => s + v * weight.data[o * input.length + i]!, b));
      return k === layers.length - 1 ? y : y.map(leaky);
    },
    [...x],
  );
}

const open = async (tensors: Tensors) => {
  const source = await openSource(writeSafetensors(tensors, {}), "x.safetensors", { name: "x", sha256: "" });
  if (!("layers" in source)) throw new Error(source.kind);
  return source;
};
const gather = async (
  tensors: Tensors,
  heads: readonly { readonly file: string; readonly name?: string }[],
  attributes: readonly string[] = [],
) => {
  const host = memoryHost({ "net.safetensors": writeSafetensors(tensors, {}) });
  const nothing = { kind: "onnx" as const, bytes: new Uint8Array(0) };
  return gatherHeads(host, nothing, "model.onnx", { heads, attributes: attributes.map(parseAttribute) });
};

describe("batch normalisation in heads is folded into the layers beside it", () => {
  it.each([
    ["behind a layer", ["net.0", "net.1", "leaky", "net.3"]],
    ["behind what is between the layers", ["net.0", "leaky", "net.2", "net.3"]],
    ["before the first and behind the last layer", ["net.0", "net.1", "leaky", "net.3", "net.4"]],
  ])("%s", async (where, steps) => {
    const sizes: Record<string, Tensors> = {
      "behind a layer": new Map([...layer("net.0", 7, 5), ...norm("net.1", 7), ...layer("net.3", 3, 7)]),
      "behind what is between the layers": new Map([
        ...layer("net.0", 7, 5),
        ...norm("net.2", 7),
        ...layer("net.3", 3, 7),
      ]),
      "before the first and behind the last layer": new Map([
        ...norm("net.0", 5),
        ...layer("net.1", 7, 5),
        ...layer("net.3", 3, 7),
        ...norm("net.4", 3),
      ]),
    };
    const tensors = sizes[where]!;
    const head = await open(tensors);
    expect(head.layers).toHaveLength(2);
    expect(head.assumed.join()).toContain("batch normalisation");
    for (let k = 0; k < 5; k++) {
      const x = [...normal(5).data];
      expectClose(outputs(head.layers, x), reference(tensors, steps, x), { abs: 1e-4, rel: 1e-4 });
    }
  });

  it("a normalisation of another size is refused", async () => {
    const tensors = new Map([...layer("net.0", 7, 5), ...norm("net.1", 6), ...layer("net.3", 3, 7)]);
    await expect(open(tensors)).rejects.toMatchObject({ diagnostics: [{ code: "L5107" }] });
  });
});

describe("a network of several attributes", () => {
  const shared = new Map([
    ...layer("trunk.0", 7, 5),
    ...norm("trunk.1", 7),
    ...layer("heads.glasses", 2, 7),
    ...layer("heads.hair.0", 6, 7),
    ...layer("heads.hair.2", 3, 6),
    ...layer("fc_age", 1, 7),
  ]);
  const hair = "hair: category { black, brown, blond }";

  it("gives a head for each name, behind the layers that all share", async () => {
    const { heads } = await gather(shared, [{ file: "net.safetensors" }], [hair]);
    expect(heads.map(({ row }) => [row.name, row.type])).toEqual([
      ["glasses", "binary"],
      ["hair", "category"],
      ["fc_age", "scalar"],
    ]);
    const x = [...normal(5).data];
    const steps = ["trunk.0", "trunk.1", "leaky", "heads.hair.0", "leaky", "heads.hair.2"];
    expectClose(outputs(heads[1]!.head.layers, x), reference(shared, steps, x), { abs: 1e-4, rel: 1e-4 });
  });

  it.each([
    ["net.safetensors#age", undefined, "fc_age"],
    ["net.safetensors#age", "years", "years"],
    ["net.safetensors", "glasses", "glasses"],
  ])("%s as %s is one of them", async (file, name, wanted) => {
    const { heads } = await gather(shared, [{ file, ...(name !== undefined && { name }) }]);
    expect(heads.map(({ row }) => row.name)).toEqual([wanted]);
  });

  it("a name that it has not is refused with those that it has", async () => {
    await expect(gather(shared, [{ file: "net.safetensors#beard" }])).rejects.toMatchObject({
      diagnostics: [{ code: "L5107", hints: ["it has: glasses, hair, fc_age"] }],
    });
  });

  it("is described with what each head is", async () => {
    const host = memoryHost({ "net.safetensors": writeSafetensors(shared, {}) });
    const { attributes, wDim, parameters } = await describeFile(host, "net.safetensors");
    expect(attributes.map(({ name, type }) => `${name} ${type}`)).toEqual([
      ...["glasses binary", "hair category", "fc_age scalar"],
    ]);
    expect(wDim).toBe(5);
    expect(parameters).toBe(6 * 7 + 8 * 2 + 8 * 6 + 7 * 3 + 8);
  });

  it("heads without anything shared, and a list of them, take the latent itself", async () => {
    const apart = await open(new Map([...layer("smile", 2, 5), ...layer("age", 1, 5)]));
    expect(apart.branches?.map(({ name }) => name)).toEqual(["smile", "age"]);
    expect(apart.layers).toEqual([]);
    const listed = await open(new Map([...layer("heads.0", 2, 5), ...layer("heads.1", 3, 5)]));
    expect(listed.branches?.map(({ name }) => name)).toEqual(["heads_0", "heads_1"]);
  });

  it("outputs of one last layer are taken by their numbers", async () => {
    const many = new Map([...layer("net.0", 7, 5), ...layer("net.2", 9, 7)]);
    const x = [...normal(5).data];
    const all = reference(many, ["net.0", "leaky", "net.2"], x);
    const file = "net.safetensors";
    const { heads, assumed } = await gather(
      many,
      [
        { file: `${file}#4`, name: "smile" },
        { file: `${file}#1:4`, name: "hair" },
        { file: `${file}#8`, name: "age" },
      ],
      [hair, "age: scalar in 0..1"],
    );
    expect(heads.map(({ row }) => row.type)).toEqual(["binary", "category", "scalar"]);
    expect(assumed.join()).toContain("the logit of yes");
    const got = heads.map(({ head }) => outputs(head.layers, x));
    expectClose(got[0]!, [0, all[4]!], { abs: 1e-4, rel: 1e-4 });
    expectClose(got[1]!, all.slice(1, 4), { abs: 1e-4, rel: 1e-4 });
    expectClose(got[2]!, all.slice(8), { abs: 1e-4, rel: 1e-4 });
    await expect(gather(many, [{ file: `${file}#9` }])).rejects.toMatchObject({ diagnostics: [{ code: "L5107" }] });
    await expect(gather(many, [{ file: `${file}#3:3` }])).rejects.toMatchObject({ diagnostics: [{ code: "L5107" }] });
  });

  it("one output is the logit of an attribute that is said to be binary", async () => {
    const { heads } = await gather(
      new Map(layer("fc", 1, 5)),
      [{ file: "net.safetensors", name: "smile" }],
      ["smile: binary"],
    );
    expect(heads[0]!.row.type).toBe("binary");
    expect(heads[0]!.head.layers[0]!.weight.shape).toEqual([2, 5]);
  });
});

describe("dense layers that are called as those of a classifier of pictures", () => {
  const chain = (prefix: string, step: number): Tensors =>
    new Map([
      [`${prefix}.0.weight`, normal(7, 5)],
      [`${prefix}.${step}.weight`, normal(2, 7)],
    ]);

  it.each(["fc", "classifier", "features", "layer1"])("%s without biases is a head", async (prefix) => {
    const head = await open(chain(prefix, 2));
    expect(head.layers.map(({ weight }) => weight.shape)).toEqual([
      [7, 5],
      [2, 7],
    ]);
  });

  it.each<[string, Tensors, string]>([
    [
      "layers that do not fit each other",
      new Map([
        ["features.0.weight", normal(7, 5)],
        ["features.2.weight", normal(2, 6)],
      ]),
      "a classifier of pictures",
    ],
    ["convolutions", new Map(Object.entries({ "features.0.weight": normal(4, 3, 3, 3) })), "a classifier of pictures"],
    [
      "a LoRA",
      new Map([
        ["lora_down.weight", normal(2, 5)],
        ["lora_up.weight", normal(5, 2)],
      ]),
      "a LoRA",
    ],
  ])("%s is called by its name", async (_, tensors, what) => {
    await expect(open(tensors)).rejects.toThrow(what);
  });
});
