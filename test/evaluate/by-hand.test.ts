// Keys of pictures that are labelled by hand: of the weights and of what was asked, and of nothing else.
import { describe, expect, test } from "vitest";
import { pictureKeys } from "../../src/learn/evaluate/by-hand.js";
import type { Plan } from "../../src/compiler/plan.js";
import type { SampleResult, TaskResult } from "../../src/runtime/draw/results.js";
import { planOf } from "../check/support.js";
import { memoryHost } from "../support/memory-host.js";

/** The keys of the first `rows` rows of each task of a plan, as if each had been drawn. */
async function keysOf(plan: Plan, { rows = 2, sha256 = "a" } = {}): Promise<string[]> {
  const tasks = plan.tasks.map((task): TaskResult => {
    const last = task.kind === "edit" ? task.steps.length - 1 : 0;
    const samples = Array.from({ length: rows }, (_, index) => {
      return { index, part: last, w: new Float32Array(1), heads: [] } as unknown as SampleResult;
    });
    return { task, samples, seconds: new Map() };
  });
  return [...(await pictureKeys(memoryHost(), plan, { tasks, models: [{ sha256 }] })).values()];
}

const sample = (what: string, rest = "count 2 seed 1"): Promise<Plan> =>
  planOf(`sample s from avatar { where ${what}  ${rest} }\nsave s to "s.png" as grid`);

describe("the key of a picture", () => {
  test("stays when there are more of them, or the task has another name or place", async () => {
    const keys = await keysOf(await sample("glasses"));
    expect(new Set(keys).size).toBe(2);
    expect(keys.every((key) => /^[0-9a-f]{16}$/.test(key))).toBe(true);
    expect(await keysOf(await sample("glasses", "count 9 seed 1"))).toEqual(keys);
    const moved = 'sample other from avatar {\n  where glasses\n  count 2\n  seed 1\n}\nsave other to "s.png" as grid';
    expect(await keysOf(await planOf(moved))).toEqual(keys);
  });

  test("changes with the weights, the seed, the settings and whatever is asked", async () => {
    const plans = await Promise.all([
      sample("glasses"),
      sample("smile"),
      sample("glasses", "count 2 seed 2"),
      sample("glasses", "count 2 seed 1 truncation 0.6"),
      sample("atleast 1 of (glasses, smile, hat)"),
      sample("atleast 2 of (glasses, smile, hat)"),
      sample("exactly 2 of (glasses, smile, hat)"),
    ]);
    const all = [...(await Promise.all(plans.map((p) => keysOf(p)))), await keysOf(plans[0], { sha256: "b" })].flat();
    expect(new Set(all).size).toBe(all.length);
  });

  test("of an edit follows what it starts from", async () => {
    const edit = (seed: number, from: string): Promise<Plan> =>
      planOf(
        `sample s from avatar { where glasses  count 4 seed ${seed} }\nedit e of s[${from}] { step smile }\nsave e to "{index}-{step}.png"`,
      );
    const [one, other, later] = [await edit(1, "0..1"), await edit(2, "0..1"), await edit(1, "1..2")];
    const keys = (await Promise.all([one, other, later].map((p) => keysOf(p)))).map((k) => k.slice(2));
    expect(new Set(keys.flat()).size).toBe(6);
    expect((await keysOf(await edit(1, "0..2"))).slice(2)).toEqual(keys[0]);
  });
});
