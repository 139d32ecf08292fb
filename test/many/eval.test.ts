// Evaluations by many machines: the numbers of one machine, with the pictures looked at elsewhere.
import { mkdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookThrough, type LookedBatch } from "../../src/learn/evaluate/looking.js";
import type { Painter } from "../../src/runtime/show/painter.js";
import type { Labeller } from "../../src/runtime/services/services.js";
import { translate } from "../../src/runtime/services/translation.js";
import { KeptLooks } from "../../src/learn/evaluate/kept-looks.js";
import { cutEvaluation, wholeBatches } from "../../src/learn/evaluate/evaluate-piece.js";
import { compileWhole } from "../../src/app/compile-script.js";
import { mapCache } from "../../src/app/many/draw-script.js";
import { nodeHost } from "../../src/node/host.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample some from avatar { where glasses and smile  count 40  seed 3 }
edit hatted of some[3..38] { keep latent 0.05  step hat  step not smile }
sample far from avatar { where hat  count 5  seed 3  truncation 0.5 }
save some to "some/{index}.png"
expect some: glasses >= 0.5
`;

/** What two evaluations of a script share: all but how long they took. */
function measures(json: string): unknown {
  const { evaluation } = JSON.parse(json) as { evaluation: { sets: { secondsPerImage?: unknown }[] } };
  for (const set of evaluation.sets) delete set.secondsPerImage;
  return evaluation;
}

describe.skipIf(!hasRedis)("eval by a queue", () => {
  let folder: ReturnType<typeof folderWith>;
  let redis: OwnRedis;
  const call = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
  const queue = (): string[] => ["--queue", redis.url, "--project", "measures", "--store", "store"];
  const evaluate = (...more: string[]): Promise<Ended> =>
    call("eval", "x.lace", "--reference", "40", "--json", ...more);

  beforeAll(async () => {
    folder = folderWith({ "x.lace": SCRIPT });
    mkdirSync(join(folder.path, "redis"));
    redis = await startRedis(join(folder.path, "redis"));
  });
  afterAll(async () => {
    await redis.stop();
    folder.remove();
  });

  test("measures what one machine measures, and says who looked", async () => {
    // Samples in three pieces, far in one, and two yardsticks of 40 images in three pieces each.
    expect(JSON.parse((await evaluate(...queue(), "--rows", "16")).out)).toMatchObject({ pieces: 10, queued: 10 });
    expect(await call("worker", ...queue(), "--once", "--engine", "onnx-cpu")).toMatchObject({
      code: 0,
      err: expect.stringContaining("10 pieces drawn") as string,
    });
    const many = await evaluate("--store", "store", "--engine", "onnx-cpu");
    expect([many.code, many.err]).toEqual([0, ""]);
    const one = await evaluate("--engine", "onnx-cpu");
    expect(measures(many.out)).toEqual(measures(one.out));
    const { machines, evaluation } = JSON.parse(many.out) as {
      machines: { pieces: number }[];
      evaluation: { sets: { secondsPerImage: { sample: number; synthesis: number } }[] };
    };
    expect(machines.map((m) => m.pieces)).toEqual([10]);
    for (const { secondsPerImage: took } of evaluation.sets) {
      expect(took.sample).toBeGreaterThan(0); // where they were drawn
      expect(took.synthesis).toBeGreaterThan(0);
    }
    expect(await evaluate("--store", "store", "--reference", "41")).toMatchObject({
      code: 3,
      out: expect.stringMatching(/L5406/) as string,
    });
  }, 900_000);

  test("refuses pieces that are missing, and options that make no sense there", async () => {
    const [piece = ""] = filesIn(join(folder.path, "store")).filter((f) => f.includes("/results/"));
    unlinkSync(join(folder.path, "store", piece));
    expect(await evaluate("--store", "store")).toMatchObject({
      code: 3,
      out: expect.stringMatching(/L5406[^]*1 of 10 pieces/) as string,
    });
    expect((await evaluate("--store", "store", "--export", "dir")).code).toBe(2);
    expect((await evaluate("--queue", redis.url)).code).toBe(2);
  }, 900_000);
});

test("an evaluation is cut into pieces of its tasks and of the images that they are measured against", async () => {
  const files = folderWith({ "x.lace": SCRIPT });
  const { plan } = await compileWhole(join(files.path, "x.lace"), nodeHost());
  files.remove();
  expect(cutEvaluation(plan, { rows: () => 32, reference: (task) => (task.name === "far" ? 0 : 40) })).toEqual([
    { task: 0, first: 0, last: 31 },
    { task: 0, first: 32, last: 39 },
    { task: 2, first: 0, last: 4 },
    { task: 3, first: 0, last: 31 },
    { task: 3, first: 32, last: 39 },
  ]);
});

test("a piece looks at the batches of the whole alone", () => {
  const rowsFrom = (first: number, last: number, columns: number): { index: number; at: number }[] =>
    Array.from({ length: (last - first + 1) * columns }, (_, k) => ({
      ...{ index: first + Math.floor(k / columns), at: first * columns + k },
    }));
  const places = (first: number, last: number, columns: number, rows: number): (number | undefined)[] => {
    const whole = wholeBatches(rowsFrom(first, last, columns), rows);
    return [whole[0]?.at, whole.at(-1)?.at];
  };
  expect(places(0, 15, 1, 40)).toEqual([0, 15]);
  expect(places(32, 39, 1, 40)).toEqual([32, 39]); // the last batch of a task is not full
  expect(places(13, 28, 1, 36)).toEqual([undefined, undefined]);
  expect(places(13, 28, 3, 36)).toEqual([48, 79]);
  expect(places(29, 35, 3, 36)).toEqual([96, 107]);
});

test("looks come back to the bit, and those of another batch do not", async () => {
  const looks = new KeptLooks(mapCache(new Map()), nodeHost(), "scope");
  const styles = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
  const rows = styles.map((_, sample) => ({ seed: 1, sample, truncation: 1 }));
  const key = await looks.key({ noise: "const" }, styles, rows);
  expect(await looks.key({ noise: "const" }, styles.slice(1), rows.slice(1))).not.toBe(key);
  expect(await looks.key({ noise: "none" }, styles, rows)).not.toBe(key);
  const columns = Float32Array.of(0.1, NaN, -3, 4);
  const full = {
    labels: { columns, unclear: Uint8Array.of(0, 1), features: Float32Array.of(1, 2, 3, 4, 5, 6) },
    painting: 0.5,
    looking: 0.25,
  };
  await looks.keep(key, 2, full);
  expect(await looks.recall(key, 2)).toEqual(full);
  expect(await looks.recall(key, 1)).toBeUndefined();
  await looks.keep(key, 2, { ...full, labels: { columns } });
  expect(await looks.recall(key, 2)).toEqual({ ...full, labels: { columns } });
});

test("pictures that were looked at are made again only to be shown", async () => {
  const kept = new KeptLooks(mapCache(new Map()), nodeHost(), "scope");
  const attribute = { name: "a", type: "scalar", min: 0, max: 9, sigma: 1 } as const;
  const asked: number[] = [];
  const look = async function (shown: readonly number[], judge: Labeller["look"]): Promise<unknown> {
    const painted: number[] = [];
    const painter: Painter = {
      ...{ rows: 1, atOnce: 1, dispose: () => Promise.resolve() },
      paint: (styles) => {
        painted.push(...styles.map((s) => s[0] ?? NaN));
        return Promise.resolve(styles.map(() => ({ width: 1, height: 1, data: new Uint8Array(3) })));
      },
    };
    const styles = [Float32Array.of(7), Float32Array.of(8)];
    const rows = styles.map((_, sample) => ({ seed: 1, sample, truncation: 1 }));
    const labeller: Labeller = {
      ...{ name: "judge", sha256: null, attributes: [attribute], look: judge, label: judge },
      dispose: () => Promise.resolve(),
    };
    const bench = { labeller, translation: translate([attribute], [attribute]) };
    const batches = (async function* () {
      yield await Promise.resolve({ of: undefined, styles, rows, shown });
    })();
    const tools = { bench, painter, kept, about: {}, now: () => 0 };
    const looked: LookedBatch<undefined>[] = [];
    for await (const one of lookThrough(batches, tools)) looked.push(one);
    return {
      painted,
      seen: looked.flatMap((l) => l.seen.map((s) => [...s.columns])),
      images: looked[0]?.images.map(Boolean),
    };
  };
  const judge: Labeller["look"] = (images) => {
    asked.push(images.length);
    return Promise.resolve({ columns: Float32Array.of(1.5, 2.5) });
  };
  expect(await look([], judge)).toEqual({ painted: [7, 8], seen: [[1.5], [2.5]], images: [true, true] });
  expect(await look([1], judge)).toEqual({ painted: [8], seen: [[1.5], [2.5]], images: [false, true] });
  expect(await look([], judge)).toEqual({ painted: [], seen: [[1.5], [2.5]], images: [false, false] });
  expect(asked).toEqual([2]);
});
