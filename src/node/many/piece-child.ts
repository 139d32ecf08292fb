// Pieces in a process of their own, seen from the process that asks: the queue's locks are renewed while the engine computes, and an engine
// that dies takes nothing with it. The other end is serve-pieces.ts. Invariant: the child ends when its parent does, however that ends.
import { fork, type ChildProcess } from "node:child_process";
import type { DrawingSettings, PieceDrawing } from "../../app/many/piece-drawing.js";
import { HopelessJob, MachineTrouble, type JobEnd } from "../../ports/job-queue.js";
import type { Piece } from "../../runtime/plan/pieces.js";

/** One piece, asked for. */
export interface Ask {
  readonly submission: string;
  readonly piece: Piece;
}

/** What became of it. */
export type Answer =
  | { readonly kind: "ended"; readonly end: JobEnd }
  | { readonly kind: "failed"; readonly message: string; readonly fault: Fault };

/** Whose fault it is: that of the job, wherever it is drawn; of this machine, whatever it draws; or nobody knows. */
export type Fault = "job" | "machine" | "unknown";

/** Draws by a process of `command`, a script of Node with its words, that answers as servePieces does. A process that died is started again. */
export function childDrawer(command: string, words: readonly string[], settings: DrawingSettings): PieceDrawing {
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
          else reject(errorOf(answer));
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

function errorOf({ message, fault }: Extract<Answer, { kind: "failed" }>): Error {
  if (fault === "job") return new HopelessJob(message);
  return fault === "machine" ? new MachineTrouble(message) : new Error(message);
}
