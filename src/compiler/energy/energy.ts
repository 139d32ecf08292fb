// The energy IR: what a checked program means, with all names gone. Every value is log p in nats; an energy is -log p.
// In: lower (check/). Out: buildGraph (the tensor graph) and interpret (slow, float64, its meaning).
// Invariants: leaves refer to attributes by index in the task's model; all numbers are evaluated;
// every node keeps the span of the source that caused it. `logic` decides what the connectives mean (DESIGN.md 2.2).
import { unreachable } from "../../source/internal-error.js";
import type { Span } from "../../source/span.js";

export type Logic = "product" | "lace";

export type Energy =
  /** log p = 0: no condition. */
  | { readonly kind: "always"; readonly span: Span }
  /** The class is one of `values` (sorted, distinct, neither empty nor all). `temperature` divides the logits. */
  | {
      readonly kind: "class";
      readonly attribute: number;
      readonly values: readonly number[];
      readonly temperature: number;
      readonly span: Span;
    }
  /** log p = -(f - target)^2 / (2 sigma^2). */
  | {
      readonly kind: "near";
      readonly attribute: number;
      readonly target: number;
      readonly sigma: number;
      readonly span: Span;
    }
  /** log p = log sigmoid(1.702 (f - threshold) / sigma); "below" mirrors it. */
  | {
      readonly kind: "above" | "below";
      readonly attribute: number;
      readonly threshold: number;
      readonly sigma: number;
      readonly span: Span;
    }
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
