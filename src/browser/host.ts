// The Host of a browser: the files of a project, which are in memory, and models that ship with lacec, which are fetched.
// In: a way to read a file of the project and a model. Out: bytes, hashes, a clock; what is written is handed over.
// Invariants: paths are names inside the project, with forward slashes; none leads out of it; errors are LaceErrors (L50xx) in the words of Node's.
import { failure } from "../source/diagnostic.js";
import { MODEL_PREFIX } from "../models/model-name.js";
import type { Host } from "../ports/host.js";

/** What a browser's host reads from and writes to. */
export interface ProjectFiles {
  /** A file of the project; undefined if there is none. */
  read(path: string): Promise<Uint8Array | string | undefined>;
  /** A model that ships with lacec, by name; undefined if there is none. */
  builtin(name: string): Promise<Uint8Array | undefined>;
  write(path: string, bytes: Uint8Array): Promise<void>;
}

const BUILTIN = "builtin:";

/** Errors of what it gives: LaceError L5001 not found, L5004 a path that leads out of the project, L5005 unknown builtin model. */
export function browserHost(files: ProjectFiles): Host {
  const open = async (path: string): Promise<Uint8Array | string> => {
    if (path.startsWith(BUILTIN)) {
      const name = path.slice(BUILTIN.length);
      const bytes = /^[a-z0-9][a-z0-9._-]*$/i.test(name) ? await files.builtin(name) : undefined;
      if (bytes !== undefined) return bytes;
      throw failure("L5005", `no model called "${name}" ships with lacec`, [`the one that does is "builtin:avatar"`]);
    }
    const found = await files.read(path);
    if (found !== undefined) return found;
    throw failure("L5001", `there is no file ${path}`, [
      "drop it on the page to add it to the project; paths in a script are relative to the script",
    ]);
  };
  return {
    readText: async (path) => {
      const found = await open(path);
      return typeof found === "string" ? found : new TextDecoder().decode(found);
    },
    readBytes: async (path) => {
      const found = await open(path);
      return typeof found === "string" ? new TextEncoder().encode(found) : found;
    },
    exists: async (path) => path.startsWith(BUILTIN) || (await files.read(path)) !== undefined,
    writeAtomic: (path, bytes) =>
      files.write(path, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes),
    resolve: (from, reference) => {
      if (reference.startsWith(BUILTIN)) return reference;
      // What a pack that ships with lacec keeps beside it.
      if (from.startsWith(BUILTIN)) return `${BUILTIN}${reference}`;
      if (reference.startsWith(MODEL_PREFIX)) return `models/${reference.slice(MODEL_PREFIX.length)}.safetensors`;
      return insideProject(from, reference);
    },
    sha256,
    now: () => performance.now(),
  };
}

/** SHA-256 in hexadecimal digits. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  return [...digest].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** The path that `reference` means in the file `from`. Errors: LaceError L5004 if it leads out of the project. */
function insideProject(from: string, reference: string): string {
  const parts = reference.startsWith("/") ? [] : from.split("/").slice(0, -1);
  for (const part of reference.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw failure("L5004", `${reference} leads out of the project`);
  }
  return parts.filter((p) => p !== ".").join("/");
}
