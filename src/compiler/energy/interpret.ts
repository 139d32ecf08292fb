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
  return logic === "product" ? both(energy, heads).yes : lace(energy, heads);
}

/** log p and log (1 - p). */
interface Both {
  readonly yes: number;
  readonly no: number;
}

/**
 * Logic product: log p with log (1 - p) beside it. The latter is found by subtraction only where there is no closed form,
 * so that near p = 1 digits are kept.
 */
function both(e: Energy, heads: HeadOutputs): Both {
  switch (e.kind) {
    case "always":
      return withComplement(0);
    case "class": {
      const logits = outputOf(heads, e.attribute);
      const others = logits.map((_, i) => i).filter((i) => !e.values.includes(i));
      return { yes: logClass(logits, e.values, e.temperature), no: logClass(logits, others, e.temperature) };
    }
    case "near":
      return withComplement(logNear(scalarOf(heads, e.attribute), e.target, e.sigma));
    case "above": {
      const value = scalarOf(heads, e.attribute);
      return { yes: logAbove(value, e.threshold, e.sigma), no: logAbove(e.threshold, value, e.sigma) };
    }
    case "below": {
      const value = scalarOf(heads, e.attribute);
      return { yes: logAbove(e.threshold, value, e.sigma), no: logAbove(value, e.threshold, e.sigma) };
    }
    case "not":
      return swap(both(e.part, heads));
    case "and":
      return swap(any(e.parts.map((p) => swap(both(p, heads)))));
    case "or":
      return any(e.parts.map((p) => both(p, heads)));
    case "weight":
      return withComplement(e.factor * both(e.part, heads).yes);
    case "count": {
      const table = countTable(e.parts.map((p) => both(p, heads)));
      const no = logSumExp([...table.slice(0, e.min), ...table.slice(e.max + 1)]);
      return { yes: logSumExp(table.slice(e.min, e.max + 1)), no };
    }
    default:
      return unreachable(e);
  }
}

function swap({ yes, no }: Both): Both {
  return { yes: no, no: yes };
}

function withComplement(yes: number): Both {
  return { yes, no: log1mexp(yes) };
}

/**
 * At least one of independent parts: 1 - product of (1 - p_i), as the sum of "part i holds and none before it", which keeps
 * the digits where every p is tiny.
 */
function any(parts: readonly Both[]): Both {
  let noneBefore = 0;
  const terms: number[] = [];
  for (const p of parts) {
    terms.push(p.yes + noneBefore);
    noneBefore += p.no;
  }
  return { yes: logSumExp(terms), no: noneBefore };
}

/**
 * Entry k: log of the probability that exactly k of independent parts hold, the Poisson-binomial distribution by its
 * recurrence P_i(k) = P_{i-1}(k) (1 - p_i) + P_{i-1}(k-1) p_i, in log space.
 */
function countTable(parts: readonly Both[]): readonly number[] {
  let table = [0];
  for (const { yes, no } of parts) {
    const last = table;
    table = Array.from({ length: last.length + 1 }, (_, k) =>
      logAddExp((last[k] ?? -Infinity) + no, (last[k - 1] ?? -Infinity) + yes),
    );
  }
  return table;
}

/** Logic lace: the paper's formulas as they are. */
function lace(e: Energy, heads: HeadOutputs): number {
  switch (e.kind) {
    case "always":
    case "near":
    case "above":
    case "below":
      return both(e, heads).yes;
    case "class": {
      const logits = outputOf(heads, e.attribute);
      return logSumExp(e.values.map((v) => (logits[v] ?? NaN) / e.temperature)) - logSumExp(logits);
    }
    case "not": {
      const part = lace(e.part, heads);
      return -Math.min(1, LACE_NOT_LIMIT / Math.abs(part)) * part;
    }
    case "and":
      return e.parts.reduce((sum, p) => sum + lace(p, heads), 0);
    case "or":
      return e.parts
        .map((p) => lace(p, heads))
        .reduce((left, right) => logAddExp(Math.log(LACE_OR_FACTOR) + left, right));
    case "weight":
      return e.factor * lace(e.part, heads);
    case "count":
      throw new InternalError("logic lace has no count");
    default:
      return unreachable(e);
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

function logClass(logits: readonly number[], values: readonly number[], temperature: number): number {
  const scaled = logits.map((f) => f / temperature);
  return logSumExp(values.map((v) => scaled[v] ?? NaN)) - logSumExp(scaled);
}

function logNear(value: number, target: number, sigma: number): number {
  return -((value - target) ** 2) / (2 * sigma ** 2);
}

function logAbove(value: number, threshold: number, sigma: number): number {
  return logSigmoid((LOGISTIC_SLOPE * (value - threshold)) / sigma);
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
