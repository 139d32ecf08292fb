// A small ONNX labeller for tests: it says the same of every picture, but for what depends on how bright it is.
// In: what it says. Out: the bytes of an ONNX file with outputs `logits` and, where something is unclear, `unclear`.
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";

export interface TinyLabellerOptions {
  readonly batch?: number;
  readonly resolution?: number;
  /** Columns of all attributes side by side. */
  readonly logits: readonly number[];
  /** For each of the first attributes, how unclear it is; `dark` adds its share of the picture's darkness, in [-1, 1]. */
  readonly unclear?: readonly number[];
  readonly dark?: readonly number[];
}

export function tinyLabeller({ batch = 1, resolution = 16, logits, unclear, dark }: TinyLabellerOptions): Uint8Array {
  const b = new GraphBuilder();
  const image = b.input("image", [batch, 3, resolution, resolution]);
  const brightness = b.reshape(b.mean(image, [1, 2, 3], true), [batch, 1]);
  const says = (values: readonly number[], slopes: readonly number[]) =>
    b.add(b.matmul(brightness, b.constant(slopes, [1, slopes.length])), b.constant(values, [1, values.length]));
  const doubts = unclear && { unclear: says(unclear, dark?.map((d) => -d) ?? unclear.map(() => 0)) };
  return emitOnnx(
    b.finish({
      outputs: {
        logits: says(
          logits,
          logits.map(() => 0),
        ),
        ...doubts,
      },
    }),
  );
}
