// The float64 meaning of energies: laws of the product logic, the paper's formulas by hand, agreement with the graphs.
import { describe, expect, it } from "vitest";
import type { Energy, Logic } from "../../src/compiler/energy/energy.js";
import { holds, log1mexp, logProb, verdict } from "../../src/compiler/energy/interpret.js";
import { LOG1MEXP_GUARD } from "../../src/compiler/graph/graph.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { buildLogProb } from "../../src/compiler/build/energy.js";
import { Numbers, readArguments } from "../../src/compiler/build/predicates.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Attribute } from "../../src/compiler/attribute.js";
import { expectClose } from "../support/close.js";
import { random, type Random } from "../support/random.js";

const span = { file: "t.lace", start: 0, end: 0 };
const table: readonly Attribute[] = [
  { name: "a", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "b", type: "category", classes: ["u", "v", "w", "x"], temperature: 1 },
  { name: "c", type: "scalar", min: 0, max: 1, sigma: 0.1 },
  { name: "d", type: "scalar", min: -5, max: 5, sigma: 1 },
];
const TIGHT = { abs: 1e-12, rel: 1e-12 };

const is = (attribute: number, values: readonly number[], temperature = 1): Energy => ({
  kind: "class",
  attribute,
  values,
  temperature,
  span,
});
const near = (attribute: number, target: number, sigma: number): Energy => ({
  kind: "near",
  attribute,
  target,
  sigma,
  span,
});
const above = (attribute: number, threshold: number, sigma: number): Energy => ({
  kind: "above",
  attribute,
  threshold,
  sigma,
  span,
});
const below = (attribute: number, threshold: number, sigma: number): Energy => ({
  kind: "below",
  attribute,
  threshold,
  sigma,
  span,
});
const not = (part: Energy): Energy => ({ kind: "not", part, span });
const and = (...parts: Energy[]): Energy => ({ kind: "and", parts, span });
const or = (...parts: Energy[]): Energy => ({ kind: "or", parts, span });
const weight = (factor: number, part: Energy): Energy => ({ kind: "weight", factor, part, span });
const count = (min: number, max: number, ...parts: Energy[]): Energy => ({ kind: "count", min, max, parts, span });

function randomHeads(r: Random): number[][] {
  return table.map((row) => (row.type === "scalar" ? [r.normal()] : row.classes.map(() => 3 * r.normal())));
}

function randomEnergy(r: Random, depth: number, logic: Logic): Energy {
  const leaf = (): Energy => {
    const temperature = [0.5, 1, 2][r.below(3)]!;
    switch (r.below(5)) {
      case 0:
        return is(0, [r.below(2)], temperature);
      case 1: {
        const values = [0, 1, 2, 3].filter(() => r.next() < 0.5);
        return is(1, values.length === 0 || values.length === 4 ? [2] : values, temperature);
      }
      case 2:
        return near(2, r.next(), 0.5 + r.next());
      case 3:
        return above(3, r.normal(), 0.5 + r.next());
      default:
        return below(2 + r.below(2), r.normal(), 0.5 + r.next());
    }
  };
  if (depth === 0) return leaf();
  const part = (): Energy => randomEnergy(r, depth - 1, logic);
  const some = (): Energy[] => Array.from({ length: 2 + r.below(3) }, part);
  switch (r.below(logic === "product" ? 6 : 5)) {
    case 0:
      return not(part());
    case 1:
      return and(...some());
    case 2:
      return or(...some());
    case 3:
      return weight(0.25 + 2 * r.next(), part());
    case 4:
      return leaf();
    default: {
      const parts = some();
      const min = r.below(parts.length);
      return count(min, min + r.below(parts.length - min), ...parts);
    }
  }
}

/** 300 random cases, the same in every run. */
function cases(logic: Logic, visit: (r: Random, heads: number[][], some: () => Energy) => void): void {
  const r = random(20260101);
  for (let i = 0; i < 300; i++) visit(r, randomHeads(r), () => randomEnergy(r, r.below(3), logic));
}

