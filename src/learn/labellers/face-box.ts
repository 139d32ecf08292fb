// Which part of an image of a face the networks of face-api look at.
// In: landmarks in pixels of a square image. Out: squares that lie inside it.
import { centre, type Point } from "./head-pose.js";

/** In pixels: left, top, edge. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

/**
 * Where generators of aligned faces have the face, in parts of the image: between CelebA (cut to 178 px as DCGANs are trained on it) and
 * FFHQ, whose faces are a quarter larger. Landmarks found in it lead to the face itself.
 */
const ALIGNED = { centre: { x: 0.5, y: 0.61 }, size: 0.66 };
/** Around landmarks, as face-api pads them: part of their extent. */
const PADDING = 0.2;
/** Of the square that descriptors are made for, as in dlib: distance of eyes and mouth in parts of it, where their middle lies. */
const DESCRIPTOR = { span: 0.45, middle: 0.43 };
/** Landmarks that are closer together than this part of the image are of no face. */
const SMALLEST = 0.1;

/** The first guess for an image of edge `edge`. */
export function alignedSquare(edge: number): Square {
  return squareAt({ x: ALIGNED.centre.x * edge, y: ALIGNED.centre.y * edge }, ALIGNED.size * edge, edge);
}

/** A square about a point, moved and cut so that it lies inside. */
export function squareAt(about: Point, size: number, edge: number): Square {
  const whole = Math.min(edge, Math.max(Math.ceil(SMALLEST * edge), Math.round(size)));
  const place = (c: number): number => Math.min(edge - whole, Math.max(0, Math.round(c - whole / 2)));
  return { x: place(about.x), y: place(about.y), size: whole };
}

/** The square about landmarks that age, expression and pose are read from. */
export function squareAround(points: readonly Point[], edge: number): Square {
  const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const size = (1 + PADDING) * Math.max(right - left, bottom - top);
  return squareAt({ x: (left + right) / 2, y: (top + bottom) / 2 }, size, edge);
}

/** The square that a descriptor is made of: by the middles of both eyes and the mouth, of 68 landmarks. */
export function descriptorSquare(points: readonly Point[], edge: number): Square {
  const [left, right, mouth] = [centre(points.slice(36, 42)), centre(points.slice(42, 48)), centre(points.slice(48))];
  const away = (p: Point): number => Math.hypot(mouth.x - p.x, mouth.y - p.y);
  const size = (away(left) + away(right)) / 2 / DESCRIPTOR.span;
  const middle = centre([left, right, mouth]);
  return squareAt({ x: middle.x, y: middle.y + (0.5 - DESCRIPTOR.middle) * size }, size, edge);
}
