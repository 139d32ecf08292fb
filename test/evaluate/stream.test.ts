// An evaluation is a stream: pictures are looked at while their task is drawn, and nothing of that shows in what is measured.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileWhole } from "../../src/app/compile-script.js";
import type { Plan } from "../../src/compiler/plan.js";
import { LookAlong } from "../../src/learn/evaluate/look-along.js";
import { evaluate } from "../../src/node.js";
import { nodeHost } from "../../src/node/host.js";
import { PhaseClock, type RunEvent } from "../../src/ports/events.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import type { Labeller } from "../../src/runtime/services/services.js";
import { translate } from "../../src/runtime/services/translation.js";
import type { Painter } from "../../src/runtime/show/painter.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const COUNT = 150;
const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample some from avatar { where glasses count ${COUNT} }
edit happy of some[0..36] { step smile  step not smile }
`;

let folder: ReturnType<typeof folderWith>;
let plan: Plan;
beforeAll(async () => {
  folder = folderWith({ "x.lace": SCRIPT });
  ({ plan } = await compileWhole(join(folder.path, "x.lace"), nodeHost()));
});
afterAll(() => folder.remove());

test("the judge looks before the last sample is drawn, and each phase of a task is told of once", async () => {
  const events: RunEvent[] = [];
  const { evaluation } = await evaluate(join(folder.path, "x.lace"), {
    ...{ reference: 16, engine: "onnx-cpu", onEvent: (e) => void events.push(e) },
  });
  expect(evaluation.sets.map((s) => s.images)).toEqual([COUNT, 37]);
  const of = (kind: RunEvent["kind"], phase: string, task: string): number[] =>
    events.flatMap((e, at) => ("phase" in e && e.kind === kind && e.phase === phase && e.task === task ? [at] : []));
  const [looked = Infinity] = of("progress", "synthesise", "some");
  expect(looked).toBeLessThan(of("end", "sample", "some")[0] ?? 0);
  for (const task of ["some", "happy"]) {
    expect(of("start", "synthesise", task)).toHaveLength(1);
    expect(of("end", "synthesise", task)).toHaveLength(1);
    expect(of("start", "sample", task)).toHaveLength(1);
  }
  const last = events.filter((e) => e.kind === "progress" && e.phase === "synthesise" && e.task === "happy").at(-1);
  expect(last).toMatchObject({ done: 37 * 3, total: 37 * 3 });
}, 300_000);

describe("pictures that come in portions", () => {
  const row = (index: number, part: number): SampleResult => ({
    ...{ index, part, seed: 0, origin: index, status: "done", logp: 0, heads: [] },
    ...{ steps: 0, accepted: 0, rejected: 0, evaluations: 0 },
    z: new Float64Array(1),
    // A row without a state gives no picture.
    w: index === 5 && part === 1 ? new Float32Array(0) : Float32Array.of(index, part),
  });
  /** What a judge and a report see of the edit, in portions of so many rows. */
  async function seenIn(rows: readonly number[]): Promise<unknown> {
    const batches: (readonly number[])[] = [];
    const painter: Painter = {
      ...{ rows: 1, atOnce: 1, dispose: () => Promise.resolve() },
      paint: (styles) =>
        Promise.resolve(styles.map((s) => ({ width: 1, height: 1, data: Uint8Array.of(s[0] ?? 0, s[1] ?? 0, 0) }))),
    };
    const attribute = { name: "a", type: "scalar", min: 0, max: 9, sigma: 1 } as const;
    const look: Labeller["look"] = (images) => {
      const numbers = images.map(({ data }) => (data[0] ?? 0) * 10 + (data[1] ?? 0));
      batches.push(numbers);
      return Promise.resolve({ columns: Float32Array.from(numbers) });
    };
    const labeller: Labeller = {
      ...{ name: "judge", sha256: null, attributes: [attribute], look, label: look, dispose: () => Promise.resolve() },
    };
    const bench = { labeller, translation: translate([attribute], [attribute]) };
    const tools = { bench, painter, kept: undefined, about: {}, now: () => 0 };
    const task = plan.tasks[1]!;
    const model = randomModel();
    const along = new LookAlong({
      ...{
        task,
        tools,
        signal: undefined,
        clock: new PhaseClock(
          () => 0,
          () => undefined,
        ),
      },
      model: { ...model, info: { ...model.info, numWs: 1, wDim: 2 } },
    });
    const all: SampleResult[] = [];
    let first = 0;
    for (const count of rows) {
      const own = Array.from({ length: count }, (_, k) => first + k);
      const before = own.map((index) => row(index, -1));
      const samples = own.flatMap((index) => [row(index, 0), row(index, 1)]);
      await along.add({ samples, before });
      all.push(...before, ...samples);
      first += count;
    }
    const seen = await along.finish(all);
    return {
      ...{ batches, shown: along.shown.map((image) => image && [...image.data]) },
      seen: all.map((p) => seen.get(p)?.columns[0]),
    };
  }

  test("are looked at in the batches of the whole, and shown as that shows them", async () => {
    const whole = (await seenIn([37])) as { batches: number[][]; seen: (number | undefined)[]; shown: unknown[] };
    expect(whole.batches.map((b) => b.length)).toEqual([16, 15, 16, 16, 16, 16, 15]);
    expect(whole.shown).toHaveLength(8 * 3);
    expect(whole.seen.filter((s) => s === undefined)).toHaveLength(1);
    const byPlace = (seen: typeof whole): unknown => [...seen.seen].sort();
    for (const rows of [[1, 36], [5, 11, 21], [36, 1], Array.from({ length: 37 }, () => 1)]) {
      const parts = (await seenIn(rows)) as typeof whole;
      expect([parts.batches, parts.shown]).toEqual([whole.batches, whole.shown]);
      expect(byPlace(parts)).toEqual(byPlace(whole));
    }
  });
});
