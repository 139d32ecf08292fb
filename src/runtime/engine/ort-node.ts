// Engines on onnxruntime-node: the CPU and WebGPU execution providers that its npm package brings along.
// In: the onnxruntime-node module, an execution provider. Out: an Engine.
// Invariants: one session for each executable; inputs are wrapped, not copied; outputs are fresh arrays. The options below were
//   measured; docs/performance.md has the figures.
import type * as OrtModule from "onnxruntime-node";
import { emitOnnx, onnxOutputNames } from "../../compiler/targets/onnx.js";
import type { Arrays, Executable, Graph } from "../../compiler/graph/graph.js";
import { InternalError } from "../../source/internal-error.js";
import type { Engine } from "./engine.js";

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

/** The library, by its CommonJS export: what an ESM import finds as named exports depends on how it was bundled. */
export async function loadOrt(): Promise<Ort> {
  const module = (await import("onnxruntime-node")) as Ort & { readonly default?: Ort };
  return module.default ?? module;
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
    extra: { session: { intra_op: { allow_spinning: spinning ? "1" : "0" } } },
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
    compile: (graph) => compile(ort, settings, graph),
    dispose: () => Promise.resolve(),
  };
}

async function compile(ort: Ort, settings: OrtSettings, graph: Graph): Promise<Executable> {
  const names = onnxOutputNames(graph);
  const model = emitOnnx(graph, { coarseMath: settings.provider === "webgpu" });
  const session = await ort.InferenceSession.create(model, sessionOptions(settings));
  const shapes = new Map(graph.inputs.map(({ name, node }) => [name, graph.nodes[node]?.shape ?? []] as const));
  return {
    async run(inputs: Arrays) {
      const feeds: Record<string, OrtModule.Tensor> = {};
      for (const [name, shape] of shapes) {
        const data = inputs[name];
        const size = shape.reduce((a, n) => a * n, 1);
        if (data?.length !== size) throw new InternalError(`input ${name} should have ${size} entries`);
        feeds[name] = new ort.Tensor("float32", data, shape);
      }
      const results = await session.run(feeds);
      return Object.fromEntries(
        graph.outputs.map(({ name }, i) => {
          const data = results[names[i] ?? name]?.data;
          if (!(data instanceof Float32Array)) throw new InternalError(`onnxruntime gave no float32 output ${name}`);
          return [name, data];
        }),
      );
    },
    dispose: () => session.release(),
  };
}
