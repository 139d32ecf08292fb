// Which heads a judge is no independent one of: those that learnt from its labels, and those that they calibrated alone.
import { describe, expect, test } from "vitest";
import type { Attribute } from "../../src/compiler/attribute.js";
import { readPack } from "../../src/models/pack/pack.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { judgedHeads, judgedHeadsText } from "../../src/runtime/services/labeller-identity.js";
import { randomModel } from "../support/model.js";

const JUDGE = { name: "judge.onnx", sha256: "a".repeat(64) };
const OTHER = { name: "judge.onnx", sha256: "b".repeat(64) };
const binary = (name: string, of: object): Attribute => ({
  ...{ name, type: "binary", classes: ["no", "yes"], temperature: 1 },
  ...of,
});
const attributes = [
  binary("glasses", { labelledBy: JUDGE }),
  binary("hat", { calibratedBy: JUDGE }),
  binary("beard", { calibratedBy: OTHER }),
  binary("smile", {}),
];

describe("heads that a judge had a part in", () => {
  test("are those of its own labels, by hash, learnt and calibrated apart", () => {
    expect(judgedHeads(JUDGE, attributes)).toEqual({ labelled: ["glasses"], calibrated: ["hat"] });
    expect(judgedHeads({ name: "judge.onnx", sha256: null }, attributes)).toEqual({ labelled: [], calibrated: [] });
  });

  test("are said as what the judge did for them", () => {
    expect(judgedHeadsText({ labelled: ["glasses"], calibrated: ["hat", "beard"] })).toBe(
      "made the labels that the heads of glasses learnt from and calibrated the heads of hat, beard",
    );
    expect(judgedHeadsText({ labelled: [], calibrated: ["hat"] })).toBe("calibrated the heads of hat");
    expect(judgedHeadsText({ labelled: [], calibrated: [] })).toBeUndefined();
  });

  test("are known of a pack that was written and read", () => {
    const stored = readSafetensors(writePack(randomModel({ attributes }), { source: "a test" }), "m");
    const { info } = readPack(stored, "m", { resolve: (name) => name, sha256: "" });
    expect(judgedHeads(JUDGE, info.attributes)).toEqual({ labelled: ["glasses"], calibrated: ["hat"] });
  });
});
