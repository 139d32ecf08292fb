// A folder that many machines see, as a store of objects: a file an object.
// Invariant: an object is linked to its name when it is whole; a name that is taken stays as it is. Both hold on NFS as well.
import { link, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { InternalError } from "../../source/internal-error.js";
import { failure, type LaceError } from "../../source/diagnostic.js";
import { isObjectName, type ObjectStore } from "../../ports/object-store.js";
import { makeFolder } from "../folders.js";
import { temporaryName, TEMPORARY_PREFIX } from "../host.js";

export function folderStore(folder: string): ObjectStore {
  const root = resolve(folder);
  const pathOf = (name: string): string => {
    if (!isObjectName(name)) throw new InternalError(`no object is called ${name}`);
    return join(root, ...name.split("/"));
  };
  const trouble = (error: unknown): LaceError => unusable(folder, error);
  return {
    place: folder,
    get: async (name, maxBytes) => {
      try {
        const path = pathOf(name);
        const { size } = await stat(path);
        if (size > maxBytes) throw new Error(`${name} has ${size} bytes, and at most ${maxBytes} are taken`);
        return await readFile(path);
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw trouble(error);
      }
    },
    has: async (name) => {
      try {
        return (await stat(pathOf(name))).isFile();
      } catch (error) {
        if (isAbsent(error)) return false;
        throw trouble(error);
      }
    },
    put: async (name, bytes) => {
      const path = pathOf(name);
      const temporary = join(dirname(path), temporaryName());
      try {
        await makeFolder(dirname(path));
        const file = await open(temporary, "wx");
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        return await claim(temporary, path);
      } catch (error) {
        throw trouble(error);
      } finally {
        await unlink(temporary).catch(() => undefined);
      }
    },
    list: async function* (prefix) {
      const from = dirname(pathOf(`${prefix}x`));
      const entries = await readdir(from, { withFileTypes: true, recursive: true }).catch((error: unknown) => {
        if (isAbsent(error)) return [];
        throw trouble(error);
      });
      for (const entry of entries) {
        if (!entry.isFile() || entry.name.startsWith(TEMPORARY_PREFIX)) continue;
        const name = relative(root, join(entry.parentPath, entry.name)).split(sep).join("/");
        if (name.startsWith(prefix)) yield name;
      }
    },
  };
}

/** Gives a whole file its name, unless that is taken. Where files cannot be linked, the last of two that come at once stays: they are equal. */
async function claim(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(codeOf(error))) throw error;
  }
  if (await stat(path).catch(() => undefined)) return false;
  await rename(temporary, path);
  return true;
}

/** What is thrown of a store that cannot be read or written. */
export function unusable(place: string, error: unknown): LaceError {
  const why = error instanceof Error ? error.message : String(error);
  return failure("L5403", `the store ${place} cannot be used: ${why}`, [
    "all machines must be able to read and write it",
  ]);
}

function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
