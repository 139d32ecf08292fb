// Pictures inside the graphs of energies: what a network says of the picture of a state, which is differentiated through the synthesis.
// In: a model's synthesis, the styles of a tile of states, heads that look at pictures. Out: nodes [rows, K] as heads of latents give them.
// Invariants: a network sees what a labeller is shown, before it is rounded to bytes: three channels within -1 and 1, at the network's size; each picture
// and each network is in the graph once; all activations are kept until the gradient is there, so that memory goes with the rows of the tile.
import { inline } from "../graph/copy.js";
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph, ImageLayout, NodeId, Shape } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { optimize } from "../passes/optimize.js";
import type {
  FeatureHead,
  LikenessHead,
  OutputReading,
  PictureHead,
  PictureNetwork,
  PromptHead,
} from "../picture-head.js";
import { buildCrop, buildPromptLogits } from "./prompt-head.js";
import type { NoiseMode } from "../plan.js";
import { failure, LaceError } from "../../source/diagnostic.js";
import { concat } from "../../source/concat.js";
import { InternalError, unreachable } from "../../source/internal-error.js";
import type { EnergyWeights } from "../weights.js";
import type { ModelInfo } from "../attribute.js";
import { feedsOf, type Decoder } from "../decoder.js";
import type { OnnxModelFile } from "../onnx-network.js";
import { buildDecoded, type DecoderNetwork } from "./decoded.js";
import { buildImage } from "./likeness.js";
import { buildLikenessNumber, buildMisfit, buildOther, buildPasted } from "./likeness-head.js";
import { buildLatent, type Latents } from "./model.js";
import { onnxGraph, type OnnxGraphOptions } from "./onnx-network/onnx-graph.js";
import { buildResampled } from "./resample.js";
import type { SynthesisModel } from "./synthesis.js";

/** A model whose pictures are followed: by its synthesis, or by the network of a decoder in place of one. */
export interface FollowedModel extends SynthesisModel {
  readonly decoder?: Decoder | undefined;
  readonly network?: OnnxModelFile | undefined;
}

/** How a task's pictures are looked at while it is solved. */
export interface PictureTask {
  readonly model: FollowedModel;
  readonly layout: ImageLayout;
  /** The noise that pictures are drawn with; fresh noise is left out. */
  readonly noise: NoiseMode;
  /** psi, and the first layer that it does not reach. */
  readonly truncation: number;
  readonly untruncated?: number | undefined;
  /** Whether pictures move from given styles, the inputs `styles0` [rows, numWs, wDim] and `w0` [rows, wDim], as far as w does from w0. */
  readonly anchored: boolean;
  /** Of what is anchored: the layers that move, inclusive; absent: all. */
  readonly layers?: readonly [number, number] | undefined;
  /** What `keep identity` looks with. */
  readonly features?: FeatureHead | undefined;
}

/** Rows of a tile whose pictures are looked at: activations of a synthesis take much memory. */
export function rowsOfPictures({
  info,
  decoder,
}: {
  readonly info: Pick<ModelInfo, "resolution">;
  readonly decoder?: Decoder | undefined;
}): number {
  if (decoder?.batch !== undefined) return decoder.batch;
  const { resolution } = info;
  return resolution <= LARGEST_OF_MANY ? MANY : 1;
}
const LARGEST_OF_MANY = 128;
const MANY = 4;

/** Probability of a class that a classifier calls impossible: finite logits, as those of labellers. */
const LEAST = 1e-9;

/** The pictures of one tile in a graph. */
class Pictures {
  private readonly images = new Map<number, NodeId>();
  private readonly outputs = new Map<string, Readonly<Record<string, NodeId>>>();

  constructor(
    private readonly b: GraphBuilder,
    private readonly task: Pick<PictureTask, "layout">,
    /** The pictures [rows, 3, H, W], or smaller ones at least so wide, made when they are first asked for. */
    private readonly drawn: (width: number) => NodeId,
  ) {}

