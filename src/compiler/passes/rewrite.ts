// The frame of the rewriting passes: walks a graph once and emits a new one, node by node, each either rewritten or copied.
// In: a graph and rules. Out: a new graph, or the same object if no rule applied.
// Invariants: rules look at the old graph, whose use counts are known, and emit into the new one; every old node keeps its value.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, Node, NodeId, Op, Shape } from "../graph/graph.js";
import { copyNode } from "../graph/copy.js";
import { at } from "../graph/shape.js";

/** A constant seen by a rule. */
export interface ConstantValue {
  readonly data: Float32Array | Float64Array;
  readonly shape: Shape;
}

/** Where a rule is applied: one old node, what surrounds it, and the builder of the new graph. */
export class RewriteSite {
  constructor(
    readonly graph: Graph,
    readonly uses: readonly number[],
    readonly users: readonly (readonly NodeId[])[],
    readonly b: GraphBuilder,
    readonly mapped: readonly NodeId[],
    readonly id: NodeId,
  ) {}

  get node(): Node {
    return at(this.graph.nodes, this.id);
  }

  /** The old node that is operand `i` of the node of this site, or of another old node. */
  operand(i: number, of: Node = this.node): NodeId {
    return at(of.inputs, i);
  }

  old(id: NodeId): Node {
    return at(this.graph.nodes, id);
  }

  /** The new node that stands for an old one. */
  new(id: NodeId): NodeId {
    return at(this.mapped, id);
  }

  /** Whether an old node has exactly one use, an output counting as one: only then does rewriting its user make it vanish. */
  isSingle(id: NodeId): boolean {
    return this.uses[id] === 1;
  }

  /** Whether every use of an old node is a node of some kind; an output is not. */
  hasOnlyUsers(id: NodeId, isFit: (user: Node) => boolean): boolean {
    const users = at(this.users, id);
    return users.length === this.uses[id] && users.every((user) => isFit(this.old(user)));
  }

  constant(id: NodeId): ConstantValue | undefined {
    const { op, shape } = this.old(id);
    return op.kind === "constant" ? { data: op.data, shape } : undefined;
  }

  /** The one value of a constant that has one, seen through reshapes and broadcasts. */
  uniform(id: NodeId): number | undefined {
    const node = this.old(id);
    if (node.op.kind === "reshape" || node.op.kind === "broadcast") return this.uniform(this.operand(0, node));
    if (node.op.kind !== "constant") return undefined;
    const { data } = node.op;
    const first = data[0];
    return first !== undefined && data.every((x) => x === first) ? first : undefined;
  }
}

/** Emits a replacement for the node of a site, or nothing if it does not apply. */
export type Rule = (site: RewriteSite) => NodeId | undefined;

/**
 * Applies the first rule that fits to each node, in topological order, once.
 *
 * Out      the same object if nothing changed, so that a caller can iterate to a fixed point.
 */
export function rewrite(graph: Graph, rules: readonly Rule[]): Graph {
  const b = new GraphBuilder();
  const uses = countUses(graph);
  const users = usersOf(graph);
  const mapped: NodeId[] = [];
  let changed = false;
  for (const [id, node] of graph.nodes.entries()) {
    const replacement =
      uses[id] === 0 ? undefined : firstMatch(rules, new RewriteSite(graph, uses, users, b, mapped, id));
    if (replacement !== undefined) changed = true;
    mapped.push(replacement ?? copyNode(b, node, mapped));
  }
  return changed ? finishMapped(b, graph, mapped) : graph;
}

function firstMatch(rules: readonly Rule[], site: RewriteSite): NodeId | undefined {
  for (const rule of rules) {
    const replacement = rule(site);
    if (replacement !== undefined) return replacement;
  }
  return undefined;
}

/** Finishes a rewritten graph with the outputs of the old one. */
export function finishMapped(b: GraphBuilder, graph: Graph, mapped: readonly NodeId[]): Graph {
  return b.finish({ outputs: Object.fromEntries(graph.outputs.map(({ name, node }) => [name, at(mapped, node)])) });
}

/** How often each node is used, outputs included. */
export function countUses(graph: Graph): number[] {
  const uses = graph.nodes.map(() => 0);
  const use = (id: NodeId): void => {
    uses[id] = (uses[id] ?? 0) + 1;
  };
  graph.nodes.forEach((node) => node.inputs.forEach(use));
  graph.outputs.forEach(({ node }) => use(node));
  return uses;
}

/** The users of each node, in order; outputs do not count. */
export function usersOf(graph: Graph): NodeId[][] {
  const users: NodeId[][] = graph.nodes.map(() => []);
  graph.nodes.forEach((node, id) => node.inputs.forEach((i) => at(users, i).push(id)));
  return users;
}

export type ConstantOp = Extract<Op, { kind: "constant" }>;
