// Stacking: networks of one input (the attribute heads) run side by side. Their first layers become one product with the weights
// side by side; deeper layers of equal shape may become one batched product [H, rows, in] x [H, in, out].
// In: a simplified graph, before differentiation, so that the backward pass is stacked as well. Out: an equal graph with fewer products.
// Invariants: values are kept up to rounding; only chains whose inner values nothing else uses are touched.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, LeakyRelu, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { finishMapped, type ConstantOp } from "./rewrite.js";
import { Users } from "./users.js";

/** How far to stack: not at all, first layers only, or deeper layers as batched products too. Engines differ in what is fastest. */
export type Stacking = "none" | "first" | "all";

/** One dense layer of a chain: a product with a constant weight [in, out], perhaps a constant bias [out], perhaps a leaky ReLU. */
interface Layer {
  readonly weight: ConstantOp["data"];
  readonly inner: number;
  readonly columns: number;
  readonly bias: ConstantOp["data"] | undefined;
  readonly activation: LeakyRelu | undefined;
  /** The old node with the layer's value. */
  readonly output: NodeId;
}

interface Chain {
  readonly layers: readonly Layer[];
  readonly signature: readonly string[];
}

/** The graph with the heads stacked. Out: the same object if there is nothing to stack. */
export function stack(graph: Graph, stacking: Stacking): Graph {
  if (stacking === "none") return graph;
  const groups = findGroups(graph);
  if (groups.size === 0) return graph;
  const b = new GraphBuilder();
  const mapped: NodeId[] = [];
  const replaced = new Map<NodeId, NodeId>();
  graph.nodes.forEach((node, id) => {
    const group = groups.get(id);
    if (group !== undefined) {
      const x = at(mapped, at(node.inputs, 0));
      emitGroup(b, x, group, stacking).forEach((value, old) => replaced.set(old, value));
    }
    // Inner nodes of a chain are copied too and dropped by prune: they may still be another chain's twin.
    mapped.push(replaced.get(id) ?? b.copy(node, mapped));
  });
  return finishMapped(b, graph, mapped);
}

