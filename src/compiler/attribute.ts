// What the compiler knows of a model: its attribute table and sizes. No weights.

/** One row of a model's attribute table. `classes` of a binary attribute are ["no", "yes"]. */
export type Attribute =
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
    };

/** Sizes and tables of a loaded model. */
export interface ModelInfo {
  readonly name: string;
  readonly zDim: number;
  readonly wDim: number;
  /** Number of w vectors the synthesis takes (its layers); 1 for a decoder without style layers. */
  readonly numWs: number;
  readonly resolution: number;
  readonly attributes: readonly Attribute[];
  /** Of a conditional generator: how many classes it draws. */
  readonly classes?: number;
  /** Inclusive layer ranges by name, such as coarse: [0, 3]. */
  readonly layerGroups: Readonly<Record<string, readonly [number, number]>>;
}
