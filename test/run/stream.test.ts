// A run is a stream: pictures of one portion are written while the next is drawn, and none of that shows in what is written.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run, type RunOptions } from "../../src/node.js";
import type { RunEvent } from "../../src/ports/events.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { writeNpy } from "../../src/models/formats/npy.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { ahead, cutRows } from "../../src/runtime/run/portions.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const COUNT = 400;
const SCRIPT = `lace 1
model tiny from "tiny.safetensors"
sample faces from tiny { where glasses count ${COUNT} seed 3 sampler ode { rtol 1e-2 atol 1e-2 } }
save faces to "{index}.png"
`;

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({ "stream.lace": SCRIPT });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

const runInto = (out: string, options: RunOptions = {}) =>
  run(join(folder.path, "stream.lace"), { out: join(folder.path, out), engine: "onnx-cpu", ...options });

/** Contents of the pictures in a folder, by name. */
function picturesIn(out: string): ReadonlyMap<string, string> {
  const names = readdirSync(join(folder.path, out)).filter((n) => n.endsWith(".png"));
  return new Map(names.map((n) => [n, readFileSync(join(folder.path, out, n)).toString("base64")]));
}

async function failureOf(work: Promise<unknown>): Promise<LaceError> {
  const error: unknown = await work.catch((e: unknown) => e);
  if (!(error instanceof LaceError)) throw new Error(`no LaceError: ${String(error)}`);
  return error;
}

