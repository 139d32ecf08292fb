// lace.lock: the locks of the scripts of one folder, beside them, for version control.
// In: the lock of a script as it is now. Out: the file, brought up to date or, frozen, compared with.
// Invariants: a file that is up to date is not written; entries of other scripts stay as they are; names sorted, so that merges are small.
import * as v from "valibot";
import { failure, LaceError, warning, type Diagnostic } from "../../source/diagnostic.js";
import type { Host } from "../../ports/host.js";
import { lockDifferences, type LockEntry } from "./lock.js";
import { lockSchema } from "./lock-schema.js";

/** Name of the file, in the folder of the scripts. */
const LOCK_FILE = "lace.lock";

const schema = v.object({ format: v.literal(1), scripts: v.record(v.string(), lockSchema) });

export interface LockOptions {
  /** Path of the script; its lock file lies in the same folder. */
  readonly script: string;
  /** Refuse to differ, write nothing. */
  readonly frozen: boolean;
}

/**
 * Compares a script's lock with lace.lock and, unless frozen, brings the file up to date. Gives what there is to say: L5307 what changed,
 * L5308 if the file cannot be written (the run goes on without it), L5306 if it was no lock and has been written anew.
 *
 * Errors   LaceError L5305: frozen, and the lock differs or has nothing about the script; L5306: frozen, and the file is no lock.
 */
export async function keepLock(
  host: Host,
  entry: LockEntry,
  { script, frozen }: LockOptions,
): Promise<readonly Diagnostic[]> {
  const path = host.resolve(script, LOCK_FILE);
  const name = script.slice(Math.max(script.lastIndexOf("/"), script.lastIndexOf("\\")) + 1);
  const said: Diagnostic[] = [];
  const found = await readLock(host, path).catch((error: unknown) => {
    if (frozen || !(error instanceof LaceError) || error.diagnostics[0]?.code !== "L5306") throw error;
    said.push(
      warning("L5306", `${path} was no lock that this lacec can read: it has been written anew`, [
        "what it held of other scripts is gone: lacec lock brings them back as they are now",
      ]),
    );
    return {};
  });
  const scripts = new Map(Object.entries(found));
  const before = scripts.get(name);
  const differences = before === undefined ? [] : lockDifferences(before, entry);
  if (before !== undefined && differences.length === 0) return [];
  if (frozen) {
    const why = before === undefined ? `it has no entry for ${name}` : differences.join("; ");
    throw failure("L5305", `the run would differ from ${LOCK_FILE}: ${why}`, [
      `get back what the lock names, or accept the change: lacec lock ${script}`,
    ]);
  }
  scripts.set(name, entry);
  try {
    await host.writeAtomic(path, printLock(scripts));
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    const why = error.diagnostics[0]?.message ?? "";
    return [warning("L5308", `${LOCK_FILE} is not up to date: ${why}`, ["the run itself does not need it"])];
  }
  if (before === undefined) return said;
  return [
    warning("L5307", `${LOCK_FILE} has been brought up to date: ${differences.join("; ")}`, [
      "to refuse such changes instead: lacec run --frozen",
    ]),
  ];
}

async function readLock(host: Host, path: string): Promise<Readonly<Record<string, LockEntry>>> {
  if (!(await host.exists(path))) return {};
  const text = await host.readText(path);
  try {
    return v.parse(schema, JSON.parse(text)).scripts;
  } catch {
    throw failure("L5306", `${path} is not a lock that this lacec can read`, [
      "mend it (a merge may have left its marks), or delete it: the next run writes it anew",
    ]);
  }
}

function printLock(scripts: ReadonlyMap<string, LockEntry>): string {
  const sorted = [...scripts].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ format: 1, scripts: Object.fromEntries(sorted) }, null, 2)}\n`;
}
