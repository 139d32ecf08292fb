// Running after each change, as long as a run is short.
// In: changes of the project. Out: calls of `run`. Invariants: a run that is expected to take longer waits for the person; keys that follow one another are one change.
import { effect, signal } from "@preact/signals";
import { files, project } from "./project.js";
import { run } from "./runs.js";

/** Longest run that is begun by itself, in seconds. */
export const LIVE_SECONDS = 6;
const REST_MS = 600;

export const live = signal(false);

/** Follows the project from now on. */
export function followLive(start: () => void): void {
  let timer = setTimeout(() => undefined);
  let seen = "";
  effect(() => {
    const { entry, inputs } = project.value;
    const now = JSON.stringify([entry, inputs, Object.entries(files.value).filter(([, c]) => typeof c === "string")]);
    const on = live.value;
    if (now === seen) return;
    const isFirst = seen === "";
    seen = now;
    clearTimeout(timer);
    if (!on || isFirst) return;
    const last = run.peek();
    if (last?.state === "done" && last.seconds > LIVE_SECONDS) return;
    timer = setTimeout(start, REST_MS);
  });
}
