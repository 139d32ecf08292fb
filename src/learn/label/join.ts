// `lacec label --join`: data files of parts of a seed's rows (`--shard`) as the one file that a single run would have written.
// In: paths. Out: the layout of the whole, and a copy of every block into its part file. Invariants: nothing is read but what the head of a
// part promises, and each head is compared, byte by byte, with the one that its own metadata ask for; memory holds one block.
import { failure } from "../../source/diagnostic.js";
import type { Host } from "../../ports/host.js";
import { stopIfAborted } from "../../ports/stop.js";
import { modelError } from "../../models/model-error.js";
import { DTYPE_BYTES } from "../../models/formats/dtype.js";
import { headerLength, LENGTH_BYTES, parseHeader, type SafetensorsLayout } from "../../models/formats/safetensors.js";
import { DATA_KEY, parseDataMetadata, type DataMetadata } from "./data-metadata.js";
import { layoutData, settingsOf, type DataRows, type DataShape } from "./layout.js";
import { BLOCK, type PartFile, type RowRange } from "./part-file.js";

/** A data file of a part of the rows. */
export interface ShardFile {
  readonly file: string;
  readonly metadata: DataMetadata;
  readonly layout: SafetensorsLayout;
  readonly range: RowRange;
}

/** The whole that parts make. */
export interface Joined {
  readonly metadata: DataMetadata;
  readonly layout: SafetensorsLayout;
  readonly settings: string;
  /** In the order of their rows. */
  readonly shards: readonly ShardFile[];
}

/**
 * Reads the heads of the parts and says what they make.
 *
 * Errors   LaceError L5317: a file that is no part, parts of different settings, rows that are in two files or in none; L5102, L5107,
 *          L5108 of a damaged head; those of the host.
 */
export async function openShards(host: Host, files: readonly string[]): Promise<Joined> {
  const shards: { readonly shard: ShardFile; readonly shape: DataShape; readonly of: number }[] = [];
  for (const file of files) shards.push(await openShard(host, file));
  shards.sort((a, b) => a.shard.range.first - b.shard.range.first);
  const [first] = shards;
  if (first === undefined) throw unfit("no file is given");
  const settings = settingsOf(first.shard.metadata, first.shard.layout);
  let end = 0;
  let before = first.shard.file;
  for (const { shard, of } of shards) {
    const { file, range, metadata, layout } = shard;
    if (of !== first.of) throw unfit(`${file} is of ${of} rows, ${first.shard.file} of ${first.of}`);
    if (settingsOf(metadata, layout) !== settings)
      throw unfit(`${file} and ${first.shard.file} were not made alike: ${difference(metadata, first.shard.metadata)}`);
    if (range.first < end) throw unfit(`row ${range.first} is in ${before} and in ${file}`);
    if (range.first > end) throw unfit(`rows ${end} to ${range.first - 1} of ${of} are in no file`);
    end = range.first + range.count;
    before = file;
  }
  if (end < first.of) throw unfit(`rows ${end} to ${first.of - 1} of ${first.of} are in no file`);
  const metadata = { ...first.shard.metadata, count: first.of };
  delete metadata.shard;
  return { metadata, layout: layoutData(metadata, first.shape), settings, shards: shards.map((s) => s.shard) };
}

/**
 * Copies the rows that a part file of the whole is missing.
 *
 * Errors   LaceError L5102 for a file that ends early, L4106 if it is stopped; those of the host.
 */
export async function copyShards(
  host: Host,
  { shards }: Joined,
  part: PartFile,
  options: { readonly onProgress: (done: number) => void; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  for (const block of part.missing) {
    stopIfAborted(options.signal);
    const shard = shards.find(({ range }) => block.first >= range.first && block.first < range.first + range.count);
    if (shard === undefined) throw unfit(`row ${block.first} is in no file`);
    await part.write(block.first, await rowsOf(host, shard, block));
    options.onProgress(part.rows);
  }
}

async function openShard(
  host: Host,
  file: string,
): Promise<{ readonly shard: ShardFile; readonly shape: DataShape; readonly of: number }> {
  const length = headerLength(await bytesAt(host, file, 0, LENGTH_BYTES), undefined, file);
  const head = await bytesAt(host, file, 0, LENGTH_BYTES + length);
  const { metadata: found, tensors } = parseHeader(head.subarray(LENGTH_BYTES), undefined, file);
  const metadata = parseDataMetadata(found.get(DATA_KEY), file);
  const { shard, count, attributes } = metadata;
  if (shard === undefined) throw unfit(`${file} has all of its rows: it is no part of a file`);
  const { first, of } = shard;
  if (first % BLOCK !== 0 || first + count > of || (first + count < of && count % BLOCK !== 0))
    throw unfit(`${file} has the rows ${first} to ${first + count - 1} of ${of}, which no part has`);
  const shape: DataShape = {
    conditions: tensors.has("truncation"),
    probabilities: attributes.map((a) => a.name).filter((name) => tensors.has(`probs.${name}`)),
    thumbnails: tensors.get("thumbnails")?.shape[1] ?? 0,
  };
  const layout = layoutData(metadata, shape);
  if (layout.head.length !== head.length || !layout.head.every((b, i) => b === head[i]))
    throw modelError("L5107", file, "it is not a data file as this lacec writes them");
  return { shard: { file, metadata, layout, range: { first, count } }, shape, of };
}

/** The rows of a block, tensor by tensor. */
async function rowsOf(host: Host, { file, layout, range: own }: ShardFile, block: RowRange): Promise<DataRows> {
  const rows = new Map<string, Float32Array | Uint8Array>();
  for (const [name, { dtype, shape, start }] of layout.tensors) {
    const row = shape.slice(1).reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
    const bytes = await bytesAt(host, file, start + (block.first - own.first) * row, block.count * row);
    rows.set(name, dtype === "F32" ? new Float32Array(new Uint8Array(bytes).buffer) : bytes);
  }
  return rows;
}

/** Bytes of a file. Errors LaceError L5102 if it has not so many. */
async function bytesAt(host: Host, file: string, start: number, length: number): Promise<Uint8Array> {
  const bytes = await (host.readRange?.(file, start, length) ??
    host.readBytes(file).then((all) => all.subarray(start, start + length)));
  if (bytes.length !== length) throw modelError("L5102", file, "the file ends early");
  return bytes;
}

/** The first thing that two parts do not share. */
function difference(a: DataMetadata, b: DataMetadata): string {
  const text = (value: unknown): string => (value === undefined ? "not given" : JSON.stringify(value));
  for (const key of [
    "model",
    "labeller",
    "attributes",
    "seed",
    "truncation",
    "jitter",
    "class",
    "follow",
    "lacec",
  ] as const)
    if (text(a[key]) !== text(b[key])) return `${key} is ${text(a[key])} and ${text(b[key])}`;
  return "they do not hold the same tensors";
}

function unfit(what: string): Error {
  return failure("L5317", what, [
    "join the files that `lacec label --shard 1/n`, `2/n`, ... of one command wrote, each once",
  ]);
}
