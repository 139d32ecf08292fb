// The energy IR: what a checked program means, with all names gone. Every value is log p in nats; an energy is -log p.
// In: lower (check/). Out: buildGraph (the tensor graph) and interpret (slow, float64, its meaning).
// Invariants: leaves refer to attributes by index in the task's model; all numbers are evaluated;
// every node keeps the span of the source that caused it. `logic` decides what the connectives mean (docs/language.md, logic).
import { unreachable } from "../../source/internal-error.js";
import type { Span } from "../../source/span.js";
import type { Predicate } from "../predicate.js";

export type Logic = "product" | "lace";

export type Energy =
  /** log p = 0: no condition. */
  | { readonly kind: "always"; readonly span: Span }
  /** A class set that is not all of the classes, or a condition on a scalar. */
  | Predicate
  | { readonly kind: "not"; readonly part: Energy; readonly span: Span }
  /** n-ary, at least two parts, in source order (the order matters in logic lace). */
  | { readonly kind: "and" | "or"; readonly parts: readonly Energy[]; readonly span: Span }
  /** log p = factor * log p(part). */
  | { readonly kind: "weight"; readonly factor: number; readonly part: Energy; readonly span: Span }
  /** Between min and max (inclusive) of the parts hold: xor, iff, atleast, exactly, atmost. Logic product only. */
  | {
      readonly kind: "count";
      readonly parts: readonly Energy[];
      readonly min: number;
      readonly max: number;
      readonly span: Span;
    };

/** Child nodes, in source order. */
export function parts(e: Energy): readonly Energy[] {
  switch (e.kind) {
    case "always":
    case "class":
    case "near":
    case "above":
    case "below":
      return [];
    case "not":
    case "weight":
      return [e.part];
    case "and":
    case "or":
    case "count":
      return e.parts;
    default:
      return unreachable(e);
  }
}

/** The energy with `change` made to each of its parts: itself where it has none. */
function mapParts(e: Energy, change: (part: Energy) => Energy): Energy {
  switch (e.kind) {
    case "always":
    case "class":
    case "near":
    case "above":
    case "below":
      return e;
    case "not":
    case "weight":
      return { ...e, part: change(e.part) };
    case "and":
    case "or":
    case "count":
      return { ...e, parts: e.parts.map(change) };
    default:
      return unreachable(e);
  }
}

/** A new energy node by node, from the leaves up: `change` gets each node with its parts changed already, and the node that it was. */
export function mapEnergy(e: Energy, change: (node: Energy, was: Energy) => Energy): Energy {
  return change(
    mapParts(e, (part) => mapEnergy(part, change)),
    e,
  );
}

/** A value of an energy from those of its parts, from the leaves up. */
export function foldEnergy<T>(e: Energy, value: (node: Energy, parts: readonly T[]) => T): T {
  return value(
    e,
    parts(e).map((part) => foldEnergy(part, value)),
  );
}

/** The attributes that an energy names, by index in the model's table. */
export function attributesNamed(energy: Energy): ReadonlySet<number> {
  const own = "attribute" in energy ? [energy.attribute] : [];
  return new Set([...own, ...parts(energy).flatMap((p) => [...attributesNamed(p)])]);
}
