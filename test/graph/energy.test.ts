import { describe, expect, test } from "vitest";
import type { Energy, Logic } from "../../src/compiler/energy/energy.js";
import { commonForms, type Varying } from "../../src/compiler/energy/varying.js";
import { logProb } from "../../src/compiler/energy/interpret.js";
import { buildLogProb } from "../../src/compiler/build/energy.js";
import { Numbers, readArguments } from "../../src/compiler/build/predicates.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { interpret, prepare } from "../../src/compiler/graph/interpret.js";
import { countOps } from "../../src/compiler/graph/print.js";
import {
  buildEnergyGraph,
  buildReadout,
  compileEnergyGradient,
  compileReadout,
  type EnergyTask,
} from "../../src/compiler/build/gradient.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { optimize } from "../../src/compiler/passes/optimize.js";
import type { EnergyWeights } from "../../src/compiler/weights.js";
import { expectClose } from "../support/close.js";
import { headRow, mapRow, rowOf } from "../support/dense.js";
import { randomArray } from "../support/random-graph.js";
import {
  ATTRIBUTES as attributes,
  HEAD_WIDTHS as WIDTHS,
  randomEnergy,
  randomWeights,
  withOtherNumbers,
  SPAN as span,
  and,
  not,
  or,
  yes,
} from "../support/energies.js";
import { random } from "../support/random.js";

const ROWS = 3;

/** log p as a graph with the heads' outputs as inputs. */
function energyGraph(energy: Energy, logic: Logic, varying?: Varying): Graph {
  const b = new GraphBuilder();
  const heads = attributes.map((a, i) => b.input(a.name, [ROWS, WIDTHS[i]!]));
  const numbers = new Numbers(b, ROWS, varying);
  const read = readArguments((i) => heads[i]!, attributes, numbers);
  return b.finish({ outputs: { logp: buildLogProb(energy, read, attributes, logic, numbers) } });
}

describe.each(["product", "lace"] as const)("logic %s", (logic) => {
  test("graphs of random energies are what the energy interpreter says, as built and as optimized", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const r = random(seed);
      const energy = randomEnergy(r, logic, 3);
      const inputs = Object.fromEntries(attributes.map((a, i) => [a.name, randomArray(r, [ROWS, WIDTHS[i]!], 1.5)]));
      const wanted = Array.from({ length: ROWS }, (_, row) =>
        logProb(
          energy,
          logic,
          attributes.map((a, i) => rowOf(inputs[a.name]!, row, WIDTHS[i]!)),
        ),
      );
      const graph = energyGraph(energy, logic);
      try {
        expectClose(interpret(graph, inputs)["logp"]!, wanted, { abs: 1e-9, rel: 1e-9 });
        expectClose(interpret(optimize(graph), inputs)["logp"]!, wanted, { abs: 1e-9, rel: 1e-9 });
      } catch (error) {
        throw new Error(`seed ${seed}, ${JSON.stringify(energy)}: ${String(error)}`, { cause: error });
      }
    }
  });
});

describe.each(["product", "lace"] as const)("energies that differ in numbers, in logic %s", (logic) => {
  test("are one graph: with the numbers of each as inputs it has the values and slopes of each", () => {
    let inputsUsed = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const r = random(seed);
      const first = randomEnergy(r, logic, 3);
      const energies = [first, withOtherNumbers(r, first), withOtherNumbers(r, first)];
      const forms = commonForms(energies);
      expect(forms).toHaveLength(1);
      const { energy, varying, numbers, members } = forms[0]!;
      expect(members).toEqual([0, 1, 2]);
      inputsUsed += varying?.columns ?? 0;
      const heads = Object.fromEntries(attributes.map((a, i) => [a.name, randomArray(r, [ROWS, WIDTHS[i]!], 1.5)]));
      const wrt = Object.fromEntries(attributes.map((a) => [a.name, `slope of ${a.name}`]));
      const slopesOf = (graph: Graph) => optimize(differentiate(graph, { of: "logp", wrt }));
      const shared = interpret(slopesOf(energyGraph(energy, logic, varying)), {
        ...heads,
        ...(varying !== undefined && { numbers: Float64Array.from(numbers.flat()) }),
      });
      for (const [row, own] of energies.entries()) {
        const alone = interpret(slopesOf(energyGraph(own, logic)), heads);
        for (const [name, values] of Object.entries(alone)) {
          const width = values.length / ROWS;
          expectClose(rowOf(shared[name]!, row, width), rowOf(values, row, width), { abs: 1e-9, rel: 1e-9 });
        }
      }
    }
    expect(inputsUsed).toBeGreaterThan(80);
  });
});

