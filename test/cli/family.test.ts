// Edits, sweeps and traverses through the public library: what belongs together has the same bits, whatever it is drawn with.
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { EditTask, SampleTask } from "../../src/compiler/plan.js";
import { openEngine } from "../../src/node/engines/open.js";
import { PhaseClock } from "../../src/ports/events.js";
import { compileTask } from "../../src/compiler/build/compile-task.js";
import { ENERGY_ROWS } from "../../src/runtime/plan/tiles.js";
import { drawEdit } from "../../src/runtime/draw/edit.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { slerp } from "../../src/runtime/sample/traverse.js";
import { expectClose } from "../support/close.js";
import { randomModel } from "../support/model.js";
import { CALM, tinyRuns } from "../support/tiny-runs.js";

const EDIT = `keep latent 0.1, attributes 0.1
  step tilt is 0.6
  step not glasses    layers 1..2`;

const { path, runText } = tinyRuns("sample faces from tiny { where glasses count 5 seed 3 }\n");
const pixels = (...parts: string[]): Promise<Buffer> =>
  sharp(readFileSync(path(...parts)))
    .raw()
    .toBuffer();

describe("edits", () => {
  test("a sample edited alone has the bits that it has among others", async () => {
    const all = await runText("all", `edit change of faces { ${EDIT} }\nsave change to "{index}-{step}.png"\n`);
    const alone = await runText("alone", `edit change of faces[3] { ${EDIT} }\nsave change to "{index}-{step}.png"\n`);
    for (const step of [0, 1]) {
      const among = all.tasks[1]!.samples.find((s) => s.index === 3 && s.part === step)!;
      const own = alone.tasks[1]!.samples.find((s) => s.part === step)!;
      expect([...own.z]).toEqual([...among.z]);
      expect(own.ws && [...own.ws]).toEqual(among.ws && [...among.ws]);
      expect((await pixels("alone", `0-${step}.png`)).equals(await pixels("all", `3-${step}.png`))).toBe(true);
    }
  });

  test("layers keep the styles of the step before in all others", async () => {
    const { tasks } = await runText("layers", `edit change of faces[0] { ${EDIT} }\nsave change to "a.png"\n`);
    const [first, second] = tasks[1]!.samples;
    const { wDim, numWs } = randomModel().info;
    const layer = (k: number): number[] => [...second!.ws!.subarray(k * wDim, (k + 1) * wDim)];
    for (let k = 0; k < numWs; k++) expect(layer(k)).toEqual([...(k === 1 || k === 2 ? second!.w : first!.w)]);
    expect(first!.ws).toBeUndefined();
  });

  test("an edit starts from another's outcome, and from fresh noise as the mapping shows it", async () => {
    const { tasks } = await runText(
      "chain",
      `edit one of faces[1..2] { step tilt is 0.4 }\nedit two of one[1] { step not glasses }
edit fresh from tiny { step glasses count 2 seed 8 }\nsave two to "a.png"\nsave fresh to "b.png" as strip\n`,
    );
    expect([...tasks[2]!.before![0]!.z]).toEqual([...tasks[1]!.samples[1]!.z]);
    expect(tasks[3]!.before!.map((s) => [s.seed, s.origin, s.part])).toEqual([
      [8, 0, -1],
      [8, 1, -1],
    ]);
  });

  test("a row that left the finite numbers carries its status on, unsolved", async () => {
    const model = randomModel();
    const { zDim, wDim } = model.info;
    const span = { file: "a.lace", start: 0, end: 0 };
    const stats = { steps: 1, accepted: 1, rejected: 0, evaluations: 1, logp: 0, seed: 1, part: 0 };
    const row = (index: number, status: SampleResult["status"]): SampleResult => {
      const w = new Float32Array(status === "done" ? wDim : 0);
      return {
        ...stats,
        index,
        origin: index,
        status,
        z: new Float64Array(zDim).fill(0.5),
        w,
        heads: [[0, 1], [0, 0, 0], [0]],
      };
    };
    const ode = {
      solver: "dopri5",
      rtol: 1e-3,
      atol: 1e-3,
      control: "sample",
      stepControl: "pi",
      maxSteps: 99,
    } as const;
    const energy = { kind: "class", attribute: 0, values: [1], temperature: 1, span } as const;
    const task: EditTask = {
      ...{ kind: "edit", name: "change", model: 0, logic: "product", noise: "const", span, truncation: 1 },
      ...{ goals: "all", reweight: false, keepLatent: 0, keepAttributes: 0, sampler: { kind: "ode", ...ode } },
      source: { kind: "task", task: 0, from: 0, to: 1 },
      steps: [0, 1].map(() => ({ energy, text: "glasses", weight: 1, names: [0], held: [], span })),
    };
    const engine = await openEngine("onnx-cpu");
    const clock = new PhaseClock(
      () => 0,
      () => undefined,
    );
    const source = {
      task: { kind: "sample", count: 2 } as SampleTask,
      samples: [row(0, "non-finite"), row(1, "done")],
    };
    const earlier = () => ({ ...source, seconds: new Map<never, never>() });
    const program = compileTask(task, model, { rows: ENERGY_ROWS, layout: engine.layout });
    const { samples } = await drawEdit(task, {
      ...{
        model,
        program,
        engine,
        clock,
        earlier,
        signal: undefined,
        rows: [0, 1],
        shares: [],
        resultCache: undefined,
      },
    });
    await engine.dispose();
    expect(samples.map((s) => [s.index, s.part, s.status])).toEqual([
      [0, 0, "non-finite"],
      [0, 1, "non-finite"],
      [1, 0, "done"],
      [1, 1, "done"],
    ]);
    expect(samples[0]!.evaluations).toBe(0);
  });
});

