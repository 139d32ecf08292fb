// The golden cases as energies and gradient fields.
// In: a case of cases.json. Out: its Energy in logic lace, its gradient graph, and Fields on the interpreter or an engine.
import type { Energy } from "../../src/compiler/energy/energy.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { compileEnergyGradient } from "../../src/compiler/passes/compile-energy.js";
import type { Field } from "../../src/runtime/sample/field.js";
import type { GoldenCase, GoldenLace } from "./golden.js";

const span = { file: "cases.json", start: 0, end: 0 };

/** The case's energy: all its leaves, or `expr` over them (digits are leaves, + and, * or, (-e) not; * binds tighter). */
export function goldenEnergy(golden: GoldenLace, c: GoldenCase): Energy {
  const leaves = c.indices.map((attribute, i): Energy => {
    const row = golden.attributes[attribute]!;
    const target = c.targets[i]!;
    return row.type === "scalar"
      ? { kind: "near", attribute, target, sigma: row.sigma, span }
      : { kind: "class", attribute, values: [target], temperature: row.temperature, span };
  });
  if (c.expr === undefined) return leaves.length === 1 ? leaves[0]! : { kind: "and", parts: leaves, span };
  return readExpression(c.expr, leaves);
}

function readExpression(text: string, leaves: readonly Energy[]): Energy {
  let at = 0;
  const chain = (operator: string, kind: "and" | "or", operand: () => Energy) => (): Energy => {
    let left = operand();
    while (text[at] === operator) {
      at += 1;
      left = { kind, parts: [left, operand()], span };
    }
    return left;
  };
  const primary = (): Energy => {
    const c = text[at++];
    if (c === "-") return { kind: "not", part: primary(), span };
    if (c !== "(") return leaves[Number(c)]!;
    const inner = sum();
    if (text[at++] !== ")") throw new Error(`no ) at ${at} of ${text}`);
    return inner;
  };
  const product = chain("*", "or", primary);
  const sum = chain("+", "and", product);
  const energy = sum();
  if (at !== text.length) throw new Error(`cannot read ${text} from ${at}`);
  return energy;
}

/** log p and its gradient for a tile of `rows` rows, optimized. */
export function goldenGradient(golden: GoldenLace, c: GoldenCase, rows: number): Graph {
  return compileEnergyGradient({
    energy: goldenEnergy(golden, c),
    logic: "lace",
    weights: golden.weights,
    attributes: golden.attributes,
    truncation: c.truncation,
    rows,
  });
}

/** The case on the float64 interpreter, one row at a time. */
export function interpretedField(golden: GoldenLace, c: GoldenCase): Field {
  const dim = golden.weights.zDim;
  const run = prepare(goldenGradient(golden, c, 1));
  return {
    dim,
    evaluate(z, active, gradient, logp) {
      for (let i = 0; i < active.length; i++) {
        if (active[i] !== 1) continue;
        const out = run({ z: z.subarray(i * dim, (i + 1) * dim) });
        gradient.set(out["grad"]!, i * dim);
        logp[i] = out["logp"]![0]!;
      }
      return Promise.resolve();
    },
  };
}

/** RMS over dim of a - b, for each row. */
export function rowDistances(a: ArrayLike<number>, b: ArrayLike<number>, dim: number): number[] {
  return Array.from({ length: a.length / dim }, (_, row) => {
    let squares = 0;
    for (let c = row * dim; c < (row + 1) * dim; c++) squares += (a[c]! - b[c]!) ** 2;
    return Math.sqrt(squares / dim);
  });
}

/** RMS of numbers: of the distances of a batch, the distance over all its numbers. */
export function rms(xs: readonly number[]): number {
  return Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0) / xs.length);
}
