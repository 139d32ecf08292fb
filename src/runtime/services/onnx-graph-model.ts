// ONNX models without onnxruntime: as graphs of ours on any engine, for an installation that has no native one and for browsers.
// In: the model's bytes, an engine, inputs. Out: float32 outputs by name. Invariant: one graph for each size of the inputs, compiled when it first comes.
import type { Executable, Graph, Shape } from "../../compiler/graph/graph.js";
import type { OnnxModelFile } from "../../compiler/build/onnx-network/network.js";
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
      const { graph, executable } = await executableFor(engine, model, inputs, only, compiled);
      const feeds = Object.entries(inputs).map(([name, { data }]) => {
        if (data instanceof Float32Array) return [name, data] as const;
        throw failure("L5203", "without onnxruntime-node lacec runs no ONNX model that takes whole numbers", [
          "npm install onnxruntime-node",
        ]);
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

async function executableFor(
  engine: Engine,
  model: OnnxModelFile,
  inputs: Readonly<Record<string, OnnxInput>>,
  outputs: readonly string[] | undefined,
  compiled: Map<string, Compiled>,
): Promise<Compiled> {
  const sizes: Record<string, Shape> = Object.fromEntries(Object.entries(inputs).map(([k, v]) => [k, v.dims]));
  const key = JSON.stringify([sizes, outputs]);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const { layout } = engine;
  const options = { inputs: sizes, layout, ...(outputs !== undefined && { outputs }) };
  const graph = readingOnnx(() => compileOnnxNetwork(model, options));
  const made = { graph, executable: await engine.compile(graph) };
  compiled.set(key, made);
  return made;
}

function shapeOf(graph: Graph, output: string): Shape {
  const node = graph.outputs.find((o) => o.name === output)?.node;
  return node === undefined ? [] : (graph.nodes[node]?.shape ?? []);
}