test("ros2 draws samples, edits, sweeps and traverses where dopri5 does; one alone has the bits that it has among others", async () => {
  const text = (solver: string, count: number): string => {
    const how = `sampler ode { solver ${solver}  rtol 1e-3  atol 1e-3 }`;
    return `sample some from tiny { where 0.1 * (glasses or not tilt is 0.4 +- 2)  count ${count}  seed 5  ${how} }
edit change of some { keep latent 0.1, attributes 0.1\n  step tilt is 0.6 +- 2 weight 0.1\n  step not glasses layers 1..2 weight 0.1\n  ${how} }
sweep cells over t in 0.2..0.8 by 0.3 from tiny { where 0.1 * (tilt is t +- 2)  count ${count}  seed 5  ${how} }
traverse walk from tiny { where 0.1 * glasses  between seed 1 and seed 2  frames 3  ${how} }
sample free from tiny { count ${count}  seed 5  ${how} }
save some to "a.png" as grid\nsave change to "b.png" as grid\nsave cells to "c.png" as grid
save walk to "d.png" as grid\nsave free to "e.png" as grid\n`;
  };
  const [three, one] = [await runText("ros2-three", text("ros2", 3)), await runText("ros2-one", text("ros2", 1))];
  const explicit = await runText("dopri5-three", text("dopri5", 3));
  for (const [t, { samples }] of three.tasks.entries()) {
    if (t === 0) continue; // that of the script's head
    for (const [k, sample] of samples.entries()) {
      expect(sample.status, `task ${t}`).toBe("done");
      const other = explicit.tasks[t]!.samples[k]!;
      expectClose(sample.z, other.z, { abs: 0.1, rel: 0 });
      const own = one.tasks[t]!.samples.find((s) => s.index === sample.index && s.part === sample.part);
      if (sample.index === 0) expect([...own!.z]).toEqual([...sample.z]);
    }
  }
});

