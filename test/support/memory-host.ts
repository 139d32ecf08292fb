// A Host whose files are a map in memory.
// In: files by path. Out: Host. Invariants: `..` and folders are resolved as on Unix; hashes are real.
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { failure } from "../../src/source/diagnostic.js";
import type { Host } from "../../src/ports/host.js";

export interface MemoryHost extends Host {
  readonly files: Map<string, Uint8Array>;
  /** Bytes that readBytes and readRange handed out. */
  bytesRead: number;
}

export function memoryHost(files: Readonly<Record<string, Uint8Array | string>> = {}): MemoryHost {
  const encode = (content: Uint8Array | string): Uint8Array =>
    typeof content === "string" ? new TextEncoder().encode(content) : content;
  const stored = new Map(Object.entries(files).map(([path, content]) => [path, encode(content)]));
  const find = (path: string): Uint8Array => {
    const bytes = stored.get(path);
    if (bytes === undefined) throw failure("L5001", `there is no file ${path}`);
    return bytes;
  };
  return {
    files: stored,
    bytesRead: 0,
    readText: (path) => Promise.resolve().then(() => new TextDecoder().decode(find(path))),
    readBytes(path) {
      return Promise.resolve().then(() => {
        this.bytesRead += find(path).length;
        return find(path);
      });
    },
    readRange(path, start, length) {
      return Promise.resolve().then(() => {
        const part = find(path).subarray(start, start + length);
        this.bytesRead += part.length;
        return part;
      });
    },
    exists: (path) => Promise.resolve(stored.has(path)),
    writeAtomic(path, bytes) {
      stored.set(path, encode(bytes));
      return Promise.resolve();
    },
    resolve: (fromFile, reference) =>
      posix.isAbsolute(reference) ? reference : posix.join(posix.dirname(fromFile), reference),
    sha256: (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex")),
    now: () => performance.now(),
  };
}
