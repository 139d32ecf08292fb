import { describe, expect, it } from "vitest";
import { newDict, type AllowList, type PickleValue } from "../../src/models/formats/pickle-value.js";
import { TORCH_NAMES } from "../../src/models/formats/torch-tensor.js";
import { unpickle, type PickleLimits } from "../../src/models/formats/unpickle.js";
import { bytesOf, dict, global, int, MARK, STOP, tuple, unicode, type Part } from "../support/pickle.js";

function read(parts: readonly Part[], allow: AllowList = TORCH_NAMES, limits?: PickleLimits): PickleValue {
  return unpickle(bytesOf(...parts, STOP), { file: "x.pkl", allow, ...(limits && { limits }) }).value;
}

/** Pickled data as plain JavaScript. */
function plain(value: PickleValue): unknown {
  if (typeof value !== "object" || value === null) return value;
  switch (value.kind) {
    case "tuple":
    case "list":
      return value.items.map(plain);
    case "dict":
      return Object.fromEntries(
        [...value.entries].map(([k, v]) => [typeof k === "string" ? k : JSON.stringify(k), plain(v)]),
      );
    case "bytes":
      return [...value.bytes];
    default:
      return value;
  }
}

describe("unpickling", () => {
  it("reads every literal of protocols 0 to 5", () => {
    const cases: readonly (readonly [Part, unknown])[] = [
      ["N", null],
      [[0x88], true],
      [[0x89], false],
      ["I01\n", true],
      ["I00\n", false],
      ["I-42\n", -42],
      ["L123L\n", 123],
      ["L123456789012345678901234567890L\n", 123456789012345678901234567890n],
      [[0x4b, 200], 200],
      [[0x4d, 0x34, 0x12], 0x1234],
      [int(-7), -7],
      [[0x8a, 2, 0, 255], -256],
      [[0x8a, 0], 0],
      [[0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], -(2n ** 63n)],
      [[0x8b, 1, 0, 0, 0, 5], 5],
      ["F1.5\n", 1.5],
      ["F-inf\n", -Infinity],
      ["Fnan\n", NaN],
      [[0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
      [unicode("héllo"), "héllo"],
      [[0x8c, 2, "ab"], "ab"],
      [[0x8d, 2, 0, 0, 0, 0, 0, 0, 0, "ab"], "ab"],
      ["Vline\n", "line"],
      ["S'it\\'s\\x41\\n'\n", "it'sA\n"],
      [[0x55, 2, 0xe9, 0x41], "éA"],
      [[0x54, 1, 0, 0, 0, 0xff], "ÿ"],
      [
        [0x43, 2, 1, 2],
        [1, 2],
      ],
      [[0x42, 1, 0, 0, 0, 9], [9]],
      [[0x8e, 1, 0, 0, 0, 0, 0, 0, 0, 9], [9]],
      [[0x96, 1, 0, 0, 0, 0, 0, 0, 0, 9], [9]],
    ];
    for (const [part, value] of cases) expect(plain(read([part])), JSON.stringify(part)).toEqual(value);
  });

  it("reads containers, memo and stack operations", () => {
    const cases: readonly (readonly [Part, unknown])[] = [
      [")", []],
      [["N", 0x85], [null]],
      [
        ["NN", 0x86],
        [null, null],
      ],
      [
        ["NNN", 0x87],
        [null, null, null],
      ],
      [tuple(int(1), int(2)), [1, 2]],
      [["]", "Na"], [null]],
      [
        ["](", int(1), int(2), "e"],
        [1, 2],
      ],
      [["(", int(1), "l"], [1]],
      [[0x8f, MARK, int(3), 0x90], [3]],
      [["(", int(3), 0x91], [3]],
      [dict({ a: int(1), b: "N" }), { a: 1, b: null }],
      [["(", unicode("k"), int(2), "d"], { k: 2 }],
      [["}", unicode("k"), int(2), "s"], { k: 2 }],
      [["]q", 5, "0h", 5], []],
      [["]p7\n0g7\n"], []],
      [["]r", 0, 1, 0, 0, "0j", 0, 1, 0, 0], []],
      [["]", 0x94, "N0", "0h", 0], []],
      [[int(1), "20"], 1],
      [[int(1), MARK, "0"], 1],
      [[int(1), MARK, int(2), "1"], 1],
      [[0x95, 1, 0, 0, 0, 0, 0, 0, 0, "N"], null],
    ];
    for (const [part, value] of cases) expect(plain(read([part])), JSON.stringify(part)).toEqual(value);
  });

  it("does not write to the pickle, also if it is a Buffer", () => {
    const bytes = Buffer.from(bytesOf(0x8a, 2, 0, 255, STOP));
    for (let again = 0; again < 2; again++) expect(unpickle(bytes, { file: "x", allow: TORCH_NAMES }).value).toBe(-256);
  });

  it("keeps references: a list in itself is that list", () => {
    const list = read(["]q", 0, "h", 0, "a"]);
    expect(typeof list === "object" && list?.kind === "list" && list.items[0] === list).toBe(true);
  });

  it("says where a pickle ends, so that several in one file can be read", () => {
    const bytes = bytesOf(int(1), STOP, int(2), STOP);
    const first = unpickle(bytes, { file: "x", allow: TORCH_NAMES });
    expect(first).toEqual({ value: 1, end: 6 });
    expect(unpickle(bytes, { file: "x", allow: TORCH_NAMES }, first.end)).toEqual({ value: 2, end: 12 });
  });

  it("a name that is not allowed is named, with its byte offset, and runs nothing", () => {
    expect(() => read(["NN", global("os", "system"), tuple(unicode("touch /tmp/owned")), "R"])).toThrow(
      /L5105: x.pkl: .*"os.system" at byte 2;/,
    );
    expect(() => read([unicode("builtins"), unicode("eval"), 0x93])).toThrow(/L5105.*"builtins.eval" at byte 22/);
    // Names of JavaScript's own objects are names like any other.
    for (const name of ["__proto__", "constructor", "toString"])
      expect(() => read([global("", name)])).toThrow(/L5105/);
  });

  it("a new allow-list entry is all that a new class needs: calls, state and plain markers", () => {
    class Point {
      state: PickleValue = null;
    }
    const allow: AllowList = new Map([
      ["m.marker", {}],
      [
        "m.Point",
        {
          call: () => {
            const value = new Point();
            return { kind: "opaque" as const, value, build: (state: PickleValue) => void (value.state = state) };
          },
        },
      ],
      ["m.Dict", { call: newDict }],
    ]);
    const point = read([global("m", "Point"), ")", 0x81, dict({ x: int(3) }), "b"], allow);
    expect(
      typeof point === "object" && point?.kind === "opaque" && point.value instanceof Point && plain(point.value.state),
    ).toEqual({ x: 3 });
    // A subclass of dict: made without arguments, then filled, then given attributes.
    expect(plain(read([global("m", "Dict"), ")}", 0x92, MARK, unicode("k"), int(1), "u", "}b"], allow))).toEqual({
      k: 1,
    });
    expect(() => read([global("m", "marker"), ")R"], allow)).toThrow(/m.marker cannot be called/);
    expect(() => read([global("m", "Point"), "NR"], allow)).toThrow(/no tuple/);
  });

  const bad: readonly [string, readonly Part[], RegExp][] = [
    ["an unknown opcode", [0xff], /L5104: x.pkl: damaged pickle at byte 0: opcode 0xff/],
    ["an opcode of the extension registry", ["N", 0x82, 1], /at byte 1: opcode 0x82/],
    ["a protocol from the future", [0x80, 9], /protocol above 5/],
    ["text that is cut short", ["N", 0x58, 255, 0, 0, 0, "abc"], /at byte 1: it needs 255 bytes, 4 are left/],
    ["text of 2^62 bytes", [0x8d, 0, 0, 0, 0, 0, 0, 0, 64], /it needs 4611686018427388000 bytes/],
    ["an integer of too many bytes", [0x8b, 0, 0, 0, 64], /an integer of 1073741824 bytes/],
    ["a line without an end", ["Vabc"], /line without an end/],
    ["a number that is none", ["Iabc\n"], /a number that is none/],
    ["an integer of a thousand digits", [`L${"9".repeat(1000)}L\n`], /a number that is none/],
    ["a float that is none", ["F1.2.3\n"], /a number that is none/],
    ["a string without quotes", ["Sabc\n"], /without quotes/],
    ["an unknown escape", ["S'\\q'\n"], /unknown escape/],
    ["an empty stack", ["0"], /no mark/],
    ["a tuple of what is not there", [0x87], /stack is empty/],
    ["a value that was never remembered", ["h", 3], /nothing is remembered as 3/],
    ["a mark that is not there", ["t"], /no mark/],
    ["items for a number", [int(1), "Na"], /no list/],
    ["pairs for a list", ["]NNs"], /no dict/],
    ["a key without a value", ["}(N", "u"], /key without a value/],
    ["a call of a number", [int(1), ")R"], /no name/],
    ["state for a number", [int(1), "Nb"], /takes none/],
    ["a name that is no text", ["NN", 0x93], /no text/],
    ["a persistent id in a file that has none", ["NQ"], /persistent id/],
    ["keyword arguments", [global("collections", "OrderedDict"), ")", dict({ a: int(1) }), 0x92], /keyword/],
    [
      "OrderedDict with arguments",
      [global("collections", "OrderedDict"), tuple(int(1)), "R"],
      /OrderedDict with arguments/,
    ],
  ];
  for (const [what, parts, error] of bad) {
    it(`refuses ${what}`, () => {
      expect(() => read(parts)).toThrow(error);
    });
  }

  it("refuses a pickle without an end", () => {
    expect(() => unpickle(bytesOf("N"), { file: "x", allow: TORCH_NAMES })).toThrow(
      /at byte 1: it needs 1 bytes, 0 are left/,
    );
  });

  it("refuses a pickle that nests too deep or has too many operations", () => {
    const limits = { depth: 10, opcodes: 50 };
    expect(() => read([Array<number>(11).fill(MARK)], TORCH_NAMES, limits)).toThrow(/L5106.*deeper than 10/);
    expect(() => read([Array<string>(51).fill("N")], TORCH_NAMES, limits)).toThrow(/L5106.*more than 50/);
  });
});
