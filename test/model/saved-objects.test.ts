import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { HeadWeights } from "../../src/compiler/weights.js";
import { gatherHeads } from "../../src/models/gather-heads.js";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { expectClose } from "../support/close.js";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
import { memoryHost } from "../support/memory-host.js";

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(`${fixtures}${name}`));
const expectedOf = (folder: string) =>
  JSON.parse(readFileSync(`${fixtures}${folder}/expected.json`, "utf8")) as Record<string, number[][]>;

function outputs(layers: HeadWeights["layers"], x: readonly number[]): number[] {
  return layers.reduce<number[]>(
    (input, { weight, bias }, k) => {
      const y = [...bias.data].map((b, o) => input.reduce((s, v, i) => s + v * weight.data[o * input.length + i]!, b));
      return k === layers.length - 1 ? y : y.map((v) => (v > 0 ? v : 0.2 * v));
    },
    [...x],
  );
}

/** The heads of a fixture as an import has them. */
async function headsOf(name: string, activation?: number) {
  const host = memoryHost({ head: bytesOf(name) });
  const nothing = { kind: "onnx" as const, bytes: new Uint8Array(0) };
  const row = { name: "head", type: "category", classes: ["a", "b", "c"], temperature: 1 } as const;
  const declared = /torch-modules/.test(name) ? { attributes: [row] } : { attributes: [] };
  const settings = { heads: [{ file: "head" }], ...declared, ...(activation !== undefined && { activation }) };
  return gatherHeads(host, nothing, "model.onnx", settings);
}

describe("networks that torch.save saved whole", () => {
  const expected = expectedOf("torch-modules");

  it.each(["relu", "leaky", "linear", "wrapped"])("%s gives what PyTorch gives", async (name) => {
    for (const activation of [undefined, 0.5]) {
      const { heads, assumed } = await headsOf(`torch-modules/${name}.pt`, activation);
      expect(assumed.join().includes("batch normalisation")).toBe(name === "relu" || name === "leaky");
      expected["probe"]!.forEach((x, row) => {
        expectClose(outputs(heads[0]!.head.layers, x), expected[name]![row]!, { abs: 1e-5, rel: 1e-4 });
      });
    }
  });

  it("one with another activation is refused by its name", async () => {
    await expect(headsOf("torch-modules/tanh.pt")).rejects.toThrow(/L5107.*Tanh between its layers/);
  });

  it.skipIf(!GOLDEN_PRESENT)(
    "rosinality's generator is that of its state dict (skipped without ../shared/golden)",
    async () => {
      const options = { name: "x", sha256: "" };
      const object = await openSource(bytesOf("torch-modules/rosinality.pt"), "x", options);
      const alone = await openSource(goldenBytes("checkpoint-forms/rosinality_state_dict.pt"), "x", options);
      if (!("model" in object) || !("model" in alone)) throw new Error(object.kind);
      expect(object.kind).toBe("rosinality");
      expect(object.model.synthesis).toEqual(alone.model.synthesis);
    },
  );
});

describe("what scikit-learn's users keep", () => {
  const expected = expectedOf("scikit-learn");
  const scores = (layers: HeadWeights["layers"], x: readonly number[]): number[] => {
    const y = outputs(layers, x);
    return y.length === 2 ? [y[1]! - y[0]!] : y;
  };

  it.each([
    ["pipeline", "binary"],
    ["scaled", "scalar"],
    ["vectors", "binary"],
    ["ridge", "category"],
    ["descent", "binary"],
  ])("%s, %s, says what scikit-learn says", async (name, type) => {
    const { heads, assumed } = await headsOf(`scikit-learn/${name}.pkl`);
    expect(heads.map(({ row }) => row.type)).toEqual([type]);
    expect(assumed.join()).toMatch(name === "vectors" || name === "ridge" ? /margin/ : /^$/);
    expected["probe"]!.forEach((x, row) => {
      expectClose(scores(heads[0]!.head.layers, x), expected[name]![row]!, { abs: 1e-4, rel: 1e-4 });
    });
  });

  it("a dict of models is a head for each name", async () => {
    const { heads } = await headsOf("scikit-learn/several.pkl");
    expect(heads.map(({ row }) => `${row.name} ${row.type}`)).toEqual(["glasses binary", "age scalar"]);
    expected["probe"]!.forEach((x, row) => {
      const got = heads.flatMap(({ head }) => scores(head.layers, x));
      expectClose(got, expected["several"]![row]!, { abs: 1e-4, rel: 1e-4 });
    });
  });

  it("a machine whose kernel is not linear is refused by what it is", async () => {
    await expect(headsOf("scikit-learn/curved.pkl")).rejects.toThrow(/L5107.*kernel is not linear/);
  });
});
