// Transposed convolutions as ordinary ones, one for each phase of the output, woven together.
// In: an image in nchw and constant weights [I, O, kh, kw], k >= stride. Out: the whole output, and zeros after it.
// Invariants: nothing is multiplied that the transposed convolution does not multiply; each phase is a convolution that runtimes
//   block and thread as any other. Of stride s, output r + s q takes input q - m with weight r + s m.
import { int, ints } from "./builder.js";
import type { OnnxBuilder, WideImage } from "./builder.js";
import { reshape } from "./linear.js";

export interface PhasedConvolution {
  readonly image: string;
  /** [n, I, h, w] */
  readonly shape: readonly [number, number, number, number];
  readonly weight: Float32Array;
  /** [I, O, kh, kw] */
  readonly weightShape: readonly [number, number, number, number];
  readonly stride: number;
}

/** The output without any padding: [n, O, (h - 1) s + kh, (w - 1) s + kw], rounded up to multiples of s by zeros. */
export function convolvePhases(b: OnnxBuilder, c: PhasedConvolution): WideImage {
  const [n, , h, w] = c.shape;
  const [, outputs, kh, kw] = c.weightShape;
  const { stride } = c;
  const [fullH, fullW] = [(h - 1) * stride + kh, (w - 1) * stride + kw];
  const [rows, columns] = [Math.ceil(fullH / stride), Math.ceil(fullW / stride)];
  const lines = n * outputs * rows;
  const phases = Array.from({ length: stride }, (_, r) => r);
  const woven = phases.map((ry) => {
    const sameRow = phases.map((rx) => reshape(b, phase(b, c, [ry, rx], [rows, columns]), [lines, columns, 1]));
    return reshape(b, b.op("Concat", sameRow, { axis: int(2) }), [lines, 1, stride * columns]);
  });
  const [height, width] = [rows * stride, columns * stride];
  const name = reshape(b, b.op("Concat", woven, { axis: int(1) }), [n, outputs, height, width]);
  return { name, rows: height - fullH, columns: width - fullW };
}

function phase(
  b: OnnxBuilder,
  { image, shape, weight, weightShape, stride }: PhasedConvolution,
  [ry, rx]: readonly [number, number],
  [rows, columns]: readonly [number, number],
): string {
  const [inputs, outputs, kh, kw] = weightShape;
  const [, , h, w] = shape;
  const [tall, wide] = [Math.ceil((kh - ry) / stride), Math.ceil((kw - rx) / stride)];
  const taps = new Float32Array(outputs * inputs * tall * wide);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      for (let y = 0; y < tall; y++) {
        for (let x = 0; x < wide; x++) {
          const [ky, kx] = [ry + stride * (tall - 1 - y), rx + stride * (wide - 1 - x)];
          taps[((o * inputs + i) * tall + y) * wide + x] = weight[((i * outputs + o) * kh + ky) * kw + kx] ?? NaN;
        }
      }
    }
  }
  return b.op("Conv", [image, b.floats(taps, [outputs, inputs, tall, wide])], {
    kernel_shape: ints([tall, wide]),
    strides: ints([1, 1]),
    pads: ints([tall - 1, wide - 1, rows - h, columns - w]),
  });
}
