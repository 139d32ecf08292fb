// Named tensors of a pack -> the weights that energies take, every shape checked on the way.
// In: a lookup of tensors and the sizes that the metadata promise. Out: MappingWeights, HeadWeights.
// Invariants: a missing tensor, a wrong shape and a number that is not finite are LaceErrors that name the tensor.
import type { Attribute } from "../../compiler/attribute.js";
import type { HeadSpace, HeadWeights, MappingWeights, Tensor } from "../../compiler/weights.js";
import { InternalError } from "../../source/internal-error.js";
import { modelError } from "../model-error.js";

/** Whether all entries are finite: 0 times anything else is NaN. */
function isFinite(data: Float32Array): boolean {
  let zero = 0;
  for (const v of data) zero += v * 0;
  return zero === 0;
}

/** Tensors by name; `has` is cheap, `read` widens to float32. */
export class TensorSource {
  constructor(
    readonly file: string,
    private readonly find: (name: string) => Tensor | undefined,
    private readonly names: ReadonlySet<string>,
  ) {}

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** Dimensions of the tensor of that name; 0 if there is none. */
  rankOf(name: string): number {
    return this.find(name)?.shape.length ?? 0;
  }

  /**
   * The tensor of that name. `shape` says what it must be; an undefined entry stands for any size.
   * Errors LaceError L5109 if it is missing, has another shape or holds a number that is not finite.
   */
  read(name: string, shape: readonly (number | undefined)[]): Tensor {
    const tensor = this.find(name);
    if (tensor === undefined) throw modelError("L5109", this.file, `the tensor '${name}' is missing`);
    if (tensor.shape.length !== shape.length || shape.some((n, i) => n !== undefined && n !== tensor.shape[i])) {
      const wanted = shape.map((n) => n ?? "any").join(", ");
      throw modelError(
        "L5109",
        this.file,
        `the tensor '${name}' has shape [${tensor.shape.join(", ")}], not [${wanted}]`,
      );
    }
    if (!isFinite(tensor.data))
      throw modelError("L5109", this.file, `the tensor '${name}' holds a number that is not finite`);
    return tensor;
  }

  /** One dense layer `NAME.weight` [out, inputs], `NAME.bias` [out]. */
  dense(name: string, inputs: number, outputs?: number): { readonly weight: Tensor; readonly bias: Tensor } {
    const weight = this.read(`${name}.weight`, [outputs, inputs]);
    return { weight, bias: this.read(`${name}.bias`, [weight.shape[0]]) };
  }
}

/** Outputs of a head: a logit for each class, or one number. */
export function headWidth(attribute: Attribute): number {
  return attribute.type === "scalar" ? 1 : attribute.classes.length;
}

/** What the reader of a mapping must know; `classes` is 0 or missing where it takes no class. */
export interface MappingSizes {
  readonly zDim: number;
  readonly wDim: number;
  readonly classes?: number | undefined;
  readonly mapping?:
    { readonly layers: number; readonly lrMultiplier: number; readonly normalize: boolean } | undefined;
}

/** The mapping network; undefined where the metadata have none. Errors LaceError L5109. */
export function readMapping(source: TensorSource, sizes: MappingSizes & { readonly mapping: object }): MappingWeights;
export function readMapping(source: TensorSource, sizes: MappingSizes): MappingWeights | undefined;
export function readMapping(source: TensorSource, sizes: MappingSizes): MappingWeights | undefined {
  const { mapping, zDim, wDim, classes = 0 } = sizes;
  if (mapping === undefined) return undefined;
  const embedding =
    classes > 0 ? { ...source.dense("mapping.embed", classes), weightGain: 1 / Math.sqrt(classes) } : undefined;
  let width = zDim + (embedding?.bias.data.length ?? 0);
  const layers = Array.from({ length: mapping.layers }, (_, i) => {
    const layer = source.dense(`mapping.fc${i}`, width, i === mapping.layers - 1 ? wDim : undefined);
    const gains = { weightGain: mapping.lrMultiplier / Math.sqrt(width), biasGain: mapping.lrMultiplier };
    width = layer.bias.data.length;
    return { ...layer, ...gains };
  });
  const wAverage = source.read("mapping.w_avg", [wDim]);
  return { normalize: mapping.normalize, layers, wAverage, ...(embedding && { embedding }) };
}

/**
 * The head of one attribute on `inputs` numbers of its space, or the second one beside it: layers fc0, fc1, ... as many as there are, then `out`;
 * of a smooth one `units`, `mix`, and `direct`.
 * Errors   LaceError L5109.
 */
function readHead(
  source: TensorSource,
  group: "heads" | "witnesses",
  attribute: Attribute,
  { space, inputs }: { readonly space: HeadSpace; readonly inputs: number },
): HeadWeights {
  const prefix = `${group}.${attribute.name}`;
  const named = { attribute: attribute.name, ...(space === "z" && { space }) };
  const outputs = headWidth(attribute);
  if (source.has(`${prefix}.units.weight`)) {
    const units = source.dense(`${prefix}.units`, inputs);
    const layers = [units, source.dense(`${prefix}.mix`, units.bias.data.length, outputs)];
    return { ...named, layers, direct: source.read(`${prefix}.direct.weight`, [outputs, inputs]) };
  }
  let width = inputs;
  const layers: { readonly weight: Tensor; readonly bias: Tensor }[] = [];
  while (source.has(`${prefix}.fc${layers.length}.weight`)) {
    const layer = source.dense(`${prefix}.fc${layers.length}`, width);
    width = layer.bias.data.length;
    layers.push(layer);
  }
  layers.push(source.dense(`${prefix}.out`, width, outputs));
  return { ...named, layers };
}

/** The heads of a table, and the second heads of the rows that say that they have one. */
export interface TableHeads {
  readonly heads: readonly HeadWeights[];
  /** By index in the table; absent where no row has one. */
  readonly witnesses?: readonly (HeadWeights | undefined)[];
}

/** The heads of a table. `rows` are the rows as they are stored, which say the spaces. Errors LaceError L5109. */
export function readHeads(
  source: TensorSource,
  attributes: readonly Attribute[],
  rows: readonly { readonly space: HeadSpace }[],
  widths: Widths,
): TableHeads {
  const takes = attributes.map((_, i) => {
    const space = rows[i]?.space ?? "w";
    const inputs = widthIn(space, widths);
    if (inputs === undefined) throw new InternalError("heads in space z without zDim: parseHeadMetadata refuses them");
    return { space, inputs };
  });
  const read = (group: "heads" | "witnesses", attribute: Attribute, i: number): HeadWeights => {
    const { space = "w", inputs = 0 } = takes[i] ?? {};
    return readHead(source, group, attribute, { space, inputs });
  };
  const heads = attributes.map((attribute, i) => read("heads", attribute, i));
  if (attributes.every((a) => a.witness === undefined)) return { heads };
  return {
    heads,
    witnesses: attributes.map((a, i) => (a.witness === undefined ? undefined : read("witnesses", a, i))),
  };
}

/** Numbers of the two latents of a model, as far as they are known. */
export interface Widths {
  readonly wDim: number;
  readonly zDim?: number | undefined;
}

/** Numbers of the latent of a space. */
export function widthIn(space: HeadSpace, { wDim, zDim }: Widths): number | undefined {
  return space === "w" ? wDim : zDim;
}
