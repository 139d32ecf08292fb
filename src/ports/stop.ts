// How a run stops when it is asked to.
import { failure } from "../source/diagnostic.js";

/** Throws L4106 if the run was interrupted. Called between pieces of work, never inside one. */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw failure("L4106", "the run was interrupted", ["files already finished are whole"]);
}