const product = (e: Energy, heads: number[][]): number => logProb(e, "product", heads);
const lace = (e: Energy, heads: number[][]): number => logProb(e, "lace", heads);

describe("predicates", () => {
  const heads = [[0.3, -0.2], [1, 2, 3, 4], [0.35], [2]];

  it("a class is a log-softmax, a set the sum of its classes' probabilities", () => {
    const sum = Math.exp(1) + Math.exp(2) + Math.exp(3) + Math.exp(4);
    expectClose(product(is(1, [2]), heads), Math.log(Math.exp(3) / sum), TIGHT);
    expectClose(product(is(1, [0, 3]), heads), Math.log((Math.exp(1) + Math.exp(4)) / sum), TIGHT);
  });

  it("a temperature divides all logits in logic product, and only the picked one in logic lace", () => {
    const warm = [1, 2, 3, 4].map((f) => Math.exp(f / 2)).reduce((a, b) => a + b);
    const plain = [1, 2, 3, 4].map((f) => Math.exp(f)).reduce((a, b) => a + b);
    expectClose(product(is(1, [2], 2), heads), 1.5 - Math.log(warm), TIGHT);
    expectClose(lace(is(1, [2], 2), heads), 1.5 - Math.log(plain), TIGHT);
  });

  it("a scalar near its target is a parabola, above and below are logistic with slope 1.702 and mirror each other", () => {
    expectClose(product(near(2, 0.5, 0.1), heads), -((0.15 / 0.1) ** 2) / 2, TIGHT);
    expectClose(product(above(2, 0.5, 0.1), heads), -Math.log(1 + Math.exp(1.702 * 1.5)), TIGHT);
    expectClose(product(below(2, 0.5, 0.1), heads), -Math.log(1 + Math.exp(-1.702 * 1.5)), TIGHT);
    expectClose(product(above(2, 0.5, 0.1), heads), product(below(2, 0.2, 0.1), heads), TIGHT);
  });

  it("stay finite for logits and distances of any size", () => {
    const far = [[-800, 800], [1e4, 0, 0, 0], [1e3], [-1e3]];
    for (const e of [
      is(0, [0]),
      is(1, [1]),
      near(2, 0, 0.1),
      below(2, 0, 0.1),
      above(3, 0, 0.1),
      not(is(0, [1])),
      not(or(is(0, [1]), is(1, [0]))),
    ]) {
      expect(Number.isFinite(product(e, far))).toBe(true);
      expect(product(e, far)).toBeLessThan(-100);
    }
  });
});

