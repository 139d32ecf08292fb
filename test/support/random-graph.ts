// Small random graphs for testing passes: every kind of node, values of moderate size, no kinks at the drawn inputs.
// In: a seed. Out: a graph and inputs for it. Invariants: the same graph for the same seed; all values are finite.
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { Graph, NodeId } from "../../src/compiler/graph/graph.js";
import { sizeOf } from "../../src/compiler/graph/shape.js";
import { random, type Random } from "./random.js";

export interface RandomGraph {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Float64Array>>;
}

export function randomArray(r: Random, shape: readonly number[], scale = 1): Float64Array {
  return Float64Array.from({ length: sizeOf(shape) }, () => scale * r.normal());
}

const ROWS = 3;
const COLUMNS = 4;

/** A graph on inputs `x` and `y`, [3, 4], with outputs `out` (a sum over many nodes, [3]) and `tail` (the last node). */
export function randomGraph(seed: number, size = 24): RandomGraph {
  const r = random(seed);
  const b = new GraphBuilder();
  const pool: NodeId[] = [b.input("x", [ROWS, COLUMNS]), b.input("y", [ROWS, COLUMNS])];
  // Recent nodes are likelier, so that chains for the passes to work on get long.
  const pick = (): NodeId => pool[Math.max(0, pool.length - 1 - Math.floor(r.next() ** 2 * pool.length))]!;
  while (pool.length < size) pool.push(step(b, r, pick(), pick()));
  const parts = pool.slice(2).filter(() => r.next() < 0.4);
  const last = pool.at(-1)!;
  const total = [last, ...parts].reduce((sum, id) => b.add(sum, id));
  const graph = b.finish({ outputs: { out: b.sum(total, [1]), tail: last } });
  return { graph, inputs: { x: randomArray(r, [ROWS, COLUMNS]), y: randomArray(r, [ROWS, COLUMNS]) } };
}

/** One or a few nodes from two of the pool; all of the pool is [3, 4]. */
function step(b: GraphBuilder, r: Random, p: NodeId, q: NodeId): NodeId {
  const rows = b.constant(randomArray(r, [COLUMNS]), [COLUMNS]);
  const factor = (r.below(2) === 0 ? 1 : -1) * (0.3 + r.next());
  const constant = [scalar(factor), scalar(1), scalar(0), scalar(-1), rows][r.below(5)]!;
  const weight = (): NodeId => b.constant(randomArray(r, [COLUMNS, COLUMNS], 0.4), [COLUMNS, COLUMNS]);
  const small = (x: NodeId): NodeId => b.sub(b.mul(b.sigmoid(x), scalar(2)), scalar(1));
  const steps: (() => NodeId)[] = [
    () => b.add(p, q),
    () => b.sub(p, q),
    () => small(b.mul(p, q)),
    () => b.div(p, b.add(b.square(q), scalar(1))),
    () => b.add(p, constant),
    () => b.sub(constant, p),
    () => b.mul(p, constant),
    () => b.mul(p, scalar(factor)),
    () => b.div(p, scalar(factor)),
    () => b.neg(p),
    () => b.max(p, q),
    () => b.min(p, q),
    () => b.clip(p, -0.7, 0.9),
    () => b.select(b.greater(p, q), p, scalar(0.5)),
    () => b.exp(small(p)),
    () => b.log(b.add(b.square(p), scalar(0.5))),
    () => b.softplus(p),
    () => b.log1mexp(b.neg(b.add(b.square(p), scalar(0.1)))),
    () => b.abs(p),
    () => b.detach(p),
    () => b.leakyRelu(p, 0.2, r.below(2) === 0 ? 1 : 1.4),
    () => b.leakyRelu(b.add(b.matmul(p, weight()), rows), 0.2, 1.4),
    () => b.mul(b.leakyRelu(b.matmul(b.mul(p, constant), weight()), 0.2), scalar(0.7)),
    () => b.matmul(b.matmul(p, weight()), weight()),
    () => b.matmul(b.add(p, rows), weight()),
    () => b.matmul(p, b.transpose(b.mul(weight(), scalar(0.5)), [1, 0])),
    () => heads(b, p, weight, rows),
    () => b.mul(p, b.rsqrt(b.add(b.mean(b.square(p), [1], true), scalar(0.1)))),
    () => b.sub(p, b.logSumExp(p, [1], true)),
    () => b.sub(p, b.reduceMax(p, [0], true)),
    () => b.transpose(b.reshape(b.transpose(p, [1, 0]), [COLUMNS, ROWS]), [1, 0]),
    () => b.reshape(b.reshape(b.neg(p), [ROWS * COLUMNS]), [ROWS, COLUMNS]),
    () => b.concat([b.sliceAxis(p, 1, 0, 2), b.sliceAxis(p, 1, 2, 2)], 1),
    () => b.concat([b.sliceAxis(p, 1, 1, 3), b.sliceAxis(q, 1, 0, 1)], 1),
    () => b.sliceAxis(b.concat([p, q], 0), 0, 2, ROWS),
    () => b.pad(b.sliceAxis(p, 1, 1, 2), [0, 1], [0, 1]),
    () => b.add(b.broadcast(b.sliceAxis(p, 0, 1, 1), [ROWS, COLUMNS]), q),
    () => b.add(p, p),
    () => b.mul(small(p), small(p)),
  ];
  return steps[r.below(steps.length)]!();
}

/** Networks side by side on one input, as attribute heads are. */
function heads(b: GraphBuilder, x: NodeId, weight: () => NodeId, bias: NodeId): NodeId {
  const outputs = [0, 1, 2].map((i) => {
    const hidden = b.leakyRelu(i === 2 ? b.matmul(x, weight()) : b.add(b.matmul(x, weight()), bias), 0.2);
    return b.add(b.matmul(hidden, weight()), bias);
  });
  return b.sub(b.add(outputs[0]!, outputs[1]!), outputs[2]!);
}
