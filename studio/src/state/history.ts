// Runs of the past, kept in the browser: what was run, and its pictures small.
// In: runs that ended. Out: entries, newest first. Invariants: what is pinned stays; of the rest the newest MOST_KEPT; entries survive a reload.
import { signal } from "@preact/signals";
import { project, type Project } from "./project.js";
import type { Run } from "./runs.js";
import type { Store } from "./store.js";

export interface PastPicture {
  readonly task: string;
  readonly index: number;
  readonly part: number;
  readonly label: string;
  readonly logp: number;
  readonly png: Blob;
}

export interface PastRun {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly project: Project;
  readonly seconds: number;
  readonly state: Run["state"];
  readonly pictures: readonly PastPicture[];
  readonly pinned: boolean;
}

export const past = signal<readonly PastRun[]>([]);
/** At most two that stand side by side. */
export const compared = signal<readonly string[]>([]);

const MOST_KEPT = 30;
/** Pictures of a run that are kept; a film has more than anyone looks at twice. */
const MOST_PICTURES = 64;

/** Reads what is kept. */
export async function openHistory(store: Store): Promise<void> {
  const kept = await store.all<PastRun>("runs");
  past.value = [...kept].sort((a, b) => b.time - a.time);
}

/** Keeps a run that made pictures. */
export function keepRun(store: Store, run: Run): void {
  if (run.pictures.length === 0) return;
  const entry: PastRun = {
    ...{ id: crypto.randomUUID(), time: Date.now(), project: project.value, seconds: run.seconds, state: run.state },
    pictures: run.pictures
      .slice(0, MOST_PICTURES)
      .map(({ task, index, part, label, logp, png }) => ({ task, index, part, label, logp, png })),
    pinned: false,
  };
  store.put("runs", entry.id, entry);
  const all = [entry, ...past.value];
  const loose = all.filter((r) => !r.pinned);
  const dropped = new Set(loose.slice(MOST_KEPT).map((r) => r.id));
  for (const id of dropped) store.put("runs", id, undefined);
  past.value = all.filter((r) => !dropped.has(r.id));
}

/** Pins a run, or lets it go. */
export function pin(store: Store, id: string): void {
  past.value = past.value.map((r) => {
    if (r.id !== id) return r;
    const changed = { ...r, pinned: !r.pinned };
    store.put("runs", id, changed);
    return changed;
  });
}

/** Takes a run out. */
export function forgetRun(store: Store, id: string): void {
  store.put("runs", id, undefined);
  past.value = past.value.filter((r) => r.id !== id);
  compared.value = compared.value.filter((c) => c !== id);
}

/** Puts a run beside another one, or takes it away. */
export function compare(id: string): void {
  const now = compared.value;
  compared.value = now.includes(id) ? now.filter((c) => c !== id) : [...now.slice(-1), id];
}
