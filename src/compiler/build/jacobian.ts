// What linearly implicit solvers run at the start of a step: log p, its gradient, and the Jacobian of the numbers that log p is a
// function of (its arguments) in z, as one graph. The Gauss-Newton matrix of log p is J^T H J, with H the second derivatives of log p in them.
// In: the task of compileEnergyGradient. Out: a graph for a tile of rows.
// Invariants: the mapping and each named head are evaluated once forward; their gradients come of one pass back through the mapping with
// as many times the rows as there are arguments. That of log p is their sum, weighted by log p's derivatives in them (the chain rule): no further pass.
import { argumentKey, argumentsOf, type Argument } from "../energy/arguments.js";
import { GraphBuilder } from "../graph/builder.js";
import { buildLogProb } from "./energy.js";
import { Numbers, readArguments } from "./predicates.js";
import { buildHead, buildLatent, type Latents } from "./model.js";
import type { Graph, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { anchorInputs, anchorsOf, buildCharge, SHIFT, type EnergyTask } from "./gradient.js";
import { withPictures } from "./pictures.js";
import { differentiate } from "../passes/differentiate.js";
import { hoist } from "../passes/hoist.js";
import { optimize, simplify, toFixedPoint } from "../passes/optimize.js";
import { inline } from "../graph/copy.js";
import { InternalError } from "../../source/internal-error.js";

/** Passes back through the mapping that one evaluation takes: one for each argument, and one for what an edit charges. */
export function jacobianPasses(task: EnergyTask): number {
  const { keep } = task;
  return argumentsOf(task).length + (keep === undefined || anchorsOf(keep).length === 0 ? 0 : 1);
}

/** The Jacobian, optimized. Shapes as buildJacobian. */
export function compileJacobian(task: EnergyTask): Graph {
  return optimize(toFixedPoint(buildJacobian(task), (g) => simplify(hoist(g))));
}

/**
 * log p, its gradient in z and the Jacobian of its arguments.
 *
 * Shapes   inputs as buildEnergyGraph; outputs `logp` [rows] and `grad` [rows, zDim] as compileEnergyGradient, and for the n arguments of
 *          argumentsOf, in its order, `arguments` [rows, n] and their gradients `jacobian` [n, rows, zDim].
 * Errors   InternalError for an energy without arguments, which has no curvature.
 */
export function buildJacobian(task: EnergyTask): Graph {
  const count = argumentsOf(task).length;
  if (count === 0) throw new InternalError("the Jacobian of no arguments");
  const { weights, rows } = task;
  const passes = jacobianPasses(task);
  const wrt = Object.fromEntries(Array.from({ length: count }, (_, i) => [`u${i}`, `du${i}`]));
  const function_ = simplify(differentiate(simplify(functionOfArguments(task)), { of: "logp", wrt }));
  const back = differentiate(simplify(argumentsOnCopies(task, passes)), { of: "total", wrt: { copies: "jacobian" } });

  const b = new GraphBuilder();
  const z = b.input("z", [rows, weights.zDim]);
  const given: Record<string, NodeId> = {};
  for (const graph of [back, function_]) {
    for (const { name, node } of graph.inputs) {
      if (name === "copies" || name in wrt) continue;
      given[name] ??= b.input(name, at(graph.nodes, node).shape);
    }
  }
  const found = inline(b, back, { ...given, copies: b.broadcast(z, [passes, rows, weights.zDim]) });
  const node = (outputs: Readonly<Record<string, NodeId>>, name: string): NodeId => outputs[name] ?? -1;
  const values = Array.from({ length: count }, (_, i) => node(found, `u${i}`));
  const inner = inline(b, function_, { ...given, ...Object.fromEntries(values.map((u, i) => [`u${i}`, u])) });
  const derivatives = values.map((_, i) => b.reshape(node(inner, `du${i}`), [1, rows, 1]));
  const charge = found["charge"];
  if (charge !== undefined) derivatives.push(b.constant(new Float64Array(rows).fill(-1), [1, rows, 1]));
  const jacobian = node(found, "jacobian");
  const logp = node(inner, "logp");
  return b.finish({
    outputs: {
      logp: charge === undefined ? logp : b.sub(logp, charge),
      grad: b.sum(b.mul(jacobian, b.concat(derivatives, 0)), [0]),
      arguments: b.concat(values, 1),
      jacobian: b.sliceAxis(jacobian, 0, 0, count),
    },
  });
}

/** log p as a function of its arguments: inputs `u0`, `u1`, ... [rows, 1] and `numbers` if they vary, output `logp` [rows]. */
function functionOfArguments(task: EnergyTask): Graph {
  const { energy, logic, attributes, rows, varying } = task;
  const b = new GraphBuilder();
  const inputs = new Map(argumentsOf(task).map((a, i) => [argumentKey(a), b.input(`u${i}`, [rows, 1])]));
  const read = (a: Argument): NodeId => inputs.get(argumentKey(a)) ?? -1;
  return b.finish({ outputs: { logp: buildLogProb(energy, read, attributes, logic, new Numbers(b, rows, varying)) } });
}

/**
 * Each argument from its own copy of z, so that the gradient of their total in the copies is that of each: input `copies`
 * [passes, rows, zDim], outputs `u0`, `u1`, ... [rows, 1], what an edit charges as `charge` [rows], and `total`.
 */
function argumentsOnCopies(task: EnergyTask, passes: number): Graph {
  const { weights, attributes, truncation, rows, keep, varying, shifted, look } = task;
  const b = new GraphBuilder();
  const copies = b.input("copies", [passes, rows, weights.zDim]);
  const styles = buildLatent(b, copies, weights, truncation);
  const copyOf = (x: NodeId, i: number): NodeId => b.reshape(b.sliceAxis(x, 0, i, 1), b.shape(x).slice(1));
  const shift = shifted === true ? b.input(SHIFT, b.shape(styles).slice(1)) : undefined;
  const shiftedCopy = (i: number): NodeId => {
    const w = copyOf(styles, i);
    return shift === undefined ? w : b.add(w, shift);
  };
  const anchor = anchorInputs(b);
  const latentsOf = (i: number): Latents =>
    withPictures(b, { z: copyOf(copies, i), w: shiftedCopy(i) }, weights, look, anchor);
  const numbers = new Numbers(b, rows, varying);
  const outputs: Record<string, NodeId> = {};
  argumentsOf(task).forEach((argument, i) => {
    const latents = latentsOf(i);
    const read = readArguments((index) => buildHead(b, latents, at(weights.heads, index)), attributes, numbers);
    outputs[`u${i}`] = read(argument);
  });
  const parts = Object.values(outputs).map((u) => b.reshape(u, [rows]));
  if (keep !== undefined && anchorsOf(keep).length > 0) {
    const latents = latentsOf(passes - 1);
    const head = (index: number): NodeId => buildHead(b, latents, at(weights.heads, index));
    const charge = buildCharge(b, { ...latents, keep, head, anchor });
    if (charge !== undefined) {
      outputs["charge"] = charge;
      parts.push(charge);
    }
  }
  const total = parts.reduce((sum, part) => b.add(sum, part));
  return b.finish({ outputs: { ...outputs, total } });
}
