// Slots that try again: which attempt a slot keeps, that it does so alone, and who may judge.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { LaceError, run } from "../../src/node.js";
import type { Results } from "../../src/runtime/record/record.js";
import { nodeHost } from "../../src/node/host.js";
import { lacecVersion, nodeServices } from "../../src/node/services.js";
import { sharpCodec } from "../../src/node/codec.js";
import { openRecipe, reproduce } from "../../src/app/reproduce.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { drawAccepted } from "../../src/runtime/draw/accept.js";
import { witnessOutputs } from "../../src/runtime/draw/witness.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { parseRecipe } from "../../src/runtime/recipe/recipe.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";
import { tinyLabeller } from "../support/tiny-labeller.js";

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);
const CALM = "sampler ode { tau 0.05 }";

beforeAll(() => {
  folder = folderWith({});
  const pack = (name: string, labeller: Uint8Array): void => {
    writeFileSync(at(`${name}.onnx`), labeller);
    const model = {
      ...randomModel(),
      labeller: { file: `${name}.onnx`, sha256: createHash("sha256").update(labeller).digest("hex") },
    };
    writeFileSync(at(`${name}.safetensors`), writePack(model, { source: "a test" }));
  };
  // Of dark pictures it says that glasses are unclear, else that they are there.
  pack("choosy", tinyLabeller({ logits: [-1, 1, 3, 0, 0, 0.5], unclear: [14, -1, -1], dark: [100, 0, 0] }));
  pack("blind", tinyLabeller({ logits: [1, -1, 3, 0, 0, 0.5] }));
  const { attributes } = randomModel().info;
  writeFileSync(at("alone.safetensors"), writePack(randomModel({ attributes }), { source: "a test" }));
});
afterAll(() => folder.remove());

async function runText(name: string, text: string, options: Parameters<typeof run>[1] = {}): Promise<Results> {
  writeFileSync(at(`${name}.lace`), `lace 1\n${text}\n`);
  return run(at(`${name}.lace`), { out: at(`${name}-out`), engine: "onnx-cpu", ...options });
}
const scriptOf = (pack: string, how: string, count = 12): string =>
  `model tiny from "${pack}.safetensors"
sample faces from tiny { where glasses  count ${count}  seed 3  ${how}  ${CALM} }
save faces to "{index}.png"`;
const samplesOf = (results: Results): readonly SampleResult[] => results.tasks[0]!.samples;

describe("a slot", () => {
  let whole: Results;
  beforeAll(async () => {
    whole = await runText("whole", scriptOf("choosy", "accept by labeller  tries 12"));
  });

  test("keeps the first attempt that the labeller accepts", async () => {
    const attempts = samplesOf(whole).map((s) => s.attempt ?? NaN);
    expect(Math.max(...attempts)).toBeGreaterThan(0);
    expect(attempts).toContain(0);
    expect(samplesOf(whole).every((s) => s.status === "done")).toBe(true);
    const total = attempts.reduce((n, a) => n + a + 1, 0);
    expect(whole.tasks[0]!.attempts).toEqual({ by: "labeller", tries: 12, attempts: total, satisfied: 12, slots: 12 });
    expect(whole.record.tasks[0]!.accept).toEqual(whole.tasks[0]!.attempts);
    // With fewer tries the same slots keep the same attempts, and the others none that is accepted.
    const two = samplesOf(await runText("two", scriptOf("choosy", "accept by labeller  tries 2")));
    two.forEach((s, i) => {
      const wanted = attempts[i]!;
      expect(s.status).toBe(wanted < 2 ? "done" : "unsatisfied");
      if (wanted < 2) expect(s.z).toEqual(samplesOf(whole)[i]!.z);
    });
  });

  test("that needs one attempt has the bits of a run that does not try again; another has noise of its own", async () => {
    const plain = samplesOf(await runText("plain", scriptOf("choosy", "")));
    samplesOf(whole).forEach((s, i) => {
      if (s.attempt === 0) expect(s.z).toEqual(plain[i]!.z);
      else expect(Math.hypot(...s.z.map((x, c) => x - plain[i]!.z[c]!))).toBeGreaterThan(0.1);
    });
  });

  test("is the same file in another count, and on a shard", async () => {
    const file = (run: string, index: number): Buffer => readFileSync(at(`${run}-out`, `${index}.png`));
    const text = scriptOf("choosy", "accept by labeller  tries 12");
    await runText("five", text, { count: 5 });
    for (const number of [1, 2, 3]) await runText("whole", text, { out: at("parts-out"), shard: { number, of: 3 } });
    for (let i = 0; i < 12; i++) {
      expect(Buffer.compare(file("parts", i), file("whole", i)), `${i}`).toBe(0);
    }
    const codec = sharpCodec();
    for (let i = 0; i < 5; i++)
      expect((await codec.decode(file("five", i))).data).toEqual((await codec.decode(file("whole", i))).data);
  });

  test("is made again from its picture, with nobody to judge", async () => {
    const later = samplesOf(whole).findIndex((s) => (s.attempt ?? 0) > 0);
    const bytes = readFileSync(at("whole-out", `${later}.png`));
    const { text } = await sharpCodec().inspect(bytes);
    const recipe = parseRecipe(text ?? "", "it");
    expect(recipe.attempts).toEqual({ faces: { [later]: samplesOf(whole)[later]!.attempt } });
    rmSync(at("elsewhere.safetensors"), { force: true });
    copyFileSync(at("choosy.safetensors"), at("elsewhere.safetensors"));
    const files = new Map([["tiny", at("elsewhere.safetensors")]]);
    const made = await reproduce(await openRecipe(nodeHost(), recipe, files), "png", {
      world: (host) => ({
        ...nodeServices(host, "onnx-cpu"),
        openLabeller: () => Promise.reject(new Error("a labeller was asked for")),
      }),
      lacec: lacecVersion(),
    });
    expect(Buffer.compare(made.bytes, bytes)).toBe(0);
  });

  test("without an accepted attempt keeps its best, which is said", async () => {
    const results = await runText("blind", scriptOf("blind", "accept by labeller  tries 3", 2));
    expect(samplesOf(results).map((s) => s.status)).toEqual(["unsatisfied", "unsatisfied"]);
    const [said] = results.diagnostics;
    expect([said?.code, said?.severity]).toEqual(["L4109", "warning"]);
    expect(said?.message).toContain("2 slots of `faces` had no attempt in 3");
    expect(results.record.tasks[0]!.samples.map((s) => s.status)).toEqual(["unsatisfied", "unsatisfied"]);
  });

  test("is drawn with all cells of its row", async () => {
    const results = await runText(
      "cells",
      `model tiny from "choosy.safetensors"
sweep cells over t in {0.2, 0.8} from tiny { where glasses and w0 * (tilt is t)  count 8  seed 3  accept by labeller tries 12  ${CALM} }
let w0 = 0.001
save cells to "{index}.png"`,
    );
    const attempts = samplesOf(results).map((s) => s.attempt);
    expect(attempts).toHaveLength(16);
    samplesOf(results).forEach((s, k) => expect(s.attempt).toBe(attempts[k - (k % 2)]));
    expect(Math.max(...samplesOf(results).map((s) => s.attempt ?? NaN))).toBeGreaterThan(0);
  });
});

