// Labels by many machines: the data file is that of one machine, whoever judges, and what was not submitted is refused.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blockKey, packRows, unpackRows } from "../../src/app/many/label-blocks.js";
import { jsonBytes, readSubmission } from "../../src/app/many/submission.js";
import type { Platform } from "../../src/app/platform.js";
import { nodeHost } from "../../src/node/host.js";
import type { ObjectStore } from "../../src/ports/object-store.js";
import { layoutData } from "../../src/learn/label/layout.js";
import { filesIn, folderWith, lacec, root, type Ended } from "../support/lacec.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";

describe.skipIf(!hasRedis)("label by a queue", () => {
  let folder: ReturnType<typeof folderWith>;
  let redis: OwnRedis;
  const at = (...path: string[]): string => join(folder.path, ...path);
  const call = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
  const queue = (): string[] => ["--queue", redis.url, "--project", "labels", "--store", "store"];
  const rows = ["label", "builtin:avatar", "-n", "150", "--seed", "5", "--follow", "0.3", "--thumbnails", "8"];
  const work = (): Promise<Ended> => call("worker", ...queue(), "--once", "--engine", "onnx-cpu");

  beforeAll(async () => {
    folder = folderWith({});
    mkdirSync(at("redis"));
    redis = await startRedis(at("redis"));
  });
  afterAll(async () => {
    await redis.stop();
    folder.remove();
  });

  test("gives the bytes of one run, piece by piece, and queues what is missing alone", async () => {
    const first = await call(...rows, ...queue(), "--rows", "50", "--json");
    expect(JSON.parse(first.out)).toMatchObject({ pieces: 3, there: 0, queued: 3 }); // whole blocks of 64
    expect(await call(...rows, "--store", "store", "-o", "early.safetensors")).toMatchObject({
      code: 3,
      err: expect.stringMatching(/L5406[^]*3 of 3 pieces/) as string,
    });
    expect(await work()).toMatchObject({ code: 0, err: expect.stringContaining("3 pieces drawn") as string });
    const again = await call(...rows, ...queue(), "--json");
    expect(JSON.parse(again.out)).toMatchObject({ pieces: 3, there: 3, queued: 0 });
    const collected = await call(...rows, "--store", "store", "-o", "many.safetensors");
    expect([collected.code, collected.err]).toEqual([0, expect.stringContaining("3 pieces by lacec")]);
    expect((await call(...rows, "-o", "one.safetensors", "--engine", "onnx-cpu")).code).toBe(0);
    expect(Buffer.compare(readFileSync(at("many.safetensors")), readFileSync(at("one.safetensors")))).toBe(0);
    expect(existsSync(at("many.safetensors.part"))).toBe(false);
  }, 600_000);

  test("takes no other request's rows, and finds a piece that is damaged", async () => {
    const other = await call(...rows, "--jitter", "0.1", "--store", "store", "-o", "x.safetensors");
    expect(other).toMatchObject({ code: 3, err: expect.stringMatching(/L5406[^]*lacec label with --queue/) as string });
    const [piece = ""] = filesIn(at("store")).filter((f) => f.includes("/results/"));
    writeFileSync(at("store", piece), "nothing");
    const damaged = await call(...rows, "--store", "store", "-o", "x.safetensors");
    expect(damaged).toMatchObject({ code: 3, err: expect.stringMatching(/L5405/) as string });
    expect(existsSync(at("x.safetensors"))).toBe(false);
  }, 600_000);

  test("takes the model and who judges with it, by their hashes", async () => {
    for (const name of ["avatar.safetensors", "avatar-labeller.onnx"])
      copyFileSync(join(root, "models", name), at(name));
    copyFileSync(at("avatar-labeller.onnx"), at("eye.onnx"));
    const spec = { format: 1, input: { size: 128 }, attributes: [{ name: "glasses", type: "binary" }] };
    writeFileSync(at("eye.json"), JSON.stringify(spec));
    const own = ["label", "avatar.safetensors", "-n", "20", "--labeller", "eye.onnx"];
    expect((await call(...own, ...queue())).code).toBe(0);
    expect((await work()).code).toBe(0);
    expect(await call(...own, "--store", "store", "-o", "many.safetensors")).toMatchObject({ code: 0 });
    expect((await call(...own, "-o", "one.safetensors", "--engine", "onnx-cpu")).code).toBe(0);
    expect(Buffer.compare(readFileSync(at("many.safetensors")), readFileSync(at("one.safetensors")))).toBe(0);
  }, 600_000);

  test("refuses what many machines cannot do", async () => {
    const usage = async (...args: string[]): Promise<string> => {
      const { code, err } = await call("label", "builtin:avatar", ...args);
      expect(code).toBe(2);
      return err;
    };
    expect(await usage("--queue", redis.url)).toContain("--queue needs --store");
    expect(await usage("--rows", "64")).toContain("--rows is of the pieces of a --queue");
    expect(await usage(...queue(), "--shard", "1/2")).toContain("--shard and --queue");
    expect(await usage(...queue(), "--labels", "by-hand.csv")).toContain("need no queue");
    expect(await usage("--store", "store", "--export", "dir")).toContain("rows that are labelled");
  }, 600_000);
});

