// A generator whose pictures an exact rule can judge: a disc of some hue, size and place on a ground of some brightness, perhaps with a ring, stripes, a white
// corner and dots; all of them entangled by a random network of z (factors.ts), some of them rare, some correlated.
// In: a seed and sizes. Out: two ONNX files, z -> image and image -> what the pixels say, and the description of the second (docs/labellers.md).
// Invariants: the judge reads pixels only, and its rules are arithmetic; the same options give the same bytes.
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { NodeId } from "../../src/compiler/graph/graph.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import { makeFactors } from "./factors.js";

export interface BedOptions {
  readonly seed?: number;
  readonly zDim?: number;
  /** Part of each factor that is not linear in z. */
  readonly bend?: number;
}

export interface Bed {
  readonly decoder: Uint8Array;
  readonly judge: Uint8Array;
  /** The JSON beside the judge. */
  readonly description: object;
}

const EDGE = 64;
const PIXELS = EDGE * EDGE;
/** Rows of both files. */
const BATCH = 16;

const HUES = {
  red: [0.85, 0.12, 0.12],
  green: [0.12, 0.7, 0.2],
  blue: [0.12, 0.25, 0.85],
  gold: [0.95, 0.8, 0.1],
} as const;
const PALETTE = Object.values(HUES);
/** Added to a hue's factor: gold is rare. */
const HUE_BIAS = [0, 0, 0, -1.6];

/** Factors by number: four of the hue, then one each. */
const SIZE = 4;
const ACROSS = 5;
const LIGHT = 6;
const CORNER = 7;
const RING = 8;
const STRIPES = 9;
const DOTS = 10;
const COUNT = 11;
const CORRELATIONS = [
  [CORNER, LIGHT, -0.5],
  [RING, SIZE, 0.5],
  [STRIPES, DOTS, 0.4],
  [3, CORNER, 0.3],
] as const;

/** What a factor must be above: of the standard normal, 4%, 30%, 15%; one, two, three dots 45%, 15%, 2%. */
const ABOVE = { corner: 1.75, ring: 0.52, stripes: 1.04, dots: [0.13, 1.04, 2.05] };
/** How sharply things appear. */
const SHARPNESS = 10;
/** Radius in pixels and centre of the disc, brightness of the ground: from, and by how much. */
const RADIUS = [5, 7] as const;
const CENTRE = [20, 24] as const;
const GROUND = [0.3, 0.5] as const;
const ROW = 30;
const STRIPE = 0.1;
const TEXTURES = 6;
const TEXTURE = 0.015;

type Box = { readonly rows: readonly [number, number]; readonly columns: readonly [number, number] };
const MIDDLE: Box = { rows: [9, 52], columns: [0, 64] };
const MARGIN: Box = { rows: [9, 52], columns: [0, 3] };
const TOP: Box = { rows: [1, 8], columns: [1, 50] };
const MARK: Box = { rows: [0, 9], columns: [54, 64] };
const SLOTS: readonly Box[] = [10, 28, 46].map((x) => ({ rows: [55, 62], columns: [x, x + 7] }));

/** Makes a bed. */
export function makeBed({ seed = 1, zDim = 32, bend = 0.5 }: BedOptions = {}): Bed {
  return { decoder: drawingOf(seed, zDim, bend), judge: judging(), description: DESCRIPTION };
}

