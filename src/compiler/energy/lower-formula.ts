// Formulas to energies: a logic gives the connectives their meaning (docs/language.md, logic).
// In: Formula. Out: Energy. Logic product is rewritten where that is an exact identity and better in floating point;
// logic lace keeps what was written, since there the order and the depth of `not` change the numbers.
import type { Formula } from "./formula.js";
import { InternalError } from "../../source/internal-error.js";
import type { Span } from "../../source/span.js";
import type { Energy, Logic } from "./energy.js";

/** InternalError if logic lace meets a connective it does not have; lower refuses those (L3001). */
export function lowerFormula(f: Formula, logic: Logic): Energy {
  return logic === "product" ? lowerProduct(f) : lowerLace(f);
}

/** Whether logic lace has no meaning for this connective. */
export function isDerived(f: Formula): boolean {
  return f.kind === "xor" || f.kind === "implies" || f.kind === "iff" || f.kind === "count";
}

function lowerLace(f: Formula): Energy {
  const { span } = f;
  switch (f.kind) {
    case "always":
    case "near":
    case "above":
    case "below":
      return f;
    case "class":
      return lowerClass(f, f.values);
    case "not":
      return { kind: "not", part: lowerLace(f.part), span };
    case "and":
    case "or":
      return { kind: f.kind, parts: f.parts.map(lowerLace), span };
    case "weight":
      return { kind: "weight", factor: f.factor, part: lowerLace(f.part), span };
    default:
      throw new InternalError(`logic lace has no ${f.kind}`);
  }
}

function lowerProduct(f: Formula): Energy {
  const { span } = f;
  switch (f.kind) {
    case "always":
    case "near":
    case "above":
    case "below":
      return f;
    case "class":
      return lowerClass(f, f.values);
    case "not":
      return lowerNegated(f.part, span);
    case "and":
    case "or":
      return join(f.kind, f.parts.map(lowerProduct), span);
    case "implies":
      return join("or", [lowerNegated(f.left, f.left.span), lowerProduct(f.right)], span);
    case "xor":
      return { kind: "count", parts: [lowerProduct(f.left), lowerProduct(f.right)], min: 1, max: 1, span };
    case "iff":
      return {
        kind: "not",
        part: { kind: "count", parts: [lowerProduct(f.left), lowerProduct(f.right)], min: 1, max: 1, span },
        span,
      };
    case "weight":
      return f.factor === 0
        ? { kind: "always", span }
        : { kind: "weight", factor: f.factor, part: lowerProduct(f.part), span };
    case "count":
      return lowerCount(f.parts, f.min, f.max, span);
  }
}

/** not f, in logic product: pushed inwards where 1 - p has a closed form, so that 1 - p is not computed by subtraction. */
function lowerNegated(f: Formula, span: Span): Energy {
  switch (f.kind) {
    case "not":
      return lowerProduct(f.part);
    case "class": {
      const rest = Array.from({ length: f.classes }, (_, i) => i).filter((i) => !f.values.includes(i));
      return rest.length === 0
        ? { kind: "not", part: lowerClass(f, f.values), span }
        : lowerClass({ ...f, span }, rest);
    }
    // The logistic function is symmetric: 1 - sigmoid(x) = sigmoid(-x).
    case "above":
      return { ...f, kind: "below", span };
    case "below":
      return { ...f, kind: "above", span };
    case "or":
      return noneOf(f.parts, span);
    case "implies":
      return join("and", [lowerProduct(f.left), lowerNegated(f.right, f.right.span)], span);
    case "iff":
      return { kind: "count", parts: [lowerProduct(f.left), lowerProduct(f.right)], min: 1, max: 1, span };
    case "count":
      if (f.min > 0 && f.max === f.parts.length) return lowerCount(f.parts, 0, f.min - 1, span);
      if (f.min === 0 && f.max < f.parts.length) return lowerCount(f.parts, f.max + 1, f.parts.length, span);
      return { kind: "not", part: lowerProduct(f), span };
    case "always":
    case "near":
    case "and":
    case "xor":
    case "weight":
      return { kind: "not", part: lowerProduct(f), span };
  }
}

/** Between min and max of n parts: all, none and at least one are and, and of nots, or. */
function lowerCount(parts: readonly Formula[], min: number, max: number, span: Span): Energy {
  const n = parts.length;
  if (min === 0 && max === n) return { kind: "always", span };
  if (min === n) return join("and", parts.map(lowerProduct), span);
  if (max === 0) return noneOf(parts, span);
  if (min === 1 && max === n) return join("or", parts.map(lowerProduct), span);
  return { kind: "count", parts: parts.map(lowerProduct), min, max, span };
}

function noneOf(parts: readonly Formula[], span: Span): Energy {
  return join(
    "and",
    parts.map((p) => lowerNegated(p, p.span)),
    span,
  );
}

/** A set of all values says nothing. */
function lowerClass(f: Extract<Formula, { kind: "class" }>, values: readonly number[]): Energy {
  const { attribute, temperature, span } = f;
  return values.length === f.classes
    ? { kind: "always", span }
    : { kind: "class", attribute, values, temperature, span };
}

/** Flattens nested parts of one kind; a condition that always holds vanishes from `and`. */
function join(kind: "and" | "or", parts: readonly Energy[], span: Span): Energy {
  const flat = parts
    .flatMap((p) => (p.kind === kind ? p.parts : [p]))
    .filter((p) => kind === "or" || p.kind !== "always");
  if (kind === "or" && flat.some((p) => p.kind === "always")) return { kind: "always", span };
  const [only] = flat;
  if (only === undefined) return { kind: "always", span };
  return flat.length === 1 ? only : { kind, parts: flat, span };
}
