// Small ONNX decoders z -> image, for tests: one matrix product and a reshape.
// In: sizes and a layout. Out: the bytes of an ONNX file. Its images hold tanh of a product, hence values in [-1, 1].
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import { random } from "./random.js";

export interface TinyDecoderOptions {
  readonly batch?: number;
  readonly zDim?: number;
  readonly resolution?: number;
  readonly layout?: "nchw" | "nhwc";
  readonly channels?: number;
  /** The image is this times a value in [0, 1]. */
  readonly white?: number;
}

export function tinyDecoder(options: TinyDecoderOptions = {}): Uint8Array {
  const { batch = 2, zDim = 6, resolution = 8, layout = "nchw", channels = 3, white } = options;
  const r = random(4);
  const size = channels * resolution * resolution;
  const b = new GraphBuilder();
  const z = b.input("z", [batch, zDim]);
  const weight = b.constant(
    Float32Array.from({ length: zDim * size }, () => r.normal()),
    [zDim, size],
  );
  // 2 sigmoid(x) - 1 lies in (-1, 1).
  const unit = b.unary("sigmoid", b.matmul(z, weight));
  const y = white === undefined ? b.sub(b.mul(unit, scalar(2)), scalar(1)) : b.mul(unit, scalar(white));
  const shape =
    layout === "nchw" ? [batch, channels, resolution, resolution] : [batch, resolution, resolution, channels];
  return emitOnnx(b.finish({ outputs: { img: b.reshape(y, shape) } }));
}
