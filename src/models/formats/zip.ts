// A reader of zip archives, for checkpoints that are zips. Stored and deflated entries, zip64; nothing else.
// In: the whole archive. Out: its entries by name; `read` gives an entry's bytes (a view where it is stored uncompressed).
// Invariants: names cannot leave a folder; entries neither overlap nor leave the archive (so no byte is inflated twice);
// no entry yields more bytes than it declares, and the declared total is bounded before anything is inflated.
// Source: APPNOTE.TXT 6.3, sections 4.3 (layout) and 4.5.3 (zip64).
import { concat } from "../../source/concat.js";
import type { LaceError } from "../../source/diagnostic.js";
import { modelError } from "../model-error.js";

export interface ZipEntry {
  readonly name: string;
  /** Bytes when unpacked. */
  readonly size: number;
}
export interface ZipArchive {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The entry's bytes, its CRC checked. Errors LaceError L5103. */
  read(name: string): Promise<Uint8Array>;
}
export interface ZipLimits {
  readonly entries: number;
  /** Bytes of all entries when unpacked. */
  readonly totalBytes: number;
}
const ZIP_LIMITS: ZipLimits = { entries: 100_000, totalBytes: 4 * 1024 ** 3 };
/** Weights hardly shrink when they are packed: more than this many times the archive is an attack on memory. */
const MOST_UNPACKED = 8;
/** What any archive may unpack to. */
const SMALL_BYTES = 64 * 1024 ** 2;

