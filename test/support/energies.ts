// A small table of attributes with random weights, and random energies over it.
// In: a seeded Random. Out: weights and energies, the same for the same seed.
import type { Attribute } from "../../src/compiler/attribute.js";
import type { Energy, Logic } from "../../src/compiler/energy/energy.js";
import type { EnergyWeights, Tensor } from "../../src/compiler/weights.js";
import { randomArray } from "./random-graph.js";
import { random, type Random } from "./random.js";

export const ATTRIBUTES: readonly Attribute[] = [
  { name: "glasses", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "smile", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "hair", type: "category", classes: ["black", "brown", "blond", "red", "gray"], temperature: 1 },
  { name: "age", type: "scalar", min: 0, max: 1, sigma: 0.1 },
];
/** Outputs of their heads. */
export const HEAD_WIDTHS = [2, 2, 5, 1];
export const SPAN = { file: "test", start: 0, end: 0 };

/** The class is one of the values; of two classes, the second. */
export const yes = (attribute: number, ...values: number[]): Energy => ({
  kind: "class",
  attribute,
  values: values.length === 0 ? [1] : values,
  temperature: 1,
  span: SPAN,
});

export const not = (part: Energy): Energy => ({ kind: "not", part, span: SPAN });
export const and = (...parts: Energy[]): Energy => ({ kind: "and", parts, span: SPAN });
export const or = (...parts: Energy[]): Energy => ({ kind: "or", parts, span: SPAN });

/** An energy of up to `depth` connectives over another; logic lace has no `count`. */
export function randomEnergy(r: Random, logic: Logic, depth: number): Energy {
  const part = (): Energy => randomEnergy(r, logic, depth - 1);
  const list = (): Energy[] => Array.from({ length: 2 + r.below(3) }, part);
  const kind = depth === 0 ? r.below(5) : r.below(logic === "product" ? 10 : 9);
  switch (kind) {
    case 0:
      return r.below(3) === 0 ? { kind: "always", span: SPAN } : yes(r.below(2), r.below(2));
    case 1:
    case 2: {
      const values = [0, 1, 2, 3, 4].filter(() => r.below(2) === 0).slice(0, 4);
      const temperature = r.below(2) === 0 ? 1 : 0.5 + r.next();
      return { kind: "class", attribute: 2, values: values.length === 0 ? [3] : values, temperature, span: SPAN };
    }
    case 3:
      return { kind: "near", attribute: 3, target: r.next(), sigma: 0.2 + r.next(), span: SPAN };
    case 4:
      return {
        kind: r.below(2) === 0 ? "above" : "below",
        attribute: 3,
        threshold: r.next(),
        sigma: 0.2 + r.next(),
        span: SPAN,
      };
    case 5:
      return { kind: "not", part: part(), span: SPAN };
    case 6:
      return { kind: "and", parts: list(), span: SPAN };
    case 7:
      return { kind: "or", parts: list(), span: SPAN };
    case 8:
      return { kind: "weight", factor: 0.5 + 2 * r.next(), part: part(), span: SPAN };
    default: {
      const parts = list();
      const min = r.below(parts.length + 1);
      const max = min === 0 ? r.below(parts.length) : min + r.below(parts.length + 1 - min);
      return { kind: "count", parts, min, max, span: SPAN };
    }
  }
}

function tensor(r: Random, shape: readonly number[], scale: number): Tensor {
  return { shape, data: Float32Array.from(randomArray(r, shape, scale)) };
}

/** A mapping of three layers and a head of three for each attribute. */
export function randomWeights(zDim: number, normalize = true): EnergyWeights {
  const r = random(11);
  const dense = (inner: number, out: number): { weight: Tensor; bias: Tensor } => ({
    weight: tensor(r, [out, inner], 1 / Math.sqrt(inner)),
    bias: tensor(r, [out], 0.1),
  });
  return {
    zDim,
    mapping: {
      normalize,
      layers: Array.from({ length: 3 }, () => ({
        weight: tensor(r, [zDim, zDim], 100),
        bias: tensor(r, [zDim], 10),
        weightGain: 0.01 / Math.sqrt(zDim),
        biasGain: 0.01,
      })),
      wAverage: tensor(r, [zDim], 0.3),
    },
    heads: ATTRIBUTES.map((a, i) => ({
      attribute: a.name,
      layers: [dense(zDim, 10), dense(10, 7), dense(7, HEAD_WIDTHS[i]!)],
    })),
  };
}

/** The same energy with other numbers here and there. */
export function withOtherNumbers(r: Random, energy: Energy): Energy {
  const fields = ["temperature", "target", "sigma", "threshold", "factor"];
  const changed = (name: string, value: unknown): unknown =>
    typeof value === "number" && fields.includes(name) && r.below(3) > 0 ? value * (0.7 + 0.6 * r.next()) : value;
  return JSON.parse(JSON.stringify(energy), changed) as Energy;
}
