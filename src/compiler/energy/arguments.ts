// The arguments of an energy: the numbers that it reads from the heads, each once. log p is a function of these alone.
// In: an energy. Out: its arguments in the order of their first use; the graph of their gradients and the curvature both count on it.
import { InternalError, unreachable } from "../../source/internal-error.js";
import type { Attribute } from "../attribute.js";
import { at } from "../graph/shape.js";
import type { ClassPredicate } from "../predicate.js";
import { parts, type Energy, type Logic } from "./energy.js";
import type { Varying } from "./varying.js";

export type Argument = Margin | Output;

/**
 * Margin of a set of classes, which does not have class 0: logsumexp of its logits / T less that of the others'. A class set of
 * probability p has margin log p / (1 - p), its complement the negative one.
 */
export interface Margin {
  readonly kind: "margin";
  readonly attribute: number;
  readonly values: readonly number[];
  readonly temperature: number;
  /** Where the temperature varies (varying.ts): its column, in its place. */
  readonly temperatureColumn?: number;
}

/** One column of a head's output: a scalar's number, or a logit. */
export interface Output {
  readonly kind: "output";
  readonly attribute: number;
  readonly column: number;
}

/** The margin that a class predicate reads, and whether it holds the complement's: class 0 is always among the others. */
export function marginOf(
  e: ClassPredicate,
  classes: number,
  varying?: Varying,
): { readonly margin: Margin; readonly negated: boolean } {
  const { attribute, values, temperature } = e;
  const negated = values.includes(0);
  const kept = negated ? Array.from({ length: classes }, (_, v) => v).filter((v) => !values.includes(v)) : values;
  if (kept.length === 0 || kept.length === classes) throw new InternalError("a class set is empty or holds all");
  const column = varying?.of.get(e)?.temperature;
  const margin: Margin = {
    ...{ kind: "margin", attribute, values: kept, temperature },
    ...(column !== undefined && { temperatureColumn: column }),
  };
  return { margin, negated };
}

/** Whether a class predicate is no probability: in logic lace a temperature, also one that varies, divides the picked logits only. */
export function readsLogits({ temperature }: ClassPredicate, logic: Logic): boolean {
  return logic === "lace" && temperature !== 1;
}

/** An energy, or several of one form. */
export interface Conditions {
  readonly energy: Energy;
  readonly logic: Logic;
  readonly attributes: readonly Attribute[];
  readonly varying?: Varying;
}

/** The arguments of an energy, each once. */
export function argumentsOf({ energy, logic, attributes, varying }: Conditions): readonly Argument[] {
  const found = new Map<string, Argument>();
  const add = (a: Argument): void => void found.set(argumentKey(a), a);
  const visit = (e: Energy): void => {
    switch (e.kind) {
      case "class": {
        const classes = classesOf(attributes, e.attribute);
        if (!readsLogits(e, logic)) add(marginOf(e, classes, varying).margin);
        else for (let column = 0; column < classes; column++) add({ kind: "output", attribute: e.attribute, column });
        return;
      }
      case "near":
      case "above":
      case "below":
        add({ kind: "output", attribute: e.attribute, column: 0 });
        return;
      case "always":
      case "not":
      case "and":
      case "or":
      case "weight":
      case "count":
        parts(e).forEach(visit);
        return;
      default:
        unreachable(e);
    }
  };
  visit(energy);
  return [...found.values()];
}

/** Equal for equal arguments. */
export function argumentKey(a: Argument): string {
  return a.kind === "margin"
    ? `${a.attribute} in ${a.values.join()} / ${a.temperature}`
    : `${a.attribute}[${a.column}]`;
}

/** Outputs of an attribute's head: its classes, 1 for a scalar. */
export function classesOf(attributes: readonly Attribute[], index: number): number {
  const attribute = at(attributes, index);
  return attribute.type === "scalar" ? 1 : attribute.classes.length;
}
