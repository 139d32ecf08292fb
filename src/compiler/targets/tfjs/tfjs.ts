// The TensorFlow.js target: a graph of the IR as a list of tensor operations, run in order on whatever backend is set.
// In: a Graph (any layout; nhwc is the fast one) and the tfjs-core module. Out: an Executable.
// Invariants: the active backend at emission and at each run is the caller's business, and all operations of a run are issued
//   before the first await, so a caller that sets the backend just before run() is safe; constants are uploaded once, in the form that
//   is used; every other tensor is disposed after its last use; only functions of tfjs-core are used (no chained operations, which
//   would have to be registered, and no gradients).
import type { Tensor } from "@tensorflow/tfjs-core";
import { InternalError, unreachable } from "../../../source/internal-error.js";
import type { Executable, Graph, Node, NodeId, Op, QueueInputs, Resident } from "../../graph/graph.js";
import type { TensorKernel, NodeEmitter, Tf } from "./emitter.js";
import { binary, leakyRelu, logSumExp, pad, unary } from "./elementwise.js";
import { emitConv, emitConvTranspose, emitUpfirdn } from "./image.js";
import { emitDense, emitMatmul } from "./linear.js";
import { findUses } from "../uses.js";

interface Step {
  readonly id: NodeId;
  readonly inputs: readonly NodeId[];
  readonly kernel: TensorKernel;
  /** Nodes whose value nothing after this step needs. */
  readonly released: readonly NodeId[];
}

/**
 * A graph as an executable on the active TensorFlow.js backend.
 *
 * Errors   InternalError for a malformed graph, or an input that is missing or of another size.
 * Owns     its constants, until dispose(); a run leaves no tensor behind, also when it throws.
 */
