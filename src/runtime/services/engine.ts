// An engine turns graphs into executables on some hardware. Which exist here is found by engine/ (the Node side injects them).
import type { ProgramGraph } from "../../compiler/build/compile-task.js";
import type { Executable, Graph, ImageLayout, QueueInputs, Resident } from "../../compiler/graph/graph.js";

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

/** Where an engine's samplers step: on the host, which reads every gradient, in float64; or on the engine's device, a graph a step, in float32. */
export const STEPPING = ["host", "device"] as const;
export type SteppingPlace = (typeof STEPPING)[number];

export interface Residency {
  /** Outputs are to stay on the device: the executable has `queue`. Default: no. */
  readonly keeps?: boolean;
  /** Runs that are to go at once, at most the engine's `atOnce`; default: one after the other. Memory for each. */
  readonly atOnce?: number;
}

export interface Engine {
  readonly name: EngineName;
  /** Layout of image tensors that this engine wants in graphs. */
  readonly layout: ImageLayout;
  /** Versions and device, for run.json and doctor: such as "onnxruntime 1.30.0, CPU, 2 threads". */
  readonly description: string;
  /** Whether several images in one run are faster than one by one: GPUs. */
  readonly batches?: boolean;
  /** Most runs of an executable that can go at once, each on one core; absent: one. */
  readonly atOnce?: number;
  /** Where samplers step that can step in either place. */
  readonly steps: SteppingPlace;
  /** Times that the host has read a kept value, and so waited for the device. */
  readonly reads: () => number;
  /** Whether what was compiled and disposed is ready again at once for an equal graph (kept-executables.ts). */
  readonly keepsExecutables?: boolean;
  compile(graph: Graph, options?: Residency): Promise<Executable>;
  /** Of an engine that keeps executables: as compile, of a graph that is made only where none of its source is kept. */
  compileFrom?(graph: SourcedGraph, options?: Residency): Promise<Executable>;
  dispose(): Promise<void>;
}

/** A graph that is made when it is asked for. */
export type SourcedGraph = Pick<ProgramGraph, "compiled" | "source">;

/** Compiles a graph of a program; an engine that has an equal one ready does not ask for it. */
export function compileProgramGraph(engine: Engine, graph: SourcedGraph, options?: Residency): Promise<Executable> {
  return engine.compileFrom?.(graph, options) ?? engine.compile(graph.compiled(), options);
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

/** An engine's description with where its samplers step: bits depend on it. */
export function describeStepping(description: string, steps: SteppingPlace): string {
  return steps === "device" ? `${description}, steps on the device` : description;
}

/** An executable whose kept values are counted as they are read. */
export function countingReads(
  queue: NonNullable<Executable["queue"]>,
  count: () => void,
): NonNullable<Executable["queue"]> {
  return async (inputs: QueueInputs) => {
    const kept = Object.entries(inputs).map(([name, x]) => [name, x instanceof CountedResident ? x.kept : x] as const);
    const outputs = await queue(Object.fromEntries(kept));
    return Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, new CountedResident(x, count)]));
  };
}

class CountedResident implements Resident {
  constructor(
    readonly kept: Resident,
    private readonly count: () => void,
  ) {}
  read(): Promise<Float32Array> {
    this.count();
    return this.kept.read();
  }
  dispose(): void {
    this.kept.dispose();
  }
}
