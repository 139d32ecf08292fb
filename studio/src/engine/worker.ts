// The worker that owns the engine: it compiles and runs scripts, one at a time, and tells of each picture as it is made.
// In: messages of src/app/live/messages.ts. Out: the same. Invariants: a run that was cancelled makes nothing more after the piece of work that it is in; between
// two pieces messages are listened to; the engine and what it has read stay from run to run.
import { openBrowserEngine, type BrowserEngineName } from "../../../src/browser/engines.js";
import { browserHost } from "../../../src/browser/host.js";
import { BrowserShelf, browserWorld } from "../../../src/browser/world.js";
import type { Engine } from "../../../src/runtime/services/engine.js";
import { LaceError } from "../../../src/source/diagnostic.js";
import { breathing } from "../../../src/app/live/breathing.js";
import { memoryCache } from "../../../src/app/live/memory-cache.js";
import type { FromEngine, RunJob } from "../../../src/app/live/messages.js";
import { inspectJob } from "../../../src/app/live/inspect-job.js";
import { runJob, type RunSurroundings } from "../../../src/app/live/run-job.js";
import type { Cache } from "../../../src/ports/cache.js";
import type { Host } from "../../../src/ports/host.js";
import type { World } from "../../../src/runtime/services/world.js";
import type { ToWorker } from "./links.js";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromEngine, transfer?: Transferable[]): void;
};

interface Opened {
  readonly engine: Engine;
  readonly shelf: BrowserShelf;
  readonly models: Models;
}

/** Models that ship with lacec, fetched once. */
class Models {
  private readonly known = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(private readonly base: string) {}

  get(name: string): Promise<Uint8Array | undefined> {
    const known = this.known.get(name) ?? this.fetch(name);
    this.known.set(name, known);
    known.then(
      (bytes) => bytes ?? this.known.delete(name),
      () => this.known.delete(name),
    );
    return known;
  }

  private async fetch(name: string): Promise<Uint8Array | undefined> {
    const response = await fetch(`${this.base}${name.includes(".") ? name : `${name}.safetensors`}`);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`the model ${name} cannot be had: ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  }
}

const state: { opening: Promise<Opened> | undefined; stop: AbortController | undefined; running: number } = {
  opening: undefined,
  stop: undefined,
  running: 0,
};
const cache = memoryCache(128 * 1024 * 1024);

function tell(message: FromEngine): void {
  const bytes = message.kind === "picture" ? message.picture.png : message.kind === "file" ? message.bytes : undefined;
  scope.postMessage(message, bytes === undefined ? [] : [bytes.buffer]);
}

async function open(engine: BrowserEngineName, base: string): Promise<Opened> {
  const models = new Models(base);
  // The model comes while the engine starts.
  void models.get("avatar").catch(() => undefined);
  const opened = await openBrowserEngine({ engine, wasm: { simd, threaded } });
  const { name, description } = opened.engine;
  tell({ kind: "opened", name, description, why: opened.why });
  const shelf = new BrowserShelf(breathing(opened.engine));
  void warmUp(shelf, models);
  return { engine: opened.engine, shelf, models };
}

/** The model is read while the page is: the first run finds it parsed. */
async function warmUp(shelf: BrowserShelf, models: Models): Promise<void> {
  const host = browserHost({
    read: () => Promise.resolve(undefined),
    builtin: (name) => models.get(name),
    write: () => Promise.resolve(),
  });
  await shelf.pack(host, "builtin:avatar").catch(() => undefined);
}

/** The project as its files are in the job. */
function surroundings({ files }: RunJob, { engine, shelf, models }: Opened, signal: AbortSignal): RunSurroundings {
  const host = browserHost({
    read: (path) => Promise.resolve(Object.hasOwn(files, path) ? files[path] : undefined),
    builtin: (name) => models.get(name),
    write: () => Promise.resolve(),
  });
  const world = (own: Host, kept?: Cache): World => browserWorld(own, shelf, kept);
  return { ...{ version: LACEC_VERSION, engine, host, world, cache, signal, tell }, nameOf: (path) => path };
}

scope.onmessage = ({ data }) => {
  switch (data.kind) {
    case "open":
      state.opening = open(data.engine as BrowserEngineName, data.models);
      state.opening.catch((error: unknown) => tell({ kind: "trouble", message: messageOf(error) }));
      return;
    case "cancel":
      if (state.running === data.id) state.stop?.abort();
      return;
    case "inspect":
      void (async () => {
        const { job, picture } = data;
        try {
          const opened = await state.opening;
          if (opened === undefined) throw new Error("no engine was opened");
          await inspectJob(job, picture, surroundings(job, opened, new AbortController().signal));
        } catch (error) {
          tell({ kind: "inspected", id: job.id, found: messageOf(error) });
        }
      })();
      return;
    case "run": {
      state.stop?.abort();
      const stop = new AbortController();
      state.stop = stop;
      state.running = data.job.id;
      void (async () => {
        try {
          const opened = await state.opening;
          if (opened === undefined) throw new Error("no engine was opened");
          await runJob(data.job, surroundings(data.job, opened, stop.signal));
        } catch (error) {
          const said = [{ severity: "error" as const, text: messageOf(error) }];
          tell({ kind: "end", id: data.job.id, outcome: "failed", said, expectations: [], seconds: 0 });
        }
      })();
      return;
    }
  }
};

function messageOf(error: unknown): string {
  if (error instanceof LaceError) return error.diagnostics.map((d) => d.message).join("\n");
  return error instanceof Error ? error.message : String(error);
}
