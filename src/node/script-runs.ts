// Runs for an editor, each in a process of its own: the server goes on answering, and a run that dies takes nothing with it.
// In: requests of the server. Out: steps and ends. Invariants: a cancelled run is told to stop, and ended if it does not; no process outlives the server.
import { fork } from "node:child_process";
import type { ModelAttributes } from "../app/attributes.js";
import type { RunEnd, RunRequest, ScriptRuns } from "../lsp/runs.js";
import { sharpCodec } from "./codec.js";
import { nodeHost } from "./host.js";
import type { CountRequest, RunMessage } from "./editor-run.js";

/** How long a run that was cancelled has to stop by itself. */
const PATIENCE_MS = 5000;

/** Runs by `command`, a script of Node with its words, that answers as `serveRun` does. */
export function childRuns(command: string, words: readonly string[]): ScriptRuns {
  /** Asks a child, tells what it says, and resolves with why it ended. */
  const ask = (
    request: RunRequest | CountRequest,
    heard: (message: RunMessage) => void,
    signal: AbortSignal,
  ): Promise<string> =>
    new Promise((resolve) => {
      const child = fork(command, [...words], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
      let said = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
      const stop = (): void => {
        if (child.connected) child.send("stop");
        setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS).unref();
      };
      child.on("message", heard);
      const close = (why: string): void => {
        signal.removeEventListener("abort", stop);
        resolve(why);
      };
      child.on("error", (error) => close(error.message));
      child.on("close", (code) => close(said.trim() === "" ? `exit code ${code ?? "none"}` : said.trim()));
      signal.addEventListener("abort", stop);
      child.send(request);
      if (signal.aborted) stop();
    });
  return {
    run: async (request, onStep, signal) => {
      let end: RunEnd | undefined;
      const heard = (message: RunMessage): void => {
        if (message.kind === "step") onStep(message.step);
        else if (message.kind === "end") ({ end } = message);
      };
      const why = await ask(request, heard, signal);
      return end ?? { ok: false, message: signal.aborted ? "cancelled" : `the run ended early: ${why}`, outputs: [] };
    },
    attributesOf: async (model, signal) => {
      let counted: ModelAttributes | undefined;
      const heard = (message: RunMessage): void => {
        if (message.kind === "counted") counted = message.attributes;
      };
      await ask({ count: "attributes", model }, heard, signal);
      return counted;
    },
    recipeOf: async (picture) => {
      try {
        return (await sharpCodec().inspect(await nodeHost().readBytes(picture))).text;
      } catch {
        return undefined; // no picture that is known, or one that cannot be read
      }
    },
  };
}