describe("a run of many samples", () => {
  test("writes its first picture before its last sample is drawn, and tells of each phase once", async () => {
    const events: RunEvent[] = [];
    const results = await runInto("whole", { onEvent: (e) => void events.push(e) });
    const drawn = events.findIndex((e) => e.kind === "end" && e.phase === "sample");
    const written = events.findIndex((e) => e.kind === "wrote");
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(drawn);
    const starts = events.filter((e) => e.kind === "start").map((e) => e.phase);
    expect(starts.filter((p) => p === "sample")).toHaveLength(1);
    expect(events.filter((e) => e.kind === "start" && e.phase === "sample")).toMatchObject([{ total: COUNT }]);
    const done = events.flatMap((e) => (e.kind === "progress" && e.phase === "sample" ? [e.done] : []));
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(COUNT);
    expect(results.tasks[0]!.samples.map((s) => s.index)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    expect(results.outputs.map((o) => o.index)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    expect(picturesIn("whole").size).toBe(COUNT);
  });

  test("writes the same bytes wherever it is cut", async () => {
    for (const number of [1, 2, 3]) await runInto("shards", { shard: { number, of: 3 } });
    expect(picturesIn("shards")).toEqual(picturesIn("whole"));
  });

  test("keeps the pictures that were finished when it is interrupted, and those alone", async () => {
    const controller = new AbortController();
    let written = 0;
    const error = await failureOf(
      runInto("stopped", {
        signal: controller.signal,
        onEvent: (e) => {
          if (e.kind !== "wrote") return;
          written += 1;
          if (written === 20) controller.abort();
        },
      }),
    );
    expect(error.diagnostics.map((d) => d.code)).toEqual(["L4106"]);
    const [kept, whole] = [picturesIn("stopped"), picturesIn("whole")];
    expect(kept.size).toBeGreaterThanOrEqual(20);
    expect(kept.size).toBeLessThan(COUNT / 2);
    for (const [name, bytes] of kept) expect(bytes).toBe(whole.get(name));
    expect(readdirSync(join(folder.path, "stopped")).filter((n) => !n.endsWith(".png"))).toEqual([]);
    await runInto("stopped");
    expect(picturesIn("stopped")).toEqual(whole);
  });

  test("ends with the code of a file that cannot be written, and leaves nothing torn", async () => {
    mkdirSync(join(folder.path, "blocked", "90.png", "in the way"), { recursive: true });
    const error = await failureOf(runInto("blocked"));
    expect(error.diagnostics.map((d) => d.code)).toEqual(["L5004"]);
    await setTimeout(100); // what was being written when it failed
    const whole = readdirSync(join(folder.path, "blocked")).filter((n) => n !== "90.png");
    expect(whole.length).toBeGreaterThan(60);
    const expected = picturesIn("whole");
    for (const name of whole)
      expect(readFileSync(join(folder.path, "blocked", name)).toString("base64")).toBe(expected.get(name));
  });
});

describe("a run of many rows that start from others, ask for unlike things, or come from a file", () => {
  const rows = 150;
  const script = `lace 1
model tiny from "tiny.safetensors"
sample faces from tiny { where glasses count ${rows} seed 3 sampler ode { rtol 1e-2 atol 1e-2 } }
edit changed of faces { keep latent 0.05  step hair is black  step not glasses  sampler ode { rtol 1e-2 atol 1e-2 } }
sweep looks over h in {glasses, hair is blond} from tiny { where h count ${rows} seed 4 sampler ode { rtol 1e-2 atol 1e-2 } }
sample again from tiny { start from "starts.npy" as z  where glasses  sampler ode { rtol 1e-2 atol 1e-2 } }
save changed to "changed/{index}.png"
save looks to "looks/{index}.png"
save again to "again/{index}.png"
`;
  const filesOf = (out: string, task: string): ReadonlyMap<string, string> => picturesIn(join(out, task));

  test("writes the first of them before the last is drawn, with the bytes of small parts", async () => {
    const { zDim } = randomModel().info;
    const z = Float32Array.from({ length: rows * zDim }, (_, i) => Math.sin(i * 1.7) * 1.4);
    writeFileSync(join(folder.path, "starts.npy"), writeNpy({ data: z, shape: [rows, zDim] }));
    writeFileSync(join(folder.path, "others.lace"), script);
    const runOthers = (out: string, options: RunOptions = {}): ReturnType<typeof run> =>
      run(join(folder.path, "others.lace"), { out: join(folder.path, out), engine: "onnx-cpu", ...options });
    const events: RunEvent[] = [];
    await runOthers("others", { onEvent: (e) => void events.push(e) });
    for (const number of [1, 2]) await runOthers("parts", { shard: { number, of: 2 } }); // too few rows to be cut
    for (const task of ["changed", "looks", "again"]) {
      const first = events.findIndex((e) => e.kind === "wrote" && e.path.startsWith(task));
      const drawn = events.findLastIndex((e) => e.kind === "end" && e.phase === "sample" && e.task === task);
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThan(drawn);
      const progress = events.flatMap((e) =>
        e.kind === "progress" && e.phase === "sample" && e.task === task ? [e.done] : [],
      );
      expect(progress).toEqual([...progress].sort((a, b) => a - b));
      expect(filesOf("others", task).size).toBeGreaterThanOrEqual(rows);
      expect(filesOf("parts", task)).toEqual(filesOf("others", task));
    }
  }, 120_000);
});

describe("portions", () => {
  test("are all rows once, in order, small ones at first", () => {
    for (const [count, samples] of [
      [1, 1],
      [128, 1],
      [129, 1],
      [2000, 1],
      [40, 25],
      [5, 1000],
    ] as const) {
      const rows = Array.from({ length: count }, (_, i) => i * 3);
      const portions = cutRows(rows, samples, 256);
      expect(portions.flat()).toEqual(rows);
      expect(portions[0]!.length).toBeLessThanOrEqual(portions.at(1)?.length ?? count);
      expect(Math.max(...portions.map((p) => p.length * samples))).toBeLessThanOrEqual(Math.max(256, samples));
    }
  });

  test("are made ahead of whoever takes them, so many and no more", async () => {
    for (const most of [0, 1, 3]) {
      let made = 0;
      async function* source(): AsyncGenerator<number, void> {
        while (made < 10) {
          await setTimeout(1);
          yield made++;
        }
      }
      let taken = 0;
      for await (const value of ahead(source(), most)) {
        expect(value).toBe(taken++);
        await setTimeout(30);
        expect(made).toBe(Math.min(10, taken + most));
      }
      expect(taken).toBe(10);
    }
  });

  test("let their source end when whoever takes them ends early, and tell its error in its turn", async () => {
    let ended = false;
    async function* source(): AsyncGenerator<number, void> {
      try {
        yield 1;
        await setTimeout(1);
        throw new Error("the second");
      } finally {
        ended = true;
      }
    }
    const early = ahead(source());
    expect(await early.next()).toEqual({ done: false, value: 1 });
    await early.return();
    expect(ended).toBe(true);
    const late = ahead(source());
    await late.next();
    await setTimeout(20);
    await expect(late.next()).rejects.toThrow("the second");
  });
});
