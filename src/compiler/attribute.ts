// What the compiler knows of a model: its attribute table and sizes. No weights.
import type { Residuals } from "./residuals.js";

/** What is known of the head of an attribute, where it was trained by a lacec that measures it. */
export interface HeadFacts {
  /** Part of the labels that it explains on rows held out: of classes 1 - log loss / that of their frequencies, of a scalar R2. */
  readonly skill?: number;
  /** Who labelled the images that it was trained on; hash as in LabellerIdentity. */
  readonly labelledBy?: { readonly name: string; readonly sha256: string | null };
  /** Who labelled the images that calibrated it alone, where it learnt from something else. */
  readonly calibratedBy?: { readonly name: string; readonly sha256: string | null };
  /** Of a second head, which other rows made (its witness): what calibration found, and its own skill. */
  readonly witness?: WitnessRow;
}

export interface WitnessRow {
  readonly temperature?: number;
  readonly sigma?: number;
  readonly skill?: number;
}

/** A head that explains less than this part of its labels knows nothing that a sampler could follow. */
export const LEAST_SKILL = 0.05;

/** One row of a model's attribute table. `classes` of a binary attribute are ["no", "yes"]. */
export type Attribute = HeadFacts &
  (
    | {
        readonly name: string;
        readonly type: "binary" | "category";
        readonly classes: readonly string[];
        readonly temperature: number;
      }
    | {
        readonly name: string;
        readonly type: "scalar";
        readonly min: number;
        readonly max: number;
        readonly sigma: number;
        /** What its head was wrong by on rows held out. */
        readonly residuals?: Residuals;
      }
  );

/** Sizes and tables of a loaded model. */
export interface ModelInfo {
  readonly name: string;
  readonly zDim: number;
  readonly wDim: number;
  /** Number of w vectors the synthesis takes (its layers); 1 for a decoder without style layers. */
  readonly numWs: number;
  /** Rows and columns of an image; where they differ, what the last block of its synthesis is called. */
  readonly resolution: number;
  /** Whether its layers add noise; absent: not known. */
  readonly noise?: boolean;
  /** Columns and rows, where they are not `resolution` both. */
  readonly imageSize?: readonly [number, number];
  /** Of images with alpha, a fourth channel; absent: grey or three colours. */
  readonly imageChannels?: 4;
  /** Whether its pictures can be moved in their images, as those of StyleGAN3. */
  readonly movable?: true;
  readonly attributes: readonly Attribute[];
  /** Of a conditional generator: how many classes it draws. */
  readonly classes?: number;
  /** Of a decoder: whether it truncates by itself, by an input. */
  readonly truncates?: true;
  /** Inclusive layer ranges by name, such as coarse: [0, 3]. */
  readonly layerGroups: Readonly<Record<string, readonly [number, number]>>;
}

/** The size of a model's images in pixels. */
export function imageSizeOf({ resolution, imageSize }: Pick<ModelInfo, "resolution" | "imageSize">): {
  readonly width: number;
  readonly height: number;
} {
  const [width, height] = imageSize ?? [resolution, resolution];
  return { width, height };
}
