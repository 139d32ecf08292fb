// A host that sees the files of a git repository as they were at a revision; what git does not know there (models) comes from the disk, but for scripts.
// In: a revision. Out: a Host. Invariant: nothing is checked out, nothing is written.
import { execFile } from "node:child_process";
import { relative, resolve } from "node:path";
import { promisify } from "node:util";
import type { Host } from "../ports/host.js";
import { failure } from "../source/diagnostic.js";

const MAX_BYTES = 1 << 30;
const run = promisify(execFile);

/** The files of `revision`. Errors: LaceError L5004 if there is no such revision, or no repository in the working folder. */
export async function gitHost(real: Host, revision: string): Promise<Host> {
  const git = async (...args: readonly string[]): Promise<Buffer> =>
    (await run("git", [...args], { encoding: "buffer", maxBuffer: MAX_BYTES })).stdout;
  const text = async (...args: readonly string[]): Promise<string> => (await git(...args)).toString("utf8").trim();
  let root: string;
  let commit: string;
  try {
    root = await text("rev-parse", "--show-toplevel");
    commit = await text("rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`);
  } catch {
    throw failure("L5004", `git knows no revision ${revision} here`, ["run it in the repository, with git installed"]);
  }
  const insideOf = (path: string): string => relative(root, resolve(path)).replaceAll("\\", "/");
  const stored = async (path: string): Promise<Buffer | undefined> => {
    const inside = insideOf(path);
    if (inside.startsWith("..")) return undefined;
    return git("cat-file", "blob", `${commit}:${inside}`).catch(() => undefined);
  };
  /** A script of the repository that the revision does not have: the one on the disk is of another time. */
  const isLater = (path: string): boolean => path.endsWith(".lace") && !insideOf(path).startsWith("..");
  return {
    ...real,
    exists: async (path) => (await stored(path)) !== undefined || (!isLater(path) && (await real.exists(path))),
    readText: async (path) => (await stored(path))?.toString("utf8") ?? real.readText(path),
    readBytes: async (path) => (await stored(path)) ?? real.readBytes(path),
    readRange: async (path, start, length) => {
      const bytes = (await stored(path)) ?? (await real.readBytes(path));
      return bytes.subarray(start, start + length);
    },
  };
}
