// `keep` in sweeps and traverses: the parts of a row are held near its first.
import { describe, expect, test } from "vitest";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import type { Results } from "../../src/runtime/record/record.js";
import { expectClose } from "../support/close.js";
import { CALM, tinyRuns } from "../support/tiny-runs.js";

const KEEP = "keep latent 0.1, attributes 0.1";

const { runText } = tinyRuns();

function at(results: Results, task: number, index: number, part: number): SampleResult {
  return results.tasks[task]!.samples.find((s) => s.index === index && s.part === part)!;
}

describe("a sweep", () => {
  test("that is kept has a first cell as it would be, and cells that are edits of it", async () => {
    const results = await runText(
      "edits",
      `sweep kept over t in {0.2, 0.5, 0.7} from tiny { where tilt is t  ${KEEP}  count 2  seed 3  ${CALM} }
sweep free over t in {0.2, 0.5, 0.7} from tiny { where tilt is t  count 2  seed 3  ${CALM} }
edit change of kept[3] { step tilt is 0.7  ${KEEP}  ${CALM} }
save kept to "kept.png" as grid
save free to "free.png" as grid
save change to "change.png"\n`,
    );
    for (const row of [0, 1]) expectClose(at(results, 0, row, 0).z, at(results, 1, row, 0).z, { abs: 1e-5, rel: 1e-5 });
    expectClose(at(results, 0, 1, 2).z, at(results, 2, 0, 0).z, { abs: 1e-5, rel: 1e-5 });
    expect(at(results, 0, 1, 2).z).not.toEqual(at(results, 1, 1, 2).z);
    expect(results.record.tasks[0]!.family).toMatchObject({ keepLatent: 0.1, keepAttributes: 0.1 });
  });

  test("has the same bits in each row, whatever rows are drawn with it, and what lies between its cells too", async () => {
    const text = `sweep kept over t in {0.2, 0.6}, e in {glasses, not glasses} from tiny { where tilt is t and e  ${KEEP}  count 3  seed 3 }
save kept to "{index}.png"
save kept to "kept.webp" as animation { tween 1 }\n`;
    const all = await runText("all", text);
    const one = await runText("one", text, { shard: { number: 2, of: 3 } });
    expect(one.tasks[0]!.samples.map((s) => s.index)).toEqual([1, 1, 1, 1]);
    for (const part of [0, 1, 2, 3]) expect([...at(one, 0, 1, part).z]).toEqual([...at(all, 0, 1, part).z]);
    // Between cells that differ in more than numbers nothing is solved for; here these are all neighbours.
    expect(all.tasks[0]!.between).toEqual([]);
    const film = await runText("film", text.replace(", e in {glasses, not glasses}", "").replace("and e ", ""));
    expect(film.tasks[0]!.between!.map((s) => [s.index, s.part])).toEqual([
      [0, 0.5],
      [1, 0.5],
      [2, 0.5],
    ]);
  });

  test("that has one cell alone is a sample", async () => {
    const { tasks } = await runText(
      "single",
      `sweep one over t in {0.2} from tiny { where tilt is t  ${KEEP} }\nsave one to "one.png"\n`,
    );
    expect(tasks[0]!.samples).toHaveLength(1);
  });
});

test("frames of a traverse that is kept are held near the first, more so the more it says", async () => {
  const results = await runText(
    "walk",
    [0, 0.5, 5]
      .map((b, i) => {
        const keep = b === 0 ? "" : `keep attributes ${b}`;
        return `traverse walk${i} from tiny { where glasses  between seed 1 and seed 2  frames 3  count 2  ${keep} }
save walk${i} to "${i}.png" as strip\n`;
      })
      .join(""),
  );
  const change = [0, 1, 2].map((task) => {
    const [first, last] = [at(results, task, 1, 0), at(results, task, 1, 2)];
    // What is held: the heads that `where` does not ask for.
    return [1, 2]
      .flatMap((h) => first.heads[h]!.map((f, k) => (f - last.heads[h]![k]!) ** 2))
      .reduce((a, b) => a + b, 0);
  });
  expect(change[1]!).toBeLessThan(change[0]!);
  expect(change[2]!).toBeLessThan(0.5 * change[0]!);
});
