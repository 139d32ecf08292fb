// An engine turns graphs into executables on some hardware. Which exist here is found by engine/ (the Node side injects them).
import type { Executable, Graph, ImageLayout } from "../../compiler/graph/graph.js";

export const ENGINE_NAMES = [
  "onnx-cpu",
  "onnx-webgpu",
  "tfjs-gpu",
  "tfjs-node",
  "tfjs-webgpu",
  "tfjs-wasm",
  "tfjs-cpu",
] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface Engine {
  readonly name: EngineName;
  /** Layout of image tensors that this engine wants in graphs. */
  readonly layout: ImageLayout;
  /** Versions and device, for run.json and doctor: such as "onnxruntime 1.30.0, CPU, 2 threads". */
  readonly description: string;
  /** Whether several images in one run are faster than one by one: GPUs. */
  readonly batches?: boolean;
  compile(graph: Graph): Promise<Executable>;
  dispose(): Promise<void>;
}

/** What trying an engine showed. */
export interface EngineProbe {
  readonly name: EngineName;
  readonly usable: boolean;
  /** Why not; empty if usable. */
  readonly reason: string;
  /** The engine's description; empty if not usable. */
  readonly description: string;
}
