// The Jacobian of the arguments and the curvature of energies: against the plain gradient, differences, and each other.
import { describe, expect, test } from "vitest";
import { argumentsOf } from "../../src/compiler/energy/arguments.js";
import { curvatureOf } from "../../src/compiler/energy/curvature.js";
import type { Energy, Logic } from "../../src/compiler/energy/energy.js";
import { commonForms } from "../../src/compiler/energy/varying.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { interpret, prepare } from "../../src/compiler/graph/interpret.js";
import { countOps } from "../../src/compiler/graph/print.js";
import { compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { jacobianOf } from "../../src/compiler/build/compile-task.js";
import { expectClose } from "../support/close.js";
import { randomArray } from "../support/random-graph.js";
import { random } from "../support/random.js";
import {
  ATTRIBUTES,
  HEAD_WIDTHS,
  randomEnergy,
  randomWeights,
  SPAN as span,
  withOtherNumbers,
  and,
  not,
  or,
  yes,
} from "../support/energies.js";

const ROWS = 3;
const DIM = 12;
const weights = randomWeights(DIM);
const age: Energy = { kind: "near", attribute: 3, target: 0.4, sigma: 0.1, span };

function task(energy: Energy, more: Partial<EnergyTask> = {}): EnergyTask {
  return { weights, attributes: ATTRIBUTES, energy, logic: "product", truncation: 0.7, rows: ROWS, ...more };
}
const z = randomArray(random(21), [ROWS, DIM]);
const compiledOf = (t: EnergyTask) => {
  const { graph, count, passes } = jacobianOf(t);
  if (graph === undefined) throw new Error("no arguments");
  return { graph: graph.compiled(), count, passes };
};
/** Row `row` of [n, ROWS, DIM], for each n. */
const rowOf = (jacobian: Float64Array, n: number, row: number): Float64Array[] =>
  Array.from({ length: n }, (_, k) => jacobian.slice((k * ROWS + row) * DIM, (k * ROWS + row + 1) * DIM));

describe.each(["product", "lace"] as const)("logic %s", (logic: Logic) => {
  test("log p and its gradient are the plain ones, and the weighted sum of the arguments' gradients, on random energies", () => {
    for (let seed = 1; seed <= 25; seed++) {
      const energy = randomEnergy(random(seed), logic, 2);
      const found = jacobianOf(task(energy, { logic }));
      const n = argumentsOf({ energy, logic, attributes: ATTRIBUTES }).length;
      expect(found.graph === undefined).toBe(n === 0);
      if (found.graph === undefined) continue;
      expect([found.count, found.passes]).toEqual([n, n]);
      const plain = interpret(compileEnergyGradient(task(energy, { logic })), { z });
      const { logp, grad, arguments: values, jacobian } = interpret(found.graph.compiled(), { z });
      const rounding = { abs: 1e-8, rel: 1e-8 };
      expectClose(logp!, plain["logp"]!, rounding);
      expectClose(grad!, plain["grad"]!, rounding);
      for (let row = 0; row < ROWS; row++) {
        const { value, gradient } = curvatureOf({ energy, logic, attributes: ATTRIBUTES })(
          values!.slice(row * n, (row + 1) * n),
        );
        expectClose(value, plain["logp"]![row]!, rounding);
        const vectors = rowOf(jacobian!, n, row);
        const sum = Float64Array.from({ length: DIM }, (_, c) =>
          vectors.reduce((s, v, k) => s + gradient[k]! * v[c]!, 0),
        );
        expectClose(sum, plain["grad"]!.slice(row * DIM, (row + 1) * DIM), rounding);
      }
    }
  });

  test("the curvature is that of central differences of the gradient, on random energies", () => {
    for (let seed = 1; seed <= 80; seed++) {
      const r = random(seed);
      // Of nested `not`s in logic lace the field's derivatives are not symmetric.
      const energy = randomEnergy(r, logic, logic === "lace" ? 1 : 3);
      const n = argumentsOf({ energy, logic, attributes: ATTRIBUTES }).length;
      const curvature = curvatureOf({ energy, logic, attributes: ATTRIBUTES });
      const at = randomArray(r, [n], 1);
      const h = 1e-5;
      const moved = (k: number, by: number) => curvature(at.map((x, i) => (i === k ? x + by : x)));
      const wanted = new Float64Array(n * n);
      for (let k = 0; k < n; k++) {
        const [high, low] = [moved(k, h), moved(k, -h)];
        for (let i = 0; i < n; i++) wanted[i * n + k] = (high.gradient[i]! - low.gradient[i]!) / (2 * h);
        if (logic === "product")
          expectClose((high.value - low.value) / (2 * h), curvature(at).gradient[k]!, { abs: 1e-5, rel: 1e-5 });
      }
      expectClose(curvature(at).hessian, wanted, { abs: 1e-4, rel: 1e-4 });
    }
  });
});

test.each(["product", "lace"] as const)(
  "energies of one form share their arguments, each with its own numbers, in logic %s",
  (logic) => {
    let varied = 0;
    for (let seed = 1; seed <= 15; seed++) {
      const r = random(seed);
      const first = randomEnergy(r, logic, 2);
      const energies = [first, withOtherNumbers(r, first), withOtherNumbers(r, first)];
      const { energy, varying, numbers } = commonForms(energies)[0]!;
      if (varying === undefined) continue;
      varied += 1;
      const shared = compiledOf(task(energy, { logic, varying }));
      const n = shared.count;
      const out = interpret(shared.graph, { z, numbers: Float64Array.from(numbers.flat()) });
      const curvature = curvatureOf({ energy, logic, attributes: ATTRIBUTES, varying });
      for (const [row, own] of energies.entries()) {
        const alone = interpret(compileEnergyGradient(task(own, { logic })), { z });
        const grad = alone["grad"]!.slice(row * DIM, (row + 1) * DIM);
        expectClose(out["grad"]!.slice(row * DIM, (row + 1) * DIM), grad, { abs: 1e-8, rel: 1e-8 });
        const jet = curvature(out["arguments"]!.slice(row * n, (row + 1) * n), numbers[row]);
        expectClose(jet.value, alone["logp"]![row]!, { abs: 1e-8, rel: 1e-8 });
        const vectors = rowOf(out["jacobian"]!, n, row);
        const sum = Float64Array.from({ length: DIM }, (_, c) =>
          vectors.reduce((s, v, k) => s + jet.gradient[k]! * v[c]!, 0),
        );
        expectClose(sum, grad, { abs: 1e-8, rel: 1e-8 });
      }
    }
    expect(varied).toBeGreaterThan(5);
  },
);

test("the gradients of the arguments agree with central differences", () => {
  const energy = and(yes(0), or(yes(2, 1, 3), not(age)), not(yes(1)));
  const { graph, count } = compiledOf(task(energy));
  const run = prepare(graph);
  const { jacobian } = run({ z });
  const h = 1e-5;
  for (let c = 0; c < DIM; c++) {
    const moved = (by: number) => run({ z: z.map((x, i) => (i % DIM === c ? x + by : x)) })["arguments"]!;
    const [high, low] = [moved(h), moved(-h)];
    for (let row = 0; row < ROWS; row++)
      for (let k = 0; k < count; k++) {
        const wanted = (high[row * count + k]! - low[row * count + k]!) / (2 * h);
        expectClose(jacobian![(k * ROWS + row) * DIM + c]!, wanted, { abs: 1e-6, rel: 1e-5 });
      }
  }
});

test("what an edit charges is in log p and the gradient, and is one pass more", () => {
  const keep = { latent: 0.3, attributes: 0.2, held: [1, 2] };
  const given = {
    z,
    z0: randomArray(random(3), [ROWS, DIM]),
    w0: randomArray(random(4), [ROWS, DIM]),
    held0: randomArray(random(5), [ROWS, HEAD_WIDTHS[1]! + HEAD_WIDTHS[2]!]),
  };
  for (const [some, inputs, passes] of [
    [keep, given, 3],
    [{ ...keep, latent: 0 }, { z, held0: given.held0 }, 3],
    [{ ...keep, held: [] }, { z, z0: given.z0, w0: given.w0 }, 3],
    [{ latent: 0, attributes: 0, held: [] }, { z }, 2],
  ] as const) {
    const asked = task(and(yes(0), age), { keep: some });
    const compiled = compiledOf(asked);
    expect([compiled.count, compiled.passes]).toEqual([2, passes]);
    const plain = interpret(compileEnergyGradient(asked), inputs);
    const out = interpret(compiled.graph, inputs);
    expectClose(out["logp"]!, plain["logp"]!, { abs: 1e-9, rel: 1e-9 });
    expectClose(out["grad"]!, plain["grad"]!, { abs: 1e-9, rel: 1e-9 });
  }
});

/** Multiplications by the mapping's weights, in rows; and columns of the first layers of heads. */
function countProducts(graph: Graph): { readonly mapping: number; readonly headColumns: number } {
  const counts = { mapping: 0, headColumns: 0 };
  for (const { op, inputs, shape } of graph.nodes) {
    if (op.kind !== "dense" && op.kind !== "matmul") continue;
    const [inner, columns] = graph.nodes[inputs[1]!]!.shape;
    if (inner === DIM && columns === DIM) counts.mapping += shape.slice(0, -1).reduce((a, b) => a * b, 1);
    else if (inner === DIM) counts.headColumns += columns!;
  }
  return counts;
}

test("the mapping runs forward once and back once for each argument, each head forward once however often it is named", () => {
  const energy = and(yes(0), or(yes(0), not(yes(0, 0))), yes(2, 3), yes(2, 1), age);
  const { graph, count } = compiledOf(task(energy));
  expect(count).toBe(4);
  expect(countProducts(graph)).toEqual({ mapping: 3 * ROWS + 3 * ROWS * count, headColumns: 30 });
  expect(countOps(graph)["transpose"] ?? 0).toBe(0);
});

test("a model without a mapping has a Jacobian too", () => {
  const bare = { zDim: DIM, heads: weights.heads };
  const asked = task(and(yes(0), age), { weights: bare });
  const out = interpret(compiledOf(asked).graph, { z });
  expectClose(out["grad"]!, interpret(compileEnergyGradient(asked), { z })["grad"]!, { abs: 1e-9, rel: 1e-9 });
});
