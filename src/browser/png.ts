// PNG of 8-bit RGB, without a canvas: browsers that guard against fingerprinting change what is read back from one.
// In: a picture. Out: a PNG of its very pixels; the same picture gives the same bytes. Source: PNG specification (third edition), 9 (filtering), 11.2.
import { zlibSync } from "fflate";
import { concat } from "../source/concat.js";
import { chunkBytes, PNG_SIGNATURE } from "../runtime/image/png-text.js";
import type { RgbImage } from "../runtime/image/rgb.js";

const CHANNELS = 3;
const FILTERS = [none, sub, up, average, paeth];

/** The bytes of a PNG. Rows are filtered as the specification advises: by whichever filter leaves the least sum of differences. */
export function encodePng({ width, height, data }: RgbImage): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8); // bits, truecolour, deflate, adaptive filters, not interlaced
  const packed = zlibSync(filtered(width, height, data), { level: 6 });
  return concat(
    [
      Uint8Array.from(PNG_SIGNATURE),
      chunkBytes("IHDR", header),
      chunkBytes("IDAT", packed),
      chunkBytes("IEND", new Uint8Array(0)),
    ],
    Uint8Array,
  );
}

function filtered(width: number, height: number, data: Uint8Array): Uint8Array {
  const length = width * CHANNELS;
  const out = new Uint8Array((length + 1) * height);
  const line = new Uint8Array(length);
  let before: Uint8Array = new Uint8Array(length);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * length, (y + 1) * length);
    let least = Infinity;
    for (const [kind, filter] of FILTERS.entries()) {
      let sum = 0;
      for (let i = 0; i < length; i++) {
        const left = i < CHANNELS ? 0 : (row[i - CHANNELS] ?? 0);
        const corner = i < CHANNELS ? 0 : (before[i - CHANNELS] ?? 0);
        const byte = ((row[i] ?? 0) - filter(left, before[i] ?? 0, corner)) & 255;
        line[i] = byte;
        sum += byte < 128 ? byte : 256 - byte;
      }
      if (sum >= least) continue;
      least = sum;
      out[y * (length + 1)] = kind;
      out.set(line, y * (length + 1) + 1);
    }
    before = row;
  }
  return out;
}

function none(): number {
  return 0;
}

function sub(left: number): number {
  return left;
}

function up(_: number, above: number): number {
  return above;
}

function average(left: number, above: number): number {
  return (left + above) >> 1;
}

function paeth(left: number, above: number, corner: number): number {
  const p = left + above - corner;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - above), Math.abs(p - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
