// Collects the nodes and initializers of one ONNX graph while the IR is lowered to it.
// In: calls from the lowering, in topological order. Out: the node and tensor lists for encodeModel.
// Invariants: every value name is made here and begins with ".", which no input or output of ours does, or is an input or output
//   name given by the caller; equal small constants are stored once.
import { InternalError } from "../../../source/internal-error.js";
import type { Graph, Node, NodeId } from "../../graph/graph.js";
import type { AttributeValue, OnnxNode, OnnxTensor } from "./proto.js";

export type Attributes = Readonly<Record<string, AttributeValue>>;

export const int = (value: number): AttributeValue => ({ kind: "int", value });
export const ints = (value: readonly number[]): AttributeValue => ({ kind: "ints", value });
export const real = (value: number): AttributeValue => ({ kind: "float", value });
export const text = (value: string): AttributeValue => ({ kind: "string", value });

/** An image (nchw) with rows and columns of zeros after its own. */
export interface WideImage {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

/** What a runtime is good at, where the lowering has a choice. */
export interface Traits {
  /** The runtime's Tanh and Atanh are accurate only absolutely, as WebGPU's are. */
  readonly coarse: boolean;
  /** Transposed convolutions are better made of ordinary ones. */
  readonly splitTransposed: boolean;
}

export class OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #values = new Map<NodeId, string | (() => string)>();
  readonly #wide = new Map<Node, WideImage>();
  readonly #small = new Map<string, string>();
  #count = 0;

  constructor(
    readonly graph: Graph,
    readonly traits: Traits,
  ) {}

  /** The IR node with this index. */
  node(id: NodeId): Node {
    const node = this.graph.nodes[id];
    if (node === undefined) throw new InternalError(`no graph node ${id}`);
    return node;
  }

  /**
   * Name of the value that an IR node became. It must have been lowered before; a constant becomes an initializer only when it
   * is asked for here, since a lowering may use its numbers in another form.
   */
  value(id: NodeId): string {
    const known = this.#values.get(id);
    if (typeof known === "string") return known;
    if (known !== undefined) {
      const name = known();
      this.bind(id, name);
      return name;
    }
    const data = this.constantData(id);
    if (data === undefined) throw new InternalError(`graph node ${id} is used before it is lowered`);
    const initializer = this.floats(data, this.node(id).shape);
    this.bind(id, initializer);
    return initializer;
  }

  /** Says which ONNX value stands for an IR node, or what makes it when it is first asked for. */
  bind(id: NodeId, name: string | (() => string)): void {
    this.#values.set(id, name);
  }

  /** Says that a node's value exists with zeros after it, for those who can take it so. */
  bindWide(node: Node, wide: WideImage): void {
    this.#wide.set(node, wide);
  }

  wideOf(id: NodeId): WideImage | undefined {
    return this.#wide.get(this.node(id));
  }

  /** The numbers of an IR node that is a constant, in float32; undefined for any other node. */
  constantData(id: NodeId): Float32Array | undefined {
    const { op } = this.node(id);
    if (op.kind !== "constant") return undefined;
    return op.data instanceof Float32Array ? op.data : Float32Array.from(op.data);
  }

  /** Adds a node with one output and returns its name. An empty input name is an absent optional input. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, output = this.#fresh()): string {
    this.nodes.push({ opType, domain: "", inputs, outputs: [output], attributes });
    return output;
  }

  /**
   * Gives a value that an operation makes, and that bears a name of ours, the name of an output, so that it need not be copied there.
   * Out: whether there is such an operation.
   */
  rename(value: string, output: string): boolean {
    const isMade = this.nodes.some((n) => n.outputs[0] === value);
    if (!isMade || !value.startsWith(".")) return false;
    const renamed = (name: string): string => (name === value ? output : name);
    this.nodes.forEach((node, i) => {
      if (!node.inputs.includes(value) && !node.outputs.includes(value)) return;
      this.nodes[i] = { ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) };
    });
    for (const [id, name] of this.#values) if (name === value) this.#values.set(id, output);
    return true;
  }

  /** A float32 initializer. Scalars are shared. */
  floats(data: Float32Array, dims: readonly number[]): string {
    const name = this.#fresh();
    this.initializers.push({ name, dims, data });
    return name;
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    return this.once(`f ${value}`, () => this.floats(Float32Array.of(value), []));
  }

  /** A column of ones: [length, 1]. */
  ones(length: number): string {
    return this.once(`ones ${length}`, () => this.floats(new Float32Array(length).fill(1), [length, 1]));
  }

  /** A one-dimensional int64 initializer: shapes, axes, pads. */
  int64s(values: readonly number[]): string {
    return this.once(`i ${values.join(",")}`, () => {
      const name = this.#fresh();
      this.initializers.push({ name, dims: [values.length], data: BigInt64Array.from(values, BigInt) });
      return name;
    });
  }

  #fresh(): string {
    this.#count += 1;
    return `.${this.#count}`;
  }

  /** What a key stands for: made at its first use. */
  once(key: string, make: () => string): string {
    const known = this.#small.get(key);
    if (known !== undefined) return known;
    const name = make();
    this.#small.set(key, name);
    return name;
  }
}
