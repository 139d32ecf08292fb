// A judge of small photographs of faces that is arithmetic on their pixels, for generators that nobody here made: how light and how warm a picture is, from which
// side it is lit, whether the hair is dark and the ground light.
// In: nothing. Out: an ONNX file image -> readings, its description (docs/labellers.md), and requests. Invariant: the same bytes everywhere.
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { NodeId } from "../../src/compiler/graph/graph.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";

const EDGE = 64;
const PIXELS = EDGE * EDGE;
const BATCH = 16;
type Box = { readonly rows: readonly [number, number]; readonly columns: readonly [number, number] };
/** Aligned faces: hair above the brow, cheeks beside the nose, ground in the upper corners. */
const HAIR: Box = { rows: [4, 14], columns: [20, 44] };
const FACE: Box = { rows: [22, 50], columns: [18, 46] };
const LEFT: Box = { rows: [28, 46], columns: [16, 30] };
const RIGHT: Box = { rows: [28, 46], columns: [34, 48] };
const CORNERS: readonly Box[] = [
  { rows: [0, 12], columns: [0, 10] },
  { rows: [0, 12], columns: [54, 64] },
];
/** Of mean grey: what is dark hair, what is a light ground. */
const [DARK, LIGHT] = [0.3, 0.6];

const SCALARS = ["light", "warmth", "side"] as const;

/** Makes the judge. */
export function photographJudge(): { readonly judge: Uint8Array; readonly description: object } {
  const b = new GraphBuilder();
  const image = b.reshape(b.input("image", [BATCH, 3, EDGE, EDGE]), [BATCH, 3, PIXELS]);
  const grey = b.mean(image, [1]);
  const channel = (k: number): NodeId => b.reshape(b.sliceAxis(image, 1, k, 1), [BATCH, PIXELS]);
  const meanIn = (values: NodeId, box: Box): NodeId => b.matmul(values, b.constant(averageIn(box), [PIXELS, 1]));
  const scaled = (value: NodeId, from: number, by: number): NodeId => b.mul(b.sub(value, scalar(from)), scalar(1 / by));
  const face = meanIn(grey, FACE);
  const light = scaled(face, 0.2, 0.6);
  const warmth = scaled(b.sub(meanIn(channel(0), FACE), meanIn(channel(2), FACE)), -0.05, 0.5);
  const side = scaled(b.sub(meanIn(grey, LEFT), meanIn(grey, RIGHT)), -0.3, 0.6);
  const dark = b.mul(b.sub(scalarNode(b, DARK), meanIn(grey, HAIR)), scalar(40));
  const corners = CORNERS.map((box) => meanIn(grey, box)).reduce((sum, v) => b.add(sum, v));
  const ground = b.mul(b.sub(b.mul(corners, scalar(1 / CORNERS.length)), scalar(LIGHT)), scalar(40));
  const readings = b.concat([light, warmth, side, dark, ground], 1);
  const features = b.reshape(b.matmul(image, b.constant(patches(8), [PIXELS, 64])), [BATCH, 192]);
  return { judge: emitOnnx(b.finish({ outputs: { readings, features } })), description: DESCRIPTION };
}

const DESCRIPTION = {
  format: 1,
  input: { name: "image", size: EDGE, layout: "nchw", range: [0, 1] },
  attributes: [
    ...SCALARS.map((name) => ({ name, type: "scalar", min: 0, max: 1, sigma: 0.05, gives: "number" })),
    ...["dark", "ground"].map((name) => ({ name, type: "binary", gives: "logit" })),
  ].map((row) => ({ ...row, output: "readings" })),
  features: "features",
};

const near = (name: string, value: number): string => `${name} is ${value} +- 0.1`;
/** `dark`: hair; `ground`: it is light; `side`: above 0.5 the left of the picture is lighter. */
export const PHOTOGRAPH_REQUESTS: Readonly<Record<string, readonly string[]>> = {
  one: ["dark", "not dark", "ground", "not ground", ...SCALARS.flatMap((name) => [0.3, 0.7].map((v) => near(name, v)))],
  three: [
    `dark and ground and ${near("light", 0.7)}`,
    `not dark and not ground and ${near("side", 0.7)}`,
    `dark and ${near("warmth", 0.3)} and ${near("side", 0.3)}`,
    `ground and ${near("light", 0.3)} and ${near("side", 0.7)}`,
    `not dark and ${near("light", 0.7)} and ${near("warmth", 0.3)}`,
    `${near("light", 0.3)} and ${near("warmth", 0.7)} and ${near("side", 0.7)}`,
  ],
};

function scalarNode(b: GraphBuilder, value: number): NodeId {
  return b.constant([value], []);
}

function averageIn({ rows, columns }: Box): Float32Array {
  const count = (rows[1] - rows[0]) * (columns[1] - columns[0]);
  return Float32Array.from({ length: PIXELS }, (_, p) => {
    const [x, y] = [p % EDGE, Math.floor(p / EDGE)];
    return x >= columns[0] && x < columns[1] && y >= rows[0] && y < rows[1] ? 1 / count : 0;
  });
}

/** [PIXELS, n n]: means of squares. */
function patches(n: number): Float32Array {
  const side = EDGE / n;
  const all = new Float32Array(PIXELS * n * n);
  for (let p = 0; p < PIXELS; p++)
    all[p * n * n + Math.floor(Math.floor(p / EDGE) / side) * n + Math.floor((p % EDGE) / side)] = 1 / side ** 2;
  return all;
}
