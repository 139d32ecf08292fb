// What an energy means, in float64, for one sample: the definition that graphs and engines are tested against.
// In: Energy and the outputs of the attribute heads. Out: log p in nats, or the predicate reading that `expect` counts.
// Source: DESIGN.md 2.1 (predicates) and 2.2 (logics).
import { InternalError, unreachable } from "../../source/internal-error.js";
import { LOG1MEXP_GUARD } from "../graph/graph.js";
import type { Energy, Logic } from "./energy.js";

/** Slope that makes the logistic function nearest to the normal distribution function. */
export const LOGISTIC_SLOPE = 1.702;
/** In logic lace, how much the left operand of `or` outweighs the right one. */
export const LACE_OR_FACTOR = 20;
/** In logic lace, `not` scales energies beyond this many nats down to it. */
export const LACE_NOT_LIMIT = 0.1;

/** For each attribute of the model's table, its head's output: K logits, or one number for a scalar. */
export type HeadOutputs = readonly (readonly number[])[];

/**
 * log p of an energy for one sample, in nats; in logic product never above 0.
 *
 * Errors   InternalError if logic lace meets `count` or a head output is missing: lowering refuses both.
 */
export function logProb(energy: Energy, logic: Logic, heads: HeadOutputs): number {
  const of = (e: Energy): number => logProb(e, logic, heads);
  switch (energy.kind) {
    case "always":
      return 0;
    case "class":
      return logClass(outputOf(heads, energy.attribute), energy.values, energy.temperature, logic);
    case "near":
      return -((scalarOf(heads, energy.attribute) - energy.target) ** 2) / (2 * energy.sigma ** 2);
    case "above":
    case "below": {
      const sign = energy.kind === "above" ? 1 : -1;
      const x = (scalarOf(heads, energy.attribute) - energy.threshold) / energy.sigma;
      return logSigmoid(sign * LOGISTIC_SLOPE * x);
    }
    case "not":
      return logic === "product" ? log1mexp(of(energy.part)) : laceNot(of(energy.part));
    case "and":
      return energy.parts.reduce((sum, p) => sum + of(p), 0);
    case "or":
      if (logic === "product") return log1mexp(energy.parts.reduce((sum, p) => sum + log1mexp(of(p)), 0));
      return energy.parts.map(of).reduce((left, right) => logAddExp(Math.log(LACE_OR_FACTOR) + left, right));
    case "weight":
      return energy.factor * of(energy.part);
    case "count":
      if (logic === "lace") throw new InternalError("logic lace has no count");
      return logCount(energy.parts.map(of), energy.min, energy.max);
    default:
      return unreachable(energy);
  }
}

/**
 * An energy read as a yes or no, as `expect` counts it: the likeliest class is one of the values; a scalar is within the
 * tolerance of its target (the sigma of `is x`, so what was written after `+-`), or beyond its threshold; weights do not matter.
 */
export function holds(energy: Energy, heads: HeadOutputs): boolean {
  const of = (e: Energy): boolean => holds(e, heads);
  switch (energy.kind) {
    case "always":
      return true;
    case "class":
      return energy.values.includes(argmax(outputOf(heads, energy.attribute)));
    case "near":
      return Math.abs(scalarOf(heads, energy.attribute) - energy.target) <= energy.sigma;
    case "above":
      return scalarOf(heads, energy.attribute) > energy.threshold;
    case "below":
      return scalarOf(heads, energy.attribute) < energy.threshold;
    case "not":
      return !of(energy.part);
    case "and":
      return energy.parts.every(of);
    case "or":
      return energy.parts.some(of);
    case "weight":
      return of(energy.part);
    case "count": {
      const n = energy.parts.filter(of).length;
      return n >= energy.min && n <= energy.max;
    }
    default:
      return unreachable(energy);
  }
}

/** log(1 - exp(x)) for x <= 0, with x kept at least LOG1MEXP_GUARD below 0, as in graphs: "not" of a certainty stays finite. */
export function log1mexp(x: number): number {
  const y = Math.min(x, -LOG1MEXP_GUARD);
  return y > -Math.LN2 ? Math.log(-Math.expm1(y)) : Math.log1p(-Math.exp(y));
}

/**
 * log of the probability that between min and max (inclusive) of independent events happen, given their log p: the
 * Poisson-binomial distribution by its recurrence P_k(j) = P_{k-1}(j) (1 - p_k) + P_{k-1}(j-1) p_k, in log space.
 */
export function logCount(logP: readonly number[], min: number, max: number): number {
  let row = [0];
  for (const p of logP) {
    const q = log1mexp(p);
    const last = row;
    row = Array.from({ length: last.length + 1 }, (_, j) =>
      logAddExp((last[j] ?? -Infinity) + q, (last[j - 1] ?? -Infinity) + p),
    );
  }
  return logSumExp(row.slice(min, max + 1));
}

function logClass(logits: readonly number[], values: readonly number[], temperature: number, logic: Logic): number {
  const scaled = logits.map((f) => f / temperature);
  const picked = logSumExp(values.map((v) => scaled[v] ?? NaN));
  return picked - logSumExp(logic === "product" ? scaled : logits);
}

function laceNot(logP: number): number {
  return -Math.min(1, LACE_NOT_LIMIT / Math.abs(logP)) * logP;
}

function logSigmoid(x: number): number {
  return Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
}

function logAddExp(a: number, b: number): number {
  const top = Math.max(a, b);
  return top === -Infinity ? top : top + Math.log1p(Math.exp(Math.min(a, b) - top));
}

function logSumExp(values: readonly number[]): number {
  const top = Math.max(...values);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
}

/** The first of the largest; -1 (no class) if any is NaN, so that a failed sample satisfies nothing. */
function argmax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function outputOf(heads: HeadOutputs, attribute: number): readonly number[] {
  const output = heads[attribute];
  if (output === undefined) throw new InternalError(`no output of attribute ${attribute}`);
  return output;
}

function scalarOf(heads: HeadOutputs, attribute: number): number {
  const [value] = outputOf(heads, attribute);
  if (value === undefined) throw new InternalError(`empty output of attribute ${attribute}`);
  return value;
}
