import { describe, expect, it } from "vitest";
import { readLaceHead, readLaceMapping } from "../../src/models/checkpoints/lace-heads.js";
import { isDict, newDict } from "../../src/models/formats/pickle-value.js";
import { readTorchZip } from "../../src/models/formats/torch-zip.js";
import { expectClose } from "../support/close.js";
import { headRow, mapRow, rowOf } from "../support/dense.js";
import { GOLDEN_PRESENT, goldenBytes, loadGoldenLace } from "../support/golden.js";

describe.skipIf(!GOLDEN_PRESENT)("LACE heads and mapping (skipped without ../shared/golden)", () => {
  for (const dir of ["lace-tiny", "lace-ffhq-scale"] as const) {
    it(`${dir} gives the reference's logits`, async () => {
      const { cases, expected, weights } = await loadGoldenLace(dir);
      for (const c of cases) {
        const z0 = expected(`${c.name}.z0`);
        const logits = expected(`${c.name}.logits0`);
        const [rows, columns] = [dir === "lace-tiny" ? c.batch : 1, logits.shape[1]!];
        for (let row = 0; row < rows; row++) {
          const w = mapRow(weights, rowOf(z0.data, row, weights.zDim), c.truncation);
          const got = c.indices.flatMap((i) => headRow(weights, i, w));
          expectClose(got, rowOf(logits.data, row, columns), { abs: 1e-5, rel: 1e-5 });
        }
      }
    });
  }

  it("the attribute table has the classes of cases.json", async () => {
    const { attributes } = await loadGoldenLace("lace-tiny");
    expect(attributes.map((a) => `${a.name}:${a.type}`)).toEqual([
      "glasses:binary",
      "gender:binary",
      "smile:binary",
      "age:scalar",
      "yaw:scalar",
      "beard:binary",
      "haircolor:category",
    ]);
  });

  it("a mapping file is no head, and a head file no mapping", async () => {
    const mapping = await readTorchZip(goldenBytes("lace-tiny/mapping.pt"), "mapping.pt");
    const head = await readTorchZip(goldenBytes("lace-tiny/classifier_age.pt"), "age.pt");
    expect(() => readLaceHead(mapping, "age", "mapping.pt")).toThrow(/L5107: mapping.pt: .*'heads.weight'/);
    expect(() => readLaceMapping(head, "age.pt")).toThrow(/L5107: age.pt: .*'mean_latent' is missing/);
  });

  it("a head whose layers do not fit each other is refused", async () => {
    const head = await readTorchZip(goldenBytes("lace-tiny/classifier_age.pt"), "age.pt");
    const other = await readTorchZip(goldenBytes("lace-ffhq-scale/classifier_age.pt"), "age.pt");
    const mixed = newDict();
    const layers = newDict();
    for (const [from, names] of [
      [head, ["net.0.weight", "net.0.bias", "heads.weight", "heads.bias"]],
      [other, ["net.3.weight", "net.3.bias"]],
    ] as const) {
      const dict = isDict(from) ? from.entries.get("state_dict") : undefined;
      if (!isDict(dict)) throw new Error("the golden head has no state_dict");
      for (const name of names) layers.entries.set(name, dict.entries.get(name)!);
    }
    mixed.entries.set("state_dict", layers);
    expect(() => readLaceHead(mixed, "age", "mixed.pt")).toThrow(
      /L5107: mixed.pt: .*'net.3' takes 384 numbers, the layer before it gives 74/,
    );
  });
});
