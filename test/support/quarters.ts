// A network over pictures of 16 pixels that tells them apart by their colours: what tests keep identities by, and compare photographs by.
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { NodeId } from "../../src/compiler/graph/graph.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";

/** What stands beside it. */
export const QUARTERS_JSON = JSON.stringify({ format: 1, input: { name: "image", size: 16 }, features: "features" });

/** Mean colours of the quarters of a picture. */
export function quarters(): Uint8Array {
  const b = new GraphBuilder();
  const image = b.input("image", [1, 3, 16, 16]);
  const halves = (x: NodeId, axis: number): NodeId[] => [0, 8].map((from) => b.sliceAxis(x, axis, from, 8));
  const parts = halves(image, 2).flatMap((half) => halves(half, 3));
  const features = b.concat(
    parts.map((part) => b.mean(part, [2, 3])),
    1,
  );
  return emitOnnx(b.finish({ outputs: { features } }));
}