/** Groups of two or more chains that start from one value, by the first product of each group. */
function findGroups(graph: Graph): ReadonlyMap<NodeId, readonly Chain[]> {
  const users = new Users(graph);
  const groups = new Map<NodeId, readonly Chain[]>();
  graph.nodes.forEach((_, source) => {
    const starts = [...users.of(source)].filter((id) => isLayer(graph, id, source));
    if (starts.length < 2) return;
    const chains = starts.map((id) => chainFrom(graph, users, id));
    // Equal networks side by side, so that each run of them is one slice.
    chains.sort((p, q) => compare(p.signature.join(), q.signature.join()));
    groups.set(at(starts, 0), chains);
  });
  return groups;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isLayer(graph: Graph, id: NodeId, source: NodeId): boolean {
  const { op, inputs, shape } = at(graph.nodes, id);
  const weight = at(graph.nodes, inputs[1] ?? id);
  return (
    op.kind === "matmul" &&
    inputs[0] === source &&
    shape.length === 2 &&
    weight.op.kind === "constant" &&
    weight.shape.length === 2
  );
}

function chainFrom(graph: Graph, users: Users, first: NodeId): Chain {
  const layers: Layer[] = [];
  let product: NodeId | undefined = first;
  while (product !== undefined) {
    const weight = at(graph.nodes, at(at(graph.nodes, product).inputs, 1));
    if (weight.op.kind !== "constant") break;
    const [inner, columns] = [at(weight.shape, 0), at(weight.shape, 1)];
    let output: NodeId = product;
    let user = users.only(output);
    const bias = user === undefined ? undefined : rowConstant(graph, user, output, columns);
    if (user !== undefined && bias !== undefined) {
      output = user;
      user = users.only(output);
    }
    const op = user === undefined ? undefined : at(graph.nodes, user).op;
    const activation = op?.kind === "leakyRelu" ? op.activation : undefined;
    if (user !== undefined && activation !== undefined) {
      output = user;
      user = users.only(output);
    }
    layers.push({ weight: weight.op.data, inner, columns, bias, activation, output });
    product = user !== undefined && isLayer(graph, user, output) ? user : undefined;
  }
  return { layers, signature: layers.map(signatureOf) };
}

function signatureOf({ inner, columns, bias, activation }: Layer): string {
  return `${inner}x${columns} ${bias !== undefined} ${JSON.stringify(activation)}`;
}

/** The constant that an addition adds to `x` in every row alike, as `columns` entries. */
function rowConstant(graph: Graph, id: NodeId, x: NodeId, columns: number): ConstantOp["data"] | undefined {
  const { op, inputs } = at(graph.nodes, id);
  if (op.kind !== "binary" || op.fn !== "add") return undefined;
  const other = at(graph.nodes, at(inputs, inputs[0] === x ? 1 : 0));
  if (other.op.kind !== "constant") return undefined;
  const { data } = other.op;
  if (data.length === columns && other.shape.at(-1) === columns) return data;
  return data.length === 1 ? new Float64Array(columns).fill(data[0] ?? NaN) : undefined;
}

/** Emits the chains of a group and gives the new node of each value that something else uses. */
function emitGroup(b: GraphBuilder, x: NodeId, chains: readonly Chain[], stacking: Stacking): Map<NodeId, NodeId> {
  const results = new Map<NodeId, NodeId>();
  // Layers without activation or bias can stand beside those with: the parts are split before an activation that not all have.
  const runs = runsOf(chains, (c) => JSON.stringify(at(c.layers, 0).activation));
  for (const run of runs) {
    const firsts = run.map((c) => at(c.layers, 0));
    const wide = emitBeside(b, x, firsts);
    let start = 0;
    for (const equals of runsOf(run, (c) => c.signature.slice(0, 2).join())) {
      const { columns } = at(at(equals, 0).layers, 0);
      const depth = stacking === "all" && equals.length > 1 ? commonDepth(equals) : 1;
      if (depth > 1) {
        const size = equals.length * columns;
        const part = b.reshape(b.sliceAxis(wide, 1, start, size), [at(b.shape(x), 0), equals.length, columns]);
        emitBatched(b, b.transpose(part, [1, 0, 2]), equals, depth, results);
        start += size;
        continue;
      }
      for (const chain of equals) {
        results.set(at(chain.layers, 0).output, b.sliceAxis(wide, 1, start, columns));
        start += columns;
      }
    }
  }
  return emitLast(b, chains, results);
}

/** Multiply-adds a row that zeros beside the weights of last layers may cost, so that there is one product instead of several. */
const MAX_IDLE_WORK = 8192;

/**
 * Last layers (few outputs, no activation) of two or more chains that stand alone by now, as one product of the hidden values side by
 * side with a block-diagonal weight.
 */
function emitLast(b: GraphBuilder, chains: readonly Chain[], results: Map<NodeId, NodeId>): Map<NodeId, NodeId> {
  const open = chains.flatMap(({ layers }) => {
    const last = at(layers, -1);
    const emitted = layers.findLastIndex((l) => results.has(l.output));
    if (last.activation !== undefined || emitted < 0 || emitted === layers.length - 1) return [];
    const start = results.get(at(layers, emitted).output);
    return start === undefined ? [] : [{ start, between: layers.slice(emitted + 1, -1), last }];
  });
  const lasts = open.map((c) => c.last);
  const [inner, columns] = [sum(lasts.map((l) => l.inner)), sum(lasts.map((l) => l.columns))];
  if (open.length < 2 || inner * columns > MAX_IDLE_WORK) return results;
  // The activation before the last layers runs once, over all hidden values side by side, forward and backward.
  const activations = open.map(({ between }) => between.at(-1)?.activation);
  const isCommon = activations.every((a) => a !== undefined && JSON.stringify(a) === JSON.stringify(activations[0]));
  const hidden = b.concat(
    open.map(({ start, between }) =>
      between.reduce((x, layer, i) => {
        const isBare = isCommon && i === between.length - 1;
        return emitLayer(b, x, isBare ? { ...layer, activation: undefined } : layer);
      }, start),
    ),
    1,
  );
  const x = isCommon ? activate(b, hidden, activations[0]) : hidden;
  const weight = new Float64Array(inner * columns);
  const bias = new Float64Array(columns);
  let [top, left] = [0, 0];
  for (const layer of lasts) {
    for (let k = 0; k < layer.inner; k++)
      weight.set(layer.weight.subarray(k * layer.columns, (k + 1) * layer.columns), (top + k) * columns + left);
    if (layer.bias !== undefined) bias.set(layer.bias, left);
    top += layer.inner;
    left += layer.columns;
  }
  const product = b.matmul(x, b.constant(weight, [inner, columns]));
  const joined = b.add(product, b.constant(bias, [columns]));
  left = 0;
  for (const layer of lasts) {
    results.set(layer.output, b.sliceAxis(joined, 1, left, layer.columns));
    left += layer.columns;
  }
  return results;
}

function emitLayer(b: GraphBuilder, x: NodeId, { weight, inner, columns, bias, activation }: Layer): NodeId {
  const product = b.matmul(x, b.constant(weight, [inner, columns]));
  return activate(b, bias === undefined ? product : b.add(product, b.constant(bias, [columns])), activation);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

/** How many layers from the first all chains have in common. */
function commonDepth(chains: readonly Chain[]): number {
  const { signature } = at(chains, 0);
  let depth = 0;
  while (depth < signature.length && chains.every((c) => c.signature[depth] === signature[depth])) depth++;
  return depth;
}

/** First layers with their weights side by side: [rows, sum of columns]. */
function emitBeside(b: GraphBuilder, x: NodeId, layers: readonly Layer[]): NodeId {
  const inner = at(layers, 0).inner;
  const columns = sum(layers.map((l) => l.columns));
  const weight = new Float64Array(inner * columns);
  const bias = new Float64Array(columns);
  let start = 0;
  for (const layer of layers) {
    for (let k = 0; k < inner; k++)
      weight.set(layer.weight.subarray(k * layer.columns, (k + 1) * layer.columns), k * columns + start);
    if (layer.bias !== undefined) bias.set(layer.bias, start);
    start += layer.columns;
  }
  const product = b.matmul(x, b.constant(weight, [inner, columns]));
  const shifted = layers.some((l) => l.bias !== undefined) ? b.add(product, b.constant(bias, [columns])) : product;
  return activate(b, shifted, at(layers, 0).activation);
}

/** Layers 1 ... depth - 1 of equal chains as batched products; x [H, rows, in]. */
function emitBatched(
  b: GraphBuilder,
  x: NodeId,
  chains: readonly Chain[],
  depth: number,
  results: Map<NodeId, NodeId>,
): void {
  let value = x;
  const heads = chains.length;
  for (let d = 1; d < depth; d++) {
    const layers = chains.map((c) => at(c.layers, d));
    const { inner, columns, bias, activation } = at(layers, 0);
    const weights = join(layers.map((l) => l.weight));
    const product = b.matmul(value, b.constant(weights, [heads, inner, columns]));
    const biases = bias === undefined ? undefined : join(layers.flatMap((l) => l.bias ?? []));
    value = activate(
      b,
      biases === undefined ? product : b.add(product, b.constant(biases, [heads, 1, columns])),
      activation,
    );
  }
  const [rows, columns] = [at(b.shape(value), 1), at(b.shape(value), 2)];
  chains.forEach((chain, h) => {
    const part = b.reshape(b.sliceAxis(value, 0, h, 1), [rows, columns]);
    results.set(at(chain.layers, depth - 1).output, part);
  });
}

function activate(b: GraphBuilder, x: NodeId, activation: LeakyRelu | undefined): NodeId {
  return activation === undefined ? x : b.leakyRelu(x, activation.slope, activation.gain);
}

function join(parts: readonly ConstantOp["data"][]): Float64Array {
  const joined = new Float64Array(sum(parts.map((p) => p.length)));
  let start = 0;
  for (const part of parts) {
    joined.set(part, start);
    start += part.length;
  }
  return joined;
}

/** Splits a list into runs of neighbours with one key. */
function runsOf<T>(list: readonly T[], key: (x: T) => string | undefined): T[][] {
  const runs: T[][] = [];
  for (const x of list) {
    const last = runs.at(-1);
    if (last !== undefined && key(at(last, 0)) === key(x)) last.push(x);
    else runs.push([x]);
  }
  return runs;
}