describe("logic product", () => {
  it("keeps p in (0, 1]", () => {
    cases("product", (_, heads, some) => {
      const p = product(some(), heads);
      expect(p).toBeLessThanOrEqual(1e-15);
      expect(p).toBeGreaterThan(-Infinity);
    });
  });

  it("obeys De Morgan's laws to rounding", () => {
    cases("product", (_, heads, some) => {
      const [a, b, c] = [some(), some(), some()];
      expectClose(product(not(and(a, b, c)), heads), product(or(not(a), not(b), not(c)), heads), {
        abs: 1e-9,
        rel: 1e-9,
      });
      expectClose(product(not(or(a, b, c)), heads), product(and(not(a), not(b), not(c)), heads), {
        abs: 1e-9,
        rel: 1e-9,
      });
    });
  });

  it("has a symmetric and associative or and and", () => {
    cases("product", (_, heads, some) => {
      const [a, b, c] = [some(), some(), some()];
      for (const join of [or, and]) {
        const together = product(join(a, b, c), heads);
        expectClose(product(join(c, a, b), heads), together, { abs: 1e-9, rel: 1e-9 });
        expectClose(product(join(join(a, b), c), heads), together, { abs: 1e-9, rel: 1e-9 });
      }
    });
  });

  it("computes or as 1 - product of (1 - p), and keeps the digits of tiny probabilities", () => {
    const heads = [[0, 0.7], [0, 1, 2, 3], [0.2], [1]];
    const [a, b] = [is(0, [1]), is(1, [2])];
    const [p, q] = [Math.exp(product(a, heads)), Math.exp(product(b, heads))];
    expectClose(Math.exp(product(or(a, b), heads)), 1 - (1 - p) * (1 - q), TIGHT);
    const rare = [[0, -60], [0, 0, -50, 0], [0.2], [1]];
    const logSum = Math.log(Math.exp(product(a, rare)) + Math.exp(product(b, rare)));
    expectClose(product(or(a, b), rare), logSum, { abs: 1e-12, rel: 0 });
  });

  it("counts parts as enumeration does", () => {
    cases("product", (r, heads, some) => {
      const parts = Array.from({ length: 1 + r.below(5) }, some);
      const p = parts.map((e) => Math.exp(product(e, heads)));
      const q = parts.map((e) => Math.exp(product(not(e), heads)));
      const min = r.below(parts.length + 1);
      const max = min + r.below(parts.length + 1 - min);
      let total = 0;
      for (let mask = 0; mask < 2 ** parts.length; mask++) {
        const held = parts.map((_, i) => (mask >> i) % 2 === 1);
        const n = held.filter(Boolean).length;
        if (n >= min && n <= max) total += held.reduce((w, h, i) => w * (h ? p[i]! : q[i]!), 1);
      }
      expectClose(Math.exp(product(count(min, max, ...parts), heads)), total, { abs: 1e-9, rel: 1e-9 });
      if (min > 0 || max < parts.length)
        expectClose(Math.exp(product(not(count(min, max, ...parts)), heads)), 1 - total, { abs: 1e-6, rel: 0 });
    });
  });

  it("keeps not of a certainty finite where there is no closed form", () => {
    const heads = [[0, 0], [0, 0, 0, 0], [0.5], [0]];
    expectClose(product(not(near(2, 0.5, 0.1)), heads), Math.log(LOG1MEXP_GUARD), { abs: 1e-6, rel: 0 });
    expectClose(log1mexp(0), log1mexp(-LOG1MEXP_GUARD), { abs: 0, rel: 1e-15 });
    expectClose(log1mexp(-1e-3), Math.log(-Math.expm1(-1e-3)), { abs: 0, rel: 1e-15 });
    expectClose(log1mexp(-40), -Math.exp(-40), { abs: 0, rel: 1e-12 });
  });
});

describe("logic lace", () => {
  const heads = [[0.3, -0.2], [1, 2, 3, 4], [0.35], [2]];
  const a = is(0, [1]);
  const b = is(1, [0]);
  const [la, lb] = [lace(a, heads), lace(b, heads)];

  it("negates with the factor min(1, 0.1 / |la|)", () => {
    expect(Math.abs(la)).toBeGreaterThan(0.1);
    expectClose(lace(not(a), heads), 0.1, TIGHT);
    const sure = [[-4, 4], [0, 0, 0, 0], [0], [0]];
    expectClose(lace(not(a), sure), -lace(a, sure), TIGHT);
    expectClose(lace(not({ kind: "always", span }), heads), 0, TIGHT);
    expectClose(lace(not(not(a)), heads), -0.1, TIGHT);
  });

  it("adds for and, and weighs the left operand of or by 20, folding from the left", () => {
    expectClose(lace(and(a, b), heads), la + lb, TIGHT);
    const left = Math.log(20 * Math.exp(la) + Math.exp(lb));
    expectClose(lace(or(a, b), heads), left, TIGHT);
    expectClose(lace(or(a, b, a), heads), Math.log(20 * Math.exp(left) + Math.exp(la)), TIGHT);
    expectClose(lace(or(or(a, b), a), heads), lace(or(a, b, a), heads), TIGHT);
    expectClose(lace(weight(2.5, a), heads), 2.5 * la, TIGHT);
  });

  it("refuses count", () => {
    expect(() => lace(count(1, 1, a, b), heads)).toThrow("logic lace has no count");
  });
});

