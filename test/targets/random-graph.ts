// Random graphs: a few inputs and constants, then operations drawn at random over values drawn at random, shapes as they come.
// In: a seed. Out: a graph with its inputs; the same for a seed.
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Graph, NodeId, Shape } from "../../src/compiler/graph/graph.js";
import { randomArray, randomNumbers } from "./cases.js";

const ROWS = 4;
const STEPS = 24;

export function randomGraph(seed: number): { graph: Graph; inputs: Record<string, Float32Array> } {
  const next = randomNumbers(seed);
  const below = (n: number): number => Math.min(n - 1, Math.floor(((next() + 1) / 2) * n));
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const b = new GraphBuilder();
  const inputs: Record<string, Float32Array> = {};
  const values: NodeId[] = [];
  const constant = (shape: Shape, scale = 1): NodeId =>
    b.constant(
      randomArray(
        shape.reduce((a, n) => a * n, 1),
        seed * 1000 + values.length,
        scale,
      ),
      shape,
    );
  [3, 6, 1].forEach((width, i) => {
    inputs[`x${i}`] = randomArray(ROWS * width, seed * 10 + i);
    values.push(b.input(`x${i}`, [ROWS, width]));
  });
  values.push(constant([1, 6]), constant([6]), constant([]));

  // Bounded functions only, so that float32 and float64 stay comparable after many steps.
  const steps: (() => NodeId | undefined)[] = [
    () => b.unary(pick(["neg", "abs", "sigmoid", "softplus", "step", "sign"] as const), pick(values)),
    () => b.exp(b.clip(pick(values), -4, 1)),
    () => b.log1mexp(b.neg(b.softplus(pick(values)))),
    () => b.log1p(b.softplus(pick(values))),
    () => b.expm1(b.clip(pick(values), -3, 1)),
    () => b.leakyRelu(pick(values), 0.2, pick([1, Math.SQRT2])),
    () => compatible((x, y) => b.binary(pick(["add", "sub", "max", "min"] as const), x, y)),
    () => compatible((x, y) => b.mul(b.sigmoid(x), y)),
    () => compatible((x, y) => b.select(b.greater(x, y), x, y)),
    () => dense(pick(values)),
    () => {
      const x = pick(values);
      const rank = b.shape(x).length;
      if (rank === 0) return undefined;
      return b.reduce(pick(["sum", "mean", "max", "logSumExp"] as const), x, [below(rank)], pick([true, false]));
    },
    () => {
      const x = pick(values);
      return b.shape(x).length === 2 ? b.transpose(x, [1, 0]) : undefined;
    },
    () => {
      const x = pick(values);
      const width = b.shape(x).at(-1) ?? 0;
      return b.shape(x).length === 2 && width > 1 ? b.sliceAxis(x, 1, 1, width - 1) : undefined;
    },
    () => {
      const same = values.filter((v) => b.shape(v).length === 2 && b.shape(v)[0] === ROWS);
      return b.concat([pick(same), pick(same)], 1);
    },
    () => {
      const x = pick(values);
      return b.shape(x).length === 2 ? b.pad(x, [0, pick([1, 0, 2])], [0, pick([1, 2])]) : undefined;
    },
  ];

  function dense(x: NodeId): NodeId | undefined {
    const shape = b.shape(x);
    const k = shape.at(-1) ?? 0;
    if (shape.length !== 2 || k > 20) return undefined;
    const n = pick([1, 3, 6]);
    const weight = constant([k, n], 1 / Math.sqrt(k));
    const bias = pick([undefined, constant([n]), constant([1, n])]);
    return b.dense(x, weight, bias, pick([undefined, { slope: 0.2, gain: Math.SQRT2 }, { slope: 0, gain: 1 }]));
  }

  /** Two values whose shapes broadcast; a few tries. */
  function compatible(use: (x: NodeId, y: NodeId) => NodeId): NodeId | undefined {
    for (let i = 0; i < 10; i++) {
      const [x, y] = [pick(values), pick(values)];
      if (broadcasts(b.shape(x), b.shape(y))) return use(x, y);
    }
    return undefined;
  }

  for (let i = 0; i < STEPS; i++) {
    const value = pick(steps)();
    if (value !== undefined) values.push(value);
  }
  const last = values.slice(-3);
  return {
    graph: b.finish({ outputs: Object.fromEntries(last.map((node, i) => [`y${i}`, node])) }),
    inputs,
  };
}

function broadcasts(a: Shape, b: Shape): boolean {
  return Array.from({ length: Math.min(a.length, b.length) }, (_, i) => [a.at(-1 - i), b.at(-1 - i)]).every(
    ([m, n]) => m === n || m === 1 || n === 1,
  );
}
