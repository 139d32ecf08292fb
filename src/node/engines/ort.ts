// Engines on onnxruntime-node: the CPU and WebGPU execution providers that its npm package brings along.
// In: the onnxruntime-node module, an execution provider. Out: an Engine.
// Invariants: one session for each executable; inputs are wrapped, not copied; outputs are fresh arrays. The options below were
//   measured; docs/performance.md has the figures.
import { availableParallelism } from "node:os";
import { env } from "node:process";
import type * as OrtModule from "onnxruntime-node";
import { emitOnnx, onnxOutputNames } from "../../compiler/targets/onnx/onnx.js";
import type { Arrays, Executable, Graph, NodeId, Shape } from "../../compiler/graph/graph.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import { winograd } from "../../compiler/passes/winograd.js";
import { InternalError } from "../../source/internal-error.js";
import type { Engine } from "../../runtime/services/engine.js";

export type Ort = typeof OrtModule;

export interface OrtSettings {
  readonly provider: "cpu" | "webgpu";
  /** Threads of one operation on the CPU. */
  readonly threads: number;
  /**
   * Whether idle threads wait for work by spinning: the fastest on an idle machine, and by far the slowest on a busy one, where the
   * spinning threads take the processor from the working ones. Does not change results.
   */
  readonly spinning: boolean;
  readonly description: string;
}

/**
 * The library, by its CommonJS export: what an ESM import finds as named exports depends on how it was bundled.
 * Since 1.29 it sends usage to its makers and writes an identifier to disk unless the environment says no before it is loaded.
 */
export async function loadOrt(): Promise<Ort> {
  env["ORT_DISABLE_TELEMETRY"] ??= "1";
  const module = (await import("onnxruntime-node")) as Ort & { readonly default?: Ort };
  return module.default ?? module;
}

/** More threads than this do not help products of a few rows. */
const MAX_THREADS = 8;

/** Threads of an operation where nobody asks for a number. */
export function defaultThreads(): number {
  return Math.min(availableParallelism(), MAX_THREADS);
}

/** Session options for a provider: see docs/performance.md. */
export function sessionOptions({
  provider,
  threads,
  spinning,
}: OrtSettings): OrtModule.InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Spinning ends with the run: the threads of a session that has nothing to do would take the cores from another's.
    extra: { session: { force_spinning_stop: "1", intra_op: { allow_spinning: spinning ? "1" : "0" } } },
    // Errors only: warnings about graphs are for onnxruntime's own developers and would spoil the terminal.
    logSeverityLevel: 3,
  };
}

/** An engine on onnxruntime-node. It holds nothing itself; executables hold a session each. */
export function ortEngine(ort: Ort, settings: OrtSettings): Engine {
  return {
    name: settings.provider === "cpu" ? "onnx-cpu" : "onnx-webgpu",
    layout: "nchw",
    description: settings.description,
    batches: settings.provider === "webgpu",
    compile: (graph) => compile(ort, settings, graph),
    dispose: () => Promise.resolve(),
  };
}

async function compile(ort: Ort, settings: OrtSettings, graph: Graph): Promise<Executable> {
  const onCpu = settings.provider === "cpu";
  const names = onnxOutputNames(graph);
  const model = emitOnnx(onCpu ? winograd(graph) : graph, { coarseMath: !onCpu, splitTransposed: onCpu });
  const session = await ort.InferenceSession.create(model, sessionOptions(settings));
  const inputs = graph.inputs.map(({ name, node }) => ({ name, shape: shapeOf(graph, node) }));
  const outputs = graph.outputs.map(({ name, node }, i) => {
    return { name, shape: shapeOf(graph, node), key: names[i] ?? name };
  });
  const wrap = (what: string, shape: Shape, data: Float32Array | undefined): OrtModule.Tensor => {
    const size = sizeOf(shape);
    if (data?.length !== size) throw new InternalError(`${what} should have ${size} entries`);
    return new ort.Tensor("float32", data, shape);
  };
  return {
    async run(given: Arrays, into: Arrays = {}) {
      const feeds = Object.fromEntries(
        inputs.map(({ name, shape }) => [name, wrap(`input ${name}`, shape, given[name])]),
      );
      const fetches = Object.fromEntries(
        outputs.map(({ name, shape, key }) => {
          return [key, into[name] === undefined ? null : wrap(`array for output ${name}`, shape, into[name])];
        }),
      );
      const results = await session.run(feeds, fetches);
      return Object.fromEntries(
        outputs.map(({ name, key }) => {
          const data = into[name] ?? results[key]?.data;
          if (!(data instanceof Float32Array)) throw new InternalError(`onnxruntime gave no float32 output ${name}`);
          return [name, data];
        }),
      );
    },
    dispose: () => session.release(),
  };
}

function shapeOf(graph: Graph, node: NodeId): Shape {
  return graph.nodes[node]?.shape ?? [];
}
