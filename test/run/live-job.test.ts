// What a page is told of a run while it goes on: small pictures before whole ones, how expectations stand.
import { describe, expect, test, beforeAll } from "vitest";
import { memoryCache } from "../../src/app/live/memory-cache.js";
import type { FromEngine } from "../../src/app/live/messages.js";
import { Paces } from "../../src/app/live/paces.js";
import { runJob, type RunSurroundings } from "../../src/app/live/run-job.js";
import { sharpCodec } from "../../src/node/codec.js";
import { nodeHost } from "../../src/node/host.js";
import { openEngine } from "../../src/node/engines/open.js";
import { nodeServices } from "../../src/node/services.js";
import { halfImage } from "../../src/runtime/image/rgb.js";
import { keepingExecutables } from "../../src/runtime/services/kept-executables.js";
import type { Engine } from "../../src/runtime/services/engine.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample people from avatar { where glasses and not hat  count 5  seed 5 }
expect people: glasses >= 0.5, hat >= 0.9
`;

function correlation(a: Uint8Array, b: Uint8Array): number {
  const mean = (x: Uint8Array): number => x.reduce((sum, v) => sum + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sum = (of: (k: number) => number): number => a.reduce((total, _, k) => total + of(k), 0);
  const da = (k: number): number => a[k]! - ma;
  const db = (k: number): number => b[k]! - mb;
  return sum((k) => da(k) * db(k)) / Math.sqrt(sum((k) => da(k) ** 2) * sum((k) => db(k) ** 2));
}

describe("a run that is looked at", () => {
  const told: FromEngine[] = [];
  const paces = new Paces();
  let engine: Engine;
  const cache = memoryCache(64 * 1024 * 1024);
  const host = {
    ...nodeHost(),
    readText: () => Promise.resolve(SCRIPT),
    exists: () => Promise.resolve(true),
  };

  async function tellOf(kept = cache): Promise<readonly FromEngine[]> {
    const all: FromEngine[] = [];
    const surroundings: RunSurroundings = {
      ...{ version: "test", host, cache: kept, signal: new AbortController().signal, nameOf: (path) => path },
      opening: Promise.resolve({
        engine,
        world: (on, own) => ({ ...nodeServices(on, "onnx-cpu", own), openEngine: () => Promise.resolve(engine) }),
      }),
      paces,
      tell: (message) => void all.push(message),
    };
    await runJob({ id: 1, files: {}, entry: "people.lace", inputs: {} }, surroundings);
    return all;
  }

  beforeAll(async () => {
    const opened = await openEngine("onnx-cpu");
    engine = { ...keepingExecutables(opened, (bytes) => nodeHost().sha256(bytes)), dispose: () => Promise.resolve() };
    told.push(...(await tellOf()));
    return () => opened.dispose();
  }, 60_000);

  test("tells of every picture small before it is there, an eighth as wide, and like it", async () => {
    const codec = sharpCodec();
    const small = told.flatMap((m) => (m.kind === "preview" ? [m.picture] : []));
    const whole = told.flatMap((m) => (m.kind === "picture" ? [m.picture] : []));
    expect(small.map((p) => p.index)).toEqual([0, 1, 2, 3, 4]);
    expect(whole.map((p) => p.index)).toEqual([0, 1, 2, 3, 4]);
    const alike: number[] = [];
    for (const { index, width, height, png } of small) {
      const [before, after] = [
        told.findIndex((m) => m.kind === "preview" && m.picture.index === index),
        told.findIndex((m) => m.kind === "picture" && m.picture.index === index),
      ];
      expect(before).toBeLessThan(after);
      expect([width, height]).toEqual([16, 16]);
      const others = await Promise.all(
        whole.map(async (p) => [1, 2, 3].reduce((i) => halfImage(i), await codec.decode(p.png))),
      );
      const image = await codec.decode(png);
      // It is paler than its own picture, and goes with it more than with any other.
      const near = others.map((other) => correlation(image.data, other.data));
      expect(near.indexOf(Math.max(...near))).toBe(index);
      alike.push(near[index]!);
    }
    // Of 64 samples of the embedded model 0.67 in the mean, 0.29 at the least.
    expect(alike.reduce((sum, x) => sum + x, 0) / alike.length).toBeGreaterThan(0.45);
  });

  test("tells how expectations stand while pictures come, and at its end as they are", () => {
    const stands = told.flatMap((m, at) => (m.kind === "expect" ? [{ at, expectations: m.expectations }] : []));
    expect(stands.length).toBeGreaterThan(0);
    const last = told.findIndex((m) => m.kind === "end");
    const [first] = stands;
    expect(first!.at).toBeLessThan(last);
    expect(first!.expectations.map((e) => e.text)).toEqual(["glasses", "hat"]);
    expect(first!.expectations[0]!.counted).toBeLessThan(5);
    expect(first!.expectations[0]!.counted).toBeGreaterThan(0);
    const end = told[last];
    if (end?.kind !== "end") throw new Error("no end");
    expect(end.expectations.map((e) => [e.text, e.counted, e.passed])).toEqual([
      ["glasses", 5, true],
      ["hat", 5, false],
    ]);
  });

  test("makes nothing small that is there already", async () => {
    const again = await tellOf();
    expect(again.filter((m) => m.kind === "preview")).toEqual([]);
    const bytes = (all: readonly FromEngine[]) =>
      all.flatMap((m) => (m.kind === "picture" ? [Buffer.from(m.picture.png).toString("base64")] : []));
    expect(bytes(again)).toEqual(bytes(told));
    // Nor do small pictures change whole ones: a cache that knows no picture gives the same.
    expect(bytes(await tellOf(memoryCache(0)))).toEqual(bytes(told));
  });
});
