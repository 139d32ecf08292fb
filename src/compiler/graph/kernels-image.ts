// The image operations of the interpreter: convolution, transposed convolution and FIR resampling, in both layouts.
// In: ops and shapes. Out: kernels. Invariants: written for clarity over speed; layouts differ only in the strides used.
import { InternalError } from "../../source/internal-error.js";
import type { ImageLayout, Op, Shape } from "./graph.js";
import type { Kernel } from "./kernel.js";
import { at, imageSizes } from "./shape.js";

interface ImageStrides {
  readonly batch: number;
  readonly channel: number;
  readonly row: number;
  readonly column: number;
}

function imageStrides(shape: Shape, layout: ImageLayout): ImageStrides {
  const { channels, height, width } = imageSizes(shape, layout);
  return layout === "nchw"
    ? { batch: channels * height * width, channel: height * width, row: width, column: 1 }
    : { batch: channels * height * width, channel: 1, row: width * channels, column: channels };
}

/** out[n, o, y, x] = bias[o] + sum over i, ky, kx of in[n, i, y s + ky - p, x s + kx - p] weight[o, i, ky, kx]. */
export function convKernel(op: Extract<Op, { kind: "conv2d" }>, x: Shape, weight: Shape, shape: Shape): Kernel {
  const [from, to] = [imageStrides(x, op.layout), imageStrides(shape, op.layout)];
  const [input, output] = [imageSizes(x, op.layout), imageSizes(shape, op.layout)];
  const [kh, kw] = [at(weight, 2), at(weight, 3)];
  return ([image, w, bias], out) => {
    const [v, k] = [given(image), given(w)];
    for (let n = 0; n < output.batch; n++) {
      for (let o = 0; o < output.channels; o++) {
        const base = n * to.batch + o * to.channel;
        fillPlane(out, base, to, output, op.hasBias ? (given(bias)[o] ?? NaN) : 0);
        for (let i = 0; i < input.channels; i++) {
          for (let ky = 0; ky < kh; ky++) {
            for (let kx = 0; kx < kw; kx++) {
              const factor = k[((o * input.channels + i) * kh + ky) * kw + kx] ?? NaN;
              for (let y = 0; y < output.height; y++) {
                const sy = y * op.stride + ky - op.pad;
                if (sy < 0 || sy >= input.height) continue;
                const source = n * from.batch + i * from.channel + sy * from.row;
                const target = base + y * to.row;
                for (let c = 0; c < output.width; c++) {
                  const sx = c * op.stride + kx - op.pad;
                  if (sx < 0 || sx >= input.width) continue;
                  const t = target + c * to.column;
                  out[t] = (out[t] ?? NaN) + factor * (v[source + sx * from.column] ?? NaN);
                }
              }
            }
          }
        }
      }
    }
  };
}

/** out[n, o, y s + ky - p, x s + kx - p] += in[n, i, y, x] weight[i, o, ky, kx]. */
export function convTransposeKernel(
  op: Extract<Op, { kind: "convTranspose2d" }>,
  x: Shape,
  weight: Shape,
  shape: Shape,
): Kernel {
  const [from, to] = [imageStrides(x, op.layout), imageStrides(shape, op.layout)];
  const [input, output] = [imageSizes(x, op.layout), imageSizes(shape, op.layout)];
  const [kh, kw] = [at(weight, 2), at(weight, 3)];
  return ([image, w], out) => {
    const [v, k] = [given(image), given(w)];
    out.fill(0);
    for (let n = 0; n < input.batch; n++) {
      for (let i = 0; i < input.channels; i++) {
        for (let o = 0; o < output.channels; o++) {
          for (let ky = 0; ky < kh; ky++) {
            for (let kx = 0; kx < kw; kx++) {
              const factor = k[((i * output.channels + o) * kh + ky) * kw + kx] ?? NaN;
              for (let y = 0; y < input.height; y++) {
                const ty = y * op.stride + ky - op.pad;
                if (ty < 0 || ty >= output.height) continue;
                const source = n * from.batch + i * from.channel + y * from.row;
                const target = n * to.batch + o * to.channel + ty * to.row;
                for (let c = 0; c < input.width; c++) {
                  const tx = c * op.stride + kx - op.pad;
                  if (tx < 0 || tx >= output.width) continue;
                  const t = target + tx * to.column;
                  out[t] = (out[t] ?? NaN) + factor * (v[source + c * from.column] ?? NaN);
                }
              }
            }
          }
        }
      }
    }
  };
}

/**
 * Upsampled by zero insertion (each pixel followed by up - 1 zeros), padded, convolved, every down-th entry kept:
 * out[y] = gain sum over k of kernel[taps - 1 - k] padded[y down + k], in both directions at once.
 */
export function upfirdnKernel(op: Extract<Op, { kind: "upfirdn2d" }>, x: Shape, shape: Shape): Kernel {
  const [from, to] = [imageStrides(x, op.layout), imageStrides(shape, op.layout)];
  const [input, output] = [imageSizes(x, op.layout), imageSizes(shape, op.layout)];
  const rows = hits(op, input.height, output.height, op.pads[0], op.kernel.length);
  const columns = hits(op, input.width, output.width, op.pads[2], at(op.kernel, 0).length);
  return ([image], out) => {
    const v = given(image);
    out.fill(0);
    for (let n = 0; n < output.batch; n++) {
      for (let c = 0; c < output.channels; c++) {
        const [source, target] = [n * from.batch + c * from.channel, n * to.batch + c * to.channel];
        for (const { tap: ky, outputs: ys, inputs: ins } of rows) {
          for (const { tap: kx, outputs: xs, inputs: beside } of columns) {
            const factor = op.gain * at(at(op.kernel, ky), kx);
            for (let i = 0; i < ys.length; i++) {
              const read = source + (ins[i] ?? NaN) * from.row;
              const write = target + (ys[i] ?? NaN) * to.row;
              for (let j = 0; j < xs.length; j++) {
                const t = write + (xs[j] ?? NaN) * to.column;
                out[t] = (out[t] ?? NaN) + factor * (v[read + (beside[j] ?? NaN) * from.column] ?? NaN);
              }
            }
          }
        }
      }
    }
  };
}

/** Where one tap of a direction meets a pixel: the positions of the output, and those of the input that they read. */
interface Hits {
  readonly tap: number;
  readonly outputs: Int32Array;
  readonly inputs: Int32Array;
}

function hits(
  op: Extract<Op, { kind: "upfirdn2d" }>,
  size: number,
  outputs: number,
  before: number,
  length: number,
): readonly Hits[] {
  return Array.from({ length }, (_, k) => {
    const places = Array.from({ length: outputs }, (_, o) => [o, o * op.down + k - before] as const).filter(
      ([, position]) => position >= 0 && position % op.up === 0 && position / op.up < size,
    );
    return {
      tap: length - 1 - k,
      outputs: Int32Array.from(places, ([o]) => o),
      inputs: Int32Array.from(places, ([, position]) => position / op.up),
    };
  });
}

function fillPlane(
  out: Float64Array,
  base: number,
  strides: ImageStrides,
  sizes: { readonly height: number; readonly width: number },
  value: number,
): void {
  for (let y = 0; y < sizes.height; y++) {
    for (let x = 0; x < sizes.width; x++) out[base + y * strides.row + x * strides.column] = value;
  }
}

function given(x: Float64Array | undefined): Float64Array {
  if (x === undefined) throw new InternalError("an operand's value is missing");
  return x;
}
