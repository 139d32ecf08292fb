// Engines for callers that run again and again in one process: an engine and what it compiled stay for the next, for a while.
// In: which engine. Out: an Engine, whose disposal is the giving back. Invariants: what is kept keeps no process alive, so that engines on a GPU device
// of ours (WebGPU), which would, are closed at once; an engine that nobody used for a while is closed, and its memory is free.
import { createHash } from "node:crypto";
import type { EngineChoice } from "../../app/verb.js";
import type { Engine } from "../../runtime/services/engine.js";
import { keepingExecutables } from "../../runtime/services/kept-executables.js";
import { openEngine } from "./open.js";

/** How long an engine waits for the next caller, in milliseconds. */
const KEPT_MS = 30_000;

interface Kept {
  readonly engine: Promise<Engine>;
  users: number;
  closing?: NodeJS.Timeout;
}

const all = new Map<EngineChoice, Kept>();

/**
 * An engine of this process, opened by its first caller. Callers may have it at the same time.
 *
 * Errors   as openEngine. `keptMs`: how long it stays open without callers.
 */
export async function keptEngine(choice: EngineChoice, keptMs: number = KEPT_MS): Promise<Engine> {
  const kept = all.get(choice) ?? { engine: open(choice), users: 0 };
  all.set(choice, kept);
  clearTimeout(kept.closing);
  kept.users += 1;
  let isBack = false;
  const giveBack = async (): Promise<void> => {
    if (isBack) return;
    isBack = true;
    kept.users -= 1;
    if (kept.users > 0) return;
    const engine = await kept.engine;
    if (engine.name.endsWith("webgpu")) await close(choice, kept);
    else kept.closing = setTimeout(() => void close(choice, kept).catch(() => undefined), keptMs).unref();
  };
  try {
    return { ...(await kept.engine), dispose: giveBack };
  } catch (error) {
    if (all.get(choice) === kept) all.delete(choice);
    throw error;
  }
}

async function close(choice: EngineChoice, kept: Kept): Promise<void> {
  if (kept.users > 0) return;
  if (all.get(choice) === kept) all.delete(choice);
  const engine = await kept.engine;
  await engine.dispose();
}

async function open(choice: EngineChoice): Promise<Engine> {
  const sha256 = (bytes: Uint8Array): Promise<string> =>
    Promise.resolve(createHash("sha256").update(bytes).digest("hex"));
  return keepingExecutables(await openEngine(choice), sha256);
}
