// What a small file may cost to read: little time and memory, however it says the same thing again and again.
import { describe, expect, test } from "vitest";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { LaceError } from "../../src/source/diagnostic.js";
import {
  bytesOf,
  dict,
  global,
  int,
  MARK,
  STOP,
  tensor,
  torchFile,
  tuple,
  unicode,
  type Part,
} from "../support/pickle.js";

const MEGABYTE = 2 ** 20;
/** docs/models.md says 2 s on an idle machine; a hang takes hours. */
const SLOWEST_MS = 10_000;

/** BINUNICODE of many bytes, without spreading them. */
function long(text: string): Uint8Array {
  const raw = Buffer.from(text);
  const head = Buffer.from([0x58, 0, 0, 0, 0]);
  head.writeUInt32LE(raw.length, 1);
  return Buffer.concat([head, raw]);
}
const put = (index: number): Part => [0x71, index];
const get = (index: number): Part => [0x68, index];
const pickle = (...parts: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([bytesOf(0x80, 2), ...parts, bytesOf("N", STOP)]);
const again = (count: number, ...parts: readonly Part[]): Uint8Array => {
  const one = bytesOf(...parts);
  const all = new Uint8Array(one.length * count);
  for (let i = 0; i < count; i++) all.set(one, i * one.length);
  return all;
};

async function codeOf(bytes: Uint8Array): Promise<string | undefined> {
  const start = performance.now();
  const before = process.memoryUsage().rss;
  try {
    await openSource(bytes, "x", { name: "x", sha256: "" });
    return undefined;
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return error.diagnostics[0]?.code;
  } finally {
    expect(performance.now() - start).toBeLessThan(SLOWEST_MS);
    expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
  }
}

const POP = "0";
const REDUCE = "R";
const BUILD = "b";
const newArray: Part = [
  global("numpy.core.multiarray", "_reconstruct"),
  tuple(global("numpy", "ndarray"), tuple(int(0)), unicode("b")),
  REDUCE,
];
const type = (name: string): Part => [global("numpy", "dtype"), tuple(unicode(name), int(0), int(1)), REDUCE];

describe("a pickle that says one thing many times", () => {
  test("encoding a remembered megabyte, in a few bytes each", async () => {
    const bytes = pickle(
      bytesOf(global("_codecs", "encode"), put(0), POP),
      long("x".repeat(MEGABYTE)),
      bytesOf(put(1), POP, unicode("latin1"), put(2), POP),
      again(200_000, get(0), get(1), get(2), 0x86, REDUCE, POP),
    );
    expect(bytes.length).toBeLessThan(3 * MEGABYTE);
    expect(await codeOf(bytes)).toBe("L5106");
  });

  test("building arrays of a remembered list of 60,000 objects", async () => {
    const list = [0x5d, put(3), MARK, again(60_000, "N"), 0x65, POP];
    const state = tuple(int(1), tuple(int(60_000)), type("O"), 0x89, get(3));
    const bytes = pickle(bytesOf(list), bytesOf(state, put(4), POP, newArray), again(100_000, get(4), BUILD));
    expect(bytes.length).toBeLessThan(MEGABYTE);
    expect(await codeOf(bytes)).toBe("L5106");
  });

  test("making arrays of one remembered megabyte", async () => {
    const raw = Buffer.concat([Buffer.from([0x42, 0, 0, 16, 0]), new Uint8Array(MEGABYTE)]);
    const bytes = pickle(
      raw,
      bytesOf(put(0), POP, tuple(int(1), tuple(int(MEGABYTE)), type("u1"), 0x89, get(0)), put(4), POP, newArray),
      again(100_000, get(4), BUILD),
    );
    expect(await codeOf(bytes)).toBe("L5106");
  });

  test("with operations split between it and a nested file", async () => {
    const nested = Buffer.concat([
      bytesOf(0x80, 2, 0x8a, 10, [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], STOP),
      bytesOf(0x80, 2, int(1001), STOP, 0x80, 2, 0x7d, STOP, 0x80, 2),
      again(300_000, "N", POP),
      bytesOf("N", STOP),
    ]);
    const raw = Buffer.alloc(5);
    raw[0] = 0x42;
    raw.writeUInt32LE(nested.length, 1);
    const load = [bytesOf(global("torch.storage", "_load_from_bytes")), raw, nested, bytesOf(0x85, REDUCE)];
    expect(await codeOf(pickle(again(300_000, "N", POP), ...load))).toBe("L5106");
    expect(await codeOf(pickle(...load))).toBe("L5104");
  });
});

test("a zip that unpacks to far more than it is", async () => {
  const zeros = new Uint8Array(80 * MEGABYTE);
  const weight = tensor({ key: "0", count: zeros.length / 4, shape: [2], strides: [1] });
  const bytes = torchFile(dict({ state_dict: dict({ "heads.weight": weight }) }), { 0: zeros }, { deflate: true });
  expect(bytes.length).toBeLessThan(MEGABYTE);
  expect(await codeOf(bytes)).toBe("L5106");
});

test("a safetensors header whose type is nested 200,000 deep", async () => {
  const dtype = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const json = Buffer.from(`{"a":{"dtype":${dtype},"shape":[],"data_offsets":[0,0]}}`);
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(json.length));
  expect(await codeOf(Buffer.concat([head, json]))).toBe("L5102");
});
