// What is kept between runs: to the bit, within its bounds, and never wrong.
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cacheUse, cleanCache, folderCache } from "../../src/node/cache.js";
import { decodeSample, encodeSample, ResultCache, type KeptSample } from "../../src/runtime/draw/result-cache.js";
import { nodeHost } from "../../src/node/host.js";
import { filesIn, folderWith } from "../support/lacec.js";

let folder: ReturnType<typeof folderWith>;
beforeEach(() => (folder = folderWith({})));
afterEach(() => folder.remove());

const sample: KeptSample = {
  status: "done",
  steps: 12,
  accepted: 11,
  rejected: 1,
  evaluations: 70,
  logp: -0.1,
  z: Float64Array.of(0.1, -0, 1e-310, Math.PI),
  w: Float32Array.of(0.1, 2, -3),
  heads: [[0.25, -0.75], [1 / 3], []],
};

describe("a kept sample", () => {
  test.each<[string, KeptSample]>([
    ["comes back to the bit", sample],
    ["may have styles of its own", { ...sample, ws: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    ["may have far layers that are not truncated", { ...sample, far: { from: 2, w: Float32Array.of(7, 8, 9) } }],
    [
      "may have both on its way",
      {
        ...sample,
        way: Float32Array.of(1, 2, 3),
        far: { from: 0, w: Float32Array.of(7, 8, 9), way: Float32Array.of(4, 5, 6) },
      },
    ],
    ["may have no image", { ...sample, status: "non-finite", logp: NaN, w: new Float32Array(), heads: [] }],
  ])("%s", (_, value) => {
    const read = decodeSample(encodeSample(value));
    expect(read).toEqual(value);
    expect(Object.is(read!.z[1], -0)).toBe(true);
    const shifted = new Uint8Array(encodeSample(value).length + 1);
    shifted.set(encodeSample(value), 1);
    expect(decodeSample(shifted.subarray(1))).toEqual(value);
    expect(decodeSample(Buffer.from(shifted.buffer).subarray(1))).toEqual(value);
  });

  test("bytes that are no sample are nothing", () => {
    const bytes = encodeSample(sample);
    expect(decodeSample(bytes.subarray(0, -4))).toBeUndefined();
    expect(decodeSample(new Uint8Array(64))).toBeUndefined();
    expect(decodeSample(new Uint8Array(3))).toBeUndefined();
    const stored = (header: unknown): Uint8Array => {
      const text = new TextEncoder().encode(JSON.stringify(header).padEnd(80));
      const length = new Uint8Array(Float64Array.of(text.length).buffer);
      return Uint8Array.from([...length, ...text, ...new Uint8Array(64)]);
    };
    for (const header of [null, {}, [], "x", { z: 1, heads: [1], w: 1 }, { z: -1, heads: 2, w: "w" }])
      expect(decodeSample(stored(header))).toBeUndefined();
  });

  test("its key depends on every number, and on no span", async () => {
    const host = nodeHost();
    const cache = folderCache({ folder: folder.path });
    const resultCache = new ResultCache(cache, host, "scope");
    const about = { energy: { kind: "class", attribute: 1, span: { start: 1, end: 2, file: "a" } }, seed: 1 };
    const moved = { energy: { kind: "class", attribute: 1, span: { start: 7, end: 9, file: "b" } }, seed: 1 };
    const z = Float64Array.of(1, 2);
    const key = await resultCache.key(about, z);
    expect(await resultCache.key(moved, z)).toBe(key);
    const others = await Promise.all([
      resultCache.key({ ...about, seed: 2 }, z),
      resultCache.key(about, Float64Array.of(1, 2.0000000000000004)),
      resultCache.key(about, Float64Array.of(1), Float64Array.of(2)),
      new ResultCache(cache, host, "another scope").key(about, z),
    ]);
    expect(new Set([key, ...others]).size).toBe(5);
  });
});

describe("the cache", () => {
  const key = (n: number): string => n.toString(16).padStart(64, "0").split("").reverse().join("");
  const entries = (): string[] => filesIn(join(folder.path, "cache"));

  test("gives back what was put, tells version control to ignore it, and forgets damaged entries", async () => {
    const cache = folderCache({ folder: folder.path });
    expect(await cache.get(key(1))).toBeUndefined();
    await cache.put(key(1), Uint8Array.of(1, 2, 3));
    expect([...(await cache.get(key(1)))!]).toEqual([1, 2, 3]);
    expect(readFileSync(join(folder.path, ".gitignore"), "utf8")).toBe("*\n");
    const [file] = entries();
    const path = join(folder.path, "cache", file!);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    expect(await cache.get(key(1))).toBeUndefined();
    expect(entries()).toEqual([]);
  });

  test("gives nothing where entries were swapped or copied: a picture cannot come back as another", async () => {
    const cache = folderCache({ folder: folder.path });
    await cache.put(key(1), Uint8Array.of(1, 1, 1));
    const [first] = entries();
    await cache.put(key(2), Uint8Array.of(2, 2, 2));
    const second = entries().find((e) => e !== first)!;
    const [a, b] = [first!, second].map((e) => join(folder.path, "cache", e));
    const [one, two] = [readFileSync(a!), readFileSync(b!)];
    writeFileSync(a!, two);
    writeFileSync(b!, one);
    expect(await cache.get(key(1))).toBeUndefined();
    expect(await cache.get(key(2))).toBeUndefined();
    await cache.put(key(1), Uint8Array.of(1, 1, 1));
    expect([...(await cache.get(key(1)))!]).toEqual([1, 1, 1]);
  });

  test("stays within its bound; what was used last stays", async () => {
    const cache = folderCache({ folder: folder.path, maxBytes: 10_000 });
    for (let n = 0; n < 20; n++) {
      await cache.put(key(n), new Uint8Array(1000).fill(n));
      for (const file of entries()) {
        const path = join(folder.path, "cache", file);
        if (statSync(path).mtimeMs > Date.now() - 1000) utimesSync(path, n, n); // older than what comes next
      }
      await cache.get(key(0));
    }
    await cache.close();
    const { bytes } = await cacheUse(folder.path);
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(await cache.get(key(0))).toBeDefined();
    expect(await cache.get(key(19))).toBeDefined();
    expect(await cache.get(key(1))).toBeUndefined();
    expect((await cleanCache(folder.path)).bytes).toBe(bytes);
    expect(await cacheUse(folder.path)).toEqual({ entries: 0, bytes: 0 });
  });

  test("a place that cannot be written is said once and ends nothing", async () => {
    writeFileSync(join(folder.path, "file"), "");
    const cache = folderCache({ folder: join(folder.path, "file") });
    await cache.put(key(1), Uint8Array.of(1));
    expect(cache.trouble).toMatch(/ENOTDIR|EEXIST/);
    expect(await cache.get(key(1))).toBeUndefined();
    await cache.close();
    expect(readdirSync(folder.path)).toEqual(["file"]);
  });
});