test("blocks of rows come back as they were, and one of another length is none", () => {
  const attribute = { name: "a", type: "scalar", min: 0, max: 1, sigma: 1 } as const;
  const layout = layoutData(
    {
      ...{ count: 100, model: { name: "m", sha256: null, zDim: null, wDim: 2 }, attributes: [attribute] },
      ...{ labeller: { name: "l", sha256: null }, seed: 1, truncation: null, jitter: null, lacec: "0" },
    },
    { conditions: false, probabilities: [], thumbnails: 1 },
  );
  const rows = new Map<string, Float32Array | Uint8Array>([
    ["w", Float32Array.of(1, 2, 3, 4)],
    ["labels.a", Float32Array.of(0.5, NaN)],
    ["thumbnails", Uint8Array.of(1, 2, 3, 4, 5, 6)],
  ]);
  const bytes = packRows(layout, new Map([[64, rows]])).get(blockKey(64)) ?? new Uint8Array();
  expect(unpackRows(layout, { first: 64, count: 2 }, bytes)).toEqual(rows);
  expect(unpackRows(layout, { first: 64, count: 3 }, bytes)).toBeUndefined();
  expect(unpackRows(layout, { first: 64, count: 2 }, bytes.subarray(1))).toBeUndefined();
});

test("a submission from the store names nothing on a worker's disk", async () => {
  const host = nodeHost();
  const hash = "0".repeat(64);
  const good = {
    ...{ format: 1, kind: "label", lacec: "1.0.0", model: { reference: "builtin:avatar", sha256: hash } },
    judge: { name: "a judge", sha256: hash },
    rows: { count: 64, seed: 1, truncation: [0.5, 1], jitter: 0, follow: 0, thumbnails: 0 },
    models: [{ name: "judge", file: "eye.onnx", sha256: hash, beside: [{ name: "eye.json", sha256: hash }] }],
  };
  const read = async (value: unknown): Promise<unknown> => {
    const bytes = jsonBytes(value as object);
    const store = { place: "a store", get: () => Promise.resolve(bytes) } as unknown as ObjectStore;
    return readSubmission({ host } as unknown as Platform, store, await host.sha256(bytes));
  };
  expect(await read(good)).toMatchObject(good);
  const judge = (more: object): object => ({ ...good, judge: { ...good.judge, ...more } });
  const file = (more: object): object => ({ ...good, models: [{ ...good.models[0], ...more }] });
  const rows = (more: object): object => ({ ...good, rows: { ...good.rows, ...more } });
  for (const bad of [
    { ...good, model: { reference: "/etc/passwd", sha256: hash } },
    { ...good, model: { reference: "builtin:../avatar", sha256: hash } },
    { ...good, kind: "shell" },
    judge({ choice: "clip", clipModel: "../clip" }),
    judge({ choice: "clip", clipModel: "/clip/model" }),
    judge({ choice: "clip", clipModel: "owner/../name" }),
    judge({ choice: "clip", prompts: ["/etc/prompts.txt"] }),
    judge({ choice: "/usr/bin/judge" }),
    file({ file: "../eye.onnx" }),
    file({ file: "" }),
    file({ beside: [{ name: "/eye.json", sha256: hash }] }),
    rows({ count: 1e12 }),
    rows({ thumbnails: 1e9 }),
    rows({ follow: 2 }),
  ])
    await expect(read(bad)).rejects.toThrow(/L5405/);
});
