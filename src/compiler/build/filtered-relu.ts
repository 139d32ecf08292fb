// Leaky ReLU between two filters, as StyleGAN3 has it: upsample by a filter, leaky ReLU and clamp, downsample by another.
// In: an image, filters, pads. Out: the node of the image. Built of FIR filters without resampling alone.
// Invariants: the raised image is never put together: each of its phases (the pixels whose row and column leave one remainder) is an image of
// its own, made from the input by every up-th tap and read by the second filter with every up-th of its taps; channels come in tiles, so that few
// phases are alive at once; the result is what upfirdn2d, leakyRelu, clip and upfirdn2d give in turn.
// Source: Karras et al. 2021 (arXiv 2106.12423), section 3.2, for what is computed; polyphase decomposition is standard (Vaidyanathan 1993).
import { InternalError } from "../../source/internal-error.js";
import { outer, scalar } from "../graph/builder.js";
import type { FirKernel, NodeId } from "../graph/graph.js";
import { at, imageShape, imageSizes } from "../graph/shape.js";
import type { Tensor } from "../weights.js";
import type { ImageParts } from "./image-parts.js";

export interface FilteredRelu {
  readonly up: number;
  readonly down: number;
  /** Columns before and after, rows before and after, of the raised image; negative crops. */
  readonly pads: readonly [number, number, number, number];
  /** Taps [n] of both directions; absent: none, as for `up` 1. */
  readonly upFilter?: Tensor | undefined;
  /** Taps [n] of both directions, or of the kernel [n, n]. */
  readonly downFilter?: Tensor | undefined;
  readonly slope: number;
  /** Of the activation; what it gives is then kept within +-clamp. */
  readonly gain: number;
  readonly clamp?: number | undefined;
}

/** Channels of a tile: what runtimes for processors keep together. */
const TILE_CHANNELS = 16;
/** Entries of all phases of a tile: beyond it fewer channels are taken at once, but never fewer than TILE_CHANNELS. */
const TILE_ENTRIES = 1 << 24;

/**
 * out = down(clamp(gain leakyRelu(up(x)))): `up` inserts up - 1 zeros behind each pixel, pads and filters with gain up^2, `down` filters and keeps every
 * down-th pixel.
 *
 * Shapes   [N, C, H, W] -> [N, C, H', W'] in the layout of the parts, H' = filteredSize(H, ...).
 */
export function filteredRelu(parts: ImageParts, x: NodeId, f: FilteredRelu): NodeId {
  const { g, layout } = parts;
  const { channels, batch } = imageSizes(g.shape(x), layout);
  const plan = planPhases(parts, x, f);
  const raised = batch * plan.rows.raised * plan.columns.raised;
  const tile = Math.max(TILE_CHANNELS, Math.floor(TILE_ENTRIES / raised / TILE_CHANNELS) * TILE_CHANNELS);
  const axis = layout === "nchw" ? 1 : 3;
  const tiles: NodeId[] = [];
  for (let start = 0; start < channels; start += tile)
    tiles.push(filterTile(parts, g.sliceAxis(x, axis, start, Math.min(tile, channels - start)), f, plan));
  return g.concat(tiles, axis);
}

/** Rows (or columns) that come out of so many: what upsampling, both filters and downsampling leave. */
export function filteredSize(
  size: number,
  {
    up,
    down,
    upTaps,
    downTaps,
  }: { readonly up: number; readonly down: number; readonly upTaps: number; readonly downTaps: number },
  [before, after]: readonly [number, number],
): number {
  const raised = size * up + before + after - upTaps + 1;
  return Math.floor((raised - downTaps) / down) + 1;
}

/** Where the pixels of one phase lie along an axis, and the window of the first filter that makes them. */
interface Phase {
  readonly taps: readonly number[];
  /** Of the window, relative to the index in the phase. */
  readonly start: number;
  /** Pixels of the phase. */
  readonly size: number;
}

/** Which part of a phase counts for one remainder of the output, and with which taps of the second filter. */
interface Reading {
  readonly phase: number;
  /** Indices of its taps, in the order in which they meet the pixels. */
  readonly taps: readonly number[];
  readonly start: number;
}

interface AxisPlan {
  /** Pixels that are cut off at both ends before anything else. */
  readonly cut: readonly [number, number];
  /** Pixels of the input that are left. */
  readonly size: number;
  /** Pixels of the raised image. */
  readonly raised: number;
  readonly phases: readonly Phase[];
  /** For each remainder of the output's index by up / down. */
  readonly readings: readonly (readonly Reading[])[];
  /** Pixels of the output. */
  readonly outputs: number;
  /** Of each remainder, the last perhaps one more than counts. */
  readonly each: number;
}

