// What a judge said of a batch of pictures, kept by the hash of all that decides it: pictures are then neither made nor looked at again.
// In: a cache, who judges, styles. Out: labels as they were given, to the bit, and the seconds that they took. Invariant: a batch is kept whole, for what a
// network says of a picture may depend in its last bits on those beside it.
import type { Cache } from "../../ports/cache.js";
import type { Host } from "../../ports/host.js";
import { ResultCache } from "../../runtime/draw/result-cache.js";
import type { FeaturedLabels } from "../../runtime/services/services.js";
import type { TileRows } from "../../runtime/show/synthesis-inputs.js";
import { concat } from "../../source/concat.js";

export interface KeptLook {
  readonly labels: FeaturedLabels;
  /** Seconds that making the pictures took, and looking at them. */
  readonly painting: number;
  readonly looking: number;
}

/** Numbers before those of the labels: pictures, columns, attributes that may be unclear and features (-1: none) of a picture, and the seconds. */
const HEAD = 6;
/** Numbers of a picture that are taken. */
const MOST = 1e6;

export class KeptLooks {
  private readonly keys: ResultCache;

  /** `scope`: what all looks of one judge at pictures of one model share. */
  constructor(
    private readonly cache: Cache,
    host: Host,
    scope: string,
  ) {
    this.keys = new ResultCache(cache, host, scope);
  }

  key(about: object, styles: readonly Float32Array[], rows: TileRows): Promise<string> {
    return this.keys.key({ kind: "look", ...about, rows }, ...styles);
  }

  async recall(key: string, count: number): Promise<KeptLook | undefined> {
    const bytes = await this.cache.get(key);
    if (bytes === undefined || bytes.length % 4 !== 0) return undefined;
    const numbers = new Float32Array(Uint8Array.from(bytes).buffer);
    const [n = 0, columns = 0, unclear = 0, features = 0, painting = 0, looking = 0] = numbers;
    const widths = [columns, Math.max(0, unclear), Math.max(0, features)];
    if (n !== count || !widths.every((w) => Number.isInteger(w) && w >= 0 && w < MOST)) return undefined;
    const [a, b, c] = [n * columns, n * Math.max(0, unclear), n * Math.max(0, features)];
    if (numbers.length !== HEAD + a + b + c) return undefined;
    const at = (start: number, length: number): Float32Array => numbers.slice(HEAD + start, HEAD + start + length);
    return {
      labels: {
        columns: at(0, a),
        ...(unclear >= 0 && { unclear: Uint8Array.from(at(a, b)) }),
        ...(features >= 0 && { features: at(a + b, c) }),
      },
      ...{ painting, looking },
    };
  }

  keep(key: string, count: number, { labels, painting, looking }: KeptLook): Promise<void> {
    const { columns, unclear, features } = labels;
    const widthOf = (all: { readonly length: number } | undefined): number =>
      all === undefined ? -1 : all.length / count;
    const head = Float32Array.of(count, widthOf(columns), widthOf(unclear), widthOf(features), painting, looking);
    const numbers = concat([head, columns, Float32Array.from(unclear ?? []), features ?? []], Float32Array);
    return this.cache.put(key, new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  }
}
