// What share of a task's samples to expect to satisfy what was asked for, by the second heads of the model (draw/witness.ts).
// In: a task, its samples, a model. Out: a share, or nothing where a second head is missing. Invariant: the heads that were followed have no say.
//
//   share = mean over samples of P(condition), from P of each predicate: of classes softmax(f / T), of a scalar the normal distribution about f with
//   deviation sigma; T and sigma are the second head's own; predicates of one sample count as independent, and weights do not matter.
import type { Attribute } from "../../compiler/attribute.js";
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import {
  LOGISTIC_SLOPE,
  log1mexp,
  logSigmoid,
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
import type { SampleResult } from "../draw/results.js";

/** A share of samples that is expected to satisfy a condition. */
export interface Forecast {
  readonly share: number;
  /** Samples that it is the mean of. */
  readonly counted: number;
}

/** The forecast for samples; `energyOf` says what each was asked for. A sample that failed satisfies nothing. */
export function forecastOf(
  samples: readonly SampleResult[],
  energyOf: (sample: SampleResult) => Energy,
  model: Pick<Model, "info" | "weights">,
): Forecast | undefined {
  const { witnesses } = model.weights;
  const named = new Set(samples.flatMap((s) => [...attributesNamed(energyOf(s))]));
  if (named.size === 0 || [...named].some((a) => witnesses?.[a] === undefined)) return undefined;
  const chances = samples.map((s) => {
    const outputs = witnessOutputs(model, s);
    return outputs === undefined ? 0 : chanceOf(energyOf(s), outputs, model.info.attributes);
  });
  return { share: chances.reduce((a, b) => a + b, 0) / Math.max(1, chances.length), counted: chances.length };
}

/** P that a condition holds where the second heads say this; `outputs` as witnessOutputs gives them. */
export function chanceOf(energy: Energy, outputs: HeadOutputs, table: readonly Attribute[]): number {
  return Math.exp(meaning(energy, "product", chances(outputs, table)));
}

function chances(outputs: HeadOutputs, table: readonly Attribute[]): Arithmetic<number> {
  return {
    constant: (value) => value,
    add: (a, b) => a + b,
    scale: (a) => a,
    log1mexp,
    logSumExp,
    laceNot: log1mexp,
    leaf: (predicate) => logChances(predicate, outputs, table),
  };
}

function logChances(e: Predicate, outputs: HeadOutputs, table: readonly Attribute[]): Both<number> {
  const of = outputs[e.attribute] ?? [];
  const row = table[e.attribute];
  if (e.kind === "class") {
    const temperature = row === undefined || row.type === "scalar" ? 1 : row.temperature;
    const scaled = of.map((f) => f / temperature);
    const all = logSumExp(scaled);
    const yes = logSumExp(e.values.map((v) => scaled[v] ?? NaN)) - all;
    return { yes, no: log1mexp(yes) };
  }
  const [value = NaN] = of;
  const sigma = row?.witness?.sigma ?? 1;
  const above = (threshold: number): number => logSigmoid((LOGISTIC_SLOPE * (value - threshold)) / sigma);
  const below = (threshold: number): number => logSigmoid((LOGISTIC_SLOPE * (threshold - value)) / sigma);
  switch (e.kind) {
    case "near": {
      const inside = Math.exp(above(e.target - e.sigma)) - Math.exp(above(e.target + e.sigma));
      const yes = Math.log(Math.max(inside, Number.MIN_VALUE));
      return { yes, no: log1mexp(yes) };
    }
    case "above":
      return { yes: above(e.threshold), no: below(e.threshold) };
    case "below":
      return { yes: below(e.threshold), no: above(e.threshold) };
    default:
      return unreachable(e);
  }
}