describe("sweeps and traverses", () => {
  test("a cell is the sample of its condition, from the noise that all cells share; images are numbered row by row", async () => {
    const { tasks, outputs } = await runText(
      "sweep",
      `sweep tilts over t in {0.2, 0.7} from tiny { where tilt is t count 3 seed 3 ${CALM} }
sample at from tiny { where tilt is 0.7 count 3 seed 3 ${CALM} }\nsave tilts to "{index}.png"\nsave at to "at-{index}.png"\n`,
    );
    const cells = tasks[1]!.samples;
    expect(cells.map((s) => [s.index, s.part])).toEqual([0, 1, 2].flatMap((i) => [0, 1].map((p) => [i, p])));
    for (const s of tasks[2]!.samples) {
      const cell = cells.find((c) => c.index === s.index && c.part === 1)!;
      // To rounding: the number that differs between cells is an input of the graph, not a constant.
      expectClose(cell.z, s.z, { abs: 1e-5, rel: 0 });
      const picture = await pixels("sweep", `${s.index * 2 + 1}.png`);
      expectClose(picture, await pixels("sweep", `at-${s.index}.png`), { abs: 1, rel: 0 });
    }
    expect(outputs.filter((o) => o.task === "tilts")).toHaveLength(6);
  });

  test("a traverse begins at the sample of one seed and ends at that of the other; its film has frames between", async () => {
    const { tasks } = await runText(
      "walk",
      `traverse walk from tiny { where glasses between seed 3 and seed 4 frames 4 }
sample other from tiny { where glasses seed 4 }\nsave walk to "walk.webp" as animation { fps 5 tween 2 }\n`,
    );
    const frames = tasks[1]!.samples;
    expect([...frames[0]!.z]).toEqual([...tasks[0]!.samples[0]!.z]);
    expectClose(frames[3]!.z, tasks[2]!.samples[0]!.z, { abs: 1e-9, rel: 1e-9 });
    const film = await sharp(readFileSync(path("walk/walk.webp")), { pages: -1 }).metadata();
    // Frames that look alike are stored once: ten frames of a fifth of a second each.
    expect(film.delay!.reduce((sum, d) => sum + d, 0)).toBe(2000);
    expect(film.pages).toBeGreaterThan(4);
  });

  test("a cell has the bits that it has alone, and one of a condition of another form is drawn as well", async () => {
    const sweep = `sweep both over t in {0.2, 0.7}, w in {0, 1} from tiny { where tilt is t and w * glasses seed 3`;
    const all = await runText("cells", `${sweep} count 3 }\nsave both to "{index}.png"\n`);
    const fewer = await runText("fewer", `${sweep} count 1 }\nsave both to "{index}.png"\n`);
    expect(all.tasks[1]!.samples).toHaveLength(12);
    for (const s of fewer.tasks[1]!.samples) {
      const among = all.tasks[1]!.samples.find((c) => c.index === 0 && c.part === s.part)!;
      expect([...s.z]).toEqual([...among.z]);
    }
  });

  test("slerp keeps to the sphere and ends exactly where it says", () => {
    const a = Float64Array.of(3, 0, 0);
    const b = Float64Array.of(0, 0, 3);
    expect(slerp(a, b, 0)).toEqual(a);
    expect(slerp(a, b, 1)).toEqual(b);
    for (const t of [0.25, 0.5, 0.9]) expectClose(Math.hypot(...slerp(a, b, t)), 3, { abs: 1e-12, rel: 0 });
    expectClose(slerp(a, b, 0.5), [3 * Math.SQRT1_2, 0, 3 * Math.SQRT1_2], { abs: 1e-12, rel: 0 });
    expectClose(
      slerp(
        a,
        a.map((x) => -x),
        0.25,
      ),
      [1.5, 0, 0],
      { abs: 1e-12, rel: 0 },
    );
  });
});

