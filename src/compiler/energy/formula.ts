// Formulas: checked energies before a logic gives the connectives their meaning. Names are resolved and numbers
// evaluated; the structure is as written. In: the evaluator (check/evaluate.ts). Out: lowerFormula, and the search for contradictions.
// Invariants: attribute indices are those of the task's model table (CheckedModel.attributes); values are sorted, distinct, not empty.
import { unreachable } from "../../source/internal-error.js";
import type { Span } from "../../source/span.js";
import type { BoundPredicate, ClassPredicate, NearPredicate } from "../predicate.js";

export type Formula =
  | { readonly kind: "always"; readonly span: Span }
  /** Out of `classes` many. */
  | (ClassPredicate & { readonly classes: number })
  | NearPredicate
  | BoundPredicate
  | { readonly kind: "not"; readonly part: Formula; readonly span: Span }
  /** n-ary, at least two parts, in source order. `written`: where each stands in the chain; the span of a named one is where it was declared. */
  | {
      readonly kind: "and" | "or";
      readonly parts: readonly Formula[];
      readonly written: readonly Span[];
      readonly span: Span;
    }
  | {
      readonly kind: "xor" | "implies" | "iff";
      readonly left: Formula;
      readonly right: Formula;
      readonly span: Span;
    }
  | { readonly kind: "weight"; readonly factor: number; readonly part: Formula; readonly span: Span }
  /** Between min and max (inclusive) of the parts hold. */
  | {
      readonly kind: "count";
      readonly word: "atleast" | "exactly" | "atmost";
      readonly min: number;
      readonly max: number;
      readonly parts: readonly Formula[];
      readonly span: Span;
    };

/** Child formulas, in source order. */
export function formulaParts(f: Formula): readonly Formula[] {
  switch (f.kind) {
    case "always":
    case "class":
    case "near":
    case "above":
    case "below":
      return [];
    case "not":
    case "weight":
      return [f.part];
    case "xor":
    case "implies":
    case "iff":
      return [f.left, f.right];
    case "and":
    case "or":
    case "count":
      return f.parts;
    default:
      return unreachable(f);
  }
}

/** The attributes that a formula names, ascending. */
export function attributesOf(f: Formula): readonly number[] {
  const found = new Set<number>();
  const visit = (g: Formula): void => {
    if ("attribute" in g) found.add(g.attribute);
    formulaParts(g).forEach(visit);
  };
  visit(f);
  return [...found].sort((a, b) => a - b);
}
