import { describe, expect, it } from "vitest";
import { narrowToHalf, toFloat32, toFloat64, widenHalf } from "../../src/models/formats/dtype.js";
import { readSafetensors, writeSafetensors } from "../../src/models/formats/safetensors.js";
import { random } from "../support/random.js";

/** A file with this header text and so many bytes of data. */
function fileOf(header: unknown, dataBytes: number, claimed?: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + dataBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true);
  out.set(json, 8);
  return out;
}
const f32 = (shape: number[], from: number, to: number) => ({ dtype: "F32", shape, data_offsets: [from, to] });

describe("safetensors", () => {
  it("reads back what it wrote, in float32 exactly and in float16 to its precision", () => {
    const r = random(1);
    const tensors = new Map([
      ["a", { shape: [3, 5], data: Float32Array.from({ length: 15 }, () => r.normal()) }],
      ["scalar", { shape: [], data: Float32Array.of(-2.5) }],
      ["none", { shape: [0, 4], data: new Float32Array(0) }],
    ]);
    const exact = readSafetensors(writeSafetensors(tensors, { key: "värde" }), "x");
    expect(exact.metadata.get("key")).toBe("värde");
    for (const [name, t] of tensors) expect(exact.tensor(name)).toEqual(t);
    const half = readSafetensors(writeSafetensors(tensors, {}, "F16"), "x");
    tensors
      .get("a")!
      .data.forEach((v, i) =>
        expect(Math.abs(half.tensor("a")!.data[i]! - v)).toBeLessThanOrEqual(2 ** -11 * Math.abs(v)),
      );
    expect(half.tensor("scalar")!.data[0]).toBe(-2.5);
    expect(exact.tensor("absent")).toBeUndefined();
  });

  it("widens every half-precision number exactly and narrows it back", () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const wide = widenHalf(bits);
    const sample = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x8001, 0x0400, 0x3555].map((b) => wide[b]);
    expect(sample).toEqual([1, -2, 65504, 2 ** -24, -(2 ** -24), 2 ** -14, 0.333251953125]);
    expect([wide[0x7c00], wide[0xfc00], wide[0x7e01]]).toEqual([Infinity, -Infinity, NaN]);
    const back = narrowToHalf(wide);
    for (let i = 0; i < 65536; i++) if (!Number.isNaN(wide[i])) expect(back[i]).toBe(i);
  });

  it("narrows to the nearest half, ties to even", () => {
    const cases = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519.996, 65520, -1e9, 2 ** -25, 1.5 * 2 ** -24, 2.5 * 2 ** -24];
    const halves = widenHalf(narrowToHalf(Float32Array.from(cases)));
    expect([...halves]).toEqual([1, 1 + 2 ** -9, 65504, Infinity, -Infinity, 0, 2 ** -23, 2 ** -23]);
  });

  it("widens every element type", () => {
    const bytes = (array: ArrayBufferView): Uint8Array =>
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const whole = [-3, 0, 7];
    const signed = [Int8Array, Int16Array, Int32Array, Float32Array, Float64Array] as const;
    const names = ["I8", "I16", "I32", "F32", "F64"] as const;
    signed.forEach((type, i) => expect([...toFloat32(names[i]!, bytes(type.from(whole)))]).toEqual(whole));
    expect([...toFloat32("I64", bytes(BigInt64Array.from([-3n, 7n])))]).toEqual([-3, 7]);
    expect([...toFloat32("U64", bytes(BigUint64Array.from([7n])))]).toEqual([7]);
    expect([...toFloat32("U16", bytes(Uint16Array.of(65535)))]).toEqual([65535]);
    expect([...toFloat32("U32", bytes(Uint32Array.of(7)))]).toEqual([7]);
    expect([...toFloat32("BOOL", Uint8Array.of(1, 0))]).toEqual([1, 0]);
    expect([...toFloat32("BF16", bytes(Uint16Array.of(0x3f80, 0xc000)))]).toEqual([1, -2]);
    expect([...toFloat64("F64", bytes(Float64Array.of(0.1)))]).toEqual([0.1]);
    expect([...toFloat64("F16", bytes(Uint16Array.of(0x3c00)))]).toEqual([1]);
    // A float32 that does not begin at a multiple of 4.
    expect([...toFloat32("F32", Uint8Array.of(9, 0, 0, 128, 63).subarray(1))]).toEqual([1]);
    // The same in a Buffer, whose slice() is a view and not a copy.
    expect([...toFloat32("F32", Buffer.from([9, 0, 0, 128, 63]).subarray(1))]).toEqual([1]);
  });

  const bad: readonly [string, Uint8Array, RegExp][] = [
    ["an empty file", new Uint8Array(0), /only 0 bytes/],
    ["a header longer than the file", fileOf({}, 0, 1000), /claims 1000 bytes/],
    ["a header of 2^60 bytes", fileOf({}, 0, 2 ** 60), /claims 1152921504606846976/],
    ["a header that is not JSON", fileOf("{oops", 0), /not JSON/],
    ["a header that is a list", fileOf([], 0), /not an object/],
    ["a header nested too deep to parse", fileOf("[".repeat(100_000), 0), /not JSON|not an object/],
    ["metadata that is no text", fileOf({ __metadata__: { a: 1 } }, 0), /metadata 'a' is not a string/],
    [
      "an unknown type",
      fileOf({ t: { dtype: "C64", shape: [1], data_offsets: [0, 8] } }, 8),
      /'t' has an unknown type "C64"/,
    ],
    ["a negative size", fileOf({ t: f32([-1], 0, 4) }, 4), /no valid shape/],
    ["a fractional size", fileOf({ t: f32([0.5], 0, 4) }, 4), /no valid shape/],
    ["a shape of too many dimensions", fileOf({ t: f32([1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 4) }, 4), /no valid shape/],
    ["a range that does not fit the shape", fileOf({ t: f32([2], 0, 4) }, 4), /needs 8 bytes, its range has 4/],
    [
      "a shape whose product overflows",
      fileOf({ t: f32([2 ** 31, 2 ** 31, 4], 0, 0) }, 0),
      /needs .* bytes, its range has 0/,
    ],
    ["a range that ends before it begins", fileOf({ t: f32([1], 8, 4) }, 8), /its range has -4/],
    ["tensors that overlap", fileOf({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), /'b' overlaps/],
    [
      "a hole between tensors",
      fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      /4 unused bytes before tensor 'b'/,
    ],
    ["a tensor beyond the end", fileOf({ a: f32([2], 0, 8) }, 4), /the tensors end at byte/],
    ["bytes behind the last tensor", fileOf({ a: f32([1], 0, 4) }, 5), /the tensors end at byte/],
  ];
  for (const [what, bytes, error] of bad) {
    it(`refuses ${what}`, () => {
      expect(() => readSafetensors(bytes, "model.safetensors")).toThrow(/^L5102: model.safetensors: /);
      expect(() => readSafetensors(bytes, "model.safetensors")).toThrow(error);
    });
  }

  it("a tensor named as a property of objects is a tensor", () => {
    const file = readSafetensors(fileOf('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1), "x");
    expect([...file.tensors.keys()]).toEqual(["__proto__"]);
    const back = writeSafetensors(new Map([["__proto__", file.tensor("__proto__")!]]), {});
    expect([...readSafetensors(back, "x").tensors.keys()]).toEqual(["__proto__"]);
  });
});
