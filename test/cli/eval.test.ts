import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Evaluation } from "../../src/learn/evaluate/evaluation.js";
import type { RunRecord } from "../../src/runtime/record/record.js";
import { lockOutputs } from "../../src/node/output-lock.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample portraits from avatar { where glasses and tilt is 0.7 +- 0.1  count 12  seed 4 }
edit steps of portraits[0..11] {
  keep latent 0.01, attributes 0.01
  step not glasses weight 3
  step smile
}
sweep hairs over v in 0..1 by 1 from avatar { where light is v  count 2  seed 1 }
expect portraits: glasses >= 0, tilt is 0.7 +- 0.1 >= 0
save portraits to "portraits.png" as grid
`;
let folder: ReturnType<typeof folderWith>;
beforeAll(async () => {
  folder = folderWith({
    "a.lace": SCRIPT,
    "tiny.lace": 'lace 1\nmodel t from "tiny.safetensors"\nsample a from t { where glasses  count 2 }\n',
    "tiny-judged.lace":
      'lace 1\nmodel avatar from "builtin:avatar"\nsample a from avatar { where glasses  count 2 }\nsave a to "a.png" as grid\n',
    "wrong.json": "{}",
  });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  for (const [name, grey] of [
    ["1.png", 10],
    ["2.jpg", 200],
  ] as const)
    await sharp({ create: { width: 20, height: 30, channels: 3, background: { r: grey, g: 90, b: 0 } } }).toFile(
      join(folder.path, name),
    );
});
afterAll(() => folder.remove());

const run = (...args: readonly string[]): Promise<Ended> =>
  lacec([...args, "--engine", "onnx-cpu"], { cwd: folder.path });

describe("lacec eval", () => {
  let evaluation: Evaluation;
  let before: string[];
  let after: string[];
  beforeAll(async () => {
    before = filesIn(folder.path);
    const { out, err, code } = await run(
      "eval",
      "a.lace",
      "--reference",
      "24",
      "--compare",
      "--real",
      ".",
      "--html",
      "page.html",
      "--json",
    );
    expect(err).toBe("");
    expect(code).toBe(0);
    writeFileSync(join(folder.path, "before.json"), out);
    after = filesIn(folder.path);
    evaluation = (JSON.parse(out) as { evaluation: Evaluation }).evaluation;
  });

  test("counts what `lacec run` counts, by the heads and by the labeller", async () => {
    const { out } = await run("run", "a.lace", "--out", "run", "--json");
    const record = (JSON.parse(out) as { run: RunRecord }).run;
    const clauses = evaluation.sets[0]!.clauses;
    expect(clauses.map((c) => c.text)).toEqual(["glasses", "tilt is 0.7 +- 0.1", "all of it"]);
    record.expectations.forEach(({ heads, labeller }, k) => {
      expect(clauses[k]!.heads!.mean).toBe(heads.satisfied / heads.counted);
      expect(clauses[k]!.labeller!.mean).toBe(labeller!.satisfied / labeller!.counted);
    });
  });

  test("takes no turn: another run may be writing into the working folder", async () => {
    const release = await lockOutputs(join(folder.path, "run.json"), [folder.path]);
    try {
      const { err, code } = await run("eval", "tiny-judged.lace", "--reference", "4", "--json");
      expect({ err, code }).toEqual({ err: "", code: 0 });
      expect((await run("run", "tiny-judged.lace", "--quiet")).err).toContain("L5309");
    } finally {
      await release();
    }
  });

  test("measures distances, evaluations and seconds of every set", () => {
    expect(evaluation.sets.map((s) => [s.name, s.kind, s.images])).toEqual([
      ["portraits", "sample", 12],
      ["steps", "edit", 12],
      ["hairs", "sweep", 4],
    ]);
    for (const { frechet, evaluations, secondsPerImage } of evaluation.sets) {
      expect(frechet.unconditional).toBeGreaterThan(0);
      expect(frechet.real).toBeGreaterThan(frechet.unconditional!); // two flat pictures are no faces
      expect(evaluations).toBeGreaterThan(10);
      expect(secondsPerImage.sample).toBeGreaterThan(0);
      expect(secondsPerImage.synthesis).toBeGreaterThan(0);
    }
    expect(evaluation.sets[2]!.clauses.map((c) => c.text)).toEqual(["v 0", "v 1"]);
    expect(evaluation.real).toBe(2);
  });

  test("an edit has gains, drifts and identities; DES is the mean of gain less drift", () => {
    const { steps, des, identity, strangers } = evaluation.sets[1]!.edit!;
    expect(steps.map((s) => s.text)).toEqual(["not glasses", "smile"]);
    expect(steps[0]!.before!.mean).toBeLessThan(0.3); // they were drawn with glasses
    expect(steps[0]!.after!.mean).toBeGreaterThan(0.7); // a weight, since w steps: training/README.md says how far a strong keep holds such an edit back
    for (const s of steps) expect(s.score).toBeCloseTo(s.after!.mean - s.before!.mean - s.drift!.share, 12);
    expect(des).toBeCloseTo((steps[0]!.score! + steps[1]!.score!) / 2, 12);
    expect(identity!.mean).toBeGreaterThan(strangers!);
  });

  test("other methods are measured beside the script's own", () => {
    const [portraits, steps, hairs] = evaluation.sets;
    expect(portraits!.methods.map((m) => m.method)).toEqual([
      "script",
      "rejection by the heads",
      "rejection by the judge",
      "linear direction",
      "linear direction, others held",
    ]);
    expect(steps!.methods.map((m) => m.method)).toEqual([
      "script",
      "linear direction",
      "linear direction, others held",
    ]);
    expect(hairs!.methods).toEqual([]);
    const [script, , judge] = portraits!.methods;
    expect(script!.satisfied).toEqual(portraits!.clauses.at(-1)!.labeller);
    expect(script!.evaluations).toBe(portraits!.evaluations);
    expect(judge!.seconds).toBeLessThanOrEqual(Math.max(script!.seconds, judge!.seconds / judge!.evaluations));
    for (const m of steps!.methods) {
      expect(m.images).toBe(12);
      expect(m.kept!.mean).toBeGreaterThan(0.6);
    }
    expect(steps!.accepted!.count).toBeGreaterThan(0);
  });

  test("the page holds the pictures, and nothing else is written", () => {
    const page = readFileSync(join(folder.path, "page.html"), "utf8");
    expect(page.match(/src="data:image\/webp;base64,/g)).toHaveLength(3);
    expect(page).toContain("<figcaption>a row: before; after: not glasses; after: smile</figcaption>");
    expect(page.match(/linear direction, others held/g)).toHaveLength(2);
    expect(page).not.toMatch(/<script|https?:/);
    expect(after).toEqual([...before, "before.json", "page.html"].sort());
  });

  test("where nobody else judges, the heads that were followed do, and that is said", async () => {
    const { out, err, code } = await run("eval", "tiny.lace");
    expect(code).toBe(0);
    expect(err).toMatch(/warning\[L4110\]: `a`: `glasses` judged by the heads that were followed, and by nobody else/);
    expect(out).toMatch(/^ +by the heads that were followed\n +glasses +\d\.\d\d\n/m);
    expect(out).toContain("judged by the heads that were followed; 95% intervals");
    expect(err).not.toContain("unconditional"); // nobody would look at them
  });

  test("a baseline is shown beside", async () => {
    const { out, code } = await run("eval", "a.lace", "--reference", "24", "--baseline", "before.json", "-q");
    expect(code).toBe(0);
    const { unconditional } = evaluation.sets[0]!.frechet;
    expect(out).toContain(`Frechet distance ${unconditional!.toFixed(2)} (was ${unconditional!.toFixed(2)})`);
    expect(out).toMatch(/glasses +\d\.\d\d \[\d\.\d\d, \d\.\d\d\] \(was \d\.\d\d\)/);
  });

  test.each([
    [
      "a labeller that is missing",
      ["tiny.lace", "--labeller", "none.onnx"],
      3,
      /^error\[L5312\].*there is no none.json/s,
    ],
    ["a baseline that is none", ["a.lace", "--baseline", "wrong.json"], 3, /L5315.*evaluation/s],
    ["a folder without pictures", ["a.lace", "--real", "run/none"], 3, /L5001/],
    ["neither script nor suite", [], 2, /name a script, or a suite/],
    ["a suite that there is not", ["--suite", "mine"], 2, /there is paper/],
  ])("%s is told", async (_, args, code, message) => {
    const ended = await run("eval", ...args);
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(code);
  });
});
