// Runs for an editor, each in a process of its own: the server goes on answering, and a run that dies takes nothing with it.
// In: requests of the server. Out: steps and ends. Invariants: a cancelled run is told to stop, and ended if it does not; no process outlives the server.
import { fork } from "node:child_process";
import type { RunEnd, ScriptRuns } from "../lsp/runs.js";
import { sharpCodec } from "./codec.js";
import { nodeHost } from "./host.js";
import type { RunMessage } from "./editor-run.js";

/** How long a run that was cancelled has to stop by itself. */
const PATIENCE_MS = 5000;

/** Runs by `command`, a script of Node with its words, that answers as `serveRun` does. */
export function childRuns(command: string, words: readonly string[]): ScriptRuns {
  return {
    run: (request, onStep, signal) =>
      new Promise<RunEnd>((resolve) => {
        const child = fork(command, [...words], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
        let said = "";
        let end: RunEnd | undefined;
        child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
        const stop = (): void => {
          if (child.connected) child.send("stop");
          setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS).unref();
        };
        child.on("message", (message: RunMessage) => {
          if (message.kind === "step") onStep(message.step);
          else end = message.end;
        });
        const close = (why: string): void => {
          signal.removeEventListener("abort", stop);
          resolve(
            end ?? { ok: false, message: signal.aborted ? "cancelled" : `the run ended early: ${why}`, outputs: [] },
          );
        };
        child.on("error", (error) => close(error.message));
        child.on("close", (code) => close(said.trim() === "" ? `exit code ${code ?? "none"}` : said.trim()));
        signal.addEventListener("abort", stop);
        child.send(request);
        if (signal.aborted) stop();
      }),
    recipeOf: async (picture) => {
      try {
        return (await sharpCodec().inspect(await nodeHost().readBytes(picture))).text;
      } catch {
        return undefined; // no picture that is known, or one that cannot be read
      }
    },
  };
}
