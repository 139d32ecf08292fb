// Runs of this page: the one that goes on, and those before it.
// In: what the engine tells. Out: signals. Invariants: a picture that was made stays until another run makes pictures; what a cancelled run had made stays too.
import { computed, signal } from "@preact/signals";
import type { EngineListener, JobOfRun } from "../engine/client.js";
import type { Expectation, Picture, Preview, TaskShape } from "../../../src/app/live/messages.js";

/** A picture with the address that the page shows it by. */
export interface ShownPicture extends Omit<Picture, "png"> {
  readonly png: Blob;
  readonly url: string;
}

/** A small picture that is shown until the whole one is there. */
export interface ShownPreview extends Omit<Preview, "png"> {
  readonly url: string;
}

export interface ShownFile {
  readonly path: string;
  readonly blob: Blob;
}

export interface Run {
  readonly id: number;
  /** What was asked for. */
  readonly job: JobOfRun;
  readonly state: "running" | "done" | "cancelled" | "failed";
  readonly tasks: readonly TaskShape[];
  readonly pictures: readonly ShownPicture[];
  /** Of pictures that are still to come. */
  readonly previews: readonly ShownPreview[];
  readonly files: readonly ShownFile[];
  readonly said: readonly { readonly severity: "error" | "warning"; readonly text: string }[];
  readonly expectations: readonly Expectation[];
  readonly progress: { readonly text: string; readonly part?: number };
  readonly seconds: number;
  /** Milliseconds from its start to its first picture, and to the first small one. */
  readonly firstMs?: number;
  readonly firstSmallMs?: number;
}

export interface EngineState {
  readonly state: "opening" | "ready" | "failed";
  readonly name: string;
  readonly description: string;
  readonly why: readonly string[];
}

export const engine = signal<EngineState>({ state: "opening", name: "", description: "the engine starts", why: [] });
/** The run whose pictures are shown. */
export const run = signal<Run | undefined>(undefined);
export const running = computed(() => run.value?.state === "running");

const clock = { started: 0 };

/** A run begins: pictures of the one before stay until its first one comes. */
export function begin(id: number, job: JobOfRun): void {
  clock.started = performance.now();
  const before = run.value;
  run.value = {
    ...{ id, job, state: "running", previews: [], files: [], said: [], expectations: [], seconds: 0 },
    tasks: before?.tasks ?? [],
    pictures: before?.pictures ?? [],
    progress: { text: "compile" },
  };
}

/** What the engine tells becomes what is shown. */
export const listener: EngineListener = {
  opening: () => {
    engine.value = { state: "opening", name: "", description: "the engine starts", why: [] };
  },
  opened: ({ name, description, why }) => {
    engine.value = { state: "ready", name, description, why };
  },
  trouble: (message) => {
    engine.value = { state: "failed", name: "", description: message, why: [] };
  },
  told: (message) => {
    const now = run.value;
    if (now?.id !== message.id) return;
    switch (message.kind) {
      case "plan":
        run.value = { ...now, tasks: message.tasks };
        return;
      case "progress": {
        const { text, part } = message;
        run.value = { ...now, progress: { text, ...(part !== undefined && { part }) } };
        return;
      }
      case "picture": {
        const { png: bytes, ...about } = message.picture;
        const png = new Blob([bytes as BlobPart], { type: "image/png" });
        const picture = { ...about, png, url: URL.createObjectURL(png) };
        const firstMs = now.firstMs ?? performance.now() - clock.started;
        const [shown, left] = split(now.previews, (p) => isSame(p, picture));
        release(shown);
        run.value = { ...now, firstMs, previews: left, pictures: [...ofThisRun(now), picture] };
        return;
      }
      case "preview": {
        const { png, ...about } = message.picture;
        const url = URL.createObjectURL(new Blob([png as BlobPart], { type: "image/png" }));
        const firstSmallMs = now.firstSmallMs ?? performance.now() - clock.started;
        run.value = { ...now, firstSmallMs, pictures: ofThisRun(now), previews: [...now.previews, { ...about, url }] };
        return;
      }
      case "expect": {
        const tasks = new Set(message.expectations.map((e) => e.task));
        const others = now.expectations.filter((e) => !tasks.has(e.task));
        run.value = { ...now, expectations: [...others, ...message.expectations] };
        return;
      }
      case "file": {
        const blob = new Blob([message.bytes as BlobPart], { type: typeOf(message.path) });
        run.value = { ...now, files: [...now.files, { path: message.path, blob }] };
        return;
      }
      case "end": {
        const { outcome, said } = message;
        // Of a run that was stopped, what was seen of them until then.
        const expectations = outcome === "cancelled" ? now.expectations : message.expectations;
        release(now.previews);
        const seconds = (performance.now() - clock.started) / 1000;
        // A script that did not compile made nothing: the pictures before it stay, as it did not touch them.
        run.value = { ...now, state: outcome, previews: [], said, expectations, seconds };
        return;
      }
    }
  },
};

/** The pictures of a run so far. Those of the run before it stay until its first one, small or whole, is there. */
function ofThisRun({ firstMs, firstSmallMs, pictures }: Run): readonly ShownPicture[] {
  if (firstMs !== undefined || firstSmallMs !== undefined) return pictures;
  release(pictures);
  return [];
}

type Place = Pick<Preview, "task" | "index" | "part">;

function isSame(a: Place, b: Place): boolean {
  return a.task === b.task && a.index === b.index && a.part === b.part;
}

function split<T>(all: readonly T[], isFirst: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}

function release(pictures: readonly { readonly url: string }[]): void {
  for (const { url } of pictures) URL.revokeObjectURL(url);
}

/** The type of a file, by its name. */
export function typeOf(path: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  if (extension === "json") return "application/json";
  return ["png", "webp", "gif", "avif"].includes(extension)
    ? `image/${extension}`
    : /^jpe?g$/.test(extension)
      ? "image/jpeg"
      : "application/octet-stream";
}