interface PhasePlan {
  readonly rows: AxisPlan;
  readonly columns: AxisPlan;
}

function planPhases({ g, layout }: ImageParts, x: NodeId, f: FilteredRelu): PhasePlan {
  const { height, width } = imageSizes(g.shape(x), layout);
  const [left, right, top, bottom] = f.pads;
  return { rows: planAxis(height, f, top, bottom), columns: planAxis(width, f, left, right) };
}

/**
 * One axis. Pixel u q + r of the raised image reads input q + start + i with tap K - 1 - k, k = k0 + u i, of the first filter; pixel S t + s of the
 * output, S = up / down, reads pixel t + start + i of phase r with tap J - 1 - j, j = j0 + u i, of the second.
 */
function planAxis(whole: number, f: FilteredRelu, before: number, after: number): AxisPlan {
  const { up, down } = f;
  if (up % down !== 0) throw new InternalError(`a filtered ReLU up ${up} and down ${down}`);
  const taps = f.upFilter === undefined ? [1] : [...f.upFilter.data];
  const downTaps = f.downFilter?.shape[0] ?? 1;
  const raised = whole * up + before + after - taps.length + 1;
  const outputs = Math.floor((raised - downTaps) / down) + 1;
  if (outputs < 1) throw new InternalError("a filtered ReLU that leaves no pixel");
  const phases = Array.from({ length: up }, (_, r): Phase => {
    const k0 = modulo(before - r, up);
    const own: number[] = [];
    for (let k = k0; k < taps.length; k += up) own.push(taps[taps.length - 1 - k] ?? 0);
    return {
      taps: own.length === 0 ? [0] : own,
      start: (r + k0 - before) / up,
      size: Math.ceil((raised - r) / up),
    };
  });
  const remainders = up / down;
  const each = Math.ceil(outputs / remainders);
  const readings = Array.from({ length: remainders }, (_, s) =>
    Array.from({ length: up }, (_, phase): Reading => {
      const j0 = modulo(phase - s * down, up);
      const own: number[] = [];
      for (let j = j0; j < downTaps; j += up) own.push(downTaps - 1 - j);
      return { phase, taps: own, start: (s * down + j0 - phase) / up };
    }).filter((reading) => reading.taps.length > 0),
  );
  // What no window reads is cut off once, for all phases.
  const low = Math.max(0, Math.min(...phases.map((p) => p.start)));
  const high = Math.max(...phases.map((p) => p.size + p.start + p.taps.length - 1));
  const cut = [low, Math.max(0, whole - high)] as const;
  const moved = phases.map((p) => ({ ...p, start: p.start - low }));
  return { cut, size: whole - cut[0] - cut[1], raised, phases: moved, readings, outputs, each };
}

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b;
}

function filterTile(parts: ImageParts, x: NodeId, f: FilteredRelu, plan: PhasePlan): NodeId {
  const { g, layout } = parts;
  const { rows, columns } = plan;
  const spatial = (y: number, xx: number): number[] => (layout === "nchw" ? [0, 0, y, xx] : [0, y, xx, 0]);
  const isCut = [...rows.cut, ...columns.cut].some((n) => n > 0);
  const image = isCut ? g.pad(x, spatial(-rows.cut[0], -columns.cut[0]), spatial(-rows.cut[1], -columns.cut[1])) : x;
  const { up, slope, gain, clamp } = f;
  // The gain of the activation is that of what comes before it.
  const upGain = up * up * gain;
  const activated = rows.phases.map((row) => {
    const tall = fir(parts, image, outer(row.taps, [1]), [padsOf(row, rows.size), [0, 0]]);
    return columns.phases.map((column) => {
      const taps = outer([upGain], column.taps);
      const phase = g.leakyRelu(fir(parts, tall, taps, [[0, 0], padsOf(column, columns.size)]), slope);
      return clamp === undefined ? phase : g.clip(phase, -clamp, clamp);
    });
  });
  const filter = f.downFilter;
  const apart = filter === undefined || filter.shape.length === 1;
  const down = apart ? separable(parts, activated, filter?.data ?? [1], plan) : square(parts, activated, filter, plan);
  return woven(parts, down, plan);
}

/** Pads that make a window without resampling give the pixels of a phase. */
function padsOf({ taps, start, size }: Phase, inputs: number): readonly [number, number] {
  return [-start, size - 1 + start + taps.length - inputs];
}

