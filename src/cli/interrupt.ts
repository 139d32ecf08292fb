// Ctrl-C and its kin. The first one ends the process in order; whoever is impatient presses again.
import { EXIT } from "./exit.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interrupt {
  /** Aborts when the process is asked to end: work that looks at it stops early. */
  readonly signal: AbortSignal;
  /** Gives the signals back. */
  readonly stop: () => void;
}

/** Runs `tidy` and leaves with 130 when the process is asked to end. Work under way is not waited for. */
export function onInterrupt(tidy: () => Promise<void>): Interrupt {
  const controller = new AbortController();
  const handle = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      // Not process.exit, which waits for a thread that is stuck in the system, such as one that opens a pipe nobody reads.
      for (const own of SIGNALS) process.off(own, handle);
      process.kill(process.pid, name);
      return;
    }
    controller.abort();
    void tidy().finally(() => process.exit(EXIT.interrupted));
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  return {
    signal: controller.signal,
    stop: () => {
      for (const signal of SIGNALS) process.off(signal, handle);
    },
  };
}
