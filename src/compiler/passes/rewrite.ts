// The frame of the rewriting passes: walks a graph once and emits a new one, node by node, each either rewritten or copied.
// In: a graph and rules. Out: a new graph, or the same object if no rule applied.
// Invariants: rules look at the old graph, whose use counts are known, and emit into the new one; every old node keeps its value.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, Node, NodeId, Op, Shape } from "../graph/graph.js";
import { at, printShape, sameShape } from "../graph/shape.js";
import { InternalError } from "../../source/internal-error.js";
import { Users } from "./users.js";

/** A constant seen by a rule. */
export interface ConstantValue {
  readonly data: Float32Array | Float64Array;
  readonly shape: Shape;
}

/** Whether a user of an old node is of some kind. A function that is made once: its answers are kept for a sweep. */
export type UserTest = (site: RewriteSite, user: Node, used: NodeId) => boolean;

/** What all sites of a sweep have in common. */
interface Sweep {
  readonly graph: Graph;
  readonly users: Users;
  readonly b: GraphBuilder;
  readonly mapped: readonly NodeId[];
  /** Answers of `hasOnlyUsers`: a value may have very many users, each of which asks. */
  readonly known: Map<UserTest, Map<NodeId, boolean>>;
  /** Answers of `partStarts`: a concatenation of very many parts has a slice for each. */
  readonly starts: Map<NodeId, readonly number[]>;
}

/** Where a rule is applied: one old node, what surrounds it, and the builder of the new graph. */
export class RewriteSite {
  readonly #sweep: Sweep;
  readonly b: GraphBuilder;

  constructor(
    sweep: Sweep,
    readonly id: NodeId,
    readonly node: Node,
  ) {
    this.#sweep = sweep;
    this.b = sweep.b;
  }

  /** The old node that is operand `i` of the node of this site, or of another old node. */
  operand(i: number, of: Node = this.node): NodeId {
    return at(of.inputs, i);
  }

  old(id: NodeId): Node {
    return at(this.#sweep.graph.nodes, id);
  }

  /** The new node that stands for an old one. */
  new(id: NodeId): NodeId {
    return at(this.#sweep.mapped, id);
  }

  /** Whether an old node has exactly one use, an output counting as one: only then does rewriting its user make it vanish. */
  isSingle(id: NodeId): boolean {
    return this.#sweep.users.counts[id] === 1;
  }

  /** Whether every use of an old node is a node of some kind; an output is not. */
  hasOnlyUsers(id: NodeId, isFit: UserTest): boolean {
    const { users, known } = this.#sweep;
    const answers = known.get(isFit) ?? new Map<NodeId, boolean>();
    known.set(isFit, answers);
    const answer = answers.get(id);
    if (answer !== undefined) return answer;
    const of = users.of(id);
    const found = of.length === users.counts[id] && of.every((user) => isFit(this, this.old(user), id));
    answers.set(id, found);
    return found;
  }

  /** Where each part of an old concatenation begins along its axis, ascending; none for another node. */
  partStarts(id: NodeId): readonly number[] {
    const { starts } = this.#sweep;
    const known = starts.get(id);
    if (known !== undefined) return known;
    const { op, inputs } = this.old(id);
    const found: number[] = [];
    let start = 0;
    if (op.kind === "concat")
      for (const part of inputs) {
        found.push(start);
        start += at(this.old(part).shape, op.axis);
      }
    starts.set(id, found);
    return found;
  }

  isConstant(id: NodeId): boolean {
    return this.old(id).op.kind === "constant";
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
type Replace = (site: RewriteSite) => NodeId | undefined;

type Kinds = readonly Op["kind"][] | "any";

/** A rule and the kinds of operations whose nodes it may replace, so that the others need not ask it. */
export interface Rule {
  readonly kinds: Kinds;
  readonly replace: Replace;
}

/** A rule for nodes of some kinds of operations. */
export function ruleFor(kinds: Kinds, replace: Replace): Rule {
  return { kinds, replace };
}

/**
 * Applies the first rule that fits to each node, in topological order, once.
 *
 * Out      the same object if nothing changed, so that a caller can iterate to a fixed point.
 * Errors   InternalError for a rule that gives a node of another shape.
 */
export function rewrite(graph: Graph, rules: readonly Rule[]): Graph {
  const b = new GraphBuilder();
  const mapped: NodeId[] = [];
  const sweep: Sweep = { graph, users: new Users(graph), b, mapped, known: new Map(), starts: new Map() };
  const ofKind = new Map<Op["kind"], readonly Rule[]>();
  let changed = false;
  for (let id = 0; id < graph.nodes.length; id++) {
    const node = at(graph.nodes, id);
    const { kind } = node.op;
    const fitting = ofKind.get(kind) ?? rules.filter(({ kinds }) => kinds === "any" || kinds.includes(kind));
    ofKind.set(kind, fitting);
    const isIdle = sweep.users.counts[id] === 0 || fitting.length === 0;
    const replacement = isIdle ? undefined : firstMatch(fitting, new RewriteSite(sweep, id, node));
    if (replacement !== undefined) {
      changed = true;
      if (!sameShape(b.shape(replacement), node.shape))
        throw new InternalError(
          `${node.op.kind} ${printShape(node.shape)} was replaced by something ${printShape(b.shape(replacement))}`,
        );
    }
    mapped.push(replacement ?? b.copy(node, mapped));
  }
  return changed ? finishMapped(b, graph, mapped) : graph;
}

function firstMatch(rules: readonly Rule[], site: RewriteSite): NodeId | undefined {
  for (const { replace } of rules) {
    const replacement = replace(site);
    if (replacement !== undefined) return replacement;
  }
  return undefined;
}

/** Finishes a rewritten graph with the outputs of the old one. */
export function finishMapped(b: GraphBuilder, graph: Graph, mapped: readonly NodeId[]): Graph {
  return b.finish({ outputs: Object.fromEntries(graph.outputs.map(({ name, node }) => [name, at(mapped, node)])) });
}

export type ConstantOp = Extract<Op, { kind: "constant" }>;
