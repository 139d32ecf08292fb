// Bands of rows: which rows of its input each of a chain of filtered layers needs for some rows of its output.
// In: the layers' kernels and filters, the rows of the first input. Out: for each band of the output, the rows and pads of every layer.
// Invariants: a band is what the whole chain gives there, term for term: it begins at a pixel of the first phase, so that no sum is in another order;
// nothing of a band is kept for the next, whose halo is computed again.
import { filteredSize } from "./filtered-relu.js";
import { at } from "../graph/shape.js";
import type { FilteredLayer } from "../synthesis-weights.js";

/** Rows `from` to `to` - 1 of a layer's input, and the rows before and after the raised image that a layer with those alone is given. */
export interface BandStep {
  readonly from: number;
  readonly to: number;
  readonly pads: readonly [number, number];
}

/** A band: a step for each layer of the chain. */
export type Band = readonly BandStep[];

/** What a layer does to rows. */
type Rows = Pick<FilteredLayer, "toRgb" | "up" | "down" | "pads" | "weight" | "upFilter" | "downFilter">;

/** Columns and rows of a layer's output, by those of its input. */
export function sizeAfter(layer: Rows, [width, height]: readonly [number, number]): readonly [number, number] {
  const { grown, pads, ...taps } = measures(layer);
  const [left, right, top, bottom] = pads;
  return [filteredSize(width + grown, taps, [left, right]), filteredSize(height + grown, taps, [top, bottom])];
}

/** Pixels of the raised image of a layer, by the sides of its input. */
export function raisedPixels(layer: Rows, [width, height]: readonly [number, number]): number {
  const { up, grown, upTaps, pads } = measures(layer);
  const [left, right, top, bottom] = pads;
  const side = (size: number, ends: number): number => (size + grown) * up + ends - upTaps + 1;
  return side(width, left + right) * side(height, top + bottom);
}

/**
 * The bands of a chain of layers, `count` of them or fewer, from above. `rows` are those of the first layer's input; the last band ends with the image.
 */
export function planBands(layers: readonly Rows[], rows: number, count: number): readonly Band[] {
  const sizes = layers.reduce<readonly number[]>(
    (list, layer) => [...list, sizeAfter(layer, [1, at(list, -1)])[1]],
    [rows],
  );
  // Colours pass rows on as they come.
  const last = layers.findLast(({ toRgb }) => !toRgb);
  return bandEnds(at(sizes, -1), count, last).map((end, k, ends) => {
    const band: BandStep[] = [];
    let wanted: readonly [number, number] = [k === 0 ? 0 : at(ends, k - 1), end];
    for (let i = layers.length - 1; i >= 0; i--) {
      const own = stepFor(at(layers, i), at(sizes, i), wanted, layers[i - 1]);
      band.unshift(own);
      wanted = [own.from, own.to];
    }
    return band;
  });
}

/** Rows by which bands differ. */
const UNLIKE = 8;

/**
 * Where each band of an image ends. No two are of one height, those at the edges, which have half a halo, the lowest: onnxruntime lends the buffer of a value to
 * the next one of the same shape and holds it until then, however late, so that like bands would all be in memory at once.
 */
function bandEnds(height: number, count: number, last: Rows | undefined): readonly number[] {
  const ranks = Array.from({ length: count }, (_, i) => (i === 0 ? 0 : i === count - 1 ? 1 : i + 1));
  const surplus = ranks.reduce((sum, rank) => sum + rank * UNLIKE, 0);
  const isSmall = height < 2 * surplus;
  const least = (isSmall ? height : height - surplus) / count;
  const ends: number[] = [];
  for (const rank of ranks) {
    const own = least + (isSmall ? 0 : rank * UNLIKE);
    const start = ends.at(-1) ?? 0;
    if (start < height) ends.push(Math.min(height, start + aligned(own, last, Math.ceil)));
  }
  return [...ends.slice(0, -1), height];
}

/** The rows of an input of `size` rows that rows [a, b) of the output read, from one on with which the layer before can begin. */
function stepFor(layer: Rows, size: number, [a, b]: readonly [number, number], previous: Rows | undefined): BandStep {
  const { up, down, grown, upTaps, downTaps, pads } = measures(layer);
  const [, , before] = pads;
  // Of the raised image, then of what the convolution gives, then of the input.
  const raised = (b - 1 - a) * down + downTaps;
  const first = Math.ceil((a * down - before) / up);
  const last = Math.floor((a * down + raised + upTaps - 2 - before) / up);
  const from = aligned(Math.max(0, first - grown), previous);
  const to = Math.min(size, last + 1);
  const top = before - a * down + from * up;
  return { from, to, pads: [top, raised + upTaps - 1 - top - (to - from + grown) * up] };
}

/** The nearest row, downwards unless `round` says otherwise, that is the first of its layer's phases. */
function aligned(row: number, layer: Rows | undefined, round = Math.floor): number {
  if (layer === undefined) return row;
  const { up, down } = measures(layer);
  const phases = up / down;
  return round(row / phases) * phases;
}

function measures(layer: Rows) {
  const { toRgb, up, down, pads, weight, upFilter, downFilter } = layer;
  if (toRgb) return { up: 1, down: 1, pads: [0, 0, 0, 0] as const, grown: 0, upTaps: 1, downTaps: 1 };
  const [upTaps = 1, downTaps = 1] = [upFilter?.shape[0], downFilter?.shape[0]];
  return { up, down, pads, grown: (weight.shape[2] ?? 1) - 1, upTaps, downTaps };
}
