// What share of a task's samples to expect to satisfy what was asked for, by the heads and by second heads, which other rows made (draw/witness.ts).
// In: a task's samples, a model. Out: a share, or nothing where neither a second head nor residuals are known of an attribute. Invariant: no picture is made.
//
//   share = mean over samples of P(condition), from P of each predicate; predicates of one sample count as independent, and weights do not matter
//   scalar   y - f as on the rows held out where the head said about f (compiler/residuals.ts); where a table lacks these,
//            y ~ N(f, s^2), f the mean of both heads' values by their precisions 1 / sigma^2, 1 / s^2 the sum of these: as if their errors were independent
//   class    softmax of the mean of both heads' logits / T, each by the inverse of what it does not explain of its labels (1 - skill)
//
// A sampler stops where the head that it follows is sure, so that this head alone would promise what it found. Of a scalar the rows held out tell how far off
// it is there; of a class the few rows that it is as sure of cannot, and the second head, which was made of other rows, says what it makes of the sample.
import type { Attribute } from "../../compiler/attribute.js";
import { chanceBelow } from "../../compiler/residuals.js";
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import {
  log1mexp,
  logSumExp,
  meaning,
  type Arithmetic,
  type Both,
  type HeadOutputs,
} from "../../compiler/energy/interpret.js";
import type { Predicate } from "../../compiler/predicate.js";
import { unreachable } from "../../source/internal-error.js";
import type { Model } from "../../models/model.js";
import { witnessOutputs } from "../draw/witness.js";
import type { Forecast, SampleResult } from "../draw/results.js";

/** The forecast for samples; `energyOf` says what each was asked for. A sample that failed satisfies nothing. */
export function forecastOf(
  samples: readonly SampleResult[],
  energyOf: (sample: SampleResult) => Energy,
  model: Pick<Model, "info" | "weights">,
): Forecast | undefined {
  const { witnesses } = model.weights;
  const table = model.info.attributes;
  const isKnown = (a: number): boolean => {
    const row = table[a];
    return witnesses?.[a] !== undefined || (row?.type === "scalar" && row.residuals !== undefined);
  };
  const named = new Set(samples.flatMap((s) => [...attributesNamed(energyOf(s))]));
  if (named.size === 0 || ![...named].every(isKnown)) return undefined;
  const chances = samples.map((s) => {
    const second = witnessOutputs(model, s);
    return second === undefined ? 0 : chanceOf(energyOf(s), s.heads, second, table);
  });
  return { share: chances.reduce((a, b) => a + b, 0) / Math.max(1, chances.length), counted: chances.length };
}

/** P that a condition holds where the heads and the second heads say this; `second` as witnessOutputs gives it. */
export function chanceOf(energy: Energy, heads: HeadOutputs, second: HeadOutputs, table: readonly Attribute[]): number {
  const arithmetic: Arithmetic<number> = {
    constant: (value) => value,
    add: (a, b) => a + b,
    scale: (a) => a,
    log1mexp,
    logSumExp,
    laceNot: log1mexp,
    leaf: (e) => {
      const row = table[e.attribute];
      return row === undefined
        ? { yes: NaN, no: NaN }
        : logChances(e, heads[e.attribute] ?? [], second[e.attribute] ?? [], row);
    },
  };
  return Math.exp(meaning(energy, "product", arithmetic));
}

function logChances(e: Predicate, own: readonly number[], other: readonly number[], row: Attribute): Both<number> {
  const share = shareOfSecond(row);
  const both = own.map((f, k) => (1 - share) * f + share * (other[k] ?? NaN));
  const certain = (p: number): Both<number> => ({
    yes: Math.log(Math.max(p, Number.MIN_VALUE)),
    no: Math.log(Math.max(1 - p, Number.MIN_VALUE)),
  });
  if (e.kind === "class") {
    const scaled = both.map((f) => f / (row.type === "scalar" ? 1 : row.temperature));
    return certain(Math.exp(logSumExp(e.values.map((v) => scaled[v] ?? NaN)) - logSumExp(scaled)));
  }
  const [value = NaN] = both;
  const deviation = row.type === "scalar" ? row.sigma * Math.sqrt(1 - share) : 1;
  const residuals = row.type === "scalar" ? row.residuals : undefined;
  const below = (threshold: number): number =>
    residuals === undefined
      ? normalCdf((threshold - value) / deviation)
      : chanceBelow(residuals, own[0] ?? NaN, threshold);
  switch (e.kind) {
    case "near":
      return certain(below(e.target + e.sigma) - below(e.target - e.sigma));
    case "above":
      return certain(1 - below(e.threshold));
    case "below":
      return certain(below(e.threshold));
    default:
      return unreachable(e);
  }
}

/**
 * How much the second head counts against the first: v1 / (v1 + v2) of what each leaves unexplained; then v1 (1 - share) is the variance of their mean.
 */
function shareOfSecond(row: Attribute): number {
  const { witness = {} } = row;
  const [first, second] =
    row.type === "scalar"
      ? [row.sigma ** 2, (witness.sigma ?? row.sigma) ** 2]
      : [1 - (row.skill ?? 0), 1 - (witness.skill ?? 0)];
  return first / Math.max(first + second, Number.MIN_VALUE);
}

/** The normal distribution function, to 7.5e-8. Source: Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 26.2.17. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return x > 0 ? 1 - tail : tail;
}
