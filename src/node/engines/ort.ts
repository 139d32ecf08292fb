// Engines on onnxruntime-node: the CPU and WebGPU execution providers that its npm package brings along.
// In: the onnxruntime-node module, an execution provider. Out: an Engine.
// Invariants: one session for each executable; inputs are wrapped, not copied; outputs are fresh arrays, or stay on the device
// (preferredOutputLocation "gpu-buffer", which the Node binding has) and come back as inputs. The options below were
//   measured; docs/performance.md has the figures.
import { availableParallelism } from "node:os";
import { env } from "node:process";
import type * as OrtModule from "onnxruntime-node";
import { emitOnnx, onnxOutputNames } from "../../compiler/targets/onnx/onnx.js";
import { GraphBuilder } from "../../compiler/graph/builder.js";
import type { Arrays, Executable, Graph, NodeId, QueueInputs, Resident, Shape } from "../../compiler/graph/graph.js";
import { activationBytes } from "../../compiler/graph/memory.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import { winograd } from "../../compiler/passes/winograd.js";
import { InternalError } from "../../source/internal-error.js";
import { threadedExecutable } from "./ort-threads.js";
import { countingReads, describeStepping, type Engine, type SteppingPlace } from "../../runtime/services/engine.js";

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
  /** Default: on the device where it is a GPU. */
  readonly steps?: SteppingPlace | undefined;
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

/** An engine on onnxruntime-node. It holds sessions that read kept values; executables hold a session each. */
export function ortEngine(ort: Ort, settings: OrtSettings): Engine {
  const onCpu = settings.provider === "cpu";
  const readers = new Readers(ort, settings);
  const steps = settings.steps ?? (onCpu ? "host" : "device");
  let reads = 0;
  return {
    name: onCpu ? "onnx-cpu" : "onnx-webgpu",
    layout: "nchw",
    description: describeStepping(settings.description, steps),
    batches: !onCpu,
    steps,
    ...(onCpu && settings.threads > 1 && { atOnce: settings.threads }),
    reads: () => reads,
    compile: async (graph, { keeps = false, atOnce = 1 } = {}) => {
      if (atOnce > 1 && onCpu && !keeps) return compileThreads(settings, graph, Math.min(atOnce, settings.threads));
      const executable = await compile(ort, settings, graph, keeps ? readers : undefined);
      const { queue } = executable;
      return queue === undefined ? executable : { ...executable, queue: countingReads(queue, () => (reads += 1)) };
    },
    dispose: () => readers.dispose(),
  };
}

/** Graphs of less work than this, in multiply-adds and numbers (a third of a millisecond of one core), are not shared among threads. */
const SHORT = 16e6;

/** Whether a run of a graph without images takes less time than sharing it among threads does. */
function isShort({ nodes }: Graph): boolean {
  const work = nodes.map(({ op, inputs, shape }): number => {
    if (op.kind === "conv2d" || op.kind === "convTranspose2d" || op.kind === "upfirdn2d") return Infinity;
    if (op.kind === "constant") return 0;
    if (op.kind !== "matmul" && op.kind !== "dense") return sizeOf(shape);
    return sizeOf(shape) * (nodes[inputs[0] ?? 0]?.shape.at(-1) ?? 0);
  });
  return work.reduce((sum, n) => sum + n, 0) < SHORT;
}

/** Bytes of activations from which on memory counts more than the time of asking for it. */
const LARGE = 256 * 2 ** 20;

/** The second run of a session takes one piece for all values, sized by the first, whose pieces it keeps: twice the memory. Large graphs do without. */
function hasMemoryPattern(graph: Graph): boolean {
  return activationBytes(graph) < LARGE;
}

/** A graph of which several runs go at once, each on one thread. */
function compileThreads(settings: OrtSettings, graph: Graph, threads: number): Executable {
  const names = onnxOutputNames(graph);
  return threadedExecutable({
    model: emitOnnx(winograd(graph), { coarseMath: false, splitTransposed: true }),
    options: sessionOptions({ ...settings, threads: 1, spinning: false }),
    threads,
    inputs: graph.inputs.map(({ name, node }) => ({ name, shape: shapeOf(graph, node) })),
    outputs: graph.outputs.map(({ name }, i) => ({ name, key: names[i] ?? name })),
  });
}

