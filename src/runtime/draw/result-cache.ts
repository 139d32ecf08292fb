// Results that are kept between runs, by the hash of all that determines them: a sample by its condition and its noise, an image by its styles.
// In: a Cache and what all results of a model share. Out: SampleResults and images as they were put in, to the bit.
// Invariants: a key names every number that the result depends on (and nothing else: not the batch, not the count, not the script's names);
// trouble with the cache never shows in results.
import * as v from "valibot";
import { concat } from "../../source/concat.js";
import type { Host } from "../../ports/host.js";
import type { Cache } from "../../ports/cache.js";
import type { Engine } from "../services/engine.js";
import type { RgbImage } from "../image/rgb.js";
import type { ChainSummary } from "../sample/chains.js";
import type { SampleResult } from "./results.js";

/** What a solve gives, whoever's sample it is. */
export type KeptSample = Omit<SampleResult, "index" | "part" | "seed" | "origin" | "attempt">;

/** The results of one model on one engine, by key. */
export class ResultCache {
  /** `scope` is what all results of a model on an engine share: versions, hashes. */
  constructor(
    private readonly cache: Cache,
    private readonly host: Host,
    private readonly scope: string,
  ) {}

  /** The results of the model with something changed, told apart from its own by `of`. */
  within(of: string): ResultCache {
    return new ResultCache(this.cache, this.host, JSON.stringify([this.scope, of]));
  }

  /** The key of something: `about` as JSON (without spans), and arrays of numbers. */
  async key(about: object, ...arrays: readonly (Float64Array | Float32Array)[]): Promise<string> {
    const text = JSON.stringify([this.scope, about], (name, value: unknown) => (name === "span" ? undefined : value));
    const parts = [new TextEncoder().encode(text), ...arrays.map(bytesOf)];
    const lengths = new Float64Array(parts.map((p) => p.length));
    return this.host.sha256(concat([bytesOf(lengths), ...parts], Uint8Array));
  }

  async recallSample(key: string): Promise<KeptSample | undefined> {
    const bytes = await this.cache.get(key);
    return bytes === undefined ? undefined : decodeSample(bytes);
  }

  keepSample(key: string, sample: KeptSample): Promise<void> {
    return this.cache.put(key, encodeSample(sample));
  }

  /** Numbers that were kept, if they are so many. */
  async recallNumbers(key: string, length: number): Promise<Float32Array | undefined> {
    const bytes = await this.cache.get(key);
    if (bytes?.length !== length * 4) return undefined;
    return new Float32Array(Uint8Array.from(bytes).buffer);
  }

  keepNumbers(key: string, numbers: Float32Array): Promise<void> {
    return this.cache.put(key, bytesOf(numbers));
  }

  async recallImage(key: string): Promise<RgbImage | undefined> {
    const bytes = await this.cache.get(key);
    if (bytes === undefined || bytes.length < 8) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const [width, height] = [view.getUint32(0, true), view.getUint32(4, true)];
    const area = width * height;
    const data = bytes.subarray(8, 8 + area * 3);
    if (bytes.length === 8 + area * 3) return { width, height, data };
    return bytes.length === 8 + area * 4 ? { width, height, data, alpha: bytes.subarray(8 + area * 3) } : undefined;
  }

  keepImage(key: string, { width, height, data, alpha }: RgbImage): Promise<void> {
    const size = new DataView(new ArrayBuffer(8));
    size.setUint32(0, width, true);
    size.setUint32(4, height, true);
    return this.cache.put(key, concat([new Uint8Array(size.buffer), data, alpha ?? []], Uint8Array));
  }
}

/** What `about` and arrays determine: `length` numbers that were kept, or else those that are found now, which are kept. */
export async function remembered(
  resultCache: ResultCache | undefined,
  {
    about,
    arrays = [],
    length,
  }: { readonly about: object; readonly arrays?: readonly Float32Array[]; readonly length: number },
  find: () => Promise<Float32Array>,
): Promise<Float32Array> {
  if (resultCache === undefined) return find();
  const key = await resultCache.key(about, ...arrays);
  const kept = await resultCache.recallNumbers(key, length);
  if (kept !== undefined) return kept;
  const found = await find();
  await resultCache.keepNumbers(key, found);
  return found;
}

/** What all results of a model on an engine share: `heads` are hashes of head files by attribute, `judge` a labeller that is not the model's. */
export function scopeOf(
  { lacec, engine }: { readonly lacec: string; readonly engine: Pick<Engine, "name" | "description"> },
  sha256: string,
  heads: readonly (readonly [attribute: string, sha256: string])[] = [],
  judge: readonly unknown[] = [],
): string {
  return JSON.stringify([lacec, engine.name, engine.description, sha256, heads, ...judge]);
}

