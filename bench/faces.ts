// The two ways of `--labeller faces` to a face on images of a generator of aligned faces: in a fixed part of the image, or looked for.
// How far they agree where one is found, whether a face and its mirror image get the same labels, and processor time an image.
// Run: node scripts/bench.js faces [--decoder FILE.onnx] [--images 800] [--mirrored 100]
// The decoder is celeba-dcgan-64 of ../shared/golden, or one like it: z [n, 64] -> images of 64 px in [-1, 1].
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openDecoder } from "../src/runtime/services/onnx-decoder.js";
import { openOnnxModel } from "../src/node/engines/open-onnx-model.js";
import type { Labeller } from "../src/runtime/services/services.js";
import { imagesFromTile, type RgbImage } from "../src/runtime/image/rgb.js";
import { openFaceLabeller } from "../src/node/labellers/faces.js";
import { drawLatents } from "../src/runtime/sample/noise-source.js";

const COLUMNS = 8;
/** What is compared: a number of the columns, and -1 where a mirror turns it round. */
const QUANTITIES: readonly (readonly [string, (c: Float32Array) => number, 1 | -1])[] = [
  ["age", (c) => c[0] ?? NaN, 1],
  ["gender", (c) => (c[2] ?? NaN) - (c[1] ?? NaN), 1],
  ["smile", (c) => (c[4] ?? NaN) - (c[3] ?? NaN), 1],
  ["yaw", (c) => c[5] ?? NaN, -1],
  ["pitch", (c) => c[6] ?? NaN, 1],
  ["roll", (c) => c[7] ?? NaN, -1],
];
/** A head that leans more is no head: the generator has failed. */
const MOST_ROLL = 30;
const [Z, EDGE] = [64, 64];

const { values } = parseArgs({
  options: {
    decoder: { type: "string", default: "../shared/golden/celeba-dcgan-64/generator.onnx" },
    images: { type: "string", default: "800" },
    mirrored: { type: "string", default: "100" },
  },
});

async function draw(count: number): Promise<RgbImage[]> {
  const decoder: Parameters<typeof openDecoder>[1] = {
    ...{ file: "generator.onnx", input: "z", output: "img", inputShape: [Z], channels: 3, layout: "nchw" },
    ...{ clip: [-1, 127 / 128], outputRange: [-1, 1] },
  };
  const synthesis = openDecoder(await openOnnxModel(readFileSync(values.decoder)), decoder, {
    zDim: Z,
    resolution: EDGE,
  });
  const indices = Array.from({ length: count }, (_, i) => i);
  const z = drawLatents(7, indices, Z);
  const images: RgbImage[] = [];
  for (const k of indices) {
    const { pixels = new Float32Array(0) } = await synthesis.run({
      ws: Float32Array.from(z.subarray(k * Z, (k + 1) * Z)),
    });
    images.push(...imagesFromTile(pixels, EDGE, EDGE));
  }
  await synthesis.dispose();
  return images;
}

/** Rows of the quantities, and milliseconds of the processor an image. */
async function label(labeller: Labeller, images: readonly RgbImage[]): Promise<{ rows: number[][]; ms: number }> {
  const before = process.cpuUsage();
  const { columns } = await labeller.label(images);
  const { user, system } = process.cpuUsage(before);
  const rows = images.map((_, k) => QUANTITIES.map(([, of]) => of(columns.subarray(k * COLUMNS, (k + 1) * COLUMNS))));
  return { rows, ms: (user + system) / 1000 / images.length };
}

function mirrored({ width, height, data }: RgbImage): RgbImage {
  const turned = new Uint8Array(data.length);
  for (let p = 0; p < width * height; p++) {
    const from = (p - (p % width) + width - 1 - (p % width)) * 3;
    turned.set(data.subarray(from, from + 3), p * 3);
  }
  return { width, height, data: turned };
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (v: readonly number[]): number => v.reduce((s, x) => s + x, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sum = (f: (i: number) => number): number => a.reduce((s, _, i) => s + f(i), 0);
  const [da, db] = [(i: number) => (a[i] ?? NaN) - ma, (i: number) => (b[i] ?? NaN) - mb];
  return sum((i) => da(i) * db(i)) / Math.sqrt(sum((i) => da(i) ** 2) * sum((i) => db(i) ** 2));
}

function ranks(v: readonly number[]): number[] {
  const sorted = v.map((x, i) => [x, i] as const).sort(([x], [y]) => x - y);
  const result = new Array<number>(v.length).fill(0);
  sorted.forEach(([, i], rank) => (result[i] = rank));
  return result;
}

function median(v: readonly number[]): number {
  return [...v].sort((a, b) => a - b)[Math.floor(v.length / 2)] ?? NaN;
}

function column(rows: readonly (readonly number[])[], index: number): number[] {
  return rows.map((r) => r[index] ?? NaN);
}

const drawn = await draw(Number(values.images));
const [aligned, finding] = [await openFaceLabeller(), await openFaceLabeller(true)];
await label(aligned, drawn.slice(0, 3)); // compiles kernels
const first = await label(finding, drawn);
const seen = await label(aligned, drawn);
// A picture of one grey has no age in either way.
const faces = drawn.map((_, k) => k).filter((k) => !Number.isNaN(seen.rows[k]?.[0]));
const both = faces.filter((k) => [...(first.rows[k] ?? []), ...(seen.rows[k] ?? [])].every(Number.isFinite));
console.log(`${faces.length} images that are not grey; in ${both.length} of them a face is found and has landmarks`);
console.log(`processor, ms an image that is not grey: aligned ${((seen.ms * drawn.length) / faces.length).toFixed(0)}`);
const cost = await label(
  finding,
  both.map((k) => drawn[k]).filter((i) => i !== undefined),
);
console.log(`processor, ms an image in which a face is found: ${cost.ms.toFixed(0)}`);
console.log("\naligned against found: median difference, correlation");
const rowsOf = (of: { readonly rows: readonly number[][] }): number[][] => both.map((k) => of.rows[k] ?? []);
QUANTITIES.forEach(([name], q) => {
  const [a, b] = [column(rowsOf(seen), q), column(rowsOf(first), q)];
  console.log(
    `${name.padEnd(8)}${median(a.map((x, i) => Math.abs(x - (b[i] ?? NaN)))).toFixed(2)}  ${correlation(a, b).toFixed(2)}`,
  );
});
const some = faces.slice(0, Number(values.mirrored));
const plain = some.map((k) => seen.rows[k] ?? []);
const turned = await label(
  aligned,
  some
    .map((k) => drawn[k])
    .filter((i) => i !== undefined)
    .map(mirrored),
);
const upright = some
  .map((_, i) => i)
  .filter((i) => [plain[i]?.[5], turned.rows[i]?.[5]].every((roll) => Math.abs(roll ?? NaN) <= MOST_ROLL));
console.log(`\na face and its mirror image, ${upright.length} of ${some.length}: rank correlation`);
QUANTITIES.forEach(([name, , sign], q) => {
  const a = upright.map((i) => plain[i]?.[q] ?? NaN);
  const b = upright.map((i) => sign * (turned.rows[i]?.[q] ?? NaN));
  console.log(`${name.padEnd(8)}${correlation(ranks(a), ranks(b)).toFixed(2)}`);
});
await aligned.dispose();
await finding.dispose();
