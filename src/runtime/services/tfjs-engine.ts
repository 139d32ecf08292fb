// An engine on a TensorFlow.js backend that is registered and initialised. Runs in a browser too: it imports no library.
// In: the tfjs-core module, the name of one of its backends. Out: an Engine.
// Invariants: the active backend is global to tfjs, so it is set again before each compilation and each run, in the same turn of the
//   event loop in which the operations are issued; engines on several backends may be used in turn.
import { emitTfjs } from "../../compiler/targets/tfjs/tfjs.js";
import type { Tf } from "../../compiler/targets/tfjs/emitter.js";
import { InternalError } from "../../source/internal-error.js";
import { countingReads, describeStepping, type Engine, type EngineName, type SteppingPlace } from "./engine.js";

/** The module tfjs-core, of which the engine uses its operations too: whoever has an engine has the module, whose types are not named here. */
export interface TfjsModule {
  getBackend(): string;
  setBackend(name: string): Promise<boolean>;
}

export interface TfjsBackend {
  readonly tf: TfjsModule;
  /** Name in tfjs's registry: "cpu", "wasm", "webgpu", "tensorflow". */
  readonly backend: string;
  readonly description: string;
  /** Frees what the backend holds outside of tfjs. */
  readonly release: () => Promise<void>;
}

/**
 * An engine on an initialised backend.
 *
 * Owns     the backend: disposing the engine releases it. Executables are the caller's to dispose before.
 */
export function tfjsEngine(
  name: EngineName,
  { tf, backend, description, release }: TfjsBackend,
  { steps }: { readonly steps?: SteppingPlace | undefined } = {},
): Engine {
  const onGpu = name === "tfjs-gpu" || name === "tfjs-webgpu";
  const place = steps ?? (onGpu ? "device" : "host");
  let reads = 0;
  /** Takes effect before it returns, since the backend is initialised; only then does setBackend have nothing to wait for. */
  function activate(): void {
    if (tf.getBackend() === backend) return;
    void tf.setBackend(backend);
    if (tf.getBackend() !== backend) throw new InternalError(`TensorFlow.js did not switch to its backend ${backend}`);
  }
  return {
    name,
    layout: "nhwc",
    description: describeStepping(description, place),
    batches: onGpu,
    steps: place,
    reads: () => reads,
    // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for, but errors must be rejections
    async compile(graph, { keeps = false } = {}) {
      activate();
      const executable = emitTfjs(graph, tf as Tf);
      const queue = keeps && executable.queue ? countingReads(executable.queue, () => (reads += 1)) : undefined;
      return {
        // Not async: activate() and the operations must be in one turn.
        run: (inputs, into) => {
          activate();
          return executable.run(inputs, into);
        },
        ...(queue && {
          queue: (inputs) => {
            activate();
            return queue(inputs);
          },
        }),
        dispose: () => executable.dispose(),
      };
    },
    dispose: release,
  };
}
