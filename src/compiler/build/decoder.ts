// A decoder z -> image of another tool inside graphs: its network is followed as a synthesis is.
// In: the network as plain data, what its pack says of it, z. Out: the node of the pictures. Invariants: z is clipped before it goes in; a network of a fixed
// batch is run as often as it takes, padded with zeros; all pictures have one class and one truncation.
import { inline } from "../graph/copy.js";
import { scalar, type GraphBuilder } from "../graph/builder.js";
import type { ImageLayout, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { feedsOf, type Decoder } from "../decoder.js";
import type { OnnxModelFile } from "../onnx-network.js";
import { onnxGraph } from "./onnx-network/onnx-graph.js";

/** A decoder that is followed. */
export interface FollowedDecoder {
  readonly network: OnnxModelFile;
  readonly decoder: Decoder;
  /** Of one that truncates by itself. */
  readonly truncation: number;
}

/**
 * Three channels of the pictures of z, nominally in [-1, 1]. Grey stands for all colours, alpha is left out.
 * Shapes   z [rows, zDim] -> [rows, 3, H, W].
 * Errors   LaceError L5204 if an operation of the network is not read.
 */
export function buildDecoder(
  b: GraphBuilder,
  z: NodeId,
  { network, decoder, truncation }: FollowedDecoder,
  layout: ImageLayout,
): NodeId {
  const { clip, input, output, inputShape, outputRange, channels } = decoder;
  const [rows, zDim] = [at(b.shape(z), 0), at(b.shape(z), 1)];
  const kept = clip === undefined ? z : b.clip(z, clip[0], clip[1]);
  const batch = decoder.batch ?? rows;
  const parts: NodeId[] = [];
  for (let start = 0; start < rows; start += batch) {
    const used = Math.min(batch, rows - start);
    const own = b.sliceAxis(kept, 0, start, used);
    const missing = batch - used;
    const padded =
      missing === 0 ? own : b.concat([own, b.constant(new Float32Array(missing * zDim), [missing, zDim])], 0);
    const dims = [batch, ...inputShape];
    const graph = onnxGraph(network, {
      ...{ inputs: { [input]: dims }, known: feedsOf(decoder, batch, truncation), layout, outputs: [output] },
    });
    const image = inline(b, graph, { [input]: b.reshape(padded, dims) })[output] ?? -1;
    parts.push(missing === 0 ? image : b.sliceAxis(image, 0, 0, used));
  }
  const whole = parts.length === 1 ? (parts[0] ?? -1) : b.concat(parts, 0);
  const planes = decoder.layout === "nhwc" ? b.transpose(whole, [0, 3, 1, 2]) : whole;
  const [black, white] = outputRange;
  const scale = 2 / (white - black);
  const shown = b.add(b.mul(planes, scalar(scale)), scalar(-1 - black * scale));
  if (channels === 1) return b.concat([shown, shown, shown], 1);
  return channels === 3 ? shown : b.sliceAxis(shown, 1, 0, 3);
}
