// What the compiler knows of a file of heads, from its header alone: its rows and the latents that they read. No weights.
// In: whoever reads files. Out: the checker, which compares declarations with it, and readers of heads, which refuse what does not fit.
import type { Diagnostic } from "../source/diagnostic.js";
import type { Attribute, ModelInfo } from "./attribute.js";
import type { HeadSpace } from "./weights.js";

export interface HeadTable {
  readonly attributes: readonly Attribute[];
  /** The latent that each of them reads. */
  readonly spaces: readonly HeadSpace[];
  /** Numbers of the latents; z is told where a head reads it. */
  readonly wDim: number;
  readonly zDim?: number | undefined;
  /** Of a classifier of pictures; absent: its heads read latents. */
  readonly looksAt?: "image";
}

/** What became of looking into a file of heads: its table, or why it cannot be had (L50xx, L51xx). */
export type HeadLook = HeadTable | { readonly trouble: readonly Diagnostic[] };

/** Files of heads by the resolved paths that declarations name. One that is not here has not been looked into: declarations are believed. */
export type HeadLooks = ReadonlyMap<string, HeadLook>;

/** Why the heads of a file cannot read the latents of a model of these sizes; undefined if they can. */
export function widthFault(
  table: Omit<HeadTable, "attributes">,
  model: Pick<ModelInfo, HeadWidth>,
): string | undefined {
  for (const space of ["w", "z"] as const) {
    const width = `${space}Dim` as const;
    if (table.spaces.includes(space) && table[width] !== model[width])
      return `its heads take ${table[width] ?? 0} numbers, the model's ${space} has ${model[width]}`;
  }
  return undefined;
}

type HeadWidth = "wDim" | "zDim";

/** That a file has no head of this name, and which it has. */
export function missingHead(
  attribute: string,
  { attributes }: Pick<HeadTable, "attributes">,
): [what: string, hint: string] {
  return [`it has no head for '${attribute}'`, `it has heads for: ${attributes.map((a) => a.name).join(", ")}`];
}
