// The Host of Node: files on disk, written whole or not at all.
// In: paths of the user. Out: bytes, hashes, a clock. Errors of the file system become LaceErrors (L50xx) that say what to do.
// Invariants: a target holds the old file or the whole new one, whatever happens; temporary names begin with
// TEMPORARY_PREFIX, lie beside their target and are removed when a write fails, when `close` is called and when the process exits.
import { createHash, randomBytes } from "node:crypto";
import { constants, existsSync, unlinkSync } from "node:fs";
import { open, readdir, readFile, realpath, rename, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { failure } from "../source/diagnostic.js";
import type { Host } from "../ports/host.js";
import { MODEL_PREFIX } from "../models/model-name.js";
import { errorCode, readFailure, writeFailure } from "./failures.js";
import { makeFolder } from "./folders.js";
import { modelsHome, packOf } from "./model-store.js";
import { machineId, ownPid, processExists } from "./process.js";

/** Beginning of the name of every temporary file, hidden on Unix. */
export const TEMPORARY_PREFIX = ".lacec-tmp-";

/** What the pack of a built-in model is called, after its name. */
const BUILTIN_PACK = ".safetensors";

/** Of temporary files whose maker cannot be asked after, those older than this are taken for left behind. */
const ABANDONED_MS = 24 * 3_600_000;

/** A name for a temporary file: it tells which process of which machine made it. */
export function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${machineId()}-${ownPid()}-${randomBytes(6).toString("hex")}`;
}

/** Whether a temporary file, last written at `writtenMs`, was left by a process that is gone. */
export function isLeftBehind(name: string, writtenMs: number): boolean {
  const [machine, pid] = name.slice(TEMPORARY_PREFIX.length).split("-");
  if (machine === machineId() && Number(pid) !== ownPid()) return !processExists(Number(pid));
  return Date.now() - writtenMs > ABANDONED_MS;
}

/** Deletes temporary files that killed processes have left in a folder (not below it). */
export async function tidyFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((n) => n.startsWith(TEMPORARY_PREFIX))) {
    const path = join(folder, name);
    const about = await stat(path).catch(() => undefined);
    if (about?.isFile() === true && isLeftBehind(name, about.mtimeMs)) await unlink(path).catch(() => undefined);
  }
}

/** A Host that must be closed: `close` refuses further writes, waits for those under way and removes temporary files. */
export interface NodeHost extends Host {
  close(): Promise<void>;
  /** As `close`, at once and without waiting: for an exit handler. */
  removeTemporaries(): void;
}

/** Folder of the models that ship with lacec (`models/` beside `dist/` and `src/`). */
export function modelsFolder(): string {
  return fileURLToPath(new URL("../../models/", import.meta.url));
}

/** Names of the files in a folder, not below it, sorted; none of a folder that is not there. */
export async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
}

/** Names of the models that ship with lacec, sorted. */
export async function builtinNames(folder = modelsFolder()): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name) => (name.endsWith(BUILTIN_PACK) ? [name.slice(0, -BUILTIN_PACK.length)] : [])).sort();
}

/**
 * Files of this machine.
 *
 *   const host = nodeHost();
 *   const text = await host.readText("portraits.lace");
 *
 * Errors   LaceError: L5001 not found, L5002 no permission, L5003 disk full, L5004 anything else, L5005 unknown builtin model.
 */
export function nodeHost(options: { readonly models?: string; readonly store?: string } = {}): NodeHost {
  const models = options.models ?? modelsFolder();
  const store = options.store ?? modelsHome();
  const temporaries = new Set<string>();
  const writing = new Set<Promise<void>>();
  /** Folders that were looked at for what killed processes have left, once each. */
  const tidied = new Set<string>();
  let closed = false;

  async function replace(path: string, bytes: Uint8Array | string): Promise<void> {
    await makeFolder(dirname(path));
    const target = await realpath(path).catch(() => path); // a link stays a link
    const before = await stat(target).catch(() => undefined);
    if (before !== undefined && !before.isFile() && !before.isDirectory()) {
      // /dev/stdout, a pipe: nothing to replace. A pipe that nobody reads is an error, not a wait without end.
      const reader = before.isFIFO() ? await open(target, constants.O_WRONLY | constants.O_NONBLOCK) : undefined;
      try {
        await writeFile(target, bytes);
      } finally {
        await reader?.close();
      }
      return;
    }
    const folder = dirname(target);
    if (!tidied.has(folder)) {
      tidied.add(folder);
      await tidyFolder(folder);
    }
    const temporary = join(folder, temporaryName());
    temporaries.add(temporary);
    try {
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes);
        if (before?.isFile() === true) await file.chmod(before.mode & 0o7777);
        await file.sync();
      } finally {
        await file.close();
      }
      if (closed) return; // interrupted: the caller is on its way out, and must not see the target change
      await rename(temporary, target);
    } finally {
      if (existsSync(temporary)) await unlink(temporary).catch(() => undefined);
      temporaries.delete(temporary);
    }
  }

  function removeTemporaries(): void {
    closed = true;
    for (const path of temporaries) {
      try {
        unlinkSync(path);
      } catch {
        // Already renamed or not made yet: nothing is left behind either way.
      }
    }
  }

  return {
    readText: async (path) => {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        throw readFailure(path, error);
      }
    },
    readBytes: async (path) => {
      try {
        return await readFile(path);
      } catch (error) {
        throw readFailure(path, error);
      }
    },
    readRange: async (path, start, length) => {
      try {
        const file = await open(path, "r");
        try {
          const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, start);
          return buffer.subarray(0, bytesRead);
        } finally {
          await file.close();
        }
      } catch (error) {
        throw readFailure(path, error);
      }
    },
    exists: async (path) => {
      try {
        return (await stat(path)).isFile();
      } catch {
        return false;
      }
    },
    realPath: async (path) => {
      try {
        return await realpath(path);
      } catch (error) {
        throw readFailure(path, error);
      }
    },
    writeAtomic: async (path, bytes) => {
      if (closed) return;
      const write = replace(path, bytes).catch((error: unknown) => {
        throw writeFailure(path, error);
      });
      writing.add(write);
      try {
        await write;
      } finally {
        writing.delete(write);
      }
    },
    resolve: (fromFile, reference) => {
      if (reference.startsWith("builtin:")) return builtinPath(models, reference.slice("builtin:".length));
      if (reference.startsWith(MODEL_PREFIX)) return packOf(store, reference.slice(MODEL_PREFIX.length));
      return isAbsolute(reference) ? reference : resolvePath(dirname(fromFile), reference);
    },
    sha256: (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex")),
    now: () => performance.now(),
    close: async () => {
      closed = true;
      await Promise.allSettled(writing);
      removeTemporaries();
    },
    removeTemporaries,
  };
}

/** Removes a file, if it is there. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT") throw writeFailure(path, error);
  });
}

function builtinPath(models: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(name)) {
    throw failure("L5005", `"builtin:${name}" is not the name of a model that ships with lacec`, [
      `built-in models are written "builtin:avatar"; a model of your own is a path`,
    ]);
  }
  const path = join(models, `${name}.safetensors`);
  if (!existsSync(path)) {
    throw failure("L5005", `no model called "${name}" ships with lacec`, [`the one that does is "builtin:avatar"`]);
  }
  return path;
}