test("`by heads` asks the second heads of the pack, not those that are followed", async () => {
  const { info, weights, ...rest } = randomModel();
  const attributes = info.attributes.map((a) => ({
    ...a,
    witness: a.type === "scalar" ? { sigma: 0.1 } : { temperature: 2 },
  }));
  const model = {
    ...rest,
    info: { ...info, attributes },
    weights: { ...weights, witnesses: randomModel({ seed: 2 }).weights.heads },
  };
  writeFileSync(at("witnessed.safetensors"), writePack(model, { source: "a test" }));
  const results = await runText("witnessed", scriptOf("witnessed", "accept by heads  tries 12"));
  const attempts = samplesOf(results).map((s) => s.attempt ?? NaN);
  expect(Math.max(...attempts)).toBeGreaterThan(0);
  expect(attempts).toContain(0);
  const [loaded] = results.models;
  for (const s of samplesOf(results)) {
    const [no = NaN, yes = NaN] = witnessOutputs(loaded!, s)![0]!;
    expect(yes > no).toBe(s.status === "done");
  }
});

test("a task is not begun if nobody can judge it", async () => {
  const refused = async (text: string): Promise<string> => {
    const error: unknown = await runText("refused", text).catch((e: unknown) => e);
    return error instanceof LaceError ? `${error.diagnostics[0]!.code} ${error.message}` : "it ran";
  };
  expect(await refused(scriptOf("alone", "accept by labeller"))).toMatch(/^L5319 .*the model .* has none/);
  expect(await refused(scriptOf("alone", "accept by heads"))).toMatch(/^L2028 .*no second heads for `glasses`/);
});

describe("of attempts that all miss", () => {
  const span = { file: "", start: 0, end: 0 };
  const red: Energy = { kind: "class", attribute: 0, values: [1], temperature: 1, span };
  const big: Energy = { kind: "above", attribute: 1, threshold: 0.5, sigma: 0.1, span };
  const both: Energy = { kind: "and", parts: [red, big], span };
  const sample = (index: number, part: number): SampleResult =>
    ({
      ...{ index, part, origin: index, seed: 0, status: "done", steps: 1, accepted: 1, rejected: 0 },
      evaluations: 10,
    }) as SampleResult;
  const keep = async (seen: readonly (readonly (number[][] | undefined)[])[]) => {
    let attempt = -1;
    const { samples } = await drawAccepted({
      ...{ rows: [4], logic: "product", accept: { by: "labeller", tries: seen.length }, energyOf: () => both },
      draw: (rows) => Promise.resolve(rows.flatMap((row) => (seen[0] ?? []).map((_, part) => sample(row, part)))),
      judge: { look: () => Promise.resolve(seen[++attempt]!) },
    });
    return { attempt: samples[0]!.attempt, status: samples[0]!.status, evaluations: samples[0]!.evaluations };
  };
  const [no, near, unsure, yes] = [
    [[3, -3], [0.1]],
    [[0.1, 0], [0.49]],
    [[NaN, NaN], [0.9]],
    [[0, 1], [0.6]],
  ];

  test.each([
    ["the nearest is kept", [[no], [near], [no]], 1],
    ["the earlier of two alike", [[near], [near]], 0],
    ["one that may hold before one that does not", [[near], [unsure]], 1],
    ["one without a picture last", [[undefined], [no]], 1],
    [
      "the row that satisfies more of its parts",
      [
        [near, near],
        [yes, no],
        [near, near],
      ],
      1,
    ],
  ])("%s", async (_, seen, wanted) => {
    expect(await keep(seen)).toEqual({ attempt: wanted, status: "unsatisfied", evaluations: 10 * seen.length });
  });

  test("the first that holds ends the tries", async () => {
    expect(await keep([[near], [yes], [yes]])).toEqual({ attempt: 1, status: "done", evaluations: 20 });
  });
});