async function compile(ort: Ort, settings: OrtSettings, graph: Graph, readers?: Readers): Promise<Executable> {
  const onCpu = settings.provider === "cpu";
  const names = onnxOutputNames(graph);
  const emitted = onCpu ? winograd(graph) : graph;
  const model = emitOnnx(emitted, { coarseMath: !onCpu, splitTransposed: onCpu });
  const session = await ort.InferenceSession.create(model, {
    enableMemPattern: hasMemoryPattern(emitted),
    ...sessionOptions(isShort(graph) ? { ...settings, threads: 1, spinning: false } : settings),
    ...(readers !== undefined && !onCpu && { preferredOutputLocation: "gpu-buffer" as const }),
  });
  const inputs = graph.inputs.map(({ name, node }) => ({ name, shape: shapeOf(graph, node) }));
  const outputs = graph.outputs.map(({ name, node }, i) => {
    return { name, shape: shapeOf(graph, node), key: names[i] ?? name };
  });
  const wrap = (what: string, shape: Shape, data: Float32Array | undefined): OrtModule.Tensor => {
    const size = sizeOf(shape);
    if (data?.length !== size) throw new InternalError(`${what} should have ${size} entries`);
    return new ort.Tensor("float32", data, shape);
  };
  const dispose = (): Promise<void> => session.release();
  if (readers === undefined) return { run: runWith, dispose };
  const queue = async (given: QueueInputs): Promise<Record<string, Resident>> => {
    const feeds = inputs.map(({ name, shape }) => {
      const data = given[name];
      if (data instanceof KeptValue) return [name, data.tensor] as const;
      if (data !== undefined && !(data instanceof Float32Array))
        throw new InternalError(`input ${name} is kept by another engine`);
      return [name, wrap(`input ${name}`, shape, data)] as const;
    });
    const results = await session.run(Object.fromEntries(feeds));
    return Object.fromEntries(
      outputs.map(({ name, key }) => {
        const tensor = results[key];
        if (tensor === undefined) throw new InternalError(`onnxruntime gave no output ${name}`);
        return [name, new KeptValue(tensor, readers)];
      }),
    );
  };
  return {
    queue,
    async run(given, into = {}) {
      const kept = await queue(given);
      try {
        const read = outputs.map(async ({ name }) => {
          const data = (await kept[name]?.read()) ?? new Float32Array(0);
          const target = into[name];
          target?.set(data);
          return [name, target ?? data] as const;
        });
        return Object.fromEntries(await Promise.all(read));
      } finally {
        for (const value of Object.values(kept)) value.dispose();
      }
    },
    dispose,
  };

  async function runWith(given: Arrays, into: Arrays = {}): Promise<Record<string, Float32Array>> {
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
  }
}

/** A tensor that stays where onnxruntime made it. */
class KeptValue implements Resident {
  constructor(
    readonly tensor: OrtModule.Tensor,
    private readonly readers: Readers,
  ) {}
  read(): Promise<Float32Array> {
    return this.readers.read(this.tensor);
  }
  dispose(): void {
    this.tensor.dispose();
  }
}

/**
 * Reads tensors that lie on the device: a session that copies, one for each shape. The binding's own getData() ends the process ("terminate called
 * after throwing an instance of 'char const*'", 1.30 on Linux), and an output that is asked for in a given array comes on the device all the same.
 */
class Readers {
  readonly #sessions = new Map<string, Promise<OrtModule.InferenceSession>>();
  constructor(
    private readonly ort: Ort,
    private readonly settings: OrtSettings,
  ) {}

  async read(tensor: OrtModule.Tensor): Promise<Float32Array> {
    if (tensor.location === "cpu") return Float32Array.from(tensor.data as Float32Array);
    const key = tensor.dims.join(",");
    const opening = this.#sessions.get(key) ?? this.#open(tensor.dims);
    this.#sessions.set(key, opening);
    const { y } = await (await opening).run({ x: tensor });
    if (!(y?.data instanceof Float32Array)) throw new InternalError("onnxruntime read no float32");
    return y.data;
  }

  #open(dims: readonly number[]): Promise<OrtModule.InferenceSession> {
    const b = new GraphBuilder();
    const x = b.input("x", dims);
    const model = emitOnnx(b.finish({ outputs: { y: x } }));
    return this.ort.InferenceSession.create(model, sessionOptions(this.settings));
  }

  async dispose(): Promise<void> {
    const sessions = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    for (const session of sessions) if (session.status === "fulfilled") await session.value.release();
  }
}

function shapeOf(graph: Graph, node: NodeId): Shape {
  return graph.nodes[node]?.shape ?? [];
}
