// Where the picture of a face lies in a photograph: the similarity that takes five points of a model's faces to those of the photograph, and back with feathers.
// In: points, pictures. Out: a picture in the model's frame; the photograph with a picture in it.
// Sources: Umeyama 1991 (DOI 10.1109/34.88573), least squares over similarities, in two dimensions and without reflections, where it has a closed form; five
// points of FFHQ's frame as means of its landmarks (Karras et al. 2019, arXiv 1812.04948, aligned by eyes and mouth).
import type { RgbImage } from "./rgb.js";

/** Takes a point of a picture to one of a photograph, in pixels from the upper left corner: (a x - b y + x0, b x + a y + y0). */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly x0: number;
  readonly y0: number;
}

export type ImagePoint = readonly [x: number, y: number];

/** Left eye, right eye, nose, left and right corner of the mouth (as one sees them), in parts of the picture's width and height. */
export const FFHQ_POINTS: readonly ImagePoint[] = [
  [0.3769, 0.4687],
  [0.6229, 0.4691],
  [0.5012, 0.6133],
  [0.3931, 0.7254],
  [0.6115, 0.725],
];

/** The similarity that takes points nearest to others, by the sum of squares; undefined where the points are all one. */
export function similarityOf(from: readonly ImagePoint[], to: readonly ImagePoint[]): Similarity | undefined {
  const n = from.length;
  const middle = (points: readonly ImagePoint[], k: 0 | 1): number => points.reduce((sum, p) => sum + p[k], 0) / n;
  const [fx, fy, tx, ty] = [middle(from, 0), middle(from, 1), middle(to, 0), middle(to, 1)];
  let [along, across, spread] = [0, 0, 0];
  from.forEach(([x, y], i) => {
    const [u, v] = [x - fx, y - fy];
    const [s, t] = [(to[i]?.[0] ?? 0) - tx, (to[i]?.[1] ?? 0) - ty];
    along += u * s + v * t;
    across += u * t - v * s;
    spread += u * u + v * v;
  });
  const [a, b] = [along / spread, across / spread];
  if (!Number.isFinite(a) || !Number.isFinite(b) || Math.hypot(a, b) < 1e-6) return undefined;
  return { a, b, x0: tx - (a * fx - b * fy), y0: ty - (b * fx + a * fy) };
}

/** The similarity of the middle of a photograph in a picture's shape, as `fitted` cuts it. */
export function middleOf(photo: RgbImage, width: number, height: number): Similarity {
  const scale = Math.min(photo.width / width, photo.height / height);
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  return {
    a: w / width,
    b: 0,
    x0: Math.floor((photo.width - w) / 2),
    y0: Math.floor((photo.height - h) / 2),
  };
}

/** The part of a photograph that a similarity shows, as a picture. Beyond its edge the photograph goes on as it ends; smaller pictures are means. */
export function alignedPicture(photo: RgbImage, of: Similarity, width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  const several = Math.min(16, Math.max(1, Math.ceil(Math.hypot(of.a, of.b))));
  const colour = new Float64Array(3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      colour.fill(0);
      for (let j = 0; j < several; j++)
        for (let i = 0; i < several; i++) {
          const [u, v] = [x + (i + 0.5) / several, y + (j + 0.5) / several];
          addColour(colour, photo, of.a * u - of.b * v + of.x0, of.b * u + of.a * v + of.y0);
        }
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = Math.round((colour[c] ?? 0) / (several * several));
    }
  return { width, height, data };
}

/**
 * A photograph with a picture in the place that a similarity shows, at the photograph's size.
 * `feather`: over which part of the picture's width its edge fades (a smooth step); 0: it does not.
 */
export function pasted(photo: RgbImage, picture: RgbImage, of: Similarity, feather: number): RgbImage {
  const { width, height } = photo;
  const data = Uint8Array.from(photo.data);
  const scale = of.a ** 2 + of.b ** 2;
  const several = Math.min(16, Math.max(1, Math.ceil(1 / Math.sqrt(scale))));
  const fade = feather * picture.width;
  const corners = [0, picture.width].flatMap((x) =>
    [0, picture.height].map((y) => [of.a * x - of.b * y + of.x0, of.b * x + of.a * y + of.y0] as const),
  );
  const range = (k: 0 | 1, end: number): [number, number] => {
    const all = corners.map((c) => c[k]);
    return [Math.max(0, Math.floor(Math.min(...all))), Math.min(end, Math.ceil(Math.max(...all)))];
  };
  const [[left, right], [top, bottom]] = [range(0, width), range(1, height)];
  const colour = new Float64Array(3);
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      colour.fill(0);
      let share = 0;
      for (let j = 0; j < several; j++)
        for (let i = 0; i < several; i++) {
          const [s, t] = [x + (i + 0.5) / several - of.x0, y + (j + 0.5) / several - of.y0];
          const [u, v] = [(of.a * s + of.b * t) / scale, (of.a * t - of.b * s) / scale];
          const inside = Math.min(u, v, picture.width - u, picture.height - v);
          share += fade > 0 ? smoothStep(inside / fade) : Number(inside >= 0);
          addColour(colour, picture, u, v);
        }
      const mask = share / (several * several);
      for (let c = 0; c < 3; c++) {
        const at = (y * width + x) * 3 + c;
        const own = (colour[c] ?? 0) / (several * several);
        data[at] = Math.round((photo.data[at] ?? 0) * (1 - mask) + own * mask);
      }
    }
  return { width, height, data };
}

function smoothStep(x: number): number {
  const t = Math.min(1, Math.max(0, x));
  return t * t * (3 - 2 * t);
}

/** Adds a picture's colour at a point, between its pixels' centres. */
function addColour(sum: Float64Array, { width, height, data }: RgbImage, x: number, y: number): void {
  const [u, v] = [Math.min(width - 1, Math.max(0, x - 0.5)), Math.min(height - 1, Math.max(0, y - 0.5))];
  const [i, j] = [Math.floor(u), Math.floor(v)];
  const [p, q] = [u - i, v - j];
  const [i1, j1] = [Math.min(width - 1, i + 1), Math.min(height - 1, j + 1)];
  for (let c = 0; c < 3; c++) {
    const at = (column: number, row: number): number => data[(row * width + column) * 3 + c] ?? 0;
    const upper = at(i, j) * (1 - p) + at(i1, j) * p;
    const lower = at(i, j1) * (1 - p) + at(i1, j1) * p;
    sum[c] = (sum[c] ?? 0) + upper * (1 - q) + lower * q;
  }
}