function drawingOf(seed: number, zDim: number, bend: number): Uint8Array {
  const { hidden, a, b: out, c, bias } = makeFactors({ seed, zDim, bend, correlations: CORRELATIONS, count: COUNT });
  const b = new GraphBuilder();
  const z = b.input("z", [BATCH, zDim]);
  const units = b.sigmoid(b.mul(b.matmul(z, b.constant(a, [zDim, hidden])), scalar(2)));
  const bent = b.matmul(b.sub(b.mul(units, scalar(2)), scalar(1)), b.constant(out, [hidden, COUNT]));
  const f = b.add(b.add(bent, b.matmul(z, b.constant(c, [zDim, COUNT]))), b.constant(bias, [1, COUNT]));
  const factor = (k: number): NodeId => b.sliceAxis(f, 1, k, 1);
  const between = (k: number, [from, by]: readonly [number, number]): NodeId =>
    b.add(b.mul(b.sigmoid(b.mul(factor(k), scalar(1.7))), scalar(by)), scalar(from));
  const shown = (k: number, above: number): NodeId =>
    b.sigmoid(b.mul(b.sub(factor(k), scalar(above)), scalar(SHARPNESS)));

  const x = b.constant(
    plane((column) => column),
    [1, PIXELS],
  );
  const y = b.constant(
    plane((_, row) => row - ROW),
    [1, PIXELS],
  );
  const distance = b.sqrt(b.add(b.square(b.sub(x, between(ACROSS, CENTRE))), b.add(b.square(y), scalar(1e-3))));
  const radius = between(SIZE, RADIUS);
  const disc = b.clip(b.sub(radius, b.sub(distance, scalar(0.5))), 0, 1);
  const fromRing = b.abs(b.sub(distance, b.add(radius, scalar(3))));
  const ring = b.mul(b.clip(b.sub(scalarNode(b, 1.5), fromRing), 0, 1), shown(RING, ABOVE.ring));

  // What else z does: faint patterns, which no rule asks about.
  const weave = b.constant(wavesOf(), [TEXTURES, PIXELS]);
  const texture = b.mul(b.matmul(b.sliceAxis(z, 1, 0, TEXTURES), weave), scalar(TEXTURE));
  const stripes = b.mul(shown(STRIPES, ABOVE.stripes), b.constant(stripePattern(STRIPE), [1, PIXELS]));
  const ground = b.add(b.add(between(LIGHT, GROUND), stripes), texture);
  const overlay = (under: NodeId, cover: NodeId, value: number): NodeId =>
    b.add(b.mul(under, b.sub(scalarNode(b, 1), cover)), b.mul(cover, scalar(value)));
  let grey = overlay(ground, ring, 0);
  grey = overlay(grey, b.mul(shown(CORNER, ABOVE.corner), b.constant(boxPlane(MARK), [1, PIXELS])), 1);
  SLOTS.forEach((slot, k) => {
    grey = overlay(grey, b.mul(shown(DOTS, ABOVE.dots[k]!), b.constant(boxPlane(slot), [1, PIXELS])), 0);
  });
  const hues = b.mul(
    b.add(b.sliceAxis(f, 1, 0, PALETTE.length), b.constant(HUE_BIAS, [1, PALETTE.length])),
    scalar(SHARPNESS),
  );
  const parts = b.exp(b.sub(hues, b.logSumExp(hues, [1], true)));
  const colour = b.matmul(parts, b.constant(PALETTE.flat(), [PALETTE.length, 3]));
  const cover = b.reshape(disc, [BATCH, 1, PIXELS]);
  const image = b.add(
    b.mul(b.reshape(grey, [BATCH, 1, PIXELS]), b.sub(scalarNode(b, 1), cover)),
    b.mul(b.reshape(colour, [BATCH, 3, 1]), cover),
  );
  return emitOnnx(b.finish({ outputs: { image: b.clip(b.reshape(image, [BATCH, 3, EDGE, EDGE]), 0, 1) } }));
}

/** Columns of the output `readings`: what each rule gives. */
const READINGS = { hue: 4, size: 1, across: 1, light: 1, corner: 1, ring: 1, stripes: 1, dots: 4 } as const;
const DESCRIPTION = {
  format: 1,
  input: { name: "image", size: EDGE, layout: "nchw", range: [0, 1] },
  attributes: [
    { name: "hue", type: "category", classes: Object.keys(HUES), gives: "logits" },
    ...["size", "across", "light"].map((name) => ({
      name,
      type: "scalar",
      min: 0,
      max: 1,
      sigma: 0.05,
      gives: "number",
    })),
    ...["corner", "ring", "stripes"].map((name) => ({ name, type: "binary", gives: "logit" })),
    { name: "dots", type: "category", classes: ["none", "one", "two", "three"], gives: "logits" },
  ].map((row) => ({ ...row, output: "readings" })),
  features: "features",
};

