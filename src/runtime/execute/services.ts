// What execute asks for and does not know how to make: engines, models, classifiers, an image library. The Node side (or a
// browser, or a test) brings them.
import type { PlanModel } from "../../compiler/plan.js";
import type { Engine } from "../engine/engine.js";
import type { Host } from "../host.js";
import type { ImageCodec } from "../image/codec.js";
import type { RgbImage } from "../image/rgb.js";
import type { Model } from "../model/model.js";

/** An independent image classifier (docs/packs.md, labeller). */
export interface Labeller {
  /**
   * What it sees in each image: the columns of all attributes of the pack side by side.
   *
   * Shapes   n images of the model's resolution -> [n, K].
   */
  label(images: readonly RgbImage[]): Promise<Float32Array>;
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
  openCodec(): Promise<ImageCodec>;
  /** Makes sure that files can be written to the output folder: asked before hours of work, not after. Errors: LaceError L50xx. */
  prepareOutput(out: string): Promise<void>;
}
