// What an energy means, in float64, for one sample: the definition that graphs and engines are tested against.
// In: Energy and the outputs of the attribute heads. Out: log p in nats, or the predicate reading that `expect` counts.
// Source: docs/language.md, predicates and logic.
import { InternalError, unreachable } from "../../source/internal-error.js";
import { LOG1MEXP_GUARD } from "../graph/graph.js";
import { readsLogits } from "./arguments.js";
import { LONG_COUNT, planCount, type CountPlan } from "./counts.js";
import type { Energy, Logic } from "./energy.js";
import type { BoundPredicate, NearPredicate, Predicate } from "../predicate.js";

/** Slope that makes the logistic function nearest to the normal distribution function. */
export const LOGISTIC_SLOPE = 1.702;
/** In logic lace, how much the left operand of `or` outweighs the right one. */
export const LACE_OR_FACTOR = 20;
/** In logic lace, `not` scales energies beyond this many nats down to it. */
export const LACE_NOT_LIMIT = 0.1;

/** For each attribute of the model's table, its head's output: K logits, or one number for a scalar. */
export type HeadOutputs = readonly (readonly number[])[];

/** log p and log (1 - p). */
export interface Both<T> {
  readonly yes: T;
  readonly no: T;
}

/** What an energy is computed in: numbers, or numbers with their derivatives (curvature.ts). */
export interface Arithmetic<T> {
  constant(value: number): T;
  add(a: T, b: T): T;
  scale(a: T, factor: number): T;
  log1mexp(a: T): T;
  /** Of one or more. */
  logSumExp(terms: readonly T[]): T;
  /** `not` of logic lace: the value less what is beyond LACE_NOT_LIMIT, its sign turned. */
  laceNot(a: T): T;
  leaf(e: Predicate): Both<T>;
}

/**
 * log p of an energy for one sample, in nats; in logic product never above 0.
 *
 * Errors   InternalError if logic lace meets `count` or a head output is missing: lowering refuses both.
 */
export function logProb(energy: Energy, logic: Logic, heads: HeadOutputs): number {
  return meaning(energy, logic, numbers(logic, heads));
}

/** log p of an energy in any arithmetic. Errors: as logProb. */
export function meaning<T>(energy: Energy, logic: Logic, arithmetic: Arithmetic<T>): T {
  return logic === "product" ? both(energy, arithmetic).yes : lace(energy, arithmetic);
}

function numbers(logic: Logic, heads: HeadOutputs): Arithmetic<number> {
  return {
    constant: (value) => value,
    add: (a, b) => a + b,
    scale: (a, factor) => factor * a,
    log1mexp,
    logSumExp,
    laceNot: (a) => -Math.min(1, LACE_NOT_LIMIT / Math.abs(a)) * a,
    leaf: (e) => leaf(e, logic, heads),
  };
}

/** A predicate of either logic: log (1 - p) by subtraction only where there is no closed form, so that near p = 1 digits are kept. */
function leaf(e: Predicate, logic: Logic, heads: HeadOutputs): Both<number> {
  switch (e.kind) {
    case "class": {
      const logits = outputOf(heads, e.attribute);
      const others = logits.map((_, i) => i).filter((i) => !e.values.includes(i));
      const no = logClass(logits, others, e.temperature);
      if (!readsLogits(e, logic)) return { yes: logClass(logits, e.values, e.temperature), no };
      return { yes: logSumExp(e.values.map((v) => (logits[v] ?? NaN) / e.temperature)) - logSumExp(logits), no };
    }
    case "near": {
      const yes = logNear(scalarOf(heads, e.attribute), e.target, e.sigma);
      return { yes, no: log1mexp(yes) };
    }
    case "above":
    case "below": {
      const value = scalarOf(heads, e.attribute);
      const above = logAbove(value, e.threshold, e.sigma);
      const below = logAbove(e.threshold, value, e.sigma);
      return e.kind === "above" ? { yes: above, no: below } : { yes: below, no: above };
    }
    default:
      return unreachable(e);
  }
}

/** Logic product: log p with log (1 - p) beside it. */
function both<T>(e: Energy, x: Arithmetic<T>): Both<T> {
  const withComplement = (yes: T): Both<T> => ({ yes, no: x.log1mexp(yes) });
  switch (e.kind) {
    case "always":
      return withComplement(x.constant(0));
    case "class":
    case "near":
    case "above":
    case "below":
      return x.leaf(e);
    case "not":
      return swap(both(e.part, x));
    case "and":
      return swap(
        any(
          e.parts.map((p) => swap(both(p, x))),
          x,
        ),
      );
    case "or":
      return any(
        e.parts.map((p) => both(p, x)),
        x,
      );
    case "weight":
      return withComplement(x.scale(both(e.part, x).yes, e.factor));
    case "count": {
      const parts = e.parts.map((p) => both(p, x));
      if (parts.length > LONG_COUNT) return longCount(parts, planCount(parts.length, e), x);
      const table = countTable(parts, x);
      const [yes, no] = [table.slice(e.min, e.max + 1), [...table.slice(0, e.min), ...table.slice(e.max + 1)]];
      return { yes: sumOf(yes, x), no: sumOf(no, x) };
    }
    default:
      return unreachable(e);
  }
}

function swap<T>({ yes, no }: Both<T>): Both<T> {
  return { yes: no, no: yes };
}

/** logsumexp; of no terms, log 0. */
function sumOf<T>(terms: readonly T[], x: Arithmetic<T>): T {
  return terms.length === 0 ? x.constant(-Infinity) : x.logSumExp(terms);
}

/**
 * At least one of independent parts: 1 - product of (1 - p_i), as the sum of "part i holds and none before it", which keeps
 * the digits where every p is tiny.
 */