function judging(): Uint8Array {
  const b = new GraphBuilder();
  const image = b.reshape(b.input("image", [BATCH, 3, EDGE, EDGE]), [BATCH, 3, PIXELS]);
  const brightest = b.reduceMax(image, [1]);
  const saturation = b.add(brightest, b.reduceMax(b.neg(image), [1]));
  const grey = b.mean(image, [1]);
  const weighted = (values: NodeId, weights: Float32Array): NodeId =>
    b.matmul(values, b.constant(weights, [PIXELS, 1]));
  const meanIn = (values: NodeId, box: Box): NodeId => weighted(values, averageIn(box));
  const scaled = (value: NodeId, [from, by]: readonly [number, number]): NodeId =>
    b.mul(b.sub(value, scalar(from)), scalar(1 / by));

  const isDisc = b.greater(saturation, scalar(0.2));
  const area = b.add(weighted(isDisc, boxPlane(MIDDLE)), scalar(1e-3));
  const size = scaled(b.sqrt(b.mul(area, scalar(1 / Math.PI))), RADIUS);
  const across = scaled(
    b.div(
      weighted(
        isDisc,
        plane((column) => column),
      ),
      area,
    ),
    CENTRE,
  );
  const colour = b.div(b.sum(b.mul(image, b.reshape(isDisc, [BATCH, 1, PIXELS])), [2]), area);
  const away = b.sub(b.reshape(colour, [BATCH, 1, 3]), b.constant(PALETTE.flat(), [1, PALETTE.length, 3]));
  const hue = b.mul(b.sum(b.square(away), [2]), scalar(-200));
  const ground = meanIn(grey, TOP);
  const dark = weighted(b.greater(scalarNode(b, 0.12), brightest), boxPlane(MIDDLE));
  const ring = b.mul(b.sub(dark, scalar(40)), scalar(0.5));
  const amplitude = weighted(
    grey,
    averageIn(MARGIN).map((v, p) => v * Math.sign(stripePattern(1)[p]!)),
  );
  const stripes = b.mul(b.sub(amplitude, scalar(STRIPE / 2)), scalar(400));
  const mark = meanIn(grey, MARK);
  const corner = b.mul(b.sub(mark, scalar(0.93)), scalar(200));
  const slots = SLOTS.map((slot) => b.div(meanIn(grey, slot), ground));
  const dotted = slots.map((s) => b.greater(scalarNode(b, 0.5), s)).reduce((sum, s) => b.add(sum, s));
  const dots = b.mul(b.square(b.sub(dotted, b.constant([0, 1, 2, 3], [1, 4]))), scalar(-20));
  const readings = b.concat([hue, size, across, scaled(ground, GROUND), corner, ring, stripes, dots], 1);
  if (b.shape(readings)[1] !== Object.values(READINGS).reduce((n, k) => n + k, 0)) throw new Error("readings");

  // For distances: the readings as amounts, and the picture in 16 patches.
  const amounts = [
    size,
    across,
    ground,
    colour,
    b.mul(dark, scalar(0.01)),
    b.mul(amplitude, scalar(5)),
    mark,
    ...slots,
  ];
  const patches = b.matmul(image, b.constant(patchAverages(4), [PIXELS, 16]));
  const features = b.concat([...amounts, b.reshape(patches, [BATCH, 48])], 1);
  return emitOnnx(b.finish({ outputs: { readings, features } }));
}

function scalarNode(b: GraphBuilder, value: number): NodeId {
  return b.constant([value], []);
}

function plane(of: (column: number, row: number) => number): Float32Array {
  return Float32Array.from({ length: PIXELS }, (_, p) => of(p % EDGE, Math.floor(p / EDGE)));
}

function boxPlane({ rows, columns }: Box): Float32Array {
  return plane((x, y) => (x >= columns[0] && x < columns[1] && y >= rows[0] && y < rows[1] ? 1 : 0));
}

function averageIn(box: Box): Float32Array {
  const inside = boxPlane(box);
  const count = inside.reduce((n, v) => n + v, 0);
  return inside.map((v) => v / count);
}

function stripePattern(size: number): Float32Array {
  const { rows } = MIDDLE;
  return plane((_, y) => (y >= rows[0] && y < rows[1] ? (Math.floor(y / 3) % 2 === 0 ? size : -size) : 0));
}

function wavesOf(): Float32Array {
  const waves = Array.from({ length: TEXTURES }, (_, k) =>
    plane((x, y) => Math.sin((2 * Math.PI * (((k % 3) + 1) * x + (Math.floor(k / 3) + 1) * y)) / EDGE)),
  );
  return Float32Array.from(waves.flatMap((w) => [...w]));
}

/** [PIXELS, n n]: means of squares. */
function patchAverages(n: number): Float32Array {
  const side = EDGE / n;
  const all = new Float32Array(PIXELS * n * n);
  for (let p = 0; p < PIXELS; p++) {
    const patch = Math.floor(Math.floor(p / EDGE) / side) * n + Math.floor((p % EDGE) / side);
    all[p * n * n + patch] = 1 / side ** 2;
  }
  return all;
}
