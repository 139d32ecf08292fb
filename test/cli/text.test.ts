// `text("..." by "clip/")`: pictures that a CLIP model takes for what a text says; its embedding in the lock; recipes that ask for the model.
import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { LockEntry } from "../../src/runtime/recipe/lock.js";
import { lacec } from "../support/lacec.js";
import { tinyRuns } from "../support/tiny-runs.js";
import { embedText, writeTinyClip } from "../support/tiny-clip.js";

const { runText, path } = tinyRuns();
const ASKED = 'energy asked = text("a smiling man" against "a man" by "clip/")\n';
const SAVE = 'save s to "s-{index}.png"\n';

beforeAll(() => writeTinyClip(path("clip")));

describe("`text`", () => {
  test("draws pictures that the model takes for what the text says, rather than for the other", async () => {
    const of = (where: string): string => `sample s from tiny { where ${where}  count 3  seed 3 }\n${SAVE}`;
    const towards = await runText("towards", ASKED + of("asked and glasses"));
    const away = await runText("away", ASKED + of("not asked and glasses"));
    const margin = (r: typeof towards): number[] =>
      r.tasks[0]!.samples.map(({ heads }) => heads.at(-1)![1]! - heads.at(-1)![0]!);
    margin(towards).forEach((m, k) => expect(m).toBeGreaterThan(margin(away)[k]! + 0.5));
    expect(towards.record.models[0]!.heads[0]).toMatchObject({
      ...{ attribute: 'text("a smiling man" against "a man")', file: null, on: "image" },
    });
  });

  test("has its model and the embeddings of its texts in the lock, and recipes ask for the model", async () => {
    await runText("kept", `${ASKED}sample s from tiny { where asked  count 1  seed 3 }\n${SAVE}`);
    await lacec(["lock", "kept.lace"], { cwd: path() });
    const lock = JSON.parse(readFileSync(path("lace.lock"), "utf8")) as { scripts: Record<string, LockEntry> };
    const { files = {}, texts = {} } = lock.scripts["kept.lace"]!;
    expect(Object.keys(files)).toEqual([expect.stringMatching(/^clip/)]);
    const [embedding] = Object.values(texts);
    const numbers = new Float32Array(Uint8Array.from(Buffer.from(embedding!, "base64")).buffer);
    const [own, length] = [embedText("a smiling man"), Math.hypot(...embedText("a smiling man"))];
    own.forEach((x, i) => expect(numbers[own.length + i]).toBeCloseTo(x / length, 4));
    const checked = await lacec(["lock", "--check", "kept.lace"], { cwd: path() });
    expect([checked.code, checked.err]).toEqual([0, ""]);

    const picture = path("kept", "s-0.png");
    const model = ["--model", `tiny=${path("tiny.safetensors")}`];
    const asked = await lacec(["reproduce", picture, ...model], { cwd: path() });
    expect(asked.err).toMatch(/L5304[^]*`asked\.clip`[^]*clip[^]*SHA-256 [0-9a-f]{64}/);
    const all = [...model, "--model", `asked.clip=${path("clip")}`, "-o", path("again.png"), "--engine", "onnx-cpu"];
    const made = await lacec(["reproduce", picture, ...all], { cwd: path() });
    expect([made.code, made.err]).toEqual([0, expect.not.stringContaining("error")]);
    expect(readFileSync(path("again.png")).equals(readFileSync(picture))).toBe(true);
  });

  test.each([
    ['text("a man" by "none/")', /L5001[^]*none[^]*wrong\.lace:3/],
    ['text("a man" by "tiny.safetensors")', /L5316[^]*wrong\.lace:3/],
    ['text(" " by "clip/")', /L2004[^]*words/],
    ['text("a man")', /L1\d\d\d/],
  ])("%s says what is wrong, at its place", async (energy, wanted) => {
    writeFileSync(
      path("wrong.lace"),
      `lace 1\nmodel tiny from "tiny.safetensors"\nsample s from tiny { where ${energy} }\n${SAVE}`,
    );
    const { code, err } = await lacec(["run", "wrong.lace", "--out", "wrong"], { cwd: path() });
    expect(code).not.toBe(0);
    expect(err).toMatch(wanted);
  });
});
