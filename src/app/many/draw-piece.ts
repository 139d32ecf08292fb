// One piece of a submission drawn on this machine.
// In: a submission out of the store, trusted in nothing. Out: a bundle in the store.
// Invariants: the submission's scripts are the only ones that are read, and its models lie in a folder of this worker under their hashes; nothing
// is drawn by another version, engine or processor than that which began, unless this worker is told that the last bits do not matter.
import type { OnEvent } from "../../ports/events.js";
import { HopelessJob, type JobEnd } from "../../ports/job-queue.js";
import type { ObjectStore } from "../../ports/object-store.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import type { Engine } from "../../runtime/services/engine.js";
import { keepingExecutables } from "../../runtime/services/kept-executables.js";
import { failure, LaceError } from "../../source/diagnostic.js";
import type { Platform } from "../platform.js";
import type { EngineChoice } from "../verb.js";
import { packBundle } from "./bundle.js";
import { openEvaluation } from "./draw-evaluation.js";
import { openLabels } from "./draw-labels.js";
import { openScript } from "./draw-script.js";
import {
  jsonBytes,
  objects,
  readKind,
  readPieces,
  readSubmission,
  renamed,
  sameKind,
  type Kind,
  type StoredFile,
  type StoredModel,
  type Submission,
} from "./submission.js";
import type { OpenedSubmission, Workshop } from "./workshop.js";

export interface DrawPieceOptions {
  readonly engine: EngineChoice;
  /** Folder of this worker for models out of the store. */
  readonly models: string;
  /** Bytes that a file of a model may have. */
  readonly maxBytes: number;
  /** Draws what machines of another kind have begun. */
  readonly mixed: boolean;
  readonly onEvent?: OnEvent | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A submission that this worker has opened. */
interface Opened extends OpenedSubmission {
  /** Names of the objects that its results go into. */
  readonly pieces: ReadonlySet<string>;
  /** What it is drawn by, once somebody has begun. */
  kind?: Promise<Kind>;
}

/** Draws pieces, and keeps what they share open: the engine, and the submission that was asked for last. */
export class PieceDrawer {
  private engine: Promise<Engine> | undefined;
  private opened: { readonly id: string; readonly value: Promise<Opened> } | undefined;

  constructor(
    private readonly platform: Platform,
    private readonly store: ObjectStore,
    private readonly options: DrawPieceOptions,
  ) {}

  /** What this machine draws with. */
  async kind(): Promise<Kind> {
    const { name, description } = await this.openEngine();
    const { processor } = this.platform.describeMachine();
    return { lacec: this.platform.version, engine: name, description, processor };
  }

  /**
   * Draws a piece, unless it is in the store. Later, where machines of another kind have begun with it.
   *
   * Errors   HopelessJob for a submission that will fail wherever it is tried; LaceError of the environment, and L4106.
   */
  async draw(id: string, piece: Piece): Promise<JobEnd> {
    const { store } = this;
    const object = objects.piece(id, piece);
    const name = id.slice(0, 12);
    if (await store.has(object)) return "done";
    await this.checkStore(id);
    const opened = await hopeless(() => this.open(id));
    if (!opened.pieces.has(object)) throw new HopelessJob("the submission has no such piece");
    const own = await this.kind();
    if (opened.lacec !== own.lacec)
      return { later: `${name} was submitted by lacec ${opened.lacec}, and this worker is ${own.lacec}` };
    const kind = await (opened.kind ??= this.claim(id, own));
    if (!this.options.mixed && !sameKind(kind, own))
      return {
        later: `${name} is drawn by ${kindText(kind)}; this worker is ${kindText(own)}, whose last bits may differ (--mixed draws it all the same)`,
      };
    const start = this.platform.host.now();
    const entries = await hopeless(() => opened.draw(piece, kind));
    const seconds = (this.platform.host.now() - start) / 1000;
    const made = `lacec ${own.lacec}, ${own.engine}, ${own.processor}`;
    const packed = await packBundle(this.platform.host, entries, { submission: id, piece, made, seconds });
    await this.checkStore(id);
    await store.put(object, packed);
    return "done";
  }