  /** What a head says, [rows, K]: logits of all classes, or a number; of pictures of its own width, or of another. */
  see(head: PictureHead, width = head.pixels): NodeId {
    const { b } = this;
    if (head.kind === "likeness") return this.likeness(head, width);
    if (head.kind === "prompt") return this.prompt(head, width);
    const { look, output, columns, gives } = head;
    const flat = this.features({ look, output, ...(width !== undefined && { pixels: width }) });
    const count = at(b.shape(flat), 1);
    const beyond = columns.find((column) => column >= count);
    if (beyond !== undefined)
      throw failure("L5204", `its output '${output}' has ${count} columns, and column ${beyond} is asked for`);
    return asLogits(
      b,
      b.concat(
        columns.map((column) => b.sliceAxis(flat, 1, column, 1)),
        1,
      ),
      gives,
    );
  }

  /** How like the pictures are to one, [rows, 1]; of those features that a mask leaves, the rest of the pictures is the other's. */
  private likeness(head: LikenessHead, width = Infinity): NodeId {
    const { b } = this;
    const image = this.image(width);
    const other = buildOther(b, head, image);
    const { features } = head;
    if (features === undefined) return buildLikenessNumber(b, buildMisfit(b, image, other));
    const { look, output } = features;
    const seen =
      other.mask === undefined ? this.run(look, output, width) : this.runOn(look, output, buildPasted(b, image, other));
    return buildLikenessNumber(b, buildMisfit(b, image, other), { seen: this.flat(seen), of: features.of });
  }

  /** Logits of a text's being said rather than another, [rows, 2]. */
  private prompt(head: PromptHead, width = Infinity): NodeId {
    const { b } = this;
    const image = this.image(width);
    const { size } = head.look.input;
    const crops = b.concat(
      head.crops.map((crop) => buildResampled(b, buildCrop(b, image, crop), size, size)),
      0,
    );
    return buildPromptLogits(b, this.flat(this.runOn(head.look, head.output, crops)), head);
  }

  /** All columns of an output, [rows, F]. */
  features({ look, output, pixels }: FeatureHead): NodeId {
    return this.flat(this.run(look, output, pixels));
  }

  private flat(found: NodeId): NodeId {
    const { b } = this;
    const rows = at(b.shape(found), 0);
    return b.reshape(found, [rows, b.shape(found).reduce((product, n) => product * n, 1) / rows]);
  }

  /** Features as identities are told by, [rows, F]: from their origin. */
  told(head: FeatureHead): NodeId {
    const { b } = this;
    const found = this.features(head);
    if (head.origin === undefined) return found;
    const { mean, without } = head.origin;
    const from = b.sub(found, b.constant(mean, [mean.length]));
    if (without.length === 0) return from;
    const directions = b.constant(concat(without, Float32Array), [without.length, mean.length]);
    const along = b.matmul(from, b.transpose(directions, [1, 0]));
    return b.sub(from, b.matmul(along, directions));
  }

  /** An output of a network on the pictures. Errors: LaceError L5204 if an operation of it is not read. */
  private run(look: PictureNetwork, output: string, pixels = Infinity): NodeId {
    const key = `${look.sha256} ${output} ${pixels}`;
    const known = this.outputs.get(key);
    if (known !== undefined) return known[output] ?? -1;
    const made = this.runOn(look, output, this.image(pixels));
    this.outputs.set(key, { [output]: made });
    return made;
  }

  private runOn(look: PictureNetwork, output: string, image: NodeId): NodeId {
    const given = this.given(look.input, image);
    return this.batched(look, output, given) ?? this.rowByRow(look, output, given);
  }

  /** All pictures at once; undefined for a network that is made for fewer of them, or that takes them together. */
  private batched(look: PictureNetwork, output: string, given: NodeId): NodeId | undefined {
    const { b } = this;
    const rows = at(b.shape(given), 0);
    // One scale for all pictures: what is said of one would depend on the others.
    if (rows > 1 && look.network.nodes.some(({ opType }) => opType === "DynamicQuantizeLinear")) return undefined;
    try {
      const graph = onnxGraph(look.network, this.options(look, output, b.shape(given)));
      const node = graph.outputs[0]?.node ?? -1;
      if (rows > 1 && graph.nodes[node]?.shape[0] !== rows) return undefined;
      return inline(b, graph, { [look.input.name]: given })[output];
    } catch (error) {
      if (rows > 1 && error instanceof LaceError) return undefined;
      throw error;
    }
  }

