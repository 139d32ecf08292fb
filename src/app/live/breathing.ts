// An engine that lets messages in between two runs of a graph: WebAssembly computes without a pause, and promises alone let no message through.
import type { Executable, QueueInputs } from "../../compiler/graph/graph.js";
import { compileProgramGraph, type Engine, type Residency, type SourcedGraph } from "../../runtime/services/engine.js";

/** How long may be computed without looking for messages, in milliseconds. */
const HELD_MS = 8;

/** The same engine; between two runs messages are let in, if none were for a while. */
export function breathing(engine: Engine): Engine {
  const breathe = breath();
  const breathed = (executable: Executable): Executable => {
    const { queue } = executable;
    return {
      run: async (inputs, into) => {
        await breathe();
        return executable.run(inputs, into);
      },
      ...(queue !== undefined && {
        queue: async (inputs: QueueInputs) => {
          await breathe();
          return queue(inputs);
        },
      }),
      dispose: () => executable.dispose(),
    };
  };
  return {
    ...engine,
    compile: async (graph, options) => {
      await breathe();
      return breathed(await engine.compile(graph, options));
    },
    ...(engine.compileFrom !== undefined && {
      compileFrom: async (graph: SourcedGraph, options?: Residency) => {
        await breathe();
        return breathed(await compileProgramGraph(engine, graph, options));
      },
    }),
  };
}

function breath(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  let last = performance.now();
  return async () => {
    if (performance.now() - last < HELD_MS) return;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      port2.postMessage(0);
    });
    last = performance.now();
  };
}
