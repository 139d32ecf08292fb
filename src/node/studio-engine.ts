// The engine of this machine for the studio, in a process of its own: the server goes on answering, and a run that does not stop is stopped with it. The other end is
// serve-studio-engine.ts. In: requests of a page, one after the other. Out: what the process tells of them.
// Invariants: a request that is given up is ended within STOP_MS, whatever its run does; no process outlives the server.
import { fork, type ChildProcess } from "node:child_process";
import type { FromEngine, ToEngine } from "../app/live/messages.js";
import { mainFile } from "./process.js";

/** How long a run that was given up has to stop by itself. */
const STOP_MS = 80;

/** The last message of an answer. */
const LAST: ReadonlySet<FromEngine["kind"]> = new Set(["end", "inspected", "estimated", "remade", "opened", "trouble"]);

export type EngineRequest = Exclude<ToEngine, { kind: "cancel" }>;

export class StudioEngine {
  private child: ChildProcess | undefined;
  private last: Promise<void> = Promise.resolve();

  /** `folder`: of the scripts, which is the process's working folder. */
  constructor(
    private readonly folder: string,
    private readonly command = mainFile(),
  ) {}

  /** Asks, when those who asked before are done; resolves when all was told, or when it is given up. */
  ask(request: EngineRequest, tell: (message: FromEngine) => void, signal: AbortSignal): Promise<void> {
    const next = this.last.then(() => this.answer(request, tell, signal));
    this.last = next.catch(() => undefined);
    return next;
  }

  close(): void {
    this.child?.kill("SIGKILL");
  }

  private answer(request: EngineRequest, tell: (message: FromEngine) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const child = (this.child ??= this.start());
      let timer = setTimeout(() => undefined);
      const done = (): void => {
        clearTimeout(timer);
        child.off("message", heard);
        child.off("exit", died);
        signal.removeEventListener("abort", stop);
        resolve();
      };
      const heard = (message: FromEngine): void => {
        if (!signal.aborted) tell(message);
        if (LAST.has(message.kind)) done();
      };
      const died = (code: number | null, killedBy: string | null): void => {
        if (!signal.aborted)
          tell(endOf(request, `the engine's process ended: ${killedBy ?? `exit code ${code ?? 0}`}`));
        done();
      };
      const stop = (): void => {
        if (request.kind !== "open") send(child, { kind: "cancel", id: request.job.id });
        timer = setTimeout(() => {
          this.child = undefined;
          child.kill("SIGKILL");
          done();
        }, STOP_MS);
      };
      child.on("message", heard);
      child.on("exit", died);
      signal.addEventListener("abort", stop);
      send(child, request);
    });
  }

  private start(): ChildProcess {
    const started = fork(this.command, ["studio", "--engine"], {
      cwd: this.folder,
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    started.on("error", () => undefined); // told by its exit
    started.on("exit", () => {
      if (this.child === started) this.child = undefined;
    });
    return started;
  }
}

function send(child: ChildProcess, message: ToEngine): void {
  if (child.connected) child.send(message);
}

function endOf(request: EngineRequest, message: string): FromEngine {
  if (request.kind === "open") return { kind: "trouble", message };
  if (request.kind === "inspect") return { kind: "inspected", id: request.job.id, found: message };
  if (request.kind === "estimate") return { kind: "estimated", id: request.job.id, found: 0 };
  if (request.kind === "remake") return { kind: "remade", id: request.job.id, found: message, png: new Uint8Array(0) };
  const said = [{ severity: "error" as const, text: message }];
  return { kind: "end", id: request.job.id, outcome: "failed", said, expectations: [], seconds: 0 };
}