function any<T>(parts: readonly Both<T>[], x: Arithmetic<T>): Both<T> {
  let noneBefore = x.constant(0);
  const terms: T[] = [];
  for (const p of parts) {
    terms.push(x.add(p.yes, noneBefore));
    noneBefore = x.add(noneBefore, p.no);
  }
  return { yes: sumOf(terms, x), no: noneBefore };
}

/**
 * Entry k: log of the probability that exactly k of independent parts hold, the Poisson-binomial distribution by its
 * recurrence P_i(k) = P_{i-1}(k) (1 - p_i) + P_{i-1}(k-1) p_i, in log space. Behind entry `most` one is left: more.
 */
function countTable<T>(parts: readonly Both<T>[], x: Arithmetic<T>, most = Infinity): readonly T[] {
  let table: readonly T[] = [x.constant(0)];
  for (const { yes, no } of parts) {
    const last = table;
    table = Array.from({ length: Math.min(last.length + 1, most + 2) }, (_, k) => {
      const [failed, held] = [last[k], last[k - 1]];
      const terms = [
        ...(failed === undefined ? [] : [k > most ? failed : x.add(failed, no)]),
        ...(held === undefined ? [] : [x.add(held, yes)]),
      ];
      return sumOf(terms, x);
    });
  }
  return table;
}

/** A count of many parts: of the numbers that matter alone. */
function longCount<T>(parts: readonly Both<T>[], plan: CountPlan, x: Arithmetic<T>): Both<T> {
  const { contrary, negated, min, max } = plan;
  const table = countTable(contrary ? parts.map(swap) : parts, x, max);
  const inside = sumOf(table.slice(min, max + 1), x);
  const outside = sumOf([...table.slice(0, min), ...table.slice(max + 1)], x);
  return negated ? { yes: outside, no: inside } : { yes: inside, no: outside };
}

/** Logic lace: the paper's formulas as they are. */
function lace<T>(e: Energy, x: Arithmetic<T>): T {
  const part = (p: Energy): T => lace(p, x);
  switch (e.kind) {
    case "always":
      return x.constant(0);
    case "class":
    case "near":
    case "above":
    case "below":
      return x.leaf(e).yes;
    case "not":
      return x.laceNot(part(e.part));
    case "and":
      return e.parts.map(part).reduce((sum, p) => x.add(sum, p), x.constant(0));
    case "or":
      return e.parts
        .map(part)
        .reduce((left, right) => x.logSumExp([x.add(left, x.constant(Math.log(LACE_OR_FACTOR))), right]));
    case "weight":
      return x.scale(part(e.part), e.factor);
    case "count":
      throw new InternalError("logic lace has no count");
    default:
      return unreachable(e);
  }
}

/** What a judge says of a picture: it satisfies an energy, it does not, or the judge cannot tell. */
export type Verdict = "satisfied" | "not" | "unclear";

/**
 * An energy read as a predicate, as `expect` counts it: the likeliest class is one of the values; a scalar is within the
 * tolerance of its target (the sigma of `is x`, so what was written after `+-`), or beyond its threshold; weights do not matter.
 * An output that is not a number is unclear, and so is what depends on it: `and` with something that does not hold does not.
 *
 * Source   Kleene's strong three-valued logic.
 */
export function verdict(energy: Energy, outputs: HeadOutputs): Verdict {
  const of = (e: Energy): Verdict => verdict(e, outputs);
  const scalar = (e: NearPredicate | BoundPredicate, test: (value: number) => boolean): Verdict => {
    const value = scalarOf(outputs, e.attribute);
    return Number.isNaN(value) ? "unclear" : test(value) ? "satisfied" : "not";
  };
  switch (energy.kind) {
    case "always":
      return "satisfied";
    case "class": {
      const likeliest = argmax(outputOf(outputs, energy.attribute));
      return likeliest < 0 ? "unclear" : energy.values.includes(likeliest) ? "satisfied" : "not";
    }
    case "near":
      return scalar(energy, (value) => Math.abs(value - energy.target) <= energy.sigma);
    case "above":
      return scalar(energy, (value) => value > energy.threshold);
    case "below":
      return scalar(energy, (value) => value < energy.threshold);
    case "not":
      return OPPOSITE[of(energy.part)];
    case "and":
      return atLeast(energy.parts.length, energy.parts.map(of));
    case "or":
      return atLeast(1, energy.parts.map(of));
    case "weight":
      return of(energy.part);
    case "count": {
      const parts = energy.parts.map(of);
      const tooMany = OPPOSITE[atLeast(energy.max + 1, parts)];
      return atLeast(2, [atLeast(energy.min, parts), tooMany]);
    }
    default:
      return unreachable(energy);
  }
}

const OPPOSITE: Readonly<Record<Verdict, Verdict>> = { satisfied: "not", not: "satisfied", unclear: "unclear" };

function atLeast(count: number, parts: readonly Verdict[]): Verdict {
  const sure = parts.filter((v) => v === "satisfied").length;
  const possible = parts.filter((v) => v !== "not").length;
  return sure >= count ? "satisfied" : possible >= count ? "unclear" : "not";
}

/** Whether the verdict is that an energy is satisfied. */
export function holds(energy: Energy, outputs: HeadOutputs): boolean {
  return verdict(energy, outputs) === "satisfied";
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

export function logSigmoid(x: number): number {
  return Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
}

export function logSumExp(values: readonly number[]): number {
  const top = largest(values);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
}

/** Without Math.max(...values), whose arguments have to fit on the stack; NaN if any is. */
export function largest(values: readonly number[]): number {
  return values.reduce((top, value) => Math.max(top, value), -Infinity);
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
