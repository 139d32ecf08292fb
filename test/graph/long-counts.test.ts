// Counts of many conditions: cut tables, joined in halves, mean what the whole recurrence means, and cost in proportion to the conditions.
import { describe, expect, it } from "vitest";
import { buildLogProb } from "../../src/compiler/build/energy.js";
import { Numbers } from "../../src/compiler/build/predicates.js";
import { countCost, planCount } from "../../src/compiler/energy/counts.js";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { logProb } from "../../src/compiler/energy/interpret.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { simplify } from "../../src/compiler/passes/optimize.js";
import { expectClose } from "../support/close.js";
import { random } from "../support/random.js";
import { mistakesOf, planOf } from "../check/support.js";

const span = { file: "a.lace", start: 0, end: 0 };
const scalars = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `a${i}`, type: "scalar" as const, min: -9, max: 9, sigma: 1 }));

function countOf(count: number, min: number, max: number): Energy {
  const parts = Array.from({ length: count }, (_, attribute): Energy => {
    return { kind: "above", attribute, threshold: 0, sigma: 1, span };
  });
  return { kind: "count", parts, min, max, span };
}

/** The graph of log p on outputs that come in as `x` [1, count]. */
function graphOf(energy: Energy, count: number) {
  const b = new GraphBuilder();
  const x = b.input("x", [1, count]);
  const read = (a: { readonly attribute: number }) => b.sliceAxis(x, 1, a.attribute, 1);
  const value = buildLogProb(energy, read, scalars(count), "product", new Numbers(b, 1));
  return b.finish({ outputs: { logp: value } });
}

/** log of the probability of each number, by the recurrence on all of them, in plain probabilities. */
function distribution(chances: readonly number[]): readonly number[] {
  let table = [1];
  for (const p of chances)
    table = Array.from({ length: table.length + 1 }, (_, k) => (table[k] ?? 0) * (1 - p) + (table[k - 1] ?? 0) * p);
  return table;
}

describe("a count of 150 conditions", () => {
  const count = 150;
  const r = random(8);
  const outputs = scalars(count).map(() => [r.normal()]);
  const chances = outputs.map(([x]) => 1 / (1 + Math.exp(-1.702 * x!)));
  const whole = distribution(chances);
  const between = (min: number, max: number): number => whole.slice(min, max + 1).reduce((a, b) => a + b, 0);

  it.each([
    ["exactly 70", 70, 70],
    ["exactly 2", 2, 2],
    ["atleast 75", 75, count],
    ["atleast 147", 147, count],
    ["atmost 60", 0, 60],
    ["exactly 149", 149, 149],
    ["between", 65, 90],
  ])("%s: the definition and the graph are the sum of the distribution, and so are their contraries", (_, min, max) => {
    const energy = countOf(count, min, max);
    const inside = between(min, max);
    const outside = between(0, min - 1) + between(max + 1, count);
    for (const [e, p] of [
      [energy, inside],
      [{ kind: "not", part: energy, span } as const, outside],
    ] as const) {
      const meant = logProb(e, "product", outputs);
      expectClose(meant, Math.log(p), { abs: 1e-9, rel: 1e-9 });
      const graph = graphOf(e, count);
      for (const g of [graph, simplify(graph)])
        expectClose(interpret(g, { x: Float64Array.from(outputs.flat()) })["logp"]!, [meant], { abs: 1e-9, rel: 1e-9 });
    }
  });

  it("has the gradient of its values, at every condition", () => {
    const graph = simplify(graphOf(countOf(count, 60, 62), count));
    const x = Float64Array.from(outputs.flat());
    const gradient = interpret(differentiate(graph, { of: "logp", wrt: { x: "gradient" } }), { x })["gradient"]!;
    const h = 1e-5;
    for (const i of [0, 1, 74, 149]) {
      const at = (step: number) => interpret(graph, { x: x.map((v, k) => (k === i ? v + step : v)) })["logp"]![0]!;
      expectClose(gradient[i]!, (at(h) - at(-h)) / (2 * h), { abs: 1e-7, rel: 1e-5 });
    }
  });
});

describe("a long count costs in proportion to its conditions", () => {
  it("in nodes: four times the conditions are about four times the nodes", () => {
    const [short, long] = [2_000, 8_000].map((n) => graphOf(countOf(n, 3, 3), n).nodes.length);
    expect(long! / short!).toBeLessThan(4.2);
  });

  it("in the definition: 100,000 conditions have a value at once", () => {
    const count = 100_000;
    const outputs = Array.from({ length: count }, (_, i) => [i < 3 ? 9 : -9]);
    const begin = performance.now();
    const value = logProb(countOf(count, 3, 3), "product", outputs);
    expect(performance.now() - begin).toBeLessThan(30_000);
    const none = Math.log1p(-1 / (1 + Math.exp(9 * 1.702)));
    expectClose(value, 3 * none + (count - 3) * none, { abs: 0.02, rel: 0 });
  });

  const of = (n: number): string => Array.from({ length: n }, (_, i) => ["glasses", "smile", "hat"][i % 3]).join(", ");
  const body = (energy: string): string => `sample s from avatar { where ${energy} }\nsave s to "s.png" as grid`;

  it("in the checker, which refuses one that could not be held", async () => {
    const plan = await planOf(body(`exactly 3 of (${of(100_000)})`));
    expect(plan.tasks[0]).toMatchObject({ energy: { kind: "count", min: 3, max: 3 } });
    expect(await mistakesOf(body(`exactly 1000 of (${of(2_000)})`))).toEqual([
      "L2004 exactly 1000 of 2000 takes too much to count",
    ]);
    const short = await mistakesOf(body(`atleast 1998 of (${of(2_000)}) or atmost 1 of (${of(2_000)})`));
    expect(short.filter((m) => m.startsWith("L2004"))).toEqual([]);
  }, 300_000);

  it("the shorter way is taken: of the contraries, or of what is not to be", () => {
    expect(planCount(100, { min: 98, max: 98 })).toEqual({ contrary: true, negated: false, min: 2, max: 2 });
    expect(planCount(100, { min: 3, max: 100 })).toEqual({ contrary: false, negated: true, min: 0, max: 2 });
    expect(planCount(100, { min: 98, max: 100 })).toEqual({ contrary: true, negated: false, min: 0, max: 2 });
    expect([countCost(64, { min: 32, max: 32 }), countCost(1_000, { min: 1, max: 1_000 })]).toEqual([0, 0]);
    expect(countCost(1_000, { min: 500, max: 500 })).toBe(500_000);
  });
});
