// A lock on the outputs of a run: a file that names the process, so that two runs do not write the same files at the same time.
// In: the path of run.json. Out: a release, or a LaceError L5309 that says who holds it.
// Invariants: a lock file appears whole or not at all; one whose process is gone (killed, the machine started again) is taken over; of two
// processes that find such a file one gets it.
import { randomBytes } from "node:crypto";
import { link, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { failure, LaceError } from "../source/diagnostic.js";
import { writeFailure } from "./failures.js";
import { makeFolder } from "./folders.js";
import { temporaryName, tidyFolder } from "./host.js";
import { machineId, ownPid, processExists, processStart } from "./process.js";

const GUARD_WAIT_MS = 20;
const OLD_GUARD_MS = 10_000;

interface Holder {
  readonly pid: number;
  /** When the process started, in clock ticks since the machine did: tells it from a later one of the same number. Empty where unknown. */
  readonly started: string;
  /** Hash of the machine's name: whether `pid` means anything here. */
  readonly machine: string;
  /** Tells the locks of one process apart. */
  readonly token: string;
}

/**
 * Locks the outputs whose record is `recordPath`, and deletes what killed runs have left beside it and in `folders`.
 * Errors   L5309 if a living run holds the lock; those of the host if the folder cannot be written.
 */
export async function lockOutputs(recordPath: string, folders: readonly string[]): Promise<() => Promise<void>> {
  const path = join(dirname(recordPath), `.lacec-lock-${basename(recordPath)}`);
  const mine: Holder = { pid: ownPid(), started: processStart(ownPid()), machine: machineId(), token: token() };
  try {
    await makeFolder(dirname(path));
    for (const folder of new Set([dirname(path), ...folders])) await tidyFolder(folder);
    return await acquire(path, mine);
  } catch (error) {
    throw error instanceof LaceError ? error : writeFailure(path, error);
  }
}

async function acquire(path: string, mine: Holder): Promise<() => Promise<void>> {
  for (let tries = 0; tries < 100; tries++) {
    if (await create(path, mine)) return () => release(path, mine);
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) continue; // released in between
    const holder = parseHolder(text);
    if (holder !== undefined && isAlive(holder)) throw busy(path, holder);
    await discard(path, text);
  }
  throw failure("L5309", `${path} changes all the time: other runs write the same outputs`, ["run them one by one"]);
}

function busy(path: string, { pid, machine }: Holder): Error {
  const where = machine === machineId() ? "" : " on another machine";
  return failure("L5309", `another lacec (process ${pid}${where}) is writing these outputs`, [
    `wait until it is done, or write elsewhere with --out DIR; if there is no such process, delete ${path}`,
  ]);
}

/** Whether the lock file could be made: it has its content from the first moment on. */
async function create(path: string, holder: Holder): Promise<boolean> {
  const temporary = join(dirname(path), temporaryName());
  await writeFile(temporary, JSON.stringify(holder));
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    return await createPlainly(path, holder); // a file system without links
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function createPlainly(path: string, holder: Holder): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(holder), { flag: "wx" });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

/**
 * Deletes a lock whose process is gone. Only the holder of the guard beside it may, and only if the lock is still that one: so a lock that
 * another process has put there meanwhile stays.
 */
async function discard(path: string, dead: string): Promise<void> {
  const guard = `${path}-taken`;
  try {
    await writeFile(guard, "", { flag: "wx" });
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    await discardOldGuard(guard);
    await setTimeout(GUARD_WAIT_MS);
    return;
  }
  try {
    if ((await readFile(path, "utf8").catch(() => undefined)) === dead) await unlink(path);
  } finally {
    await unlink(guard).catch(() => undefined);
  }
}

/** A guard is held for moments; one that is old was left by a process that was killed in such a moment. */
async function discardOldGuard(guard: string): Promise<void> {
  const age = await stat(guard).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > OLD_GUARD_MS) await unlink(guard).catch(() => undefined);
}

async function release(path: string, mine: Holder): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "");
  if (parseHolder(text)?.token === mine.token) await unlink(path).catch(() => undefined);
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, started, machine, token: found } = JSON.parse(text) as Partial<Holder>;
    if (typeof pid !== "number" || typeof started !== "string") return undefined;
    return typeof machine === "string" && typeof found === "string"
      ? { pid, started, machine, token: found }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Of another machine nothing is known: its locks count as alive. */
function isAlive({ pid, started, machine }: Holder): boolean {
  if (machine !== machineId()) return true;
  return processExists(pid) && processStart(pid) === started;
}

function token(): string {
  return randomBytes(6).toString("hex");
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
