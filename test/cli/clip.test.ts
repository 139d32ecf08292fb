import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDataMetadata } from "../../src/learn/label/data-metadata.js";
import type { Evaluation } from "../../src/learn/evaluate/evaluation.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";
import { writeTinyClip } from "../support/tiny-clip.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "prompts.txt": "# of faces\nhair: a person with black hair | a person with red hair | a person with grey hair\n",
    "two.lace": 'lace 1\nmodel tiny from "tiny.safetensors"\nsample some from tiny { where glasses  count 4 }\n',
  });
  writeTinyClip(join(folder.path, "clip"));
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

const clip = ["--labeller", "clip", "--clip-model", "clip"];
const glasses = ["--prompts", "glasses: a person wearing glasses | a person without glasses"];
const run = (...args: readonly string[]): Promise<Ended> =>
  lacec([...args, "--engine", "onnx-cpu"], { cwd: folder.path });

describe("lacec --labeller clip", () => {
  test("labels by prompts from the line and from a file, and the data file says by which", async () => {
    const args = ["label", "tiny.safetensors", "-n", "20", ...clip, ...glasses, "-o", "data.safetensors"];
    const { code, out, err } = await run(...args, "--prompts", "prompts.txt");
    expect(err).not.toContain("error");
    expect(code).toBe(0);
    expect(out).toMatch(/^glasses +no .*\n +yes [^]*^hair +black .*\n +red .*\n +grey /m);
    const bytes = readFileSync(join(folder.path, "data.safetensors"));
    const data = readSafetensors(bytes, "data.safetensors");
    const { labeller, attributes } = parseDataMetadata(data.metadata.get("lace"), "data.safetensors");
    expect(labeller).toEqual({
      name: "clip clip",
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      prompts: [
        "glasses: no = a person without glasses | yes = a person wearing glasses",
        "hair: black = a person with black hair | red = a person with red hair | grey = a person with grey hair",
      ],
    });
    expect(attributes.map((a) => [a.name, a.type])).toEqual([
      ["glasses", "binary"],
      ["hair", "category"],
    ]);
    const probs = data.tensor("probs.hair")!;
    expect(probs.shape).toEqual([20, 3]);
    for (let row = 0; row < 20; row++) {
      const p = [...probs.data.subarray(row * 3, row * 3 + 3)];
      expect(p.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    }
    expect((await run(...args, "--prompts", "prompts.txt")).code).toBe(0);
    expect(readFileSync(join(folder.path, "data.safetensors")).equals(bytes)).toBe(true);
  });

  test("judges an evaluation", async () => {
    const { code, out, err } = await run("eval", "two.lace", ...clip, ...glasses, "--reference", "8", "--json");
    expect(err).toBe("");
    expect(code).toBe(0);
    const { sets, labellers } = (JSON.parse(out) as { evaluation: Evaluation }).evaluation;
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    const prompts = ["glasses: no = a person without glasses | yes = a person wearing glasses"];
    expect(labellers).toEqual([{ model: "random", labelled: [], calibrated: [], name: "clip clip", sha256, prompts }]);
    expect(sets[0]?.clauses[0]?.labeller?.mean).toBeGreaterThanOrEqual(0);
    expect(sets[0]?.frechet.unconditional).toBeGreaterThan(0);
  });

  test.each([
    ["no prompts", clip, 2, /clip needs --prompts "glasses:/],
    ["no model", ["--labeller", "clip", ...glasses], 2, /clip needs --clip-model DIR/],
    ["prompts for nobody", glasses, 2, /--prompts are for --labeller clip/],
    ["a model for nobody", ["--clip-model", "clip"], 2, /--clip-model is for --labeller clip/],
    ["a model that is not there", ["--labeller", "clip", "--clip-model", "no", ...glasses], 3, /L5316.*hf download/s],
    ["a file of prompts that is not there", [...clip, "--prompts", "no.txt"], 3, /L5001.*no.txt/],
    ["one prompt", [...clip, "--prompts", "hat: a hat"], 3, /L5312.*at least two prompts/],
  ])("with %s is told, and nothing is left", async (_, args, code, message) => {
    const before = filesIn(folder.path);
    const ended = await run("label", "tiny.safetensors", ...args, "-o", "none.safetensors");
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(code);
    expect(filesIn(folder.path)).toEqual(before);
  });
});
