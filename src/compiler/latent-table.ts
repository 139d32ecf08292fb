// What the compiler knows of a file of latents: which arrays it has and their shapes. No numbers.
// In: whoever reads files. Out: how many pictures they are of, in which space; or why they are none of a model's.
import type { Diagnostic } from "../source/diagnostic.js";
import type { ModelInfo } from "./attribute.js";

/** The shapes of a file's arrays: those that are called w, those that are called z, and one that has no name. */
export interface LatentTable {
  readonly w?: readonly number[];
  readonly z?: readonly number[];
  readonly plain?: readonly number[];
}

/** What became of looking into a file of latents. */
export type LatentLook = LatentTable | { readonly trouble: readonly Diagnostic[] };

/** Files of latents by resolved path. One that is not here has not been looked into. */
export type LatentLooks = ReadonlyMap<string, LatentLook>;

/** What a script may say latents are: z, one w for all layers or one for each, or rows that are the layers of one picture. */
export const LATENT_WORDS = ["z", "w", "wplus"] as const;
export type LatentWord = (typeof LATENT_WORDS)[number];

/** Formats that latents are saved in, by extension. */
export const LATENT_FORMATS = ["npz", "npy", "safetensors"] as const;
export type LatentFormat = (typeof LATENT_FORMATS)[number];

/** The latents of a file as a model takes them. */
export interface LatentForm {
  /** Which array. */
  readonly array: keyof LatentTable;
  readonly space: "z" | "w";
  /** Pictures. */
  readonly rows: number;
  /** One style a layer; false: one w, or z, a picture. */
  readonly layered: boolean;
  /** Whether the file has the z of the same pictures as well. */
  readonly hasZ: boolean;
}

type Sizes = Pick<ModelInfo, "zDim" | "wDim" | "numWs">;

/** How a model takes the arrays of a file, which the script calls `word`; or what is wrong with them, in words. */
export function latentForm(table: LatentTable, word: LatentWord | undefined, model: Sizes): LatentForm | string {
  const array = chosen(table, word);
  const shape = array && table[array];
  if (array === undefined || shape === undefined) return `the file has no array of ${word === "z" ? "z" : "w"}`;
  const space = word === "z" || array === "z" ? "z" : "w";
  const width = space === "z" ? model.zDim : model.wDim;
  const dims = plainDims(shape, word === "wplus" || (space === "w" && shape.length > 2));
  const shown = `[${shape.join(", ")}]`;
  if (dims.at(-1) !== width)
    return `its latents are ${shown}, and the model's ${space} has ${width} number${width === 1 ? "" : "s"}`;
  const layers = dims.length === 3 ? dims[1] : undefined;
  if (dims.length > 3 || (layers !== undefined && space === "z"))
    return `its latents are ${shown}: they would be [${space}], [pictures, ${space}]${space === "w" ? " or [pictures, layers, w]" : ""}`;
  if (layers !== undefined && layers !== 1 && layers !== model.numWs)
    return `its latents are ${shown}, of ${layers} layers, and the model has ${model.numWs}`;
  const rows = dims.length === 1 ? 1 : (dims[0] ?? 0);
  if (rows < 1) return `its latents are ${shown}: there are none`;
  const own = table.z;
  const ofZ = own && plainDims(own, false);
  const hasZ = space === "w" && array === "w" && ofZ?.length === 2 && ofZ[0] === rows && ofZ[1] === model.zDim;
  return { array, space, rows, layered: layers !== undefined && layers > 1, hasZ };
}

function chosen(table: LatentTable, word: LatentWord | undefined): keyof LatentTable | undefined {
  const order: readonly (keyof LatentTable)[] =
    word === "z" ? ["z", "plain"] : word === undefined ? ["w", "plain", "z"] : ["w", "plain"];
  return order.find((name) => table[name] !== undefined);
}

/** The shape without axes of one that some projects put in between; `layered`: of two axes the first counts layers. */
function plainDims(shape: readonly number[], layered: boolean): readonly number[] {
  const dims = [...shape];
  for (let at = dims.length - 2; dims.length > 3 && at > 0; at--) if (dims[at] === 1) dims.splice(at, 1);
  if (dims.length > 3 && dims[0] === 1) dims.shift();
  return layered && dims.length === 2 ? [1, ...dims] : dims;
}
