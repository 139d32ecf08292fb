// Text on pictures: labels of sheets, drawn from strokes. No font, no library: the same bytes everywhere.
// In: lines of text and a size. Out: ink on an RgbImage.
// Invariants: + - * / and square roots only, which every machine rounds alike; ink never leaves the image.
import { GLYPHS } from "./glyphs.js";
import type { RgbImage } from "./rgb.js";

interface Glyph {
  readonly width: number;
  /** Points x, y of each polyline. */
  readonly strokes: readonly (readonly (readonly [number, number])[])[];
}

/** Units between the ink of neighbouring letters, and of a space. */
const SPACING = 1.5;
const SPACE = 2.2;
const LINE_HEIGHT = 11;
const ASCENT = 7.6;
/** Half the thickness of a stroke, in units; never thinner than half a pixel. */
const HALF_STROKE = 0.42;
const INK: readonly [number, number, number] = [34, 34, 34];
/** What stands for a letter that the font lacks. */
const MISSING = parse("0,0 0,7 4,7 4,0 0,0");

/** Pixels of one unit for labels beside images of this width: letters of a twelfth of it, within what can be read and what is pretty. */
export function labelUnit(imageWidth: number): number {
  return Math.min(3, Math.max(1.15, (imageWidth / 128) * 1.3));
}

/** Width of a line in pixels. */
export function measureText(text: string, unit: number): number {
  const widths = lettersOf(text).map((g) => g?.width ?? SPACE);
  return Math.ceil((widths.reduce((sum, w) => sum + w + SPACING, 0) - SPACING + 2 * HALF_STROKE) * unit);
}

/** Height of lines in pixels. */
export function measureLines(count: number, unit: number): number {
  return Math.ceil(count * LINE_HEIGHT * unit);
}

/** Breaks a text at spaces so that each line fits the width, as far as its words do. */
export function wrapText(text: string, unit: number, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && measureText(`${last} ${word}`, unit) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Draws a line with its left edge at x and the top of its line at y, in place. */
export function drawText(image: RgbImage, text: string, unit: number, x: number, y: number): void {
  let left = x + HALF_STROKE * unit;
  const baseline = y + (ASCENT + (LINE_HEIGHT - ASCENT - 2) / 2) * unit;
  for (const glyph of lettersOf(text)) {
    if (glyph !== undefined) drawGlyph(image, glyph, unit, left, baseline);
    left += ((glyph?.width ?? SPACE) + SPACING) * unit;
  }
}

function drawGlyph(image: RgbImage, { strokes }: Glyph, unit: number, left: number, baseline: number): void {
  const segments = strokes.flatMap((points) =>
    points.slice(1).map((b, i): readonly [number, number, number, number] => {
      const a = points[i] ?? b;
      return [left + a[0] * unit, baseline - a[1] * unit, left + b[0] * unit, baseline - b[1] * unit];
    }),
  );
  const reach = Math.max(0.5, HALF_STROKE * unit) + 0.5;
  const xs = segments.flatMap((s) => [s[0], s[2]]);
  const ys = segments.flatMap((s) => [s[1], s[3]]);
  const [x0, x1] = [
    Math.max(0, Math.floor(Math.min(...xs) - reach)),
    Math.min(image.width, Math.ceil(Math.max(...xs) + reach)),
  ];
  const [y0, y1] = [
    Math.max(0, Math.floor(Math.min(...ys) - reach)),
    Math.min(image.height, Math.ceil(Math.max(...ys) + reach)),
  ];
  for (let py = y0; py < y1; py++) {
    for (let px = x0; px < x1; px++) {
      const distance = Math.min(...segments.map((s) => distanceTo(s, px + 0.5, py + 0.5)));
      const ink = Math.min(1, Math.max(0, reach - distance));
      if (ink > 0) blend(image, px, py, ink);
    }
  }
}

function distanceTo([ax, ay, bx, by]: readonly [number, number, number, number], x: number, y: number): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
  const t = Math.min(1, Math.max(0, along));
  const [ex, ey] = [x - ax - t * dx, y - ay - t * dy];
  return Math.sqrt(ex * ex + ey * ey);
}

function blend(image: RgbImage, x: number, y: number, ink: number): void {
  const at = (y * image.width + x) * 3;
  for (const [c, colour] of INK.entries()) {
    const paper = image.data[at + c] ?? 0;
    image.data[at + c] = Math.round(paper + (colour - paper) * ink);
  }
}

/** Glyphs of a text; undefined for a space. Letters with an accent lose it. */
function lettersOf(text: string): readonly (Glyph | undefined)[] {
  return Array.from(text.normalize("NFD").replace(/\p{M}/gu, "")).map((letter) => {
    if (/\s/u.test(letter)) return undefined;
    const strokes = Object.hasOwn(GLYPHS, letter) ? GLYPHS[letter] : undefined;
    return strokes === undefined ? MISSING : parse(strokes);
  });
}

function parse(glyph: string): Glyph {
  const strokes = glyph.split(";").map((line) =>
    line.split(" ").map((point): readonly [number, number] => {
      const [x = 0, y = 0] = point.split(",").map(Number);
      return [x, y];
    }),
  );
  return { strokes, width: Math.max(0, ...strokes.flat().map(([x]) => x)) };
}