/** What is stored as JSON; the numbers follow, doubles first. */
interface Header extends Pick<SampleResult, "status" | "steps" | "accepted" | "rejected" | "evaluations"> {
  readonly z: number;
  readonly heads: readonly number[];
  readonly w: number;
  readonly ws: number | null;
  readonly way: number | null;
  /** The first layer that is not truncated; its style has the length of w. */
  readonly far: number | null;
  readonly farWay: number | null;
  readonly chain: ChainSummary | null;
}

/** Bytes of a sample: length of the header (padded to 8), header, doubles (log p, z, heads), floats (w, ws, way, far.w, far.way). */
export function encodeSample(sample: KeptSample): Uint8Array {
  const { status, steps, accepted, rejected, evaluations, logp, z, heads, w, ws, way, far, chain } = sample;
  const header: Header = {
    ...{ status, steps, accepted, rejected, evaluations },
    z: z.length,
    heads: heads.map((h) => h.length),
    w: w.length,
    ws: ws?.length ?? null,
    way: way?.length ?? null,
    far: far?.from ?? null,
    farWay: far?.way?.length ?? null,
    chain: chain ?? null,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  const doubles = Float64Array.from([padded.length, logp, ...z, ...heads.flat()]);
  const floats = concat([w, ws ?? [], way ?? [], far?.w ?? [], far?.way ?? []], Float32Array);
  return concat([bytesOf(doubles.subarray(0, 1)), padded, bytesOf(doubles.subarray(1)), bytesOf(floats)], Uint8Array);
}

/** A sample from its bytes; undefined if they are none of encodeSample's. */
export function decodeSample(stored: Uint8Array): KeptSample | undefined {
  const bytes = Uint8Array.from(stored); // aligned; slice would not copy a Buffer
  if (bytes.length < 8) return undefined;
  const length = new DataView(bytes.buffer).getFloat64(0, true);
  if (!(length > 0 && length % 8 === 0 && 8 + length <= bytes.length)) return undefined;
  const header = parseHeader(bytes.subarray(8, 8 + length));
  if (header === undefined) return undefined;
  const { z, heads, w, ws, way, far, farWay, chain, ...stats } = header;
  const headValues = heads.reduce((a, b) => a + b, 0);
  const doubleCount = 1 + z + headValues;
  const start = 8 + length;
  const farStart = w + (ws ?? 0) + (way ?? 0);
  const farEnd = far === null ? farStart : farStart + w;
  if (bytes.length !== start + doubleCount * 8 + (farEnd + (farWay ?? 0)) * 4) return undefined;
  const doubles = new Float64Array(bytes.buffer, start, doubleCount);
  const floats = new Float32Array(bytes.buffer, start + doubleCount * 8);
  let at = 1 + z;
  const read = heads.map((n) => [...doubles.slice(at, (at += n))]);
  return {
    ...stats,
    ...(chain !== null && { chain }),
    logp: doubles[0] ?? NaN,
    z: doubles.slice(1, 1 + z),
    w: floats.slice(0, w),
    ...(ws !== null && { ws: floats.slice(w, w + ws) }),
    ...(way !== null && { way: floats.slice(w + (ws ?? 0), farStart) }),
    ...(far !== null && {
      far: {
        from: far,
        w: floats.slice(farStart, farEnd),
        ...(farWay !== null && { way: floats.slice(farEnd) }),
      },
    }),
    heads: read,
  };
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const headerSchema: v.GenericSchema<unknown, Header> = v.object({
  status: v.picklist(["done", "stalled", "too-many-steps", "step-too-small", "non-finite", "stopped"]),
  ...{ steps: count, accepted: count, rejected: count, evaluations: count, z: count, w: count },
  heads: v.array(count),
  ...{ ws: v.nullable(count), way: v.nullable(count), far: v.nullable(count), farWay: v.nullable(count) },
  chain: v.nullable(
    v.object({ length: count, ess: v.number(), halves: v.array(v.object({ mean: v.number(), variance: v.number() })) }),
  ),
});

function parseHeader(json: Uint8Array): Header | undefined {
  try {
    const read = v.safeParse(headerSchema, JSON.parse(new TextDecoder().decode(json)));
    return read.success ? read.output : undefined;
  } catch {
    return undefined; // no JSON
  }
}

/** The bytes of numbers as they lie in memory: little-endian wherever lacec runs. */
function bytesOf(numbers: Float64Array | Float32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
