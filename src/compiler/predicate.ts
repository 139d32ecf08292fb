// Predicates over one attribute: the leaves that formulas (check/formula.ts) and energies (energy/energy.ts) have in common.
// Invariants: attributes are indices into the task's model table; all numbers are evaluated.
import type { Span } from "../source/span.js";

/** The class is one of `values` (sorted, distinct, not empty). `temperature` divides the logits. */
export interface ClassPredicate {
  readonly kind: "class";
  readonly attribute: number;
  readonly values: readonly number[];
  readonly temperature: number;
  readonly span: Span;
}

/** log p = -(f - target)^2 / (2 sigma^2). */
export interface NearPredicate {
  readonly kind: "near";
  readonly attribute: number;
  readonly target: number;
  readonly sigma: number;
  readonly span: Span;
}

/** log p = log sigmoid(1.702 (f - threshold) / sigma); "below" mirrors it. */
export interface BoundPredicate {
  readonly kind: "above" | "below";
  readonly attribute: number;
  readonly threshold: number;
  readonly sigma: number;
  readonly span: Span;
}

/** A predicate over one attribute. */
export type Predicate = ClassPredicate | NearPredicate | BoundPredicate;