  /** One picture after another, for networks of a fixed batch of one. Errors: LaceError L5204. */
  private rowByRow(look: PictureNetwork, output: string, given: NodeId): NodeId {
    const { b } = this;
    const [rows, ...rest] = b.shape(given);
    const graph = onnxGraph(look.network, this.options(look, output, [1, ...rest]));
    const found = Array.from({ length: rows ?? 1 }, (_, row) => {
      const own = inline(b, graph, { [look.input.name]: b.sliceAxis(given, 0, row, 1) })[output] ?? -1;
      return b.reshape(own, [1, b.shape(own).reduce((product, n) => product * n, 1)]);
    });
    return b.concat(found, 0);
  }

  private options({ input }: PictureNetwork, output: string, shape: Shape): OnnxGraphOptions {
    return { inputs: { [input.name]: shape }, layout: this.task.layout, outputs: [output] };
  }

  /** The pictures as a network takes them. */
  private given({ size, layout, channels, mean, std }: PictureNetwork["input"], image: NodeId): NodeId {
    const { b } = this;
    const seen = buildResampled(b, image, size, size);
    const planes = [0, 1, 2].map((c) => {
      const deviation = std[c] ?? 1;
      const plane = b.mul(b.sliceAxis(seen, 1, c, 1), scalar(0.5 / deviation));
      return b.add(plane, scalar((0.5 - (mean[c] ?? 0)) / deviation));
    });
    const whole = b.concat(channels === "bgr" ? planes.reverse() : planes, 1);
    return layout === "nhwc" ? b.transpose(whole, [0, 2, 3, 1]) : whole;
  }

  /** The pictures [rows, 3, H, W], or smaller ones, of the blocks up to a width. */
  private image(width: number): NodeId {
    const { b, images } = this;
    const known = images.get(width);
    if (known !== undefined) return known;
    const image = b.clip(this.drawn(width), -1, 1);
    images.set(width, image);
    return image;
  }
}

/** The pictures of styles [rows, numWs, wDim]. */
function drawnFrom(
  b: GraphBuilder,
  task: Pick<PictureTask, "model" | "layout" | "noise" | "truncation">,
  styles: () => NodeId,
): (width: number) => NodeId {
  const { decoder, network } = task.model;
  if (decoder === undefined || network === undefined)
    return (width) => buildImage(b, styles(), { ...task, noise: task.noise === "const" ? "const" : "none" }, width);
  const feeds: DecoderNetwork["feeds"] = (rows) => feedsOf(decoder, rows, task.truncation);
  return () => buildDecoded(b, styles(), { ...decoder, network, feeds }, task.layout);
}

/** Columns that a head gives. */
export function widthOfPicture(head: PictureHead): number {
  if (head.kind === "likeness") return 1;
  if (head.kind === "prompt") return 2;
  const { columns, gives } = head;
  return gives === "logit" || gives === "probability" ? 2 : columns.length;
}

/** Logits (or the number) of what a reading gives. Shapes [rows, columns] -> [rows, K]. */
function asLogits(b: GraphBuilder, x: NodeId, gives: OutputReading): NodeId {
  const log = (p: NodeId): NodeId => b.log(b.clip(p, LEAST, 1));
  switch (gives) {
    case "logits":
    case "number":
      return x;
    case "probabilities":
      return log(x);
    case "logit":
      return b.concat([b.mul(x, scalar(0)), x], 1);
    case "probability":
      return b.concat([log(b.sub(scalar(1), x)), log(x)], 1);
    default:
      return unreachable(gives);
  }
}

/** A state of a tile with its pictures, which are built if something looks at them. `look` absent: nothing may. */
export function withPictures(
  b: GraphBuilder,
  latents: Omit<Latents, "see" | "features">,
  weights: EnergyWeights,
  look: PictureTask | undefined,
  anchors: (name: "styles0" | "w0", shape: readonly number[]) => NodeId,
): Latents {
  if (look === undefined) return latents;
  const pictures = new Pictures(
    b,
    look,
    drawnFrom(b, look, () => buildStyles(b, latents, weights, look, anchors)),
  );
  const { features } = look;
  return {
    ...latents,
    see: (head) => pictures.see(head),
    ...(features && { features: () => pictures.told(features) }),
  };
}