  /** Errors: LaceError L5403 for a store that is not the one which was submitted to, or is no more: a folder under which nothing is mounted is empty. */
  private async checkStore(id: string): Promise<void> {
    const { store } = this;
    if (await store.has(objects.submission(id))) return;
    throw failure("L5403", `the store ${store.place} does not have the submission ${id.slice(0, 12)}`, [
      "start the worker with the store that was submitted to",
    ]);
  }

  async close(): Promise<void> {
    await this.closeOpened();
    const engine = await this.engine?.catch(() => undefined);
    await engine?.dispose();
  }

  private openEngine(): Promise<Engine> {
    const { host } = this.platform;
    const open = async (): Promise<Engine> =>
      keepingExecutables(await this.platform.world(host, this.options.engine).openEngine(), (bytes) =>
        host.sha256(bytes),
      );
    return (this.engine ??= open());
  }

  /** The kind of machine that a submission is drawn by: this one's, if none has begun. */
  private async claim(id: string, own: Kind): Promise<Kind> {
    const { store } = this;
    const before = await readKind(store, id);
    if (before !== undefined) return before;
    await store.put(objects.kind(id), jsonBytes(own));
    return (await readKind(store, id)) ?? own;
  }

  private open(id: string): Promise<Opened> {
    if (this.opened?.id !== id) {
      const before = this.closeOpened();
      this.opened = { id, value: before.then(() => this.openAnew(id)) };
    }
    this.opened.value.catch(() => (this.opened = undefined));
    return this.opened.value;
  }

  private async closeOpened(): Promise<void> {
    const opened = await this.opened?.value.catch(() => undefined);
    await opened?.close();
  }

  private async openAnew(id: string): Promise<Opened> {
    const { platform, store } = this;
    const submission = await readSubmission(platform, store, id);
    const pieces = new Set(((await readPieces(store, id)) ?? []).map((p) => objects.piece(id, p)));
    return { ...(await openSubmission(this.workshop(), submission)), pieces };
  }

  private workshop(): Workshop {
    const { platform, options } = this;
    return {
      ...{ platform, choice: options.engine, onEvent: options.onEvent, signal: options.signal },
      openEngine: async (kind) => ({
        ...renamed(await this.openEngine(), kind),
        dispose: () => Promise.resolve(),
      }),
      fetch: (file) => this.fetchAll(file),
    };
  }

  private async fetchAll({ file = "model.safetensors", sha256, beside }: StoredModel): Promise<string> {
    const path = await this.fetch(sha256, { name: file, sha256 });
    for (const companion of beside) await this.fetch(sha256, companion);
    return path;
  }

  /** A file of the pack with that hash, out of the store if it is not here. Gives its path. */
  private async fetch(pack: string, { name, sha256 }: StoredFile): Promise<string> {
    const { host } = this.platform;
    const path = host.resolve(`${this.options.models}/${pack}/`, name);
    if (await host.exists(path)) {
      if ((await host.sha256(await host.readBytes(path))) === sha256) return path;
    }
    const bytes = await this.store.get(objects.model(sha256), this.options.maxBytes);
    if (bytes === undefined) throw new HopelessJob(`the file ${sha256} is not in the store`);
    if ((await host.sha256(bytes)) !== sha256) throw new HopelessJob(`the file ${sha256} has another hash`);
    await host.writeAtomic(path, bytes);
    return path;
  }
}

function openSubmission(workshop: Workshop, submission: Submission): Promise<OpenedSubmission> {
  switch (submission.kind) {
    case "script":
      return openScript(workshop, submission);
    case "label":
      return openLabels(workshop, submission);
    case "eval":
      return openEvaluation(workshop, submission);
  }
}

/** Mistakes of the script or the submission are the same on every machine; those of the environment (files, engines) are not. */
async function hopeless<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    const [first] = error.diagnostics;
    const environment = error.diagnostics.some((d) => /^L(50|52|4106|540[34])/.test(d.code));
    if (environment || first === undefined) throw error;
    throw new HopelessJob(error.message);
  }
}

/** A kind of machine, for people. */
function kindText({ lacec, engine, description, processor }: Kind): string {
  return `lacec ${lacec}, ${engine} (${description}), ${processor}`;
}
