// The cache of Node: a folder of files named by their keys, `.lace/` in the working folder.
// In: keys (hexadecimal hashes) and bytes. Out: the bytes, or nothing.
// Invariants: an entry begins with the SHA-256 of its key and the rest, so one that is torn, damaged or at another's place is as good as
// none; the folder stays below its bound but for the last few entries: the least recently used go first; version control is told to ignore it.
import { createHash } from "node:crypto";
import { readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CacheUse } from "../app/platform.js";
import type { Cache } from "../ports/cache.js";
import { makeFolder } from "./folders.js";
import { isLeftBehind, TEMPORARY_PREFIX, temporaryName } from "./host.js";

/** Name of the folder, in the working folder. */
const CACHE_FOLDER = ".lace";
/** Bytes that the cache takes at most, unless asked otherwise. */
export const CACHE_BYTES = 1 << 30;

const DIGEST = 32;
/** What is left after the oldest entries have gone, as a share of the bound. */
const KEEP = 0.8;

export interface FolderCacheOptions {
  readonly folder?: string;
  readonly maxBytes?: number;
}

/** Opens the cache; nothing is written before the first `put`. */
export function folderCache({ folder = CACHE_FOLDER, maxBytes = CACHE_BYTES }: FolderCacheOptions = {}): Cache {
  const entries = join(folder, "cache");
  let written = 0;
  let trouble: string | undefined;
  let ready: Promise<void> | undefined;

  const prepare = async (): Promise<void> => {
    await makeFolder(entries);
    await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" }).catch(() => undefined);
  };
  return {
    get trouble() {
      return trouble;
    },
    get: async (key) => {
      const path = entryPath(entries, key);
      const bytes = await readFile(path).catch(() => undefined);
      if (bytes === undefined) return undefined;
      const payload = bytes.subarray(DIGEST);
      if (!digest(key, payload).equals(bytes.subarray(0, DIGEST))) {
        await unlink(path).catch(() => undefined);
        return undefined;
      }
      const now = new Date();
      await utimes(path, now, now).catch(() => undefined);
      return payload;
    },
    put: async (key, bytes) => {
      if (trouble !== undefined) return;
      const path = entryPath(entries, key);
      const temporary = join(entries, temporaryName());
      try {
        await (ready ??= prepare());
        await makeFolder(join(path, ".."));
        await writeFile(temporary, [digest(key, bytes), bytes]);
        await rename(temporary, path);
      } catch (error) {
        trouble = error instanceof Error ? error.message : String(error);
        await unlink(temporary).catch(() => undefined);
        return;
      }
      written += bytes.length;
      if (written < maxBytes / 8) return;
      written = 0;
      await shrink(entries, maxBytes);
    },
    close: async () => {
      if (written > 0) await shrink(entries, maxBytes);
      written = 0;
    },
  };
}

/** What the cache in `folder` holds. */
export async function cacheUse(folder: string = CACHE_FOLDER): Promise<CacheUse> {
  const files = await list(join(folder, "cache"));
  return { entries: files.length, bytes: files.reduce((sum, f) => sum + f.bytes, 0) };
}

/** Deletes the cache in `folder`; gives what it held. */
export async function cleanCache(folder: string = CACHE_FOLDER): Promise<CacheUse> {
  const use = await cacheUse(folder);
  await rm(join(folder, "cache"), { recursive: true, force: true });
  return use;
}

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

async function shrink(entries: string, maxBytes: number): Promise<void> {
  const files = await list(entries);
  let total = files.reduce((sum, f) => sum + f.bytes, 0);
  if (total <= maxBytes) return;
  for (const { path, bytes } of files.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= maxBytes * KEEP) return;
    await unlink(path).catch(() => undefined);
    total -= bytes;
  }
}

/** All entries; temporary files that were left behind are deleted on the way. */
async function list(folder: string): Promise<Entry[]> {
  const found: Entry[] = [];
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const name of names.filter((n) => n.isFile())) {
    const path = join(name.parentPath, name.name);
    const about = await stat(path).catch(() => undefined);
    if (about === undefined) continue;
    if (!name.name.startsWith(TEMPORARY_PREFIX)) {
      found.push({ path, bytes: about.size, usedMs: about.mtimeMs });
    } else if (isLeftBehind(name.name, about.mtimeMs)) await unlink(path).catch(() => undefined);
  }
  return found;
}

function entryPath(entries: string, key: string): string {
  return join(entries, key.slice(0, 2), key.slice(2));
}

/** Of both, so that a file which is moved or copied to another key's place is found out. Keys are of one length. */
function digest(key: string, payload: Uint8Array): Buffer {
  return createHash("sha256").update(key).update(payload).digest();
}
