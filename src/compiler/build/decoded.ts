// The pictures of an ONNX decoder inside a graph: what is differentiated to find the z of a photograph, and where conditions look at pictures.
// In: z, a decoder's network as plain data. Out: three planes in [-1, 1]. Errors: LaceError L5204 if an operation of the network is not read.
import { inline } from "../graph/copy.js";
import { scalar, type GraphBuilder } from "../graph/builder.js";
import type { ImageLayout, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import type { OnnxModelFile } from "../onnx-network.js";
import { onnxGraph } from "./onnx-network/onnx-graph.js";

/** A decoder z -> picture, with all that it takes besides z. */
export interface DecoderNetwork {
  readonly network: OnnxModelFile;
  readonly input: string;
  readonly output: string;
  /** Dimensions of z behind the batch. */
  readonly inputShape: readonly number[];
  /** Of 1 it is grey, of 4 the last is alpha, which is left out. */
  readonly channels: number;
  readonly layout: ImageLayout;
  /** z is kept within these. */
  readonly clip?: readonly [number, number] | undefined;
  /** Values that are black and white. */
  readonly outputRange: readonly [number, number];
  /** Pictures of one run, where the file fixes it. */
  readonly batch?: number | undefined;
  /** Further inputs of a run of so many pictures. */
  readonly feeds: (
    rows: number,
  ) => Readonly<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>>;
}

/**
 * The pictures of z.
 * Shapes   `ws` [rows, 1, zDim] -> [rows, 3, H, W], nominally in [-1, 1].
 */
export function buildDecoded(b: GraphBuilder, ws: NodeId, decoder: DecoderNetwork, layout: ImageLayout): NodeId {
  const rows = at(b.shape(ws), 0);
  const batch = decoder.batch ?? rows;
  if (batch === rows) return buildBatch(b, ws, decoder, layout);
  const [, ...rest] = b.shape(ws);
  const parts: NodeId[] = [];
  for (let start = 0; start < rows; start += batch) {
    const used = Math.min(batch, rows - start);
    const own = b.sliceAxis(ws, 0, start, used);
    // Rows that nobody takes repeat the first.
    const missing = batch - used;
    const filling = (): NodeId => b.broadcast(b.sliceAxis(own, 0, 0, 1), [missing, ...rest]);
    const pictures = buildBatch(b, missing === 0 ? own : b.concat([own, filling()], 0), decoder, layout);
    parts.push(missing === 0 ? pictures : b.sliceAxis(pictures, 0, 0, used));
  }
  return b.concat(parts, 0);
}

function buildBatch(b: GraphBuilder, ws: NodeId, decoder: DecoderNetwork, layout: ImageLayout): NodeId {
  const rows = at(b.shape(ws), 0);
  const { network, input, output, inputShape, clip, channels } = decoder;
  const given = b.reshape(ws, [rows, ...inputShape]);
  const graph = onnxGraph(network, {
    ...{ inputs: { [input]: [rows, ...inputShape] }, known: decoder.feeds(rows), layout, outputs: [output] },
  });
  const z = clip === undefined ? given : b.clip(given, clip[0], clip[1]);
  const found = inline(b, graph, { [input]: z })[output] ?? -1;
  const planes = decoder.layout === "nhwc" ? b.transpose(found, [0, 3, 1, 2]) : found;
  const colours = channels === 1 ? b.concat([planes, planes, planes], 1) : b.sliceAxis(planes, 1, 0, 3);
  const [black, white] = decoder.outputRange;
  return b.sub(b.mul(b.sub(colours, scalar(black)), scalar(2 / (white - black))), scalar(1));
}