describe("the predicate reading", () => {
  const heads = [[0.3, -0.2], [1, 2, 3, 4], [0.35], [2]];

  it("takes the likeliest class, a scalar within its tolerance, and thresholds strictly", () => {
    expect(holds(is(0, [0]), heads)).toBe(true);
    expect(holds(is(1, [0, 1]), heads)).toBe(false);
    expect(holds(near(2, 0.45, 0.11), heads)).toBe(true);
    expect(holds(near(2, 0.45, 0.09), heads)).toBe(false);
    expect(holds(above(3, 2, 1), heads)).toBe(false);
    expect(holds(below(3, 2.1, 1), heads)).toBe(true);
  });

  it("joins them as a truth table does", () => {
    const [yes, no] = [is(0, [0]), is(0, [1])];
    expect(holds(and(yes, no), heads)).toBe(false);
    expect(holds(or(no, yes), heads)).toBe(true);
    expect(holds(not(no), heads)).toBe(true);
    expect(holds(weight(0.5, yes), heads)).toBe(true);
    expect(holds(count(1, 1, yes, no), heads)).toBe(true);
    expect(holds(count(2, 2, yes, no), heads)).toBe(false);
  });

  describe("where an output is not a number", () => {
    const lost = [[NaN, NaN], [1, 2, 3, 4], [NaN], [2]];
    const [unclear, yes, no] = [is(0, [1]), is(1, [3]), is(1, [0])];

    it("is unclear, whatever is asked of it", () => {
      for (const e of [unclear, is(0, [0]), not(unclear), near(2, 0, 9), above(2, 0, 1), below(2, 0, 1)]) {
        expect(verdict(e, lost)).toBe("unclear");
        expect(holds(e, lost)).toBe(false);
      }
    });

    it("leaves clear what the rest decides", () => {
      expect(verdict(and(unclear, no), lost)).toBe("not");
      expect(verdict(and(unclear, yes), lost)).toBe("unclear");
      expect(verdict(or(unclear, yes), lost)).toBe("satisfied");
      expect(verdict(or(unclear, no), lost)).toBe("unclear");
      expect(verdict(weight(2, unclear), lost)).toBe("unclear");
    });

    it("counts what is sure and what is possible", () => {
      expect(verdict(count(1, 1, unclear, yes), lost)).toBe("unclear");
      expect(verdict(count(1, 1, unclear, yes, yes), lost)).toBe("not");
      expect(verdict(count(1, 3, unclear, yes, no), lost)).toBe("satisfied");
      expect(verdict(count(2, 3, unclear, no, no), lost)).toBe("not");
      expect(verdict(count(0, 0, unclear, no), lost)).toBe("unclear");
    });

    it("agrees with every way to fill it in: satisfied or not only if all do", () => {
      cases("product", (_, heads, some) => {
        const energy = some();
        const fills = [
          [9, 0],
          [0, 9],
        ].map((fill) => verdict(energy, [fill, ...heads.slice(1)]));
        const said = verdict(energy, [[NaN, NaN], ...heads.slice(1)]);
        if (said !== "unclear") expect(fills).toEqual([said, said]);
      });
    });
  });
});

describe("the graphs of the energies", () => {
  it.each(["product", "lace"] as const)("give the same log p in logic %s, on random energies and heads", (logic) => {
    cases(logic, (_, heads, some) => {
      const energy = some();
      const b = new GraphBuilder();
      const inputs = table.map((row, i) => b.input(row.name, [1, heads[i]!.length]));
      const numbers = new Numbers(b, 1);
      const read = readArguments((i) => inputs[i]!, table, numbers);
      const logp = buildLogProb(energy, read, table, logic, numbers);
      const graph = b.finish({ outputs: { logp } });
      const given = Object.fromEntries(table.map((row, i) => [row.name, Float64Array.from(heads[i]!)]));
      expectClose(interpret(graph, given)["logp"]![0]!, logProb(energy, logic, heads), { abs: 1e-10, rel: 1e-10 });
    });
  });
});
