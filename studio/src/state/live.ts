// Running after each change, as long as a run is short.
// In: changes of the project. Out: calls of `run`. Invariants: a run that is expected to take longer, by what this machine took before, waits for the person, and the page says so; keys that
// follow one another are one change.
import { effect, signal } from "@preact/signals";
import { files, project } from "./project.js";
import { run } from "./runs.js";

/** Longest run that is begun by itself, in seconds. */
export const LIVE_SECONDS = 6;
const REST_MS = 600;

export const live = signal(false);
/** Seconds of the run that waits for the person; undefined if none does. */
export const heldSeconds = signal<number | undefined>(undefined);

/** Follows the project from now on. `estimate`: seconds that a run of it would take, undefined if nobody can say. */
export function followLive(start: () => void, estimate: () => Promise<number | undefined>): void {
  let timer = setTimeout(() => undefined);
  let seen = "";
  const consider = async (asked: string): Promise<void> => {
    const seconds = (await estimate()) ?? 0;
    if (asked !== seen || !live.peek()) return;
    if (seconds > LIVE_SECONDS) heldSeconds.value = seconds;
    else start();
  };
  effect(() => {
    const { entry, inputs, overrides } = project.value;
    const scripts = Object.entries(files.value).filter(([, c]) => typeof c === "string");
    const now = JSON.stringify([entry, inputs, overrides, scripts]);
    const on = live.value;
    if (now === seen) return;
    const isFirst = seen === "";
    seen = now;
    clearTimeout(timer);
    heldSeconds.value = undefined;
    if (!on || isFirst) return;
    timer = setTimeout(() => void consider(now), REST_MS);
  });
  // A run that the person began is no longer waited for.
  effect(() => {
    if (run.value?.state === "running") heldSeconds.value = undefined;
  });
}
