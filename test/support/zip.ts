// A writer of small zip archives, honest and otherwise, for tests of the reader.
// In: entries, with fields to lie about. Out: the archive's bytes. Invariants: without overrides the archive is valid.
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../src/models/formats/zip.js";

export interface ZipInput {
  readonly name: string;
  readonly data: Uint8Array | string;
  readonly deflate?: boolean;
  /** Written instead of the truth. */
  readonly lie?: {
    readonly size?: number;
    readonly packedSize?: number;
    readonly crc?: number;
    readonly headerAt?: number;
    readonly method?: number;
    readonly flags?: number;
    readonly localName?: string;
  };
}
export interface ArchiveLies {
  readonly count?: number;
  readonly directoryAt?: number;
  /** Sizes and places in zip64 records, ones in the usual fields. */
  readonly zip64?: boolean;
}

function u16(v: number): number[] {
  return [v & 255, (v >>> 8) & 255];
}
function u32(v: number): number[] {
  return [...u16(v & 0xffff), ...u16(v >>> 16)];
}
function u64(v: number): number[] {
  return [...u32(v % 2 ** 32), ...u32(Math.floor(v / 2 ** 32))];
}

export function writeZip(inputs: readonly ZipInput[], lies: ArchiveLies = {}): Uint8Array {
  const out: number[] = [];
  const directory: number[] = [];
  const encode = (s: string): Uint8Array => new TextEncoder().encode(s);
  for (const { name, data, deflate = false, lie = {} } of inputs) {
    const raw = typeof data === "string" ? encode(data) : data;
    const packed = deflate ? deflateRawSync(raw) : raw;
    const [size, packedSize, headerAt] = [
      lie.size ?? raw.length,
      lie.packedSize ?? packed.length,
      lie.headerAt ?? out.length,
    ];
    const wide = lies.zip64 ? [...u16(1), ...u16(24), ...u64(size), ...u64(packedSize), ...u64(headerAt)] : [];
    const narrow = (v: number): number[] => u32(lies.zip64 ? 0xffffffff : v);
    const method = u16(lie.method ?? (deflate ? 8 : 0));
    const common = [...u16(lie.flags ?? 0), ...method, ...u32(0), ...u32(lie.crc ?? crc32(raw))];
    const localName = encode(lie.localName ?? name);
    out.push(...u32(0x04034b50), ...u16(20), ...common, ...u32(packed.length), ...u32(raw.length));
    out.push(...u16(localName.length), ...u16(0), ...localName, ...packed);
    directory.push(...u32(0x02014b50), ...u16(20), ...u16(20), ...common, ...narrow(packedSize), ...narrow(size));
    directory.push(
      ...u16(encode(name).length),
      ...u16(wide.length),
      ...u16(0),
      ...u16(0),
      ...u16(0),
      ...u32(0),
      ...narrow(headerAt),
    );
    directory.push(...encode(name), ...wide);
  }
  const count = lies.count ?? inputs.length;
  const at = lies.directoryAt ?? out.length;
  const recordAt = out.length + directory.length;
  out.push(...directory);
  if (lies.zip64) {
    out.push(
      ...u32(0x06064b50),
      ...u64(44),
      ...u16(45),
      ...u16(45),
      ...u32(0),
      ...u32(0),
      ...u64(count),
      ...u64(count),
    );
    out.push(...u64(directory.length), ...u64(at), ...u32(0x07064b50), ...u32(0), ...u64(recordAt), ...u32(1));
    out.push(
      ...u32(0x06054b50),
      ...u16(0),
      ...u16(0),
      ...u16(0xffff),
      ...u16(0xffff),
      ...u32(0xffffffff),
      ...u32(0xffffffff),
      ...u16(0),
    );
  } else {
    out.push(
      ...u32(0x06054b50),
      ...u16(0),
      ...u16(0),
      ...u16(count),
      ...u16(count),
      ...u32(directory.length),
      ...u32(at),
      ...u16(0),
    );
  }
  return Uint8Array.from(out);
}