/** The styles of the pictures of a state, [rows, numWs, wDim]. */
function buildStyles(
  b: GraphBuilder,
  { z, w }: Omit<Latents, "see" | "features">,
  weights: EnergyWeights,
  { model, truncation, untruncated, anchored, layers }: PictureTask,
  anchors: (name: "styles0" | "w0", shape: readonly number[]) => NodeId,
): NodeId {
  const { numWs } = model.info;
  const [rows, wDim] = [at(b.shape(w), 0), at(b.shape(w), 1)];
  const from = untruncated ?? numWs;
  const repeated = (x: NodeId, times: number): NodeId =>
    b.broadcast(b.reshape(x, [rows, 1, wDim]), [rows, times, wDim]);
  if (!anchored) {
    if (from === numWs) return repeated(w, numWs);
    return b.concat([repeated(w, from), repeated(buildLatent(b, z, weights, 1), numWs - from)], 1);
  }
  const [first, last] = layers ?? [0, numWs - 1];
  const shares = Float32Array.from({ length: numWs }, (_, layer) => {
    if (layer < first || layer > last) return 0;
    return layer < from ? 1 : 1 / truncation;
  });
  const moved = b.reshape(b.sub(w, anchors("w0", [rows, wDim])), [rows, 1, wDim]);
  return b.add(anchors("styles0", [rows, numWs, wDim]), b.mul(moved, b.constant(shares, [1, numWs, 1])));
}

/** Nats of `keep identity 1` for a cosine distance of 1: `identity a` charges a nats for each hundredth. */
const IDENTITY_UNIT = 100;
/** Added to squared lengths of features: a network that sees nothing has a direction-free, finite distance. */
const LEAST_LENGTH = 1e-8;

/** weight 100 (1 - cos(F, F0)), nats. Shapes [rows, F] twice -> [rows]. */
export function buildIdentityCharge(b: GraphBuilder, features: NodeId, anchor: NodeId, weight: number): NodeId {
  const inverse = (x: NodeId): NodeId => b.rsqrt(b.add(b.sum(b.square(x), [1]), scalar(LEAST_LENGTH)));
  const product = b.sum(b.mul(features, anchor), [1]);
  const cosine = b.mul(product, b.mul(inverse(features), inverse(anchor)));
  return b.mul(b.sub(scalar(1), cosine), scalar(weight * IDENTITY_UNIT));
}

/**
 * What heads say of the pictures of styles, side by side, and features of the pictures, optimized. Heads see the pictures as they are; features are of what
 * is looked at while a task is solved.
 * Shapes   input `ws` [rows, numWs, wDim], outputs `seen` [rows, K], where there are heads, and `features` [rows, F], where they are asked for.
 * Errors   LaceError L5204 if an operation of a network is not read.
 */
export function compilePictureReadout(
  task: Pick<PictureTask, "model" | "layout" | "noise" | "truncation" | "features">,
  heads: readonly PictureHead[],
  rows: number,
): Graph {
  const { synthesis, decoder, info } = task.model;
  const wDim = synthesis?.wDim ?? decoder?.inputShape.reduce((product, n) => product * n, 1);
  if (wDim === undefined) throw new InternalError(`${info.name} has no synthesis that can be followed`);
  const b = new GraphBuilder();
  const ws = b.input("ws", [rows, info.numWs, wDim]);
  const pictures = new Pictures(
    b,
    task,
    drawnFrom(b, task, () => ws),
  );
  const seen = heads.map((head) => pictures.see(head, Infinity));
  const outputs = {
    ...(seen.length > 0 && { seen: b.concat(seen, 1) }),
    ...(task.features && { features: pictures.told(task.features) }),
  };
  return optimize(b.finish({ outputs }));
}

/**
 * What a network sees in pictures, optimized.
 * Shapes   input `pictures` [rows, 3, height, width], in [-1, 1]; output `features` [rows, F].
 * Errors   LaceError L5204 if an operation of the network is not read.
 */
export function compileFeatures(
  head: FeatureHead,
  { rows, width, height, layout }: Pick<PictureTask, "layout"> & Record<"rows" | "width" | "height", number>,
): Graph {
  const b = new GraphBuilder();
  const given = b.input("pictures", [rows, 3, height, width]);
  const pictures = new Pictures(b, { layout }, () => given);
  return optimize(b.finish({ outputs: { features: pictures.features(head) } }));
}
