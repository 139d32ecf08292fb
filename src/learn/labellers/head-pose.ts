// How a head is turned, from 68 landmarks of its face in an image.
// In: points in pixels, numbered as iBUG 300-W numbers them. Out: angles in degrees, 0 for a face that looks into the camera.
// The angles are estimates: no camera and no shape of the head are known. Roll is that of the line between the eyes. Yaw and pitch come
// from where the tip of the nose lies between the sides of the face, and between eyes and mouth, as if it stood out from a cylinder.

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface HeadPose {
  /** Positive: the head looks to the right of the picture. */
  readonly yaw: number;
  /** Positive: the head looks down. */
  readonly pitch: number;
  /** Positive: the eye on the right of the picture is the lower one. */
  readonly roll: number;
}

const POINTS = 68;
/** Where the tip of the nose lies on the way from eyes to mouth, in a face that looks into the camera. */
const LEVEL_NOSE = 0.6;
const DEGREES = 180 / Math.PI;

/** The pose; undefined if there are not 68 points, or all are one. */
export function headPose(points: readonly Point[]): HeadPose | undefined {
  if (points.length !== POINTS) return undefined;
  const [left, right] = [centre(points.slice(36, 42)), centre(points.slice(42, 48))];
  const roll = Math.atan2(right.y - left.y, right.x - left.x);
  const eyes = centre([left, right]);
  /** Upright coordinates about the eyes. */
  const upright = (p: Point): Point => {
    const [x, y] = [p.x - eyes.x, p.y - eyes.y];
    return { x: x * Math.cos(roll) + y * Math.sin(roll), y: y * Math.cos(roll) - x * Math.sin(roll) };
  };
  const nose = upright(points[30] ?? eyes);
  const mouth = upright(centre(points.slice(48, 60)));
  const [side, otherSide] = [upright(points[0] ?? eyes), upright(points[16] ?? eyes)];
  const half = (otherSide.x - side.x) / 2;
  if (!(half > 0) || !(mouth.y > 0)) return undefined;
  const yaw = Math.asin(clip((nose.x - (side.x + otherSide.x) / 2) / half));
  const pitch = Math.asin(clip(2 * (nose.y / mouth.y - LEVEL_NOSE)));
  return { yaw: yaw * DEGREES, pitch: pitch * DEGREES, roll: roll * DEGREES };
}

/** The mean of points. */
export function centre(points: readonly Point[]): Point {
  const sum = points.reduce((a, p) => ({ x: a.x + p.x, y: a.y + p.y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

function clip(x: number): number {
  return Math.min(1, Math.max(-1, x));
}
