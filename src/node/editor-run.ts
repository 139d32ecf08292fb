// One run for an editor, in a process of its own: started by script-runs.ts, which asks and listens over the channel between them.
// In: a RunRequest, or a model to count. Out: steps and how it ended, or the counts. Invariants: the texts of the editor stand for the files; the process ends when the one
// that started it does, and stops between two pieces of work when it is told to.
import { constants, setPriority } from "node:os";
import process from "node:process";
import { attributes, type ModelAttributes } from "../app/attributes.js";
import { compileWhole } from "../app/compile-script.js";
import { identifyScript } from "../app/identify-script.js";
import { lock } from "../app/lock.js";
import { engineChoice } from "../app/verb.js";
import type { RunEnd, RunRequest, RunStep } from "../lsp/runs.js";
import { joinPath } from "../lsp/uris.js";
import type { RunEvent } from "../ports/events.js";
import type { Host } from "../ports/host.js";
import { execute } from "../runtime/execute.js";
import { LaceError } from "../source/diagnostic.js";
import { nodePlatform } from "./platform.js";

/** A model whose attributes are counted, instead of a run. */
export interface CountRequest {
  readonly count: "attributes";
  readonly model: string;
}

/** What the child tells. */
export type RunMessage =
  | { readonly kind: "step"; readonly step: RunStep }
  | { readonly kind: "end"; readonly end: RunEnd }
  | { readonly kind: "counted"; readonly attributes: ModelAttributes };

/** Waits for a request, runs it and tells of it. Resolves when it is over. */
export function serveRun(): Promise<void> {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const tell = (message: RunMessage): void => void process.send?.(message);
    process.on("disconnect", () => {
      stop.abort();
      resolve();
    });
    process.on("message", (message: RunRequest | CountRequest | "stop") => {
      if (message === "stop") {
        stop.abort();
        return;
      }
      if ("model" in message) {
        void countOne(message.model, stop.signal)
          .then((counted) => process.send?.({ kind: "counted", attributes: counted } satisfies RunMessage))
          .catch(() => undefined) // what cannot be counted is not told
          .finally(resolve);
        return;
      }
      void runOne(message, (step) => tell({ kind: "step", step }), stop.signal).then((end) => {
        process.send?.({ kind: "end", end } satisfies RunMessage, () => resolve());
      });
    });
  });
}

/** Counts behind whatever else the machine does; nobody has asked for a file, so that nothing is kept. */
async function countOne(model: string, signal: AbortSignal): Promise<ModelAttributes> {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const platform = nodePlatform();
  try {
    return await attributes(platform, model, { signal });
  } finally {
    await platform.close();
  }
}

async function runOne(request: RunRequest, onStep: (step: RunStep) => void, signal: AbortSignal): Promise<RunEnd> {
  const platform = nodePlatform();
  const host = withTexts(platform.host, request.texts);
  const cache = platform.openCache();
  try {
    const { script, out, count } = request;
    if (request.lockOnly === true) {
      await lock({ ...platform, host }, script);
      return { ok: true, message: "lace.lock is up to date", outputs: [] };
    }
    const overrides = { inputs: new Map(Object.entries(request.inputs ?? {})), ...(count !== undefined && { count }) };
    const { plan, program } = await compileWhole(script, host, overrides);
    const results = await execute(plan, platform.world(host, engineChoice(request.engine), cache), {
      out,
      script: await identifyScript({ host, version: platform.version }, program),
      source: { program, overrides: count === undefined ? {} : { count } },
      signal,
      onEvent: (event) => {
        const step = stepOf(event, out);
        if (step !== undefined) onStep(step);
      },
    });
    const met = results.expectations.filter((e) => e.passed).length;
    const expected =
      results.expectations.length === 0 ? "" : `; ${met} of ${results.expectations.length} expectations met`;
    const errors = results.diagnostics.filter((d) => d.severity === "error");
    const files = results.outputs.length;
    const message =
      errors.length > 0
        ? errors.map((d) => d.message).join("\n")
        : `${files} file${files === 1 ? "" : "s"} written${expected}`;
    return { ok: errors.length === 0, message, outputs: results.outputs.map((o) => joinPath(out, o.file)) };
  } catch (error) {
    const message = error instanceof LaceError ? error.diagnostics.map((d) => d.message).join("\n") : String(error);
    return { ok: false, message, outputs: [] };
  } finally {
    await cache.close();
    await platform.close();
  }
}

/** A host that reads the editor's texts in place of the files. */
function withTexts(host: Host, texts: Readonly<Record<string, string>>): Host {
  const open = new Map(Object.entries(texts));
  return {
    ...host,
    readText: async (path) => open.get(path) ?? (await host.readText(path)),
    exists: async (path) => open.has(path) || (await host.exists(path)),
  };
}

function stepOf(event: RunEvent, out: string): RunStep | undefined {
  switch (event.kind) {
    case "start":
      return { message: [event.phase, event.task].filter((x) => x !== undefined).join(" ") };
    case "progress":
      return {
        message: `${[event.phase, event.task].filter((x) => x !== undefined).join(" ")} ${Math.floor(event.done)}/${event.total}`,
        ...(event.total > 0 && { part: Math.min(1, event.done / event.total) }),
      };
    case "wrote":
      return { message: `wrote ${event.path}`, wrote: joinPath(out, event.path) };
    case "end":
    case "diagnostic":
    case "note":
      return undefined;
  }
}
