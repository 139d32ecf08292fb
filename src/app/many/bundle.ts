// The results of one piece as one object of a store: what a cache was given, by key.
// In: entries of a cache. Out: bytes, and back. Form: the SHA-256 of what follows, then a safetensors file of bytes. Nothing is compressed: the fastest
// gzip takes a tenth of the time that drawing small pictures does, for half of their bytes (docs/many-machines.md, Measured).
// Invariants: a bundle says which piece of which submission it is, so that one at another's place is found out; one damaged byte is noticed.
import type { Host } from "../../ports/host.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import * as v from "valibot";
import { headerLength, layoutSafetensors, LENGTH_BYTES, parseHeader } from "../../models/formats/safetensors.js";

/** Who drew a piece, and how long it took. */
export interface PieceReport {
  readonly submission: string;
  readonly piece: Piece;
  readonly made: string;
  readonly seconds: number;
}

/** Bytes that a bundle may have. */
export const BUNDLE_BYTES = 2 ** 31;

const HASH_BYTES = 32;
const KEY = "piece";
const reportSchema: v.GenericSchema<unknown, PieceReport> = v.object({
  submission: v.string(),
  piece: v.object({ task: v.number(), first: v.number(), last: v.number() }),
  made: v.string(),
  seconds: v.number(),
});

type Hasher = Pick<Host, "sha256">;

/** Errors: RangeError for results that are too large for an object. */
export async function packBundle(
  host: Hasher,
  entries: ReadonlyMap<string, Uint8Array>,
  report: PieceReport,
): Promise<Uint8Array> {
  const layout = layoutSafetensors(
    new Map([...entries].map(([key, { length }]) => [key, { dtype: "U8" as const, shape: [length] }])),
    { [KEY]: JSON.stringify(report) },
  );
  if (HASH_BYTES + layout.bytes > BUNDLE_BYTES) throw new RangeError(`a piece of more than ${BUNDLE_BYTES} bytes`);
  const bytes = new Uint8Array(HASH_BYTES + layout.bytes);
  const body = bytes.subarray(HASH_BYTES);
  body.set(layout.head);
  for (const [key, { start }] of layout.tensors) body.set(entries.get(key) ?? [], start);
  bytes.set(await hashOf(host, body));
  return bytes;
}

/** Errors: LaceError L5102, or RangeError, for bytes that are no bundle. */
export async function unpackBundle(
  host: Hasher,
  packed: Uint8Array,
  name: string,
): Promise<{ readonly entries: ReadonlyMap<string, Uint8Array>; readonly report: PieceReport | undefined }> {
  const bytes = packed.subarray(HASH_BYTES);
  const hash = await hashOf(host, bytes);
  if (packed.length < HASH_BYTES || !hash.every((byte, k) => byte === packed[k]))
    throw new RangeError(`${name} has another hash`);
  const length = headerLength(bytes, bytes.length, name);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.length, name);
  const entries = new Map([...header.tensors].map(([key, { start, end }]) => [key, bytes.subarray(start, end)]));
  const report = v.safeParse(reportSchema, JSON.parse(header.metadata.get(KEY) ?? "null"));
  return { entries, report: report.success ? report.output : undefined };
}

async function hashOf(host: Hasher, bytes: Uint8Array): Promise<Uint8Array> {
  return Uint8Array.from((await host.sha256(bytes)).match(/../g) ?? [], (hex) => parseInt(hex, 16));
}