describe("films", () => {
  const bytes = (...parts: string[]): Buffer => readFileSync(path(...parts));
  const plain = { provenance: false };

  test("between the steps of an edit are states that it passed through, the same bits whatever is drawn with it", async () => {
    const film = `save change to "film.webp" as animation { tween 3 }\n`;
    // A solver whose steps are shorter than a quarter of the way, and too few to be looked at for their pace: the states are those of the flow, not of its tolerance.
    const slow = "sampler ode { solver dopri5 rtol 1e-3 atol 1e-3 maxSteps 150 }";
    const all = await runText("film", `edit change of faces { ${EDIT} ${slow} }\n${film}`);
    const alone = await runText("film-alone", `edit change of faces[3] { ${EDIT} ${slow} }\n${film}`);
    const { wDim } = randomModel().info;
    for (const step of [0, 1]) {
      const among = all.tasks[1]!.samples.find((s) => s.index === 3 && s.part === step)!;
      const own = alone.tasks[1]!.samples.find((s) => s.part === step)!;
      expect([...own.way!]).toEqual([...among.way!]);
      const before = step === 0 ? all.tasks[1]!.before![3]! : all.tasks[1]!.samples.find((s) => s.index === 3)!;
      const way = [0, 1, 2].map((k) => among.way!.subarray(k * wDim, (k + 1) * wDim));
      const states = [before.w, ...way, among.w];
      const apart = (a: Float32Array, b: Float32Array): number => Math.hypot(...a.map((x, c) => x - b[c]!));
      const strides = states.slice(1).map((s, k) => apart(states[k]!, s));
      // Quarters of the way: each is a part of it, and none is most of it.
      expect(Math.min(...strides)).toBeGreaterThan(0);
      expect(Math.max(...strides)).toBeLessThan(0.7 * strides.reduce((a, b) => a + b, 0));
    }
  });

  test("a film does not depend on the films that are made with it", async () => {
    const walk = "traverse walk from tiny { where glasses between seed 3 and seed 4 frames 3 }";
    const edit = `edit change of faces[0..1] { ${EDIT} }`;
    const films = (tween: number): string =>
      `save walk to "walk-${tween}.gif" as animation { tween ${tween} }\nsave change to "edit-${tween}.gif" as animation { tween ${tween} }\n`;
    await runText("two-films", `${walk}\n${edit}\n${films(1)}${films(5)}`, plain);
    for (const tween of [1, 5]) {
      await runText("one-film", `${walk}\n${edit}\n${films(tween)}`, plain);
      for (const what of ["walk", "edit"]) {
        const file = `${what}-${tween}.gif`;
        expect(bytes("one-film", file).equals(bytes("two-films", file)), file).toBe(true);
      }
    }
  });

  test("between the frames of a traverse is the traverse of the noise between", async () => {
    const walk = (frames: number) =>
      `traverse walk from tiny { where glasses between seed 3 and seed 4 frames ${frames} count 2 ${CALM} }\n`;
    const coarse = await runText("coarse", `${walk(3)}save walk to "a.gif" as animation { tween 2 }\n`);
    const fine = await runText("fine", `${walk(7)}save walk to "a.gif" as animation\n`);
    const { between = [], samples } = coarse.tasks[1]!;
    expect(samples).toHaveLength(6);
    expect(between.map((s) => [s.index, Math.round(s.part * 3)])).toEqual(
      [0, 1].flatMap((row) => [1, 2, 4, 5].map((k) => [row, k])),
    );
    for (const s of between) {
      const same = fine.tasks[1]!.samples.find((f) => f.index === s.index && f.part === Math.round(s.part * 3))!;
      expectClose(s.z, same.z, { abs: 1e-5, rel: 0 });
    }
  });

  test("between the cells of a sweep are cells of the numbers between; those that ask for other things are blended", async () => {
    const sweep = (values: string) =>
      `sweep tilts over t in {${values}} from tiny { where tilt is t seed 3 ${CALM} }\n`;
    const coarse = await runText(
      "coarse-sweep",
      `${sweep("0.2, 0.7")}save tilts to "a.gif" as animation { tween 1 }\n`,
    );
    const fine = await runText("fine-sweep", `${sweep("0.2, 0.45, 0.7")}save tilts to "a.gif" as animation\n`);
    expect(coarse.tasks[1]!.between!.map((s) => s.part)).toEqual([0.5]);
    expectClose(coarse.tasks[1]!.between![0]!.z, fine.tasks[1]!.samples[1]!.z, { abs: 1e-5, rel: 0 });
    const other = `sweep on over w in {0, 1} from tiny { where w * glasses seed 3 }\n`;
    const { tasks } = await runText("other-forms", `${other}save on to "a.webp" as animation { tween 1 }\n`);
    expect(tasks[1]!.between).toEqual([]);
    const { delay } = await sharp(bytes("other-forms", "a.webp"), { pages: -1 }).metadata();
    expect(delay!.reduce((sum, d) => sum + d, 0)).toBe(750);
  });

  test("pictures between that were not solved to the end are told of", async () => {
    const hasty = "sampler ode { maxSteps 2 }";
    const { diagnostics, tasks } = await runText(
      "hasty",
      `traverse walk from tiny { where glasses between seed 3 and seed 4 frames 3 ${hasty} }\nsave walk to "a.gif" as animation { tween 2 }\n`,
    );
    expect(tasks[1]!.between!.map((s) => s.status)).toEqual(Array(4).fill("too-many-steps"));
    expect(diagnostics.map((d) => `${d.code} ${d.message}`)).toContainEqual(
      expect.stringMatching(/^L4103 4 pictures between the images of `walk` needed/),
    );
  });
});
