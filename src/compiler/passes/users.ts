// Who uses the nodes of a graph: how often each is used, and by which nodes, in two flat lists, since graphs have up to millions of nodes.
// In: a graph. Out: counts, outputs included, and the users of a node, outputs not.
// Invariants: users are ascending; one that uses a node twice is there twice.
import type { Graph, NodeId } from "../graph/graph.js";

/** The uses of the nodes of one graph. */
export class Users {
  /** How often each node is used, outputs included. */
  readonly counts: Uint32Array;
  /** The users of node i are entries starts[i] ... starts[i + 1] - 1 of `list`. */
  readonly #starts: Uint32Array;
  readonly #list: Uint32Array;

  constructor({ nodes, outputs }: Graph) {
    this.counts = new Uint32Array(nodes.length);
    for (const { inputs } of nodes) for (const i of inputs) increment(this.counts, i);
    this.#starts = new Uint32Array(nodes.length + 1);
    for (let id = 0; id < nodes.length; id++) this.#starts[id + 1] = entry(this.#starts, id) + entry(this.counts, id);
    this.#list = new Uint32Array(entry(this.#starts, nodes.length));
    const ends = this.#starts.slice();
    nodes.forEach(({ inputs }, user) => {
      for (const i of inputs) {
        this.#list[entry(ends, i)] = user;
        increment(ends, i);
      }
    });
    for (const { node } of outputs) increment(this.counts, node);
  }

  /** The users of a node, ascending; outputs do not count. */
  of(id: NodeId): Uint32Array {
    return this.#list.subarray(entry(this.#starts, id), entry(this.#starts, id + 1));
  }

  /** The only use of a node, where that is a node and not an output. */
  only(id: NodeId): NodeId | undefined {
    return this.counts[id] === 1 ? this.of(id)[0] : undefined;
  }
}

function entry(list: Uint32Array, i: number): number {
  return list[i] ?? 0;
}

function increment(list: Uint32Array, i: number): void {
  list[i] = entry(list, i) + 1;
}