interface Located extends ZipEntry {
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly headerAt: number;
  readonly dataAt: number;
}
interface Directory {
  readonly at: number;
  readonly size: number;
  readonly count: number;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const FILLED_32 = 0xffffffff;
const FILLED_16 = 0xffff;
const STORED = 0;
const DEFLATED = 8;

function damaged(file: string, what: string): LaceError {
  return modelError("L5103", file, `damaged or unsupported zip archive: ${what}`);
}

/** True if the bytes begin as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.byteLength >= END_BYTES && bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * Opens an archive: reads and checks the directory, unpacks nothing.
 * Errors LaceError L5103 (damaged, encrypted, unsafe names), L5106 (more entries or bytes than the limits).
 */
export function openZip(bytes: Uint8Array, file: string, limits: ZipLimits = ZIP_LIMITS): ZipArchive {
  const reader = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = findDirectory(reader, file);
  if (directory.count > limits.entries)
    throw modelError("L5106", file, `the zip archive has ${directory.count} entries; the limit is ${limits.entries}`);
  const entries = readDirectory(reader, bytes, directory, file);
  const total = [...entries.values()].reduce((sum, e) => sum + e.size, 0);
  const most = Math.min(limits.totalBytes, MOST_UNPACKED * bytes.byteLength + SMALL_BYTES);
  if (total > most) throw modelError("L5106", file, `the zip archive unpacks to ${total} bytes; the limit is ${most}`);
  checkOverlap(entries, directory.at, file);
  return {
    entries,
    async read(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw damaged(file, `it has no entry '${name}'`);
      const packed = bytes.subarray(entry.dataAt, entry.dataAt + entry.packedSize);
      const data = entry.method === STORED ? packed : await inflate(packed, entry, file);
      if (crc32(data) !== entry.crc) throw damaged(file, `the checksum of entry '${name}' does not match`);
      return data;
    },
  };
}

/** A 64-bit little-endian number as a double; beyond 2^53 it is inexact but still larger than any file. */
function u64(reader: DataView, at: number): number {
  return Number(reader.getBigUint64(at, true));
}

function findDirectory(reader: DataView, file: string): Directory {
  const last = reader.byteLength - END_BYTES;
  const first = Math.max(0, last - FILLED_16);
  for (let at = last; at >= first; at--) {
    // The comment must end where the file ends, or this is the signature inside other data.
    if (reader.getUint32(at, true) !== END || at + END_BYTES + reader.getUint16(at + 20, true) !== reader.byteLength)
      continue;
    const plain = {
      count: reader.getUint16(at + 10, true),
      size: reader.getUint32(at + 12, true),
      at: reader.getUint32(at + 16, true),
    };
    const needs64 = plain.count === FILLED_16 || plain.size === FILLED_32 || plain.at === FILLED_32;
    const directory = needs64 ? findDirectory64(reader, at, file) : plain;
    if (directory.at + directory.size > at) throw damaged(file, "its directory lies outside the file");
    return directory;
  }
  throw damaged(file, "no end of directory; the file is cut short or is no zip archive");
}

function findDirectory64(reader: DataView, endAt: number, file: string): Directory {
  const locator = endAt - 20;
  if (locator < 0 || reader.getUint32(locator, true) !== LOCATOR_64)
    throw damaged(file, "its zip64 locator is missing");
  const at = u64(reader, locator + 8);
  if (at + 56 > locator || reader.getUint32(at, true) !== END_64)
    throw damaged(file, "its zip64 directory record is missing");
  return { count: u64(reader, at + 32), size: u64(reader, at + 40), at: u64(reader, at + 48) };
}

function readDirectory(reader: DataView, bytes: Uint8Array, directory: Directory, file: string): Map<string, Located> {
  const entries = new Map<string, Located>();
  const end = directory.at + directory.size;
  let at = directory.at;
  for (let i = 0; i < directory.count; i++) {
    if (at + CENTRAL_BYTES > end || reader.getUint32(at, true) !== CENTRAL)
      throw damaged(file, `directory entry ${i} is missing`);
    const nameLength = reader.getUint16(at + 28, true);
    const extraAt = at + CENTRAL_BYTES + nameLength;
    const extraLength = reader.getUint16(at + 30, true);
    const next = extraAt + extraLength + reader.getUint16(at + 32, true);
    if (next > end) throw damaged(file, `directory entry ${i} is cut short`);
    const name = safeName(bytes.subarray(at + CENTRAL_BYTES, extraAt), file);
    if (entries.has(name)) throw damaged(file, `two entries are named '${name}'`);
    if ((reader.getUint16(at + 8, true) & 1) !== 0) throw damaged(file, `entry '${name}' is encrypted`);
    entries.set(name, locate(reader, bytes, at, extraAt, extraLength, name, directory.at, file));
    at = next;
  }
  return entries;
}

/** Sizes and place of one entry; its local header must agree about the name and lie before the directory. */
function locate(
  reader: DataView,
  bytes: Uint8Array,
  at: number,
  extraAt: number,
  extraLength: number,
  name: string,
  directoryAt: number,
  file: string,
): Located {
  let packedSize = reader.getUint32(at + 20, true);
  let size = reader.getUint32(at + 24, true);
  let headerAt = reader.getUint32(at + 42, true);
  const wide = wideFields(reader, extraAt, extraLength);
  // The zip64 extra holds only the fields that are filled with ones, in this order.
  if (size === FILLED_32) size = wide.shift() ?? Infinity;
  if (packedSize === FILLED_32) packedSize = wide.shift() ?? Infinity;
  if (headerAt === FILLED_32) headerAt = wide.shift() ?? Infinity;
  if (headerAt + LOCAL_BYTES > directoryAt || reader.getUint32(headerAt, true) !== LOCAL)
    throw damaged(file, `entry '${name}' has no local header`);
  const nameAt = headerAt + LOCAL_BYTES;
  const nameEnd = nameAt + reader.getUint16(headerAt + 26, true);
  const dataAt = nameEnd + reader.getUint16(headerAt + 28, true);
  if (dataAt + packedSize > directoryAt) throw damaged(file, `entry '${name}' lies outside the file`);
  if (safeName(bytes.subarray(nameAt, nameEnd), file) !== name)
    throw damaged(file, `entry '${name}' has another name in its local header`);
  const method = reader.getUint16(at + 10, true);
  if (method !== STORED && method !== DEFLATED)
    throw damaged(file, `entry '${name}' uses compression method ${method}`);
  if (method === STORED && packedSize !== size) throw damaged(file, `entry '${name}' claims two sizes`);
  return { name, size, packedSize, method, crc: reader.getUint32(at + 16, true), headerAt, dataAt };
}

function wideFields(reader: DataView, extraAt: number, extraLength: number): number[] {
  const end = extraAt + extraLength;
  for (let at = extraAt; at + 4 <= end;) {
    const length = reader.getUint16(at + 2, true);
    if (at + 4 + length > end) break;
    if (reader.getUint16(at, true) === 1)
      return Array.from({ length: Math.min(3, length >> 3) }, (_, i) => u64(reader, at + 4 + 8 * i));
    at += 4 + length;
  }
  return [];
}

function safeName(raw: Uint8Array, file: string): string {
  const name = new TextDecoder().decode(raw);
  const parts = name.split("/");
  // Control characters are refused too: names are printed in messages.
  const printable = Array.from(name).every((c) => c > "\u001f" && c !== "\\" && c !== ":" && c !== "\ufffd");
  if (
    name === "" ||
    !printable ||
    parts.some((part, i) => part === ".." || part === "." || (part === "" && i < parts.length - 1))
  ) {
    throw damaged(file, `the entry name ${JSON.stringify(name)} is not allowed`);
  }
  return name;
}

/** Entries that share bytes are how a small archive unpacks to a huge one. */
function checkOverlap(entries: ReadonlyMap<string, Located>, directoryAt: number, file: string): void {
  const sorted = [...entries.values()].sort((a, b) => a.headerAt - b.headerAt);
  sorted.forEach((e, i) => {
    if (e.dataAt + e.packedSize > (sorted[i + 1]?.headerAt ?? directoryAt))
      throw damaged(file, `entry '${e.name}' overlaps another`);
  });
}

/** Inflates exactly `entry.size` bytes; stops at the first byte more. */
async function inflate(packed: Uint8Array, entry: Located, file: string): Promise<Uint8Array> {
  // Deflate packs at most 1032 to 1, so a declared size beyond that is a lie; refused before it is allocated.
  if (entry.size > packed.byteLength * 1032 + 64)
    throw damaged(file, `entry '${entry.name}' claims ${entry.size} bytes from ${packed.byteLength}`);
  const out = new Uint8Array(entry.size);
  let at = 0;
  const reader = new Blob([Uint8Array.from(packed)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate-raw"))
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.byteLength > entry.size) throw new RangeError("too long");
      out.set(value, at);
      at += value.byteLength;
    }
  } catch {
    await reader.cancel().catch(() => undefined); // it has already failed; there is nothing more to say about it
    throw damaged(file, `entry '${entry.name}' does not unpack to its ${entry.size} bytes`);
  }
  if (at !== entry.size) throw damaged(file, `entry '${entry.name}' unpacks to ${at} bytes, not ${entry.size}`);
  return out;
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = (c & 1) === 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The checksum of zip (CRC-32, reflected polynomial edb88320). */
export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = (CRC_TABLE[(c ^ byte) & 0xff] ?? 0) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** The bytes of an archive whose entries are stored as they are, without times: the same entries give the same bytes. */
export function writeZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, data] of entries) {
    const text = new TextEncoder().encode(name);
    const [crc, size] = [crc32(data), data.byteLength];
    const local = new DataView(new ArrayBuffer(30));
    const central = new DataView(new ArrayBuffer(46));
    local.setUint32(0, 0x04034b50, true);
    central.setUint32(0, 0x02014b50, true);
    central.setUint16(4, 20, true);
    // Both headers have the same fields from the version that is needed on; dates are 1980-01-01, the first that zip knows.
    for (const [view, from] of [
      [local, 4],
      [central, 6],
    ] as const) {
      view.setUint16(from, 20, true);
      view.setUint16(from + 8, 0x21, true);
      view.setUint32(from + 10, crc, true);
      view.setUint32(from + 14, size, true);
      view.setUint32(from + 18, size, true);
      view.setUint16(from + 22, text.byteLength, true);
    }
    central.setUint32(42, at, true);
    parts.push(new Uint8Array(local.buffer), text, data);
    directory.push(new Uint8Array(central.buffer), text);
    at += 30 + text.byteLength + size;
  }
  const length = directory.reduce((n, p) => n + p.byteLength, 0);
  const end = new DataView(new ArrayBuffer(END_BYTES));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, entries.size, true);
  end.setUint16(10, entries.size, true);
  end.setUint32(12, length, true);
  end.setUint32(16, at, true);
  return concat([...parts, ...directory, new Uint8Array(end.buffer)], Uint8Array);
}
