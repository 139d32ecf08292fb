import { describe, expect, test } from "vitest";
import type { LaceError } from "../../src/source/diagnostic.js";
import { loadTrainingData } from "../../src/learn/train/data.js";
import { planTraining } from "../../src/learn/train/plan.js";
import { DEFAULTS } from "../../src/learn/train/settings.js";
import { labelledData, type LabelledOptions } from "../support/labelled-data.js";
import { memoryHost } from "../support/memory-host.js";

type Spoil = NonNullable<LabelledOptions["spoil"]>;

async function messageOf(
  bytes: Uint8Array,
  options: { space?: "w" | "z"; attributes?: readonly string[] } = {},
): Promise<string> {
  const host = memoryHost({ "/d": bytes });
  try {
    const data = await loadTrainingData(host, "/d", { space: "w", ...options });
    planTraining(data, DEFAULTS);
  } catch (error) {
    return (error as LaceError).diagnostics.map((d) => [`${d.code} ${d.message}`, ...d.hints].join(" | ")).join("\n");
  }
  throw new Error("it was accepted");
}

const spoiled = (spoil: Spoil): Promise<string> => messageOf(labelledData({ spoil, probs: true }));
const change =
  (name: string, at: number, value: number): Spoil =>
  (tensors) => {
    tensors.get(name)!.data[at] = value;
  };

describe("data that cannot be trained on is refused with a reason", () => {
  test("a damaged file", async () => {
    const bytes = labelledData();
    expect(await messageOf(bytes.slice(0, 1000))).toMatch(/^L5102 \/d: /);
    expect(await messageOf(bytes.slice(0, -4))).toMatch(/^L5102 \/d: /);
    expect(await messageOf(new Uint8Array(0))).toMatch(/^L5102 \/d: /);
  });

  test("a file of another kind", async () => {
    expect(await spoiled((_, metadata) => delete metadata["kind"])).toMatch(/^L5107 \/d: not a file of labelled data/);
  });

  test("latents of another width than the metadata say, or not finite", async () => {
    expect(await spoiled((_, m) => (m["model"] = { name: "x", sha256: null, zDim: 9, wDim: 9 }))).toBe(
      "L5109 /d: the tensor 'w' has shape [400, 8], not [400, 9]",
    );
    expect(await spoiled(change("w", 17, NaN))).toBe("L5109 /d: the tensor 'w' holds a number that is not finite");
  });

  test("a space that the file does not have", async () => {
    const bytes = labelledData({
      spoil: (tensors, metadata) => {
        tensors.delete("z");
        metadata["model"] = { name: "x", sha256: null, zDim: null, wDim: 8 };
      },
    });
    expect(await messageOf(bytes, { space: "z" })).toMatch(
      /^L5109 \/d: it has no tensor 'z', which heads in space z are trained on \| leave out --space z: it has w$/,
    );
  });

  test("rows whose image z does not tell are a warning for heads in z alone", async () => {
    const warningsOf = async (space: "w" | "z", spoil?: Spoil): Promise<readonly string[]> => {
      const host = memoryHost({ "/d": labelledData(spoil && { spoil }) });
      return (await loadTrainingData(host, "/d", { space })).warnings.map((d) => d.message);
    };
    const drawn: Spoil = (tensors) => {
      tensors.set("truncation", {
        shape: [400],
        data: Float32Array.from({ length: 400 }, (_, i) => (i < 300 ? 1 : 0.7)),
      });
      tensors.set("jitter", { shape: [400], data: Float32Array.from({ length: 400 }, (_, i) => (i < 10 ? 0.1 : 0)) });
    };
    const mapless: Spoil = (tensors, metadata) => {
      drawn(tensors, metadata);
      tensors.set("z", tensors.get("w")!);
    };
    expect(await warningsOf("z", drawn)).toEqual([
      "/d: 110 of 400 rows are truncated or have noise on w, which heads in z cannot see",
    ]);
    expect(await warningsOf("w", drawn)).toEqual([]);
    expect(await warningsOf("z")).toEqual([]);
    expect(await warningsOf("z", mapless)).toEqual([]);
  });

  test("an attribute that the file does not have", async () => {
    expect(await messageOf(labelledData(), { attributes: ["smile", "glases"] })).toBe(
      "L2001 /d has no labels of an attribute 'glases' | did you mean 'glasses'?",
    );
  });

  test("labels that are missing throughout, the same throughout, or too few: all such attributes at once", async () => {
    const message = await spoiled((tensors) => {
      tensors.get("labels.glasses")!.data.fill(NaN);
      tensors.get("labels.smile")!.data.fill(1);
      tensors.get("labels.tilt")!.data.fill(NaN, 5);
    });
    expect(message.split("\n").map((line) => line.split(" | ")[0])).toEqual([
      "L5321 /d: no row has a label of 'glasses'",
      "L5321 /d: every label of 'smile' is 'yes': there is nothing to tell apart",
      "L5321 /d: only 5 rows have a label of 'tilt'; at least 20 are needed",
    ]);
  });

  test("labels that are no class", async () => {
    expect(await spoiled(change("labels.hair", 3, 7))).toMatch(
      /row 3 has the label 7 of 'hair', which is not one of the classes 0 to 2/,
    );
    expect(await spoiled(change("labels.hair", 3, 0.5))).toMatch(/L5321/);
    expect(await spoiled(change("labels.tilt", 3, Infinity))).toMatch(/which is not a finite number/);
  });

  test("probabilities that do not sum to 1", async () => {
    expect(await spoiled(change("probs.hair", 30, 5))).toMatch(
      /row 10 has probabilities of 'hair' that do not sum to 1/,
    );
  });

  test("labels that are the same in all rows that are trained on", async () => {
    const message = await spoiled((tensors) => {
      const labels = tensors.get("labels.smile")!.data.fill(0);
      // The rows that are held out follow from the seed: one of them alone differs.
      const probs = tensors.get("probs.smile")!.data;
      for (let row = 0; row < 400; row++) probs.set([1, 0], 2 * row);
      labels[HELD_OUT] = 1;
    });
    expect(message).toMatch(
      /L5321 \/d: 'smile' has fewer than two different labels among the rows that are trained on/,
    );
  });

  test("a class without rows is a warning", async () => {
    const bytes = labelledData({
      spoil: (t) => t.get("labels.hair")!.data.forEach((v, i, all) => (all[i] = Math.min(v, 1))),
    });
    const { warnings } = await loadTrainingData(memoryHost({ "/d": bytes }), "/d", { space: "w" });
    expect(warnings.map((w) => `${w.severity} ${w.message}`)).toEqual([
      "warning /d: no row is labelled 'hair is blond': its head will not know that",
    ]);
  });
});

/** A row of 400 that the default seed holds out. */
const HELD_OUT = await (async () => {
  const data = await loadTrainingData(memoryHost({ "/d": labelledData() }), "/d", { space: "w" });
  return planTraining(data, DEFAULTS).split.test[0]!;
})();
