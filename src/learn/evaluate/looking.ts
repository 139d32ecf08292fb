// Pictures made and looked at, a batch at a time: while one is looked at the next is made.
// In: batches of styles. Out: what the judge saw in each. Invariants: pictures that the judge has looked at before, by what is kept, are made where they are
// to be shown alone; batches come in order.
import { ahead } from "../../runtime/run/portions.js";
import { outputsOf } from "../../runtime/draw/columns.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import type { FeaturedLabels } from "../../runtime/services/services.js";
import type { Painter } from "../../runtime/show/painter.js";
import type { TileRows } from "../../runtime/show/synthesis-inputs.js";
import { InternalError } from "../../source/internal-error.js";
import type { KeptLook, KeptLooks } from "./kept-looks.js";
import type { Seen } from "./seen.js";
import type { Bench } from "./set-measures.js";

/** Pictures that are looked at together. */
export interface LookBatch<T> {
  readonly of: T;
  readonly styles: readonly Float32Array[];
  readonly rows: TileRows;
  /** Which of them are to be shown: made whatever is kept of them. */
  readonly shown: readonly number[];
}

export interface LookedBatch<T> {
  readonly of: T;
  readonly seen: readonly Seen[];
  /** Those that were made. */
  readonly images: readonly (RgbImage | undefined)[];
  /** Seconds that making them took here, or where they were made. */
  readonly painting: number;
  /** Of all that they took: what was spent elsewhere. */
  readonly elsewhere: number;
}

export interface LookingTools {
  readonly bench: Pick<Bench, "labeller" | "translation">;
  readonly painter: Painter;
  readonly kept: KeptLooks | undefined;
  /** What decides a picture besides its styles and rows. */
  readonly about: object;
  readonly now: () => number;
}

interface Painted<T> {
  readonly batch: LookBatch<T>;
  readonly key: string;
  readonly known: KeptLook | undefined;
  readonly images: readonly (RgbImage | undefined)[];
  readonly painting: number;
}

/** Looks at batches as they come. Errors: those of the painter and the judge. */
export async function* lookThrough<T>(
  batches: AsyncIterable<LookBatch<T>>,
  tools: LookingTools,
): AsyncGenerator<LookedBatch<T>, void> {
  const { bench, painter, kept, now } = tools;
  for await (const { batch, key, known, images, painting } of ahead(
    paintAll(batches, tools),
    painter.atOnce > 1 ? 1 : 0,
  )) {
    const count = batch.styles.length;
    if (known !== undefined) {
      const elsewhere = known.painting + known.looking;
      yield { of: batch.of, seen: seenIn(known.labels, count, bench), images, painting: known.painting, elsewhere };
      continue;
    }
    const began = now();
    const present = images.filter((image) => image !== undefined);
    if (present.length !== count) throw new InternalError(`${present.length} pictures of ${count} were made`);
    const labels = bench.labeller === undefined || count === 0 ? undefined : await bench.labeller.look(present);
    const looking = (now() - began) / 1000;
    if (key !== "" && labels !== undefined) await kept?.keep(key, count, { labels, painting, looking });
    yield { of: batch.of, seen: seenIn(labels, count, bench), images, painting, elsewhere: 0 };
  }
}

async function* paintAll<T>(
  batches: AsyncIterable<LookBatch<T>>,
  { bench, painter, kept, about, now }: LookingTools,
): AsyncGenerator<Painted<T>, void> {
  for await (const batch of batches) {
    const { styles, rows, shown } = batch;
    const isKept = kept !== undefined && bench.labeller !== undefined && styles.length > 0;
    const key = isKept ? await kept.key(about, styles, rows) : "";
    const known = isKept ? await kept.recall(key, styles.length) : undefined;
    const wanted = styles.map((_, k) => k).filter((k) => known === undefined || shown.includes(k));
    const pick = <U>(all: readonly U[]): U[] => all.filter((_, k) => wanted.includes(k));
    const began = now();
    const made = wanted.length === 0 ? [] : await painter.paint(pick(styles), pick(rows));
    const painting = (now() - began) / 1000;
    const images = styles.map((_, k) => made[wanted.indexOf(k)]);
    yield { batch, key, known, images, painting };
  }
}

/** What a judge said, image by image; without one nothing. */
export function seenIn(
  labels: FeaturedLabels | undefined,
  count: number,
  { labeller, translation }: Pick<Bench, "labeller" | "translation">,
): Seen[] {
  if (labeller === undefined || labels === undefined)
    return Array.from({ length: count }, () => ({ columns: new Float32Array(0), outputs: [], features: undefined }));
  const { columns, features } = labels;
  const outputs = outputsOf(labels, count, labeller.attributes);
  const row = (all: Float32Array, k: number): Float32Array => {
    const width = all.length / count;
    return all.subarray(k * width, (k + 1) * width);
  };
  return Array.from({ length: count }, (_, k) => ({
    columns: row(columns, k),
    outputs: translation.outputs(outputs[k] ?? []),
    features: features === undefined ? undefined : row(features, k),
  }));
}
