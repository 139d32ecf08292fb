// The results of one piece as one object of a store: what a cache was given, by key, compressed.
// In: entries of a cache. Out: bytes, and back. Form: a safetensors file of bytes, in gzip.
// Invariants: a bundle says which piece of which submission it is, so that one at another's place is found out; what it unpacks to is bounded.
import type { Piece } from "../../runtime/plan/pieces.js";
import { concat } from "../../source/concat.js";
import * as v from "valibot";
import { headerLength, layoutSafetensors, LENGTH_BYTES, parseHeader } from "../../models/formats/safetensors.js";

/** Who drew a piece, and how long it took. */
export interface PieceReport {
  readonly submission: string;
  readonly piece: Piece;
  readonly made: string;
  readonly seconds: number;
}

/** Bytes that the results of a piece may have, compressed or not. */
export const BUNDLE_BYTES = 2 ** 31;

const KEY = "piece";
const reportSchema: v.GenericSchema<unknown, PieceReport> = v.object({
  submission: v.string(),
  piece: v.object({ task: v.number(), first: v.number(), last: v.number() }),
  made: v.string(),
  seconds: v.number(),
});

export async function packBundle(entries: ReadonlyMap<string, Uint8Array>, report: PieceReport): Promise<Uint8Array> {
  const layout = layoutSafetensors(
    new Map([...entries].map(([key, { length }]) => [key, { dtype: "U8" as const, shape: [length] }])),
    { [KEY]: JSON.stringify(report) },
  );
  const bytes = new Uint8Array(layout.bytes);
  bytes.set(layout.head);
  for (const [key, { start }] of layout.tensors) bytes.set(entries.get(key) ?? [], start);
  return through(bytes, new CompressionStream("gzip"), BUNDLE_BYTES);
}

/** Errors: LaceError L5102, or what gzip throws, for bytes that are no bundle. */
export async function unpackBundle(
  packed: Uint8Array,
  name: string,
): Promise<{ readonly entries: ReadonlyMap<string, Uint8Array>; readonly report: PieceReport | undefined }> {
  const bytes = await through(packed, new DecompressionStream("gzip"), BUNDLE_BYTES);
  const length = headerLength(bytes, bytes.length, name);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.length, name);
  const entries = new Map([...header.tensors].map(([key, { start, end }]) => [key, bytes.subarray(start, end)]));
  const report = v.safeParse(reportSchema, JSON.parse(header.metadata.get(KEY) ?? "null"));
  return { entries, report: report.success ? report.output : undefined };
}

/** Errors: RangeError if more than `most` bytes come out. */
async function through(
  bytes: Uint8Array,
  transform: CompressionStream | DecompressionStream,
  most: number,
): Promise<Uint8Array> {
  const writer = transform.writable.getWriter();
  const written = writer.write(Uint8Array.from(bytes)).then(() => writer.close());
  written.catch(() => undefined); // reading throws the same
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = transform.readable.getReader();
  for (;;) {
    const { done, value } = (await reader.read()) as { readonly done: boolean; readonly value?: Uint8Array };
    if (done || value === undefined) break;
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new RangeError(`more than ${most} bytes`);
    }
    parts.push(value);
  }
  await written;
  return concat(parts, Uint8Array);
}
