// The worker that owns the engine: it compiles and runs scripts, one at a time, and tells of each picture as it is made.
// In: messages of src/app/live/messages.ts. Out: the same. Invariants: a run that was cancelled makes nothing more after the piece of work that it is in; between
// two pieces messages are listened to; the engine and what it has read stay from run to run.
import { openBrowserEngine, type BrowserEngineName } from "../../../src/browser/engines.js";
import { browserHost, sha256 } from "../../../src/browser/host.js";
import { BrowserServices, browserWorld, PackCache } from "../../../src/browser/world.js";
import { keepingExecutables } from "../../../src/runtime/services/kept-executables.js";
import { LaceError } from "../../../src/source/diagnostic.js";
import { breathing } from "../../../src/app/live/breathing.js";
import { memoryCache } from "../../../src/app/live/memory-cache.js";
import type { FromEngine, RunJob } from "../../../src/app/live/messages.js";
import { estimateJob } from "../../../src/app/live/estimate-job.js";
import { inspectJob } from "../../../src/app/live/inspect-job.js";
import { Paces } from "../../../src/app/live/paces.js";
import { remakeJob } from "../../../src/app/live/remake-job.js";
import { runJob, type OpenedWorld, type RunSurroundings } from "../../../src/app/live/run-job.js";
import type { Host } from "../../../src/ports/host.js";
import type { Meaning } from "./compare.js";
import type { Errand } from "./errand.js";
import type { ImportedModel } from "./import-model.js";
import type { ToWorker } from "./links.js";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker | Errand>) => void) | null;
  postMessage(message: FromEngine | Meaning | ImportedModel, transfer?: Transferable[]): void;
};

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

const state: {
  opening: Promise<OpenedWorld>;
  paces: Paces;
  models: Models;
  stop: AbortController | undefined;
  running: number;
} = {
  opening: new Promise(() => undefined),
  paces: new Paces(),
  models: new Models(""),
  stop: undefined,
  running: 0,
};
const cache = memoryCache(128 * 1024 * 1024);

function tell(message: FromEngine): void {
  // How far it got, for `bench studio --marks` and a browser's own tools.
  performance.mark(message.kind === "progress" ? message.text : message.kind);
  scope.postMessage(message, movedWith(message));
}

/** What of a message is handed over and not copied. */
function movedWith(message: FromEngine): Transferable[] {
  switch (message.kind) {
    case "picture":
    case "preview":
      return [message.picture.png.buffer as ArrayBuffer];
    case "remade":
      return [message.png.buffer as ArrayBuffer];
    case "file":
      return [message.bytes.buffer as ArrayBuffer];
    default:
      return [];
  }
}

/** Opens an engine; the model comes, and is read, while it starts. */
async function open(engine: BrowserEngineName, models: Models): Promise<OpenedWorld> {
  const packs = new PackCache();
  void packs.pack(projectHost({}, models), "builtin:avatar").catch(() => undefined);
  const opened = await openBrowserEngine({ engine, wasm: { simd, threaded } });
  const { name, description } = opened.engine;
  tell({ kind: "opened", name, description, why: opened.why });
  const services = new BrowserServices(breathing(keepingExecutables(opened.engine, sha256)), packs);
  return { engine: opened.engine, world: (host, kept) => browserWorld(host, services, kept) };
}

/** The project as its files are in a job. */
function projectHost(files: RunJob["files"], models: Models): Host {
  return browserHost({
    read: (path) => Promise.resolve(Object.hasOwn(files, path) ? files[path] : undefined),
    builtin: (name) => models.get(name),
    write: () => Promise.resolve(),
  });
}

function surroundings({ files }: RunJob, signal: AbortSignal): RunSurroundings {
  const { opening, models, paces } = state;
  const host = projectHost(files, models);
  return { ...{ version: LACEC_VERSION, opening, host, cache, paces, signal, tell }, nameOf: (path) => path };
}

scope.onmessage = ({ data }) => {
  switch (data.kind) {
    case "open":
      state.models = new Models(data.models);
      state.paces = new Paces();
      state.opening = open(data.engine as BrowserEngineName, state.models);
      state.opening.catch((error: unknown) => tell({ kind: "trouble", message: messageOf(error) }));
      return;
    case "compare":
      void import("./compare.js").then(async ({ compare }) => scope.postMessage(await compare(data.asked)));
      return;
    case "import":
      void import("./import-model.js").then(async ({ importDropped }) =>
        scope.postMessage(await importDropped(data.asked)),
      );
      return;
    case "cancel":
      if (state.running === data.id) state.stop?.abort();
      return;
    case "inspect": {
      const { job, picture } = data;
      inspectJob(job, picture, surroundings(job, new AbortController().signal)).catch((error: unknown) =>
        tell({ kind: "inspected", id: job.id, found: messageOf(error) }),
      );
      return;
    }
    case "estimate": {
      const { job } = data;
      estimateJob(job, surroundings(job, new AbortController().signal)).catch(() =>
        tell({ kind: "estimated", id: job.id, found: 0 }),
      );
      return;
    }
    case "remake": {
      const { job, image } = data;
      remakeJob(job, image, surroundings(job, new AbortController().signal)).catch((error: unknown) =>
        tell({ kind: "remade", id: job.id, found: messageOf(error), png: new Uint8Array(0) }),
      );
      return;
    }
    case "run": {
      state.stop?.abort();
      const stop = new AbortController();
      state.stop = stop;
      state.running = data.job.id;
      runJob(data.job, surroundings(data.job, stop.signal)).catch((error: unknown) => {
        const said = [{ severity: "error" as const, text: messageOf(error) }];
        tell({ kind: "end", id: data.job.id, outcome: "failed", said, expectations: [], seconds: 0 });
      });
      return;
    }
  }
};

function messageOf(error: unknown): string {
  if (error instanceof LaceError) return error.diagnostics.map((d) => d.message).join("\n");
  return error instanceof Error ? error.message : String(error);
}
