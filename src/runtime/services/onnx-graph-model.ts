// ONNX models without onnxruntime: as graphs of ours on any engine, for an installation that has no native one and for browsers.
// In: the model's bytes, an engine, inputs. Out: float32 outputs by name. Invariant: one graph for each size of the inputs, and for each value of those that
// take whole numbers, such as the number of a class: what depends on them alone is computed when it is compiled.
import type { Executable, Graph, Shape } from "../../compiler/graph/graph.js";
import type { OnnxModelFile } from "../../compiler/onnx-network.js";
import { compileOnnxNetwork } from "../../compiler/build/onnx-network/onnx-graph.js";
import { readOnnxModel } from "../../models/formats/onnx-model.js";
import { readingOnnx } from "../../models/onnx-file.js";
import { OnnxDamage } from "../../models/formats/onnx-weights.js";
import type { Engine } from "./engine.js";
import { failure } from "../../source/diagnostic.js";
import type { OnnxInput, OnnxModel } from "./onnx-model.js";

interface Compiled {
  readonly graph: Graph;
  readonly executable: Executable;
}

/**
 * Opens a model.
 *
 * Errors   LaceError L5202 if the bytes are no ONNX model; from run L5203 for inputs that are no numbers, L5204 for an operation that is not
 *          known.
 * Owns     the engine, from now on; the caller disposes the model, and with it the engine.
 */
export async function openOnnxAsGraph(bytes: Uint8Array, engine: Engine): Promise<OnnxModel> {
  const model = await readOrDispose(bytes, engine);
  const compiled = new Map<string, Compiled>();
  return {
    inputs: model.inputs,
    outputs: model.outputs,
    async run(inputs, only) {
      const whole = new Set(model.inputs.filter(({ type }) => !FLOATS.has(type)).map(({ name }) => name));
      const { graph, executable } = await executableFor(engine, model, { inputs, only, whole }, compiled);
      const feeds = Object.entries(inputs).flatMap(([name, { data }]) => {
        return data instanceof Float32Array && !whole.has(name) ? [[name, data] as const] : [];
      });
      const results = await executable.run(Object.fromEntries(feeds));
      return Object.fromEntries(
        Object.entries(results).map(([name, data]) => [name, { data, dims: shapeOf(graph, name) }]),
      );
    },
    async dispose() {
      for (const { executable } of compiled.values()) await executable.dispose();
      await engine.dispose();
    },
  };
}

async function readOrDispose(bytes: Uint8Array, engine: Engine): Promise<OnnxModelFile> {
  try {
    return read(bytes);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

function read(bytes: Uint8Array): OnnxModelFile {
  return readingOnnx(() => {
    const model = readOnnxModel(bytes);
    if (model.outputs.length === 0) throw new OnnxDamage("it has no output");
    return model;
  });
}

const FLOATS: ReadonlySet<string> = new Set(["float32", "float16", "float64", "bfloat16"]);
/** Whole numbers that a graph may be compiled for. Texts have more, and each would need a graph of its own. */
const MOST_WHOLE = 16;

interface Asked {
  readonly inputs: Readonly<Record<string, OnnxInput>>;
  readonly only: readonly string[] | undefined;
  /** Inputs that take whole numbers. */
  readonly whole: ReadonlySet<string>;
}

async function executableFor(
  engine: Engine,
  model: OnnxModelFile,
  { inputs, only: outputs, whole }: Asked,
  compiled: Map<string, Compiled>,
): Promise<Compiled> {
  const isFixed = ([name, { data }]: readonly [string, OnnxInput]): boolean =>
    whole.has(name) || data instanceof BigInt64Array;
  const entries = Object.entries(inputs);
  const sizes: Record<string, Shape> = Object.fromEntries(
    entries.filter((e) => !isFixed(e)).map(([k, v]) => [k, v.dims]),
  );
  const fixed = entries.filter(isFixed).map(([name, { data, dims }]) => {
    if (data.length > MOST_WHOLE)
      throw failure(
        "L5203",
        `without onnxruntime-node lacec runs no ONNX model that takes ${data.length} whole numbers`,
        ["npm install onnxruntime-node"],
      );
    return { name, dims, values: Array.from(data as ArrayLike<number | bigint>, Number) };
  });
  const key = JSON.stringify([sizes, outputs, fixed]);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const { layout } = engine;
  const options = { inputs: sizes, layout, ...(outputs !== undefined && { outputs }) };
  const constants = new Map(model.constants);
  for (const { name, dims, values } of fixed)
    constants.set(name, { name, dims, read: () => Float32Array.from(values) });
  const open = model.inputs.filter(({ name }) => !constants.has(name));
  const graph = readingOnnx(() => compileOnnxNetwork({ ...model, constants, inputs: open }, options));
  const made = { graph, executable: await engine.compile(graph) };
  compiled.set(key, made);
  return made;
}

function shapeOf(graph: Graph, output: string): Shape {
  const node = graph.outputs.find((o) => o.name === output)?.node;
  return node === undefined ? [] : (graph.nodes[node]?.shape ?? []);
}
