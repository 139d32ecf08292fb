// Who owns an engine for this page, as the page talks to it: a worker of its own, or lacec on this machine behind its server.
// In: messages for it, and who is told of its answers. Out: an EngineLink. Invariants: of a closed link nothing is heard; what does not answer is told as trouble, or as the end of the run
// that was asked for.
import { FrameReader } from "../../../src/app/live/frames.js";
import type { FromEngine, RunJob, ToEngine } from "../../../src/app/live/messages.js";
import { takeEarly } from "./early.js";
import EngineWorker from "./worker.js?worker";

export interface EngineLink {
  send(message: ToEngine): void;
  close(): void;
}

/** What a worker is told: also where models that ship with lacec lie. */
export type ToWorker = Exclude<ToEngine, { kind: "open" }> | (Extract<ToEngine, { kind: "open" }> & { models: string });

export type Hear = (message: FromEngine) => void;

/** An engine of this browser. `models`: the address that models that ship with lacec lie below. */
export function browserLink(models: string, hear: Hear): EngineLink {
  const own: { worker: Worker | undefined } = { worker: undefined };
  const open = (engine: string): void => {
    const early = takeEarly(engine);
    const worker = (own.worker = early?.worker ?? new EngineWorker({ name: "engine" }));
    worker.onmessage = ({ data }: MessageEvent<FromEngine>) => hear(data);
    worker.onerror = (event) => hear({ kind: "trouble", message: event.message || "the engine ended" });
    if (early === undefined) worker.postMessage({ kind: "open", engine, models } satisfies ToWorker);
    else for (const told of early.told) hear(told);
  };
  return {
    send: (message) => (message.kind === "open" ? open(message.engine) : own.worker?.postMessage(message)),
    close: () => own.worker?.terminate(),
  };
}

/** An engine of this machine: each request is answered by a stream of messages; to end the request stops its run. */
export function machineLink(token: string, hear: Hear): EngineLink {
  const stops = new Map<number, AbortController>();
  const ask = async (message: ToEngine, signal: AbortSignal): Promise<void> => {
    const headers = { "x-lace-token": token, "content-type": "application/json" };
    const answer = await fetch("./api/engine", { method: "POST", headers, body: JSON.stringify(message), signal });
    if (!answer.ok || answer.body === null) {
      const said = (await answer.json().catch(() => undefined)) as { readonly message?: string } | undefined;
      throw new Error(said?.message ?? answer.statusText);
    }
    const frames = new FrameReader();
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const told of frames.push(value)) if (!signal.aborted) hear(told);
    }
  };
  /** Scripts alone: models and heads are on the disk. */
  const askOfJob = (
    message: Extract<ToEngine, { readonly job: RunJob }>,
    failed: (why: string) => FromEngine,
  ): void => {
    const { id } = message.job;
    const stop = new AbortController();
    stops.set(id, stop);
    const files = Object.fromEntries(Object.entries(message.job.files).filter(([, c]) => typeof c === "string"));
    void ask({ ...message, job: { ...message.job, files } }, stop.signal)
      .catch((error: unknown) => {
        if (!stop.signal.aborted) hear(failed(`lacec studio does not answer: ${messageOf(error)}`));
      })
      .finally(() => stops.delete(id));
  };
  return {
    send: (message) => {
      switch (message.kind) {
        case "run": {
          const { id } = message.job;
          askOfJob(message, (text) => {
            const said = [{ severity: "error" as const, text }];
            return { kind: "end", id, outcome: "failed", said, expectations: [], seconds: 0 };
          });
          return;
        }
        case "inspect":
          askOfJob(message, (found) => ({ kind: "inspected", id: message.job.id, found }));
          return;
        case "estimate":
          askOfJob(message, () => ({ kind: "estimated", id: message.job.id, found: 0 }));
          return;
        case "remake":
          askOfJob(message, (found) => ({ kind: "remade", id: message.job.id, found, png: new Uint8Array(0) }));
          return;
        case "cancel":
          stops.get(message.id)?.abort();
          hear({ kind: "end", id: message.id, outcome: "cancelled", said: [], expectations: [], seconds: 0 });
          return;
        case "open": {
          const stop = new AbortController();
          stops.set(OPENING, stop);
          ask(message, stop.signal).catch((error: unknown) => {
            if (!stop.signal.aborted) hear({ kind: "trouble", message: messageOf(error) });
          });
        }
      }
    },
    close: () => {
      for (const stop of stops.values()) stop.abort();
    },
  };
}

/** Numbers of runs begin with 1. */
const OPENING = 0;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
