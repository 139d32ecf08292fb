// An engine that keeps what it compiled: a graph that comes again, in a later task or run of the process, is ready at once.
// In: an engine, a hash, how many bytes may be kept. Out: the same engine. Invariants: an executable has one owner at a time; graphs are told apart by a
// hash of all that they are, constants too, or by what they are made of; one of which a run failed is not kept; what is kept ends with the engine.
import type { Executable, Graph, QueueInputs } from "../../compiler/graph/graph.js";
import { activationBytes, constantBytes } from "../../compiler/graph/memory.js";
import type { Host } from "../../ports/host.js";
import type { Engine, Residency, SourcedGraph } from "./engine.js";

/** Weights and activations of idle executables, in bytes: the networks of one 1024 px generator, or all of some small ones. */
export const MOST_KEPT = 512 * 1024 * 1024;

/** Of how many graphs of one set of weights it is remembered what they are made of. */
const MOST_SOURCES = 256;

/** An executable that nobody owns now. */
interface Idle {
  readonly key: string;
  readonly bytes: number;
  readonly executable: Executable;
}

/**
 * The same engine: what an owner disposes is kept for the next who compiles an equal graph, the least recently used given up beyond `most` bytes.
 *
 * Owns     the engine: disposing this one disposes what is kept, and it.
 */
export function keepingExecutables(engine: Engine, sha256: Host["sha256"], most: number = MOST_KEPT): Engine {
  /** The most recently used last. */
  const unused: Idle[] = [];
  /** Keys of graphs by what they are made of. */
  const sources = new WeakMap<object, Map<string, string>>();
  let isOpen = true;

  function take(key: string): Idle | undefined {
    const at = unused.findLastIndex((idle) => idle.key === key);
    return at < 0 ? undefined : unused.splice(at, 1)[0];
  }

  function lend(idle: Idle): Executable {
    const { executable } = idle;
    return lent(executable, (hasFailed) => (hasFailed ? executable.dispose() : putBack(idle)));
  }

  async function putBack(idle: Idle): Promise<void> {
    unused.push(idle);
    let bytes = unused.reduce((sum, other) => sum + other.bytes, 0);
    while (bytes > most || (!isOpen && unused.length > 0)) {
      const oldest = unused.shift();
      bytes -= oldest?.bytes ?? 0;
      await oldest?.executable.dispose();
    }
  }

  async function compileKeyed(key: string, graph: Graph, options: Residency | undefined): Promise<Executable> {
    const kept = take(key);
    if (kept !== undefined) return lend(kept);
    const executable = await engine.compile(graph, options);
    const bytes = (constantBytes(graph) + activationBytes(graph)) * (options?.atOnce ?? 1);
    return lend({ key, bytes, executable });
  }

  const compile: Engine["compile"] = async (graph, options) =>
    compileKeyed(await keyOf(graph, options, sha256), graph, options);

  async function compileFrom(later: SourcedGraph, options?: Residency): Promise<Executable> {
    const { source } = later;
    if (source === undefined) return compile(later.compiled(), options);
    const known = sources.get(source.of) ?? new Map<string, string>();
    sources.set(source.of, known);
    const name = `${options?.keeps === true} ${options?.atOnce ?? 1} ${source.key}`;
    const kept = take(known.get(name) ?? "");
    if (kept !== undefined) return lend(kept);
    const graph = later.compiled();
    const key = await keyOf(graph, options, sha256);
    known.delete(name); // the latest last
    known.set(name, key);
    for (const oldest of known.keys()) {
      if (known.size <= MOST_SOURCES) break;
      known.delete(oldest);
    }
    return compileKeyed(key, graph, options);
  }

  return {
    ...engine,
    keepsExecutables: true,
    compile,
    compileFrom,
    dispose: async () => {
      isOpen = false;
      for (const { executable } of unused.splice(0)) await executable.dispose();
      await engine.dispose();
    },
  };
}

/** An executable for one owner, who gives it back once. */
function lent(executable: Executable, giveBack: (hasFailed: boolean) => Promise<void>): Executable {
  const { queue } = executable;
  let hasFailed = false;
  let isBack = false;
  const noting = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  return {
    run: (inputs, into) => noting(executable.run(inputs, into)),
    ...(queue !== undefined && { queue: (inputs: QueueInputs) => noting(queue(inputs)) }),
    dispose: async () => {
      if (isBack) return;
      isBack = true;
      await giveBack(hasFailed);
    },
  };
}

/** A hash of a graph and of how it is compiled. */
async function keyOf(
  { nodes, inputs, outputs }: Graph,
  { keeps = false, atOnce = 1 }: Residency = {},
  sha256: Host["sha256"],
): Promise<string> {
  const described = await Promise.all(
    nodes.map(async ({ op, inputs: operands, shape }) => {
      if (op.kind !== "constant") return [op, operands, shape];
      const { data } = op;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [data.BYTES_PER_ELEMENT, await sha256(bytes), operands, shape];
    }),
  );
  const text = JSON.stringify([described, inputs, outputs, keeps, atOnce], exactNumber);
  return sha256(new TextEncoder().encode(text));
}

/** JSON writes numbers that are not finite as null, and minus zero as zero. */
function exactNumber(_: string, value: unknown): unknown {
  if (typeof value !== "number") return value;
  return Number.isFinite(value) && !Object.is(value, -0) ? value : `number ${Object.is(value, -0) ? "-0" : value}`;
}
