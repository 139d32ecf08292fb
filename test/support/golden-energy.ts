// The golden cases as energies and gradient fields.
// In: a case of cases.json. Out: its Energy in logic lace, its gradient graph, Fields on the interpreter or an engine, and how far
// from the reference an engine's values and ends are.
import type { Energy } from "../../src/compiler/energy/energy.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import type { Executable, Graph } from "../../src/compiler/graph/graph.js";
import { compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { DEFAULTS, defaultSolver, defaultTolerance } from "../../src/compiler/defaults.js";
import type { SolverName } from "../../src/compiler/plan.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openJacobian } from "../../src/runtime/draw/gradients.js";
import { jacobianOf } from "../../src/compiler/build/compile-task.js";
import { tiledField, type Field, type JacobianTerm } from "../../src/runtime/sample/field.js";
import { followFlow, type OdeSampler } from "../../src/runtime/sample/ode.js";
import type { SamplingResult } from "../../src/runtime/sample/result.js";
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

function taskOf(golden: GoldenLace, c: GoldenCase, rows: number): EnergyTask {
  const { weights, attributes } = golden;
  return { energy: goldenEnergy(golden, c), logic: "lace", weights, attributes, truncation: c.truncation, rows };
}

/** log p and its gradient for a tile of `rows` rows, optimized. */
export function goldenGradient(golden: GoldenLace, c: GoldenCase, rows: number): Graph {
  return compileEnergyGradient(taskOf(golden, c, rows));
}

/** What linearly implicit solvers need beside it, on an engine. The caller disposes `executable`. */
export function goldenJacobian(golden: GoldenLace, c: GoldenCase, rows: number, engine: Engine): Promise<JacobianTerm> {
  return openJacobian(jacobianOf(taskOf(golden, c, rows)), engine);
}

/** The case on the float64 interpreter, one row at a time; explicit solvers only. */
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

/** The case's samples in one tile of an engine. The caller disposes what was compiled. */
export function engineField(golden: GoldenLace, c: GoldenCase, gradient: Executable, jacobian?: JacobianTerm): Field {
  const lanes = Array.from({ length: c.batch }, (_, i) => i);
  return tiledField({ gradient, rows: c.batch, zDim: golden.weights.zDim, lanes, ...(jacobian && { jacobian }) });
}

/** The sampler of a script that says nothing about it. */
export const DEFAULT_ODE: OdeSampler = odeAt(
  defaultTolerance(defaultSolver(DEFAULTS), DEFAULTS),
  defaultSolver(DEFAULTS),
);

/** A sampler of which a script says its solver and one tolerance, that of the paper by default; it never stops for its steps. */
export function odeAt(tolerance: number, solver: SolverName = "dopri5"): OdeSampler {
  return {
    kind: "ode",
    solver,
    rtol: tolerance,
    atol: tolerance,
    control: "sample",
    stepControl: "pi",
    maxSteps: 1_000_000,
  };
}

/** Follows the flow from `z0` with per-sample control. */
export function solveGolden(field: Field, z0: Float64Array, sampler: OdeSampler): Promise<SamplingResult> {
  return followFlow({ field, z0, sampler });
}

export interface EngineReport {
  readonly name: string;
  /** Of logp0 and grad0: largest difference over the largest magnitude. */
  readonly logp: number;
  readonly grad: number;
  /** RMS distance of each sample's end from z_exact. */
  readonly ends: readonly { readonly sampler: OdeSampler; readonly distances: readonly number[] }[];
  /** The reference's own distance from z_exact at its shipped settings, RMS over the case's samples. */
  readonly reference: number;
}

/** A case on an engine: its values at z0 and its ends by some samplers, against the reference. */
export async function reportOn(
  engine: Engine,
  golden: GoldenLace,
  c: GoldenCase,
  samplers: readonly OdeSampler[],
): Promise<EngineReport> {
  const dim = golden.weights.zDim;
  const expected = (key: string): Float64Array => golden.expected(`${c.name}.${key}`).data;
  const gradient = await engine.compile(goldenGradient(golden, c, c.batch));
  try {
    const field = engineField(golden, c, gradient);
    const grad = new Float64Array(c.batch * dim);
    const logp = new Float64Array(c.batch);
    await field.evaluate(expected("z0"), new Uint8Array(c.batch).fill(1), grad, logp);
    const ends = [];
    for (const sampler of samplers) {
      const { z } = await solveGolden(field, expected("z0"), sampler);
      ends.push({ sampler, distances: rowDistances(z, expected("z_exact"), dim) });
    }
    return {
      name: c.name,
      logp: relativeError(logp, expected("logp0")),
      grad: relativeError(grad, expected("grad0")),
      ends,
      reference: rms(rowDistances(expected("z_dopri5_batch_1e-3"), expected("z_exact"), dim)),
    };
  } finally {
    await gradient.dispose();
  }
}

function relativeError(a: Float64Array, b: Float64Array): number {
  const largest = (xs: Float64Array): number => xs.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return largest(a.map((x, i) => x - b[i]!)) / largest(b);
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
