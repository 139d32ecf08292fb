// What judges say, drawn on a picture of a sheet: a frame and a sign in its corner for a miss, others for what is unclear.
// In: an 8-bit image. Out: a copy with the mark; the image itself where it satisfies what was asked.
import type { Verdict } from "../../compiler/energy/interpret.js";
import { unreachable } from "../../source/internal-error.js";
import { paste, solidImage, type RgbImage } from "./rgb.js";
import { drawText, labelUnit, measureLines, measureText } from "./text.js";

const MISS: readonly [number, number, number] = [214, 48, 49];
const UNCLEAR: readonly [number, number, number] = [240, 173, 30];

/** The picture with its mark. */
export function marked(image: RgbImage, verdict: Verdict): RgbImage {
  switch (verdict) {
    case "satisfied":
      return image;
    case "not":
      return framed(image, MISS, "x");
    case "unclear":
      return framed(image, UNCLEAR, "?");
    default:
      return unreachable(verdict);
  }
}

function framed(image: RgbImage, colour: readonly [number, number, number], sign: string): RgbImage {
  const { width, height } = image;
  const edge = Math.max(1, Math.round(width / 40));
  const result: RgbImage = { width, height, data: image.data.slice() };
  const bar = (w: number, h: number, x: number, y: number): void => {
    paste(result.data, width, solidImage(w, h, colour), x, y);
  };
  bar(width, edge, 0, 0);
  bar(width, edge, 0, height - edge);
  bar(edge, height, 0, 0);
  bar(edge, height, width - edge, 0);
  const unit = labelUnit(width);
  const [w, h] = [measureText(sign, unit) + 2 * edge, measureLines(1, unit) + edge];
  if (w > width || h > height) return result; // no room for more than the frame
  bar(w, h, 0, 0);
  drawText(result, sign, unit, edge, 0);
  return result;
}
