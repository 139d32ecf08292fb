// A labeller's columns in the terms of a model's table.
// In: the attributes of a labeller and of a model. Out: a Translation. Invariant: attributes are paired by name and classes, wherever they stand.
import type { Attribute } from "../../compiler/attribute.js";
import type { Energy } from "../../compiler/energy/energy.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { attributesNamed } from "../../compiler/energy/energy.js";

/** A labeller's columns in the terms of a model's table. */
export interface Translation {
  /** Whether every attribute of an energy is one that the labeller knows. */
  knows(energy: Energy): boolean;
  /** Where the labeller has an attribute of the table; undefined where it does not know it. */
  place(attribute: number): number | undefined;
  /** A labeller's outputs by index in the table; empty where the labeller knows nothing. */
  outputs(seen: HeadOutputs): HeadOutputs;
}

/** Pairs attributes by name and classes: a script's own head may be for something that the labeller sees too. */
export function translate(labeller: readonly Attribute[], table: readonly Attribute[]): Translation {
  const from = table.map((a) => labeller.findIndex((b) => isSame(a, b)));
  const place = (attribute: number): number | undefined => {
    const found = from[attribute] ?? -1;
    return found < 0 ? undefined : found;
  };
  return {
    place,
    knows: (energy) => [...attributesNamed(energy)].every((a) => place(a) !== undefined),
    outputs: (seen) => from.map((k) => seen[k] ?? []),
  };
}

function isSame(a: Attribute, b: Attribute): boolean {
  if (a.name !== b.name || a.type !== b.type) return false;
  if (a.type === "scalar" || b.type === "scalar") return true;
  return a.classes.length === b.classes.length && a.classes.every((c, k) => c === b.classes[k]);
}