/** Pads that make a reading give `each` pixels of an output from `inputs` of a phase. */
function readPads({ taps, start }: Reading, inputs: number, each: number): readonly [number, number] {
  return [-start, each - 1 + start + taps.length - inputs];
}

/** A filter whose taps come in the order in which they meet the pixels. */
function fir(
  { g, layout }: ImageParts,
  x: NodeId,
  kernel: FirKernel,
  [[top, bottom], [left, right]]: readonly [readonly [number, number], readonly [number, number]],
): NodeId {
  const flipped = [...kernel].reverse().map((row) => [...row].reverse());
  const isNothing =
    flipped.length === 1 && flipped[0]?.length === 1 && [top, bottom, left, right].every((p) => p === 0);
  if (isNothing) return flipped[0]?.[0] === 1 ? x : g.mul(x, scalar(flipped[0]?.[0] ?? 1));
  return g.upfirdn2d(x, { kernel: flipped, pads: [top, bottom, left, right], layout });
}

/** For each remainder of row and column: the second filter along the columns, then along the rows. */
function separable(
  parts: ImageParts,
  phases: readonly (readonly NodeId[])[],
  taps: ArrayLike<number>,
  { rows, columns }: PhasePlan,
): NodeId[][] {
  const own = ({ taps: indices }: Reading): number[] => indices.map((i) => taps[i] ?? NaN);
  return rows.readings.map((vertical) => {
    const tall = columns.phases.map((_, c) =>
      total(
        parts,
        vertical.map((reading) => {
          const { size } = at(rows.phases, reading.phase);
          const phase = at(at(phases, reading.phase), c);
          return fir(parts, phase, outer(own(reading), [1]), [readPads(reading, size, rows.each), [0, 0]]);
        }),
      ),
    );
    return columns.readings.map((horizontal) =>
      total(
        parts,
        horizontal.map((reading) => {
          const { size } = at(columns.phases, reading.phase);
          return fir(parts, at(tall, reading.phase), outer([1], own(reading)), [
            [0, 0],
            readPads(reading, size, columns.each),
          ]);
        }),
      ),
    );
  });
}

/** For each remainder of row and column: the second filter in both directions at once. */
function square(
  parts: ImageParts,
  phases: readonly (readonly NodeId[])[],
  { data, shape }: Tensor,
  { rows, columns }: PhasePlan,
): NodeId[][] {
  const n = shape[1] ?? 0;
  return rows.readings.map((vertical) =>
    columns.readings.map((horizontal) =>
      total(
        parts,
        vertical.flatMap((row) =>
          horizontal.map((column) => {
            const kernel = row.taps.map((i) => column.taps.map((j) => data[i * n + j] ?? NaN));
            const [tall, wide] = [at(rows.phases, row.phase).size, at(columns.phases, column.phase).size];
            const pads = [readPads(row, tall, rows.each), readPads(column, wide, columns.each)] as const;
            return fir(parts, at(at(phases, row.phase), column.phase), kernel, pads);
          }),
        ),
      ),
    ),
  );
}

function total({ g }: ImageParts, terms: readonly NodeId[]): NodeId {
  return terms.reduce((sum, term) => g.add(sum, term));
}

/** The output from the images of its remainders: pixel (S t + s) of each axis is pixel t of remainder s. */
function woven({ g, layout }: ImageParts, parts: readonly (readonly NodeId[])[], { rows, columns }: PhasePlan): NodeId {
  const first = at(at(parts, 0), 0);
  const { batch, channels } = imageSizes(g.shape(first), layout);
  const [height, width] = [rows.each, columns.each];
  const s = parts.length;
  // [lines, pixels] with the numbers of a pixel behind it: remainders of the columns go beside each other, then those of the rows.
  const numbers = layout === "nchw" ? 1 : channels;
  const lines = batch * (layout === "nchw" ? channels : 1) * height;
  const tall = parts.map((row) => {
    const beside = row.map((part) => g.reshape(part, [lines, width, 1, numbers]));
    return g.reshape(g.concat(beside, 2), [lines, 1, s * width * numbers]);
  });
  const all =
    s === 1
      ? first
      : g.reshape(g.concat(tall, 1), imageShape({ batch, channels, height: s * height, width: s * width }, layout));
  const { outputs: h } = rows;
  const { outputs: w } = columns;
  if (s * height === h && s * width === w) return all;
  return g.slice(all, [0, 0, 0, 0], imageShape({ batch, channels, height: h, width: w }, layout));
}
