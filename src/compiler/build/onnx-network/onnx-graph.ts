// Any ONNX network whose operations are known -> a graph of ours, which every engine runs and which can be differentiated.
// In: a model as plain data, the sizes of its inputs. Out: a Graph with the model's names of inputs and outputs.
// Invariants: images keep the engine's layout inside and have ONNX's order of axes at the ends; what depends on no input is computed here,
// in float64; an operation that is not known is an error that names its node; a small file asks for little memory and work.
import { interpret } from "../../graph/interpret.js";
import type { Graph, ImageLayout, NodeId, Shape } from "../../graph/graph.js";
import { optimize } from "../../passes/optimize.js";
import { failure } from "../../../source/diagnostic.js";
import { InternalError } from "../../../source/internal-error.js";
import type { OnnxModelFile, OnnxNodeFile } from "../../onnx-network.js";
import { ELEMENTWISE } from "./elementwise.js";
import { LINEAR } from "./linear.js";
import { QUANTIZED } from "./quantized.js";
import { RESIZE } from "./resize.js";
import { SHAPES } from "./shapes.js";
import { isWhole, OnnxCall, OnnxTranslation, Untranslatable, type Translate, type OnnxOperand } from "./translation.js";
import { WINDOWS } from "./windows.js";

const OPERATIONS: ReadonlyMap<string, Translate> = new Map(
  Object.entries({ ...ELEMENTWISE, ...LINEAR, ...WINDOWS, ...SHAPES, ...RESIZE, ...QUANTIZED }),
);

/** The operations that are read, by ONNX's names. */
export const ONNX_OPERATIONS: readonly string[] = [...OPERATIONS.keys()].sort();

export interface OnnxGraphOptions {
  /** Sizes of the inputs by name, of those that are not known. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** What other inputs always are. */
  readonly known?: Readonly<
    Record<string, { readonly data: Float32Array; readonly dims: Shape; readonly type?: string }>
  >;
  readonly layout: ImageLayout;
  /** Default: all outputs. */
  readonly outputs?: readonly string[];
}

/**
 * Translates a model.
 * Errors   LaceError L5204 that names the node: an operation that is not known, or not in this form; what reading its constants throws.
 */
export function onnxGraph(model: OnnxModelFile, options: OnnxGraphOptions): Graph {
  const t = new OnnxTranslation(options.layout);
  const values = new Map<string, OnnxOperand>();
  const wanted = options.outputs ?? model.outputs.map((o) => o.name);
  const nodes = needed(model.nodes, wanted);
  const used = new Set([...nodes.flatMap((node) => node.inputs), ...wanted]);
  for (const constant of model.constants.values())
    if (used.has(constant.name))
      values.set(constant.name, { shape: constant.dims, known: constant.read(), type: constant.type });
  for (const { name } of model.inputs) {
    const known = options.known?.[name];
    if (known !== undefined) {
      values.set(name, { shape: known.dims, known: known.data, type: known.type });
      continue;
    }
    const shape = options.inputs[name];
    if (shape === undefined) throw failure("L5204", `the input '${name}' of the ONNX network has no size`);
    values.set(name, t.of(t.builder.input(name, shape)));
  }
  const given = [...values.values()].reduce((sum, { known }) => sum + (known?.length ?? 0), 0);
  const budget = { numbers: LEAST_FOLDED + 2 * given, products: MOST_PRODUCTS };
  const opset = model.opset ?? CURRENT_OPSET;
  for (const node of nodes) translate(node, { t, values, budget, opset });
  const outputs = wanted.map((name): [string, NodeId] => {
    const value = values.get(name);
    if (value === undefined) throw failure("L5204", `the ONNX network has no output '${name}'`);
    return [name, t.node(value)];
  });
  return t.builder.finish({ outputs: Object.fromEntries(outputs) });
}

/** The graph, optimized. Errors as onnxGraph. */
export function compileOnnxNetwork(model: OnnxModelFile, options: OnnxGraphOptions): Graph {
  return optimize(onnxGraph(model, options));
}

/** The nodes that the outputs depend on, in the file's order, which is topological. */
function needed(nodes: readonly OnnxNodeFile[], outputs: readonly string[]): readonly OnnxNodeFile[] {
  const names = new Set(outputs);
  const kept: OnnxNodeFile[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => names.has(name))) continue;
    kept.push(node);
    for (const name of node.inputs) names.add(name);
  }
  return kept.reverse();
}

