// The worker that owns the engine: it compiles and runs scripts, one at a time, and tells of each picture as it is made.
// In: messages of protocol.ts. Out: the same. Invariants: a run that was cancelled makes nothing more after the piece of work that it is in; between
// two pieces messages are listened to; the engine and what it has read stay from run to run.
import { openBrowserEngine, type BrowserEngineName } from "../../../src/browser/engines.js";
import { browserHost } from "../../../src/browser/host.js";
import { BrowserShelf } from "../../../src/browser/world.js";
import type { Engine } from "../../../src/runtime/services/engine.js";
import { LaceError } from "../../../src/source/diagnostic.js";
import { memoryCache } from "./memory-cache.js";
import type { FromEngine, ToEngine } from "./protocol.js";
import { runJob } from "./run-job.js";
import { breathing } from "./breathing.js";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToEngine>) => void) | null;
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

scope.onmessage = ({ data }) => {
  switch (data.kind) {
    case "open":
      state.opening = open(data.engine, data.models);
      state.opening.catch((error: unknown) => tell({ kind: "trouble", message: messageOf(error) }));
      return;
    case "cancel":
      if (state.running === data.id) state.stop?.abort();
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
          await runJob(data.job, { ...opened, cache, signal: stop.signal, tell });
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
