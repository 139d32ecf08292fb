// What execute asks for and does not know how to make: engines, models, classifiers, an image library. The Node side (or a
// browser, or a test) brings them.
import type { Attribute } from "../../compiler/attribute.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { PlanModel } from "../../compiler/plan.js";
import type { Engine } from "./engine.js";
import type { Host } from "../../ports/host.js";
import type { ImageCodec } from "./codec.js";
import type { RgbImage } from "../image/rgb.js";
import type { LabellerIdentity } from "./labeller-identity.js";
import type { DecoderModel, Model } from "../../models/model.js";

/** What a classifier says of some images. */
export interface Labels {
  /** Shape [n, K]: the columns of all attributes side by side; logits of classes, scalars as they are, NaN where nothing was seen. */
  readonly columns: Float32Array;
  /** Shape [n, attributes]: 1 where an attribute is unclear: neither there nor absent, or of no one class. Absent: the labeller has no word for it. */
  readonly unclear?: Uint8Array;
}

/** What a classifier says of some images, with the features that it says it by. */
export interface FeaturedLabels extends Labels {
  /** [n, F], its penultimate layer, where it shows one. */
  readonly features?: Float32Array;
}

/** An independent image classifier: a pack's own (docs/packs.md), or one that the user brings (docs/labellers.md). */
export interface Labeller extends LabellerIdentity {
  /** What it knows, in the order of the columns. */
  readonly attributes: readonly Attribute[];
  /** What it sees in each image; images are square. */
  look(images: readonly RgbImage[]): Promise<FeaturedLabels>;
  /** The same without features, which cost some labellers another look. */
  label(images: readonly RgbImage[]): Promise<Labels>;
  /** Whether its labels say what is unclear. */
  readonly tellsUnclear?: boolean;
  dispose(): Promise<void>;
}

export interface Services {
  readonly host: Host;
  /** The engine that `--engine` asked for. Errors: LaceError L52xx if it cannot be had. */
  openEngine(): Promise<Engine>;
  /** A model with the script's own heads. Errors: LaceError L51xx. */
  loadModel(model: PlanModel): Promise<Model>;
  /** The classifier of a model; undefined if it has none. */
  openLabeller(model: Model): Promise<Labeller | undefined>;
  /** The model's own, where `openLabeller` opens another that the caller named. */
  openOwnLabeller?(model: Model): Promise<Labeller | undefined>;
  /**
   * The decoder of a model of architecture `onnx`, as a synthesis: input `ws` [rows, 1, zDim], output `pixels` [rows, R, R].
   * Errors: LaceError L5111 if its file is missing or changed, L52xx if it cannot be run.
   */
  openDecoder(model: DecoderModel): Promise<Executable>;
  openCodec(): Promise<ImageCodec>;
  /**
   * Five landmarks of the likeliest face in a picture (models/landmarks.ts); undefined: there is none. Absent where nothing finds faces.
   * Errors: LaceError L5314 if its packages are not installed.
   */
  findFace?(image: RgbImage): Promise<readonly (readonly [number, number])[] | undefined>;
  /** Bytes of memory that are free now. */
  freeMemory(): number;
  /** Makes sure that files can be written to the output folder: asked before hours of work, not after. Errors: LaceError L50xx. */
  prepareOutput(out: string): Promise<void>;
  /**
   * Keeps other runs away from the outputs whose record this is, until the answer is called, and clears away what killed runs have left
   * in the outputs' folders. Errors: LaceError L5309 if another run is writing them.
   */
  claimOutputs(record: string, folders: readonly string[]): Promise<() => Promise<void>>;
}
