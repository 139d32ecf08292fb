// The page's side of the engine: one worker, one run at a time. A run that does not stop in time when it is cancelled is stopped with its worker.
// In: jobs. Out: what the worker tells, as callbacks. Invariants: after `cancel` nothing of that run is told but its end; the end comes within STOP_MS.
import type { BrowserEngineName } from "../../../src/browser/engines.js";
import type { FromEngine, RunJob, ToEngine } from "./protocol.js";
import EngineWorker from "./worker.js?worker";

/** How long a run has to stop by itself. */
const STOP_MS = 80;

type Told = Exclude<FromEngine, { kind: "opened" | "trouble" }>;

export interface EngineListener {
  opened(about: { readonly name: string; readonly description: string; readonly why: readonly string[] }): void;
  trouble(message: string): void;
  told(message: Told): void;
}

export class EngineClient {
  private worker: Worker;
  private running: RunJob | undefined;
  private last = 0;

  /** `models`: the address that models that ship with lacec lie below. */
  constructor(
    private readonly listener: EngineListener,
    private readonly models: string,
    private engine: BrowserEngineName = "auto",
  ) {
    this.worker = this.start();
  }

  /** Begins a run, and drops the one that goes on. Gives the number that its messages carry. */
  run(job: Omit<RunJob, "id">): number {
    this.cancel();
    const id = ++this.last;
    this.running = { ...job, id };
    this.send({ kind: "run", job: this.running });
    return id;
  }

  /** Stops the run that goes on, if one does. */
  cancel(): void {
    if (this.running === undefined) return;
    const { id } = this.running;
    this.running = undefined;
    const { worker } = this;
    this.send({ kind: "cancel", id });
    const ended = (): void => {
      clearTimeout(timer);
      worker.removeEventListener("message", listen);
    };
    const listen = ({ data }: MessageEvent<FromEngine>): void => {
      if (data.kind === "end" && data.id === id) ended();
    };
    const timer = setTimeout(() => {
      ended();
      // It is in a piece of work that takes longer: a fresh worker is ready sooner than that.
      if (this.worker === worker) this.restart();
    }, STOP_MS);
    worker.addEventListener("message", listen);
    this.listener.told({ kind: "end", id, outcome: "cancelled", said: [], expectations: [], seconds: 0 });
  }

  /** Takes another engine. */
  choose(engine: BrowserEngineName): void {
    this.cancel();
    this.engine = engine;
    this.restart();
  }

  private restart(): void {
    this.worker.terminate();
    this.worker = this.start();
    // A run that was asked for meanwhile went with the old worker.
    if (this.running !== undefined) this.send({ kind: "run", job: this.running });
  }

  private start(): Worker {
    const worker = new EngineWorker({ name: "engine" });
    worker.onmessage = ({ data }: MessageEvent<FromEngine>) => this.hear(data);
    worker.onerror = (event) => this.listener.trouble(event.message || "the engine ended");
    worker.postMessage({ kind: "open", engine: this.engine, models: this.models } satisfies ToEngine);
    return worker;
  }

  private hear(message: FromEngine): void {
    if (message.kind === "opened") this.listener.opened(message);
    else if (message.kind === "trouble") this.listener.trouble(message.message);
    else if (message.id === this.running?.id) {
      if (message.kind === "end") this.running = undefined;
      this.listener.told(message);
    }
  }

  private send(message: ToEngine): void {
    this.worker.postMessage(message);
  }
}