/** What may be computed of the weights while a network is read: numbers of results, and products of matrices among it. */
interface Budget {
  numbers: number;
  products: number;
}
/** Shapes and indices, and a few tables. */
const LEAST_FOLDED = 4_000_000;
/** Some seconds of work. */
const MOST_PRODUCTS = 2 ** 31;
/** Numbers of one value: 1 GB of them. Pictures of 1024 pixels with 64 channels have as many in a batch of four. */
const MOST_NUMBERS = 2 ** 28;

/** Of models that do not say which: made by hand. */
const CURRENT_OPSET = 21;

/** What is known while the nodes are read one after the other. */
interface Reading {
  readonly t: OnnxTranslation;
  readonly values: Map<string, OnnxOperand>;
  readonly budget: Budget;
  readonly opset: number;
}

function translate(node: OnnxNodeFile, { t, values, budget, opset }: Reading): void {
  const act = OPERATIONS.get(node.opType);
  const inputs = node.inputs.map((name) => {
    const value = values.get(name);
    if (name !== "" && value === undefined)
      throw failure("L5204", `'${name}' of the ONNX network is used before it is made`);
    return value;
  });
  let made: readonly OnnxOperand[];
  try {
    if (act === undefined || (node.domain !== "" && node.domain !== "ai.onnx"))
      throw new Untranslatable("the operation is not one that lacec knows");
    made = inputs.every((v) => v === undefined || v.known !== undefined)
      ? folded(act, node, inputs, { budget, opset })
      : act(new OnnxCall(t, node, inputs, opset));
    made.forEach(({ shape }) => sized(shape, MOST_NUMBERS));
  } catch (error) {
    // The builder checks shapes, and JavaScript the lengths of arrays: of a file that lies about them they say so.
    if (error instanceof Untranslatable || error instanceof InternalError || error instanceof RangeError)
      throw failure(
        "L5204",
        `the node '${node.name.slice(0, 100)}' (${node.opType.slice(0, 50)}) cannot be read: ${error.message}`,
      );
    throw error;
  }
  node.outputs.forEach((name, i) => {
    const value = made[i];
    if (value !== undefined && name !== "") values.set(name, { ...value, type: value.type ?? typeOf(node, inputs) });
  });
}

/** The type of what an operation gives, where it is that of inputs which are no floating point. */
function typeOf({ opType }: OnnxNodeFile, inputs: readonly (OnnxOperand | undefined)[]): string | undefined {
  const from = TYPED_AS.get(opType);
  if (from === undefined) return undefined;
  const own = from === "all" ? inputs : from.map((i) => inputs[i]);
  return own.every(isWhole) || own.every((v) => v?.type === "bool") ? own[0]?.type : undefined;
}
const TYPED_AS: ReadonlyMap<string, "all" | readonly number[]> = new Map<string, "all" | readonly number[]>([
  ...["Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "Sum", "Concat", "Range"].map((op) => [op, "all"] as const),
  ...["Identity", "Neg", "Abs", "Sign", "Pow", "Clip", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"].map(
    (op) => [op, [0]] as const,
  ),
  ...["Split", "Slice", "Gather", "Expand", "Tile", "Pad", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"].map(
    (op) => [op, [0]] as const,
  ),
  ["Where", [1, 2]],
]);

/** What an operation gives of known inputs, computed now: shapes and indices are made of such. */
function folded(
  act: Translate,
  node: OnnxNodeFile,
  inputs: readonly (OnnxOperand | undefined)[],
  { budget, opset }: Pick<Reading, "budget" | "opset">,
): readonly OnnxOperand[] {
  const t = new OnnxTranslation("nchw");
  return act(new OnnxCall(t, node, inputs, opset)).map((value) => {
    const size = sized(value.shape, budget.numbers);
    budget.numbers -= size;
    if (value.node === undefined) return value;
    if (HEAVY.has(node.opType)) budget.products -= size * (inputs[1]?.known?.length ?? 1);
    if (budget.products < 0) throw new Untranslatable("it makes weights of weights by very much work");
    const { y } = interpret(t.builder.finish({ outputs: { y: t.node(value) } }), {});
    return { shape: value.shape, known: Float32Array.from(y ?? []), type: value.type };
  });
}

/** Operations whose work is more than the numbers that they make; each of those takes no more products than their second input has numbers. */
const HEAVY: ReadonlySet<string> = new Set([LINEAR, WINDOWS, QUANTIZED].flatMap((of) => Object.keys(of)));

/** Numbers of a value. Errors: Untranslatable if its shape is none, or it has more than `most`. */
function sized(shape: Shape, most: number): number {
  const size = shape.reduce((a, b) => a * b, 1);
  if (shape.length > 16 || !shape.every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new Untranslatable("it makes sizes that make no sense");
  if (size > most) throw new Untranslatable(`it makes ${size} numbers at once`);
  return size;
}
