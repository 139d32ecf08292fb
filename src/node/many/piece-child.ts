// Pieces in a process of their own: the queue's locks are renewed while the engine computes, and an engine that dies takes nothing with it.
// Both ends are here: `childDrawer` starts the process and asks it, `servePieces` answers. Invariant: the child ends when its parent does, however that ends.
import { fork, type ChildProcess } from "node:child_process";
import process from "node:process";
import { PieceDrawer, type DrawPieceOptions } from "../../app/many/draw-piece.js";
import { HopelessJob, type JobEnd } from "../../ports/job-queue.js";
import { failure } from "../../source/diagnostic.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import { nodePlatform } from "../platform.js";

/** What the child is told first. */
export interface DrawerSettings extends Pick<DrawPieceOptions, "engine" | "models" | "maxBytes" | "mixed"> {
  readonly store: string;
}

interface Ask {
  readonly submission: string;
  readonly piece: Piece;
}

type Answer =
  | { readonly kind: "ended"; readonly end: JobEnd }
  | { readonly kind: "failed"; readonly message: string; readonly hopeless: boolean };

export interface ChildDrawer {
  draw(submission: string, piece: Piece): Promise<JobEnd>;
  /** Ends the process; a piece under way is lost. */
  close(): void;
}

/** Draws by a process of `command`, a script of Node with its words, that answers as servePieces does. A process that died is started again. */
export function childDrawer(command: string, words: readonly string[], settings: DrawerSettings): ChildDrawer {
  let child: ChildProcess | undefined;
  const start = (): ChildProcess => {
    const started = fork(command, [...words], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    started.send(settings);
    started.on("exit", () => {
      if (child === started) child = undefined;
    });
    return started;
  };
  return {
    draw: (submission, piece) =>
      new Promise<JobEnd>((resolve, reject) => {
        const asked = (child ??= start());
        const done = (): void => {
          asked.off("message", answered);
          asked.off("exit", died);
        };
        const answered = (answer: Answer): void => {
          done();
          if (answer.kind === "ended") resolve(answer.end);
          else reject(answer.hopeless ? new HopelessJob(answer.message) : new Error(answer.message));
        };
        const died = (code: number | null, signal: string | null): void => {
          done();
          reject(new Error(`the process that drew it ended: ${signal ?? `exit code ${code ?? "none"}`}`));
        };
        asked.on("message", answered);
        asked.on("exit", died);
        asked.send({ submission, piece } satisfies Ask);
      }),
    close: () => child?.kill("SIGKILL"),
  };
}

/** Answers the parent until it is gone. */
export async function servePieces(): Promise<void> {
  const platform = nodePlatform();
  const stop = new AbortController();
  let drawer: Promise<PieceDrawer> | undefined;
  const open = async ({ store, ...settings }: DrawerSettings): Promise<PieceDrawer> =>
    new PieceDrawer(platform, await platform.openStore(store), { ...settings, signal: stop.signal });
  const answer = async ({ submission, piece }: Ask): Promise<Answer> => {
    try {
      if (drawer === undefined) throw failure("L5404", "the worker asked before it said where the store is");
      return { kind: "ended", end: await (await drawer).draw(submission, piece) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", message, hopeless: error instanceof HopelessJob };
    }
  };
  // A terminal's Ctrl-C reaches the whole group: the parent decides what becomes of the piece.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);
  await new Promise<void>((resolve) => {
    process.on("disconnect", () => {
      stop.abort();
      resolve();
    });
    process.on("message", (message: DrawerSettings | Ask) => {
      if ("store" in message) drawer = open(message);
      else void answer(message).then((said) => process.send?.(said));
    });
  });
  // The parent is gone: what is under way is nobody's any more.
  process.exit(0);
}