export function emitTfjs(graph: Graph, tf: Tf): Executable {
  const constants = new Map<NodeId, Tensor>();
  const uploaded: Tensor[] = [];
  const upload = (data: Float32Array, shape: readonly number[]): Tensor => {
    const tensor = tf.keep(tf.tensor(data, [...shape], "float32"));
    uploaded.push(tensor);
    return tensor;
  };
  const nodeOf = (id: NodeId): Node => graph.nodes[id] ?? missing(`node ${id}`);
  const { live, conditions } = findUses(graph);
  const order = graph.nodes.map((_, id) => id).filter((id) => live.has(id) && isComputed(nodeOf(id)));
  const kernels = new Map(order.map((id) => [id, emitNode(emitterFor(id))] as const));
  const steps = planSteps(graph, order, kernels);

  function emitterFor(id: NodeId): NodeEmitter {
    const node = nodeOf(id);
    const operand = (i: number): Node => nodeOf(node.inputs[i] ?? missing(`operand ${i} of ${node.op.kind}`));
    return {
      tf,
      node,
      coarse: tf.getBackend() === "webgpu",
      isCondition: conditions.has(id),
      upload,
      shape: (i) => operand(i).shape,
      isReshaped: (i) => operand(i).op.kind === "reshape",
      constant: (i) => numbersOf(operand(i)),
    };
  }

  /** A constant's tensor, uploaded the first time that a kernel takes it as an operand. */
  function constantTensor(id: NodeId): Tensor | undefined {
    const known = constants.get(id);
    if (known !== undefined) return known;
    const data = numbersOf(nodeOf(id));
    if (data === undefined) return undefined;
    const tensor = upload(data, nodeOf(id).shape);
    constants.set(id, tensor);
    return tensor;
  }

  /** Issues all operations. Out: a tensor of the caller's own for each output; no other is left, also when it throws. */
  function issue(inputs: QueueInputs): readonly (readonly [string, Tensor])[] {
    const values = new Map<NodeId, Tensor>();
    const valueOf = (id: NodeId): Tensor => values.get(id) ?? constantTensor(id) ?? missing(`value of node ${id}`);
    try {
      for (const { name, node } of graph.inputs) {
        if (live.has(node)) values.set(node, inputTensor(tf, name, inputs[name], nodeOf(node).shape));
      }
      for (const { id, inputs: operands, kernel, released } of steps) {
        // Outside the tidy: a constant that is uploaded now must outlive it.
        const tensors = operands.map(valueOf);
        values.set(
          id,
          tf.tidy(() => kernel(tensors)),
        );
        for (const dead of released) {
          values.get(dead)?.dispose();
          values.delete(dead);
        }
      }
      // A clone is the same memory once more: values may be inputs, constants, or two outputs.
      return graph.outputs.map(({ name, node }) => [name, tf.clone(valueOf(node))] as const);
    } finally {
      for (const tensor of values.values()) tensor.dispose();
    }
  }

  return {
    async run(inputs, into = {}) {
      const outputs = issue(inputs);
      try {
        // The arrays of some backends are their own memory, so a copy is made for the caller.
        const reads = outputs.map(async ([name, tensor]) => {
          return [name, copyTo(name, (await tensor.data()) as Float32Array, into[name])] as const;
        });
        return Object.fromEntries(await Promise.all(reads));
      } finally {
        for (const [, tensor] of outputs) tensor.dispose();
      }
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for, but errors must be rejections
    async queue(inputs) {
      return Object.fromEntries(issue(inputs).map(([name, tensor]) => [name, new KeptTensor(tensor)]));
    },
    dispose() {
      for (const tensor of uploaded.splice(0)) tensor.dispose();
      constants.clear();
      return Promise.resolve();
    },
  };
}

function emitNode(e: NodeEmitter): TensorKernel {
  const { tf, node } = e;
  const { op } = node;
  switch (op.kind) {
    case "input":
    case "constant":
      throw new InternalError(`${op.kind} is not computed`);
    case "unary":
      if (op.fn === "step" && e.isCondition) return ([x]) => tf.greater(given(x), 0);
      return ([x]) => unary(tf, op.fn, given(x), e.coarse);
    case "binary":
      if (op.fn === "greater" && e.isCondition) return ([x, y]) => tf.greater(given(x), given(y));
      return ([x, y]) => binary(tf, op.fn, given(x), given(y));
    case "leakyRelu":
      return ([x]) => leakyRelu(tf, op.activation, given(x));
    case "clip":
      return ([x]) => tf.clipByValue(given(x), op.min, op.max);
    case "select":
      return ([c, x, y]) => tf.where(asBoolean(tf, given(c)), given(x), given(y));
    case "matmul":
      return emitMatmul(e);
    case "dense":
      return emitDense(e, op.hasBias, op.activation);
    case "reduce":
      return emitReduce(tf, op);
    case "reshape":
      return ([x]) => tf.reshape(given(x), [...op.to]);
    case "transpose":
      return ([x]) => tf.transpose(given(x), [...op.permutation]);
    case "broadcast":
      return ([x]) => tf.broadcastTo(given(x), [...op.to] as [number]);
    case "slice":
      return ([x]) => tf.slice(given(x), [...op.start], [...op.size]);
    case "pad":
      return ([x]) => pad(tf, given(x), op.before, op.after);
    case "concat":
      return (parts) => tf.concat([...parts], op.axis);
    case "conv2d":
      return emitConv(e, op);
    case "convTranspose2d":
      return emitConvTranspose(e, op);
    case "upfirdn2d":
      return emitUpfirdn(e, op);
    default:
      return unreachable(op);
  }
}

function emitReduce(tf: Tf, op: Extract<Op, { kind: "reduce" }>): TensorKernel {
  const axes = [...op.axes];
  // To TensorFlow no axes means all of them; to us, none.
  if (axes.length === 0) return ([x]) => tf.clone(given(x));
  switch (op.fn) {
    case "sum":
      return ([x]) => tf.sum(given(x), axes, op.keepDims);
    case "max":
      return ([x]) => tf.max(given(x), axes, op.keepDims);
    case "mean":
      return ([x]) => tf.mean(given(x), axes, op.keepDims);
    case "logSumExp":
      return ([x]) => logSumExp(tf, given(x), axes, op.keepDims);
    default:
      return unreachable(op.fn);
  }
}

/** The computed nodes in order, each with the values that are dead after it. */
function planSteps(graph: Graph, order: readonly NodeId[], kernels: ReadonlyMap<NodeId, TensorKernel>): Step[] {
  const kept = new Set(graph.outputs.map((o) => o.node));
  const lastUse = new Map<NodeId, NodeId>();
  const inputsOf = (id: NodeId): readonly NodeId[] => graph.nodes[id]?.inputs ?? [];
  for (const id of order) for (const input of inputsOf(id)) lastUse.set(input, id);
  return order.map((id) => ({
    id,
    inputs: inputsOf(id),
    kernel: kernels.get(id) ?? missing(`kernel of node ${id}`),
    released: [...new Set(inputsOf(id))].filter((input) => !kept.has(input) && lastUse.get(input) === id),
  }));
}

/** A tensor that stays. */
class KeptTensor implements Resident {
  constructor(readonly tensor: Tensor) {}
  async read(): Promise<Float32Array> {
    return new Float32Array((await this.tensor.data()) as Float32Array);
  }
  dispose(): void {
    this.tensor.dispose();
  }
}

function inputTensor(
  tf: Tf,
  name: string,
  data: Float32Array | Resident | undefined,
  shape: readonly number[],
): Tensor {
  const size = shape.reduce((a, n) => a * n, 1);
  if (data instanceof KeptTensor) {
    if (data.tensor.size !== size) throw new InternalError(`input ${name} should have ${size} entries`);
    return tf.reshape(data.tensor, [...shape]);
  }
  if (data !== undefined && !(data instanceof Float32Array))
    throw new InternalError(`input ${name} is kept by another engine`);
  if (data?.length !== size) throw new InternalError(`input ${name} should have ${size} entries`);
  return tf.tensor(data, [...shape], "float32");
}

function copyTo(name: string, data: Float32Array, target: Float32Array | undefined): Float32Array {
  if (target === undefined) return new Float32Array(data);
  if (target.length !== data.length)
    throw new InternalError(`the array for output ${name} should have ${data.length} entries`);
  target.set(data);
  return target;
}

function asBoolean(tf: Tf, x: Tensor): Tensor {
  return x.dtype === "bool" ? x : tf.notEqual(x, 0);
}

function numbersOf({ op }: Node): Float32Array | undefined {
  if (op.kind !== "constant") return undefined;
  return op.data instanceof Float32Array ? op.data : Float32Array.from(op.data);
}

function isComputed({ op }: Node): boolean {
  return op.kind !== "input" && op.kind !== "constant";
}

function given(x: Tensor | undefined): Tensor {
  return x ?? missing("operand");
}

function missing(what: string): never {
  throw new InternalError(`the graph has no ${what}`);
}
