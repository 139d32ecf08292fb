// The folder that the studio edits: scripts, models and heads below it, and nothing outside.
// In: a folder. Out: its files, and writes to them. Invariants: a path from the page is a plain relative name; what it leads to is looked up with links followed, and lies
// below the folder or is refused; files appear whole; a write over a file that has changed meanwhile is refused, not made.
import { createHash } from "node:crypto";
import { existsSync, watch, type FSWatcher } from "node:fs";
import { readdir, readFile, realpath, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { nodeHost, type NodeHost } from "./host.js";

/** A file as the page is told of it. `text` of scripts; of others the size alone. */
export interface FolderFile {
  readonly path: string;
  readonly size: number;
  /** SHA-256 of scripts: what a write says that it is based on. */
  readonly version?: string;
  readonly text?: string;
}

/** Why a request is refused. */
export class Refused extends Error {
  constructor(
    readonly status: 400 | 403 | 404 | 409 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

const SKIPPED = /^(\.|node_modules$|dist$)/;
const SCRIPT = /\.lace$/;
/** What a page may read besides scripts: what they name. */
const NAMED = /\.(safetensors|onnx|json|csv)$/i;
/** What a page may write besides scripts: what runs make. */
const MADE = /\.(png|webp|jpe?g|json)$/i;
const MOST_FILES = 2000;
const MOST_DEPTH = 8;
const LARGEST_SCRIPT = 4 * 1024 * 1024;
/** Largest body of a write. */
export const LARGEST_WRITE = 256 * 1024 * 1024;

export class StudioFolder {
  private readonly host: NodeHost = nodeHost();

  private constructor(
    /** With links followed. */
    readonly root: string,
  ) {}

  static async open(folder: string): Promise<StudioFolder> {
    return new StudioFolder(await realpath(folder));
  }

  get name(): string {
    return basename(this.root);
  }

  /** All files that a page may know of, scripts with their texts. */
  async list(): Promise<readonly FolderFile[]> {
    const { files } = await this.walk();
    return Promise.all(files.map((path) => this.describe(path)));
  }

  /** The files that a page may know of, and the folders that they could lie in, as paths of this machine. */
  private async walk(): Promise<{ readonly files: readonly string[]; readonly folders: readonly string[] }> {
    const files: string[] = [];
    const folders: string[] = [];
    const visit = async (folder: string, depth: number): Promise<void> => {
      folders.push(folder);
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (files.length >= MOST_FILES || SKIPPED.test(entry.name)) continue;
        const path = join(folder, entry.name);
        if (entry.isDirectory() && depth < MOST_DEPTH && folders.length < MOST_FILES) await visit(path, depth + 1);
        else if (entry.isFile() && (SCRIPT.test(entry.name) || NAMED.test(entry.name))) files.push(path);
      }
    };
    await visit(this.root, 0);
    return { files, folders };
  }

  /** The bytes of a file. Errors: Refused. */
  async read(path: string): Promise<Uint8Array> {
    const real = await this.existing(path);
    if (!SCRIPT.test(real) && !NAMED.test(real)) throw new Refused(403, `${path} is no file that scripts name`);
    return readFile(real);
  }

  /**
   * Writes a file whole. `base`: the version that a script is changed from, or absent for a new one.
   * Errors: Refused; 409 if the file is another than `base` by now, or a model that is there already.
   */
  async write(path: string, bytes: Uint8Array, base: string | undefined): Promise<string> {
    const target = await this.target(path);
    if (!SCRIPT.test(target) && !MADE.test(target) && !NAMED.test(target))
      throw new Refused(415, `${path} is no file that the studio writes`);
    if (SCRIPT.test(target)) {
      const now = existsSync(target) ? hashOf(await readFile(target)) : undefined;
      if (now !== base && now !== hashOf(bytes)) throw new Refused(409, `${path} has changed on the disk`);
    } else if (!MADE.test(target) && existsSync(target)) throw new Refused(409, `${path} is there already`);
    await this.host.writeAtomic(target, bytes);
    return hashOf(bytes);
  }

  /** Removes a script of a known version. Errors: Refused. */
  async remove(path: string, base: string | undefined): Promise<void> {
    const real = await this.existing(path);
    if (!SCRIPT.test(real)) throw new Refused(403, "the studio removes scripts alone");
    if (hashOf(await readFile(real)) !== base) throw new Refused(409, `${path} has changed on the disk`);
    await unlink(real);
  }

  /**
   * Tells of files that change, until the answer is called.
   *
   * Each folder is watched, and looked through again after an event: watching files would lose those that are replaced by another of their name, as editors and the studio itself write
   * them (so does Node's recursive watching on Linux).
   */
  watch(onChange: (file: FolderFile | { readonly path: string; readonly gone: true }) => void): () => void {
    const watchers = new Map<string, FSWatcher>();
    let known: ReadonlyMap<string, string> | undefined;
    let isClosed = false;
    let timer = setTimeout(() => undefined);
    let looking = Promise.resolve();
    const soon = (): void => {
      if (isClosed) return;
      clearTimeout(timer);
      // Editors write in several steps: the last of them counts.
      timer = setTimeout(() => {
        looking = looking.then(look).catch(() => undefined);
      }, SETTLE_MS);
    };
    const follow = (folders: readonly string[]): void => {
      for (const folder of folders) {
        if (watchers.has(folder)) continue;
        try {
          const watcher = watch(folder, soon);
          watcher.on("error", soon); // a folder that is gone: its files are found to be
          watchers.set(folder, watcher);
          soon(); // what happened in it before it was watched
        } catch {
          // It went meanwhile.
        }
      }
      for (const [folder, watcher] of watchers) {
        if (folders.includes(folder)) continue;
        watcher.close();
        watchers.delete(folder);
      }
    };
    const look = async (): Promise<void> => {
      const { files, folders } = await this.walk();
      if (isClosed) return;
      follow(folders);
      const now = new Map<string, string>();
      for (const path of files) {
        const about = await stat(path).catch(() => undefined);
        if (about !== undefined) now.set(path, `${about.mtimeMs} ${about.size} ${about.ino}`);
      }
      const before = known ?? now;
      known = now;
      for (const [path, stamp] of now) {
        if (before.get(path) === stamp) continue;
        const file = await this.describe(path).catch(() => undefined); // it went meanwhile, which is an event too
        if (file !== undefined) onChange(file);
      }
      for (const path of before.keys()) if (!now.has(path)) onChange({ path: this.nameOf(path), gone: true });
    };
    looking = look().catch(() => undefined);
    return () => {
      isClosed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    };
  }

  async close(): Promise<void> {
    await this.host.close();
  }

  /** The path of a file of the folder on this machine. Errors: Refused. */
  async existing(path: string): Promise<string> {
    const plain = this.plain(path);
    const real = await realpath(plain).catch(() => undefined);
    if (real === undefined) throw new Refused(404, `there is no ${path}`);
    this.mustBeInside(real, path);
    return real;
  }

  /** Where a file may be written: its folder, with links followed, lies inside. */
  private async target(path: string): Promise<string> {
    const plain = this.plain(path);
    const known = await realpath(plain).catch(() => undefined);
    if (known !== undefined) {
      this.mustBeInside(known, path);
      return known;
    }
    let above = dirname(plain);
    for (;;) {
      const real = await realpath(above).catch(() => undefined);
      if (real !== undefined) {
        this.mustBeInside(real, path);
        return plain;
      }
      above = dirname(above);
    }
  }

  private plain(path: string): string {
    const parts = path.split("/");
    const bad = (p: string): boolean => p === "" || p === "." || p === ".." || SKIPPED.test(p) || /[\\:\0]/.test(p);
    if (path.length > 1000 || parts.length > MOST_DEPTH + 1 || parts.some(bad))
      throw new Refused(400, "that is no path of a file in the folder");
    return join(this.root, ...parts);
  }

  private mustBeInside(real: string, path: string): void {
    const way = relative(this.root, real);
    if (way === ".." || way.startsWith(`..${sep}`) || way.startsWith(sep) || /^[a-z]:/i.test(way))
      throw new Refused(403, `${path} leads out of the folder`);
  }

  private nameOf(full: string): string {
    return relative(this.root, full).split(sep).join("/");
  }

  private async describe(full: string): Promise<FolderFile> {
    const path = this.nameOf(full);
    const { size } = await stat(full);
    if (!SCRIPT.test(full) || size > LARGEST_SCRIPT) return { path, size };
    const bytes = await readFile(full);
    return { path, size, version: hashOf(bytes), text: bytes.toString("utf8") };
  }
}

/** How long a file is left alone after a change before it is read. */
const SETTLE_MS = 60;

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
