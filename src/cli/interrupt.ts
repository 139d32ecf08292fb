// Ctrl-C and its kin. The first one ends the process in order; whoever is impatient presses again, and is not kept waiting by anything.
// Invariants: the second signal ends the process whatever its threads do. One that is stuck in the system (a pipe that nobody reads) is not waited
// for; where the main thread itself is busy (one run of a network that never ends, the graph of a very large script), a thread of its own ends the process.
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { EXIT } from "./exit.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How long tidying up may take, in milliseconds. */
const PATIENCE_MS = 3000;
/** How long reads and writes under way may take after that. */
const SETTLING_MS = 500;

export interface Interrupt {
  /** Aborts when the process is asked to end: work that looks at it stops early. */
  readonly signal: AbortSignal;
  /** Gives the signals back. */
  readonly stop: () => void;
}

/**
 * Runs `tidy` and leaves with 130 when the process is asked to end. Work under way is not waited for.
 *
 * `tidy`     undefined: the work itself ends in order, when it sees the signal.
 */
export function onInterrupt(tidy: (() => Promise<void>) | undefined): Interrupt {
  const controller = new AbortController();
  const watch = watchThread();
  const stop = async (): Promise<void> => {
    for (const signal of SIGNALS) process.off(signal, handle);
    await watch?.terminate();
  };
  // Not process.exit, which waits for a thread that is stuck in the system.
  const die = (name: NodeJS.Signals): void => void stop().finally(() => process.kill(process.pid, name));
  const handle = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      die(name);
      return;
    }
    controller.abort();
    if (tidy !== undefined) void leave(tidy, stop).catch(() => die(name));
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  return { signal: controller.signal, stop: () => void stop() };
}

/** Rejects where something is stuck: the process has to be ended otherwise. */
async function leave(tidy: () => Promise<void>, stop: () => Promise<void>): Promise<void> {
  const tidied = tidy().then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([tidied, setTimeout(PATIENCE_MS, false)]);
  if (!inTime || !(await isSettled())) throw new Error("something is stuck");
  // From here on a second signal finds nobody who waits for anything.
  await stop();
  process.exit(EXIT.interrupted);
}

/** Waits a little for reads and writes under way; false if one is stuck: process.exit would wait for it for ever. */
async function isSettled(): Promise<boolean> {
  const isBusy = (): boolean => process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
  for (let waited = 0; isBusy(); waited += 20) {
    if (waited >= SETTLING_MS) return false;
    await setTimeout(20);
  }
  return true;
}

/**
 * A thread that hears the same signals and ends the process at the second one, if the main thread has not done so in a moment. Node gives
 * signals to its main thread only, by its public interface; where the other one is not there, this thread ends and all is as without it.
 */
const WATCH = `
process.noDeprecation = true;
const { Signal } = process.binding("signal_wrap");
const { constants } = require("node:os");
const heard = { times: 0 };
for (const name of ${JSON.stringify(SIGNALS)}) {
  const wrap = new Signal();
  wrap.onsignal = () => {
    heard.times += 1;
    if (heard.times === 1) setTimeout(() => require("node:fs").writeSync(2, "still at work; a second Ctrl-C ends it at once\\n"), 2000);
    if (heard.times === 2) setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);
  };
  wrap.start(constants.signals[name]);
}`;

function watchThread(): Worker | undefined {
  try {
    const worker = new Worker(WATCH, { eval: true, stdout: true, stderr: true });
    worker.unref();
    worker.on("error", () => undefined);
    return worker;
  } catch {
    return undefined;
  }
}