test("a form keeps as constants what all share, and takes numbers that always agree once", () => {
  const cell = (t: number): Energy =>
    and(
      { kind: "near", attribute: 3, target: t, sigma: 0.1, span },
      { kind: "weight", factor: t, part: yes(0), span },
      { kind: "above", attribute: 3, threshold: 1 - t, sigma: 0.1, span },
    );
  const [form, other, ...none] = commonForms([cell(0.2), cell(0.5), yes(1), cell(0.9)]);
  expect(none).toEqual([]);
  expect(form!.members).toEqual([0, 1, 3]);
  expect(form!.varying!.columns).toBe(2);
  expectClose(form!.numbers.flat(), [0.2, 0.8, 0.5, 0.5, 0.9, 0.1], { abs: 1e-12, rel: 0 });
  expect(commonForms([cell(0.9), cell(0.1)])[0]!.energy).toEqual(form!.energy);
  expect(other).toEqual({ energy: yes(1), members: [2], numbers: [[]] });
});

test("in logic product De Morgan's laws hold, and not not is nothing, to rounding", () => {
  const [a, b, c] = [yes(0), yes(2, 1, 4), yes(1)];
  const inputs = Object.fromEntries(
    attributes.map((x, i) => [x.name, randomArray(random(i + 3), [ROWS, WIDTHS[i]!], 4)]),
  );
  const value = (e: Energy): Float64Array => interpret(energyGraph(e, "product"), inputs)["logp"]!;
  const rounding = { abs: 1e-13, rel: 1e-12 };
  expectClose(value(not(and(a, b, c))), value(or(not(a), not(b), not(c))), rounding);
  expectClose(value(not(or(a, b, c))), value(and(not(a), not(b), not(c))), rounding);
  expectClose(value(or(a, b)), value(or(b, a)), rounding);
  expectClose(value(not(not(b))), value(b), rounding);
});

test("not of a certainty keeps a gradient: a confident smile can be taken back", () => {
  const graph = differentiate(energyGraph(not(yes(1)), "product"), { of: "logp", wrt: { smile: "grad" } });
  const inputs = Object.fromEntries(attributes.map((x, i) => [x.name, new Float64Array(ROWS * WIDTHS[i]!)]));
  inputs["smile"]!.set([-20, 20, -20, 20, -20, 20]);
  const { logp, grad } = interpret(optimize(graph), inputs);
  expectClose(logp!, [-40, -40, -40], { abs: 1e-9, rel: 0 });
  expectClose(grad!, [1, -1, 1, -1, 1, -1], { abs: 1e-9, rel: 0 });
});

test("or of two improbable things still says where to go", () => {
  const graph = differentiate(energyGraph(or(yes(0), yes(1)), "product"), { of: "logp", wrt: { smile: "grad" } });
  const inputs = Object.fromEntries(attributes.map((x, i) => [x.name, new Float64Array(ROWS * WIDTHS[i]!)]));
  for (const name of ["glasses", "smile"]) inputs[name]!.set([50, -50, 50, -50, 50, -50]);
  const { logp, grad } = interpret(optimize(graph), inputs);
  expectClose(
    logp!,
    [-100, -100, -100].map((v) => v + Math.LN2),
    { abs: 1e-9, rel: 0 },
  );
  expectClose(grad!, [-0.5, 0.5, -0.5, 0.5, -0.5, 0.5], { abs: 1e-9, rel: 0 });
});

const weights = randomWeights(12);
const task = (energy: Energy, more: Partial<EnergyTask> = {}): EnergyTask => ({
  weights,
  attributes,
  energy,
  logic: "product",
  truncation: 0.7,
  rows: ROWS,
  ...more,
});
const z = randomArray(random(21), [ROWS, 12]);

test("the mapping and the heads are those of the plain formulas", () => {
  for (const truncation of [1, 0.5, 0]) {
    for (const graph of [
      buildReadout({ weights, truncation, rows: ROWS }),
      compileReadout({ weights, truncation, rows: ROWS }),
    ]) {
      const { w, logits } = interpret(graph, { z });
      for (let row = 0; row < ROWS; row++) {
        const wanted = mapRow(weights, rowOf(z, row, 12), truncation);
        expectClose(rowOf(w!, row, 12), wanted, { abs: 1e-9, rel: 1e-9 });
        const heads = weights.heads.flatMap((_, i) => headRow(weights, i, wanted));
        expectClose(rowOf(logits!, row, heads.length), heads, { abs: 1e-9, rel: 1e-9 });
      }
    }
  }
});

