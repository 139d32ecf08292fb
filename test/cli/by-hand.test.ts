// Labels by hand in evaluations: pictures in an order by chance, a table to fill in, shares counted by it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writePack } from "../../src/models/pack/write-pack.js";
import type { Evaluation } from "../../src/learn/evaluate/evaluation.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // many processes, on machines that have other work

const SCRIPT = `lace 1
model tiny from "tiny.safetensors"
sample plain from tiny { where glasses  count 3  seed 5 }
edit less of plain[0..1] { keep latent 0.05, attributes 0  step not glasses  step tilt is 0.3 }
`;
let folder: ReturnType<typeof folderWith>;
let exported: Ended;
beforeAll(async () => {
  folder = folderWith({ "a.lace": SCRIPT, "other.lace": SCRIPT.replace("seed 5", "seed 6") });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  exported = await run("eval", "a.lace", "--export", "eye");
});
afterAll(() => folder.remove());

const run = (...args: readonly string[]): Promise<Ended> =>
  lacec([...args, "--engine", "onnx-cpu"], { cwd: folder.path });
const table = (): string[][] =>
  readFileSync(join(folder.path, "eye/labels.csv"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
/** Writes the table with these cells of glasses and tilt, line by line. */
const fill = (name: string, cells: readonly (readonly [string, string])[]): void => {
  const [, ...lines] = table();
  const filled = lines.map(([file, key], k) => [file, key, ...(cells[k] ?? ["", ""])].join(","));
  writeFileSync(join(folder.path, name), ["file,picture,glasses,tilt", ...filled].join("\n"));
};

describe("labels by hand in eval", () => {
  test("--export writes each outcome once, numbered by chance, and a table that asks for what the script names", () => {
    expect(exported.code).toBe(0);
    expect(filesIn(join(folder.path, "eye"))).toEqual([...[0, 1, 2, 3, 4].map((n) => `00000${n}.png`), "labels.csv"]);
    const [head, ...lines] = table();
    expect(head).toEqual(["file", "picture", "glasses", "tilt"]);
    expect(lines.map(([file]) => file)).toEqual([0, 1, 2, 3, 4].map((n) => `00000${n}.png`));
    const keys = lines.map(([, key]) => key!);
    expect(keys).toEqual([...new Set(keys)].sort());
    expect(readFileSync(join(folder.path, "eye/000000.png")).includes("lace")).toBe(false); // what was asked is not in it
  });

  test("a table that is there is kept; one of other pictures is refused", async () => {
    fill("eye/labels.csv", [["yes", ""]]);
    const again = await run("eval", "a.lace", "--export", "eye");
    expect(again.out).toContain("kept eye/labels.csv");
    expect(table()[1]![2]).toBe("yes");
    const other = await run("eval", "other.lace", "--export", "eye");
    expect([other.code, other.err]).toEqual([3, expect.stringMatching(/L5313.*other pictures/)]);
  });

  test("--labels counts by them: what is unclear is no hit, what nobody looked at is not counted", async () => {
    fill("all.csv", [
      ["yes", "0.3"],
      ["yes", "0.3"],
      ["yes", "0.3"],
      ["yes", "0.3"],
      ["?", ""],
    ]);
    const { out, err, code } = await run("eval", "a.lace", "--labels", "all.csv", "--json", "--reference", "4");
    expect(code).toBe(0);
    const { evaluation } = JSON.parse(out) as { evaluation: Evaluation };
    expect(evaluation.hand).toBe("all.csv");
    const [plain, less] = evaluation.sets.map((s) => s.clauses.map((c) => c.hand));
    const [glasses, notGlasses, tilt] = [plain![0]!, less![0]!, less![1]!];
    expect(glasses.count + notGlasses.count).toBe(5);
    // Four of five have glasses, the fifth may: of three with `where glasses` and two with `not glasses`, whichever it was.
    expect(Math.round(glasses.mean * 3 + (1 - notGlasses.mean - notGlasses.unclear) * 2)).toBe(4);
    expect(Math.round(glasses.unclear * 3 + notGlasses.unclear * 2)).toBe(1);
    expect(tilt.mean).toBe(1);
    expect(err).not.toContain("L4110"); // somebody judged
    const shown = await run("eval", "a.lace", "--labels", "all.csv", "--reference", "4");
    expect(shown.out).toMatch(/^ +by hand +by the heads$/m);
    expect(shown.out).toContain("judged by hand (all.csv)");
  });

  test("a table of other pictures, of strange columns or with wrong cells is refused before anything is made", async () => {
    fill("all.csv", [["yes", "0.3"]]);
    const tell = async (...args: string[]): Promise<string> => (await run("eval", ...args, "--reference", "4")).err;
    expect(await tell("other.lace", "--labels", "all.csv")).toMatch(/L5313.*none of its lines/);
    writeFileSync(join(folder.path, "hats.csv"), "file,picture,bonnet\n0.png,abc,yes\n");
    expect(await tell("a.lace", "--labels", "hats.csv")).toMatch(/L5313.*`bonnet`/);
    fill("wrong.csv", [["perhaps", ""]]);
    expect(await tell("a.lace", "--labels", "wrong.csv")).toMatch(/L5313.*wrong.csv:2.*perhaps/s);
    writeFileSync(join(folder.path, "bare.csv"), "file,glasses\n0.png,yes\n");
    expect(await tell("a.lace", "--labels", "bare.csv")).toMatch(/L5313.*no column `picture`/);
    expect(await tell("a.lace", "--export", "eye", "--labels", "all.csv")).toContain("in another run");
  });
});
