// The bytes of a pickle and its literals: numbers, text and bytes.
// In: an opcode and a cursor behind it. Out: the literal; the cursor is moved over it.
// Invariants: no read passes the end; lines and integers are bounded, so no literal costs more than linear time in its bytes.
// Source: the opcode descriptions of Python's pickletools.
import type { LaceError } from "../../source/diagnostic.js";
import { modelError } from "../model-error.js";
import type { PickleValue } from "./pickle-value.js";

const MAX_LINE = 4096;
/** Longer than any integer in a checkpoint; conversion to bigint is not linear. */
const MAX_INTEGER_BYTES = 64;

/** A place in a pickle that only moves forward. */
export class Cursor {
  private readonly view: DataView;
  /** Offset of the opcode that is being carried out, for messages. */
  opcodeAt = 0;

  constructor(
    readonly bytes: Uint8Array,
    readonly file: string,
    public at: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  readonly fail = (what: string): LaceError =>
    modelError("L5104", this.file, `damaged pickle at byte ${this.opcodeAt}: ${what}`);

  /** Moves over `count` bytes and returns where they start. */
  take(count: number): number {
    const left = this.bytes.byteLength - this.at;
    if (!(count >= 0 && count <= left)) throw this.fail(`it needs ${count} bytes, ${left} are left`);
    const from = this.at;
    this.at += count;
    return from;
  }

  opcode(): number {
    this.opcodeAt = this.at;
    return this.u8();
  }
  u8(): number {
    return this.view.getUint8(this.take(1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }
  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }
  /** Beyond 2^53 it is inexact but still larger than any file. */
  u64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }
  f64(): number {
    return this.view.getFloat64(this.take(8), false);
  }
  window(count: number): Uint8Array {
    const from = this.take(count);
    return this.bytes.subarray(from, this.at);
  }
  /** UTF-8. Lone surrogates, which Python may write, become replacement characters. */
  text(count: number): string {
    return new TextDecoder().decode(this.window(count));
  }
  /** The text up to the next newline, which is consumed. */
  line(): string {
    const length = this.bytes.subarray(this.at, this.at + MAX_LINE).indexOf(0x0a);
    if (length < 0) throw this.fail("a line without an end");
    const text = this.text(length);
    this.take(1);
    return text;
  }
}

/** The literal that `opcode` stands for; undefined if it is another kind of opcode. Errors LaceError L5104. */
export function readLiteral(cursor: Cursor, opcode: number): PickleValue | undefined {
  switch (opcode) {
    case 0x4e: // NONE
      return null;
    case 0x88: // NEWTRUE
      return true;
    case 0x89: // NEWFALSE
      return false;
    case 0x4b: // BININT1
      return cursor.u8();
    case 0x4d: // BININT2
      return cursor.u16();
    case 0x4a: // BININT
      return cursor.i32();
    case 0x47: // BINFLOAT
      return cursor.f64();
    case 0x8a: // LONG1
      return readInteger(cursor, cursor.u8());
    case 0x8b: // LONG4
      return readInteger(cursor, cursor.u32());
    case 0x49: // INT
    case 0x4c: // LONG
      return parseInteger(cursor);
    case 0x46: // FLOAT
      return parseFloatLine(cursor);
    case 0x8c: // SHORT_BINUNICODE
      return cursor.text(cursor.u8());
    case 0x58: // BINUNICODE
      return cursor.text(cursor.u32());
    case 0x8d: // BINUNICODE8
      return cursor.text(cursor.u64());
    case 0x56: // UNICODE
      return cursor.line();
    case 0x53: // STRING
      return unescapeString(cursor);
    case 0x55: // SHORT_BINSTRING
      return latin1(cursor.window(cursor.u8()));
    case 0x54: // BINSTRING
      return latin1(cursor.window(cursor.u32()));
    case 0x43: // SHORT_BINBYTES
      return { kind: "bytes", bytes: cursor.window(cursor.u8()) };
    case 0x42: // BINBYTES
      return { kind: "bytes", bytes: cursor.window(cursor.u32()) };
    case 0x8e: // BINBYTES8
    case 0x96: // BYTEARRAY8
      return { kind: "bytes", bytes: cursor.window(cursor.u64()) };
    default:
      return undefined;
  }
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function safeNumber(exact: bigint): number | bigint {
  const value = Number(exact);
  return Number.isSafeInteger(value) ? value : exact;
}

/** A two's complement integer of `count` bytes, little-endian: a number where it is exact, else a bigint. */
function readInteger(cursor: Cursor, count: number): number | bigint {
  if (count > MAX_INTEGER_BYTES) throw cursor.fail(`an integer of ${count} bytes`);
  let value = 0n;
  for (const [i, byte] of cursor.window(count).entries()) value |= BigInt(byte) << BigInt(8 * i);
  return safeNumber(BigInt.asIntN(8 * count, value));
}

function parseInteger(cursor: Cursor): boolean | number | bigint {
  const line = cursor.line().replace(/L$/, "");
  if (line === "00") return false; // how protocol 0 writes booleans
  if (line === "01") return true;
  if (!/^-?\d{1,40}$/.test(line)) throw cursor.fail("a number that is none");
  return safeNumber(BigInt(line));
}

function parseFloatLine(cursor: Cursor): number {
  const line = cursor.line();
  const special = new Map([
    ["inf", Infinity],
    ["-inf", -Infinity],
    ["nan", NaN],
  ]).get(line);
  if (special !== undefined) return special;
  if (!/^-?[\d.]/.test(line) || Number.isNaN(Number(line))) throw cursor.fail("a number that is none");
  return Number(line);
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
]);

/** The content of a quoted string of protocol 0. */
function unescapeString(cursor: Cursor): string {
  const quoted = /^(['"])(.*)\1$/s.exec(cursor.line())?.[2];
  if (quoted === undefined) throw cursor.fail("a string without quotes");
  return quoted.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/gs, (_, hex: string | undefined, escape: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const text = ESCAPES.get(escape ?? "");
    if (text === undefined) throw cursor.fail("an unknown escape in a string");
    return text;
  });
}