const everything = and(yes(0), or(yes(0), not(yes(1))), yes(2, 3), not(and(yes(0, 0), yes(2, 1, 2))), {
  kind: "near",
  attribute: 3,
  target: 0.4,
  sigma: 0.1,
  span,
});

test.each(["none", "first", "all"] as const)(
  "the compiled gradient is that of the plain energy (stacking %s)",
  (stacking) => {
    for (const logic of ["product", "lace"] as const) {
      const built = buildEnergyGraph(task(everything, { logic }));
      const wanted = interpret(differentiate(built, { of: "logp", wrt: { z: "grad" } }), { z });
      const compiled = interpret(compileEnergyGradient(task(everything, { logic }), stacking), { z });
      expectClose(compiled["logp"]!, wanted["logp"]!, { abs: 1e-9, rel: 1e-9 });
      expectClose(compiled["grad"]!, wanted["grad"]!, { abs: 1e-9, rel: 1e-9 });
    }
  },
);

test("the gradient of log p in z agrees with central differences", () => {
  const run = prepare(buildEnergyGraph(task(everything)));
  const { grad } = interpret(compileEnergyGradient(task(everything)), { z });
  const wanted = z.map((_, i) => {
    const [high, low] = [z.slice(), z.slice()];
    high[i]! += 1e-5;
    low[i]! -= 1e-5;
    const row = Math.floor(i / 12);
    return (run({ z: high })["logp"]![row]! - run({ z: low })["logp"]![row]!) / 2e-5;
  });
  expectClose(grad!, wanted, { abs: 1e-7, rel: 1e-6 });
});

/** Products of the mapping's size, and those into the first hidden layer of heads. */
function countProducts(graph: Graph): { readonly mapping: number; readonly headColumns: number } {
  const products = graph.nodes.filter((n) => n.op.kind === "dense" || n.op.kind === "matmul");
  return {
    mapping: products.filter((n) => n.shape[1] === 12 && graph.nodes[n.inputs[1]!]!.shape[0] === 12).length,
    headColumns: products
      .filter((n) => n.op.kind === "dense" && n.shape[1] !== 12 && graph.nodes[n.inputs[1]!]!.shape[0] === 12)
      .reduce((sum, n) => sum + n.shape[1]!, 0),
  };
}

test("the mapping is evaluated once and each attribute once, however often it is named; others not at all", () => {
  const thrice = and(yes(0), or(yes(0), not(yes(0, 0))), yes(2, 3));
  const once = and(yes(0), yes(2, 3));
  for (const stacking of ["none", "first"] as const) {
    for (const energy of [thrice, once]) {
      // Three layers forward, three backward; two heads of 10 hidden units.
      expect(countProducts(compileEnergyGradient(task(energy), stacking))).toEqual({ mapping: 6, headColumns: 20 });
    }
    expect(countProducts(compileEnergyGradient(task(yes(1)), stacking))).toEqual({ mapping: 6, headColumns: 10 });
  }
});

test("no transpose, reduction or broadcast of a weight is left for run time", () => {
  const counts = countOps(compileEnergyGradient(task(everything)));
  expect(counts["transpose"] ?? 0).toBe(0);
  expect(counts["broadcast"] ?? 0).toBe(0);
});

test("an energy without a condition has log p 0 and no gradient, and a model without mapping has w = z", () => {
  const bare: EnergyWeights = { zDim: 12, heads: weights.heads };
  const always = interpret(compileEnergyGradient(task({ kind: "always", span }, { weights: bare })), { z });
  expect([...always["logp"]!]).toEqual([0, 0, 0]);
  expect([...always["grad"]!]).toEqual(new Array(ROWS * 12).fill(0));
  expectClose(interpret(buildReadout({ weights: bare, truncation: 0.5, rows: ROWS }), { z })["w"]!, z, {
    abs: 0,
    rel: 0,
  });
});

test("a head whose size is not the table's is a bug, not a wrong number", () => {
  const swapped = { ...weights, heads: [weights.heads[2]!, ...weights.heads.slice(1)] };
  expect(() => buildEnergyGraph(task(yes(0), { weights: swapped }))).toThrow(/head of glasses has 5 outputs, not 2/);
});
