// The worker of the engine, begun before the page that will own it: both are read and compiled at the same time.
// In: the address of models. Out: the worker, once, with what it has told meanwhile. Invariants: none is begun where lacec serves the page, which may run on the machine; whoever takes the worker
// hears all that it tells.
import type { FromEngine } from "../../../src/app/live/messages.js";
import { keptChoice } from "../state/engine-choice.js";
import type { ToWorker } from "./links.js";
import EngineWorker from "./worker.js?worker";

export interface EarlyWorker {
  readonly worker: Worker;
  /** The engine that it was told to open. */
  readonly engine: string;
  /** What it has told so far. */
  readonly told: readonly FromEngine[];
}

const begun: { early: EarlyWorker | undefined } = { early: undefined };

/** Begins a worker with the engine of the last visit. */
export function beginEngine(models: string): void {
  if (mayBeServed()) return;
  const kept = keptChoice();
  const engine = kept?.place === "browser" ? kept.engine : "auto";
  const worker = new EngineWorker({ name: "engine" });
  const told: FromEngine[] = [];
  worker.onmessage = ({ data }: MessageEvent<FromEngine>) => told.push(data);
  worker.postMessage({ kind: "open", engine, models } satisfies ToWorker);
  begun.early = { worker, engine, told };
}

/** The worker that was begun for this engine; from then on it is the caller's. */
export function takeEarly(engine: string): EarlyWorker | undefined {
  const { early } = begun;
  begun.early = undefined;
  if (early === undefined || early.engine === engine) return early;
  early.worker.terminate();
  return undefined;
}

/** Whether a token is in the address or kept in this tab: it is `lacec studio` that serves the page. */
function mayBeServed(): boolean {
  try {
    return location.hash.includes("token=") || sessionStorage.getItem("lace-token") !== null;
  } catch {
    return location.hash.includes("token=");
  }
}
