// What the machine, or nesting without end, makes of a command: said as trouble of the environment, not as a bug of lacec.
// In: whatever was thrown. Out: the LaceError that says it; undefined: a bug.
import { failure, LaceError } from "../source/diagnostic.js";

const HINTS: Readonly<Record<string, string>> = {
  EMFILE: "this process may open too few files: raise the limit, `ulimit -n 1024`",
  ENFILE: "this machine has too many files open: close some programs and try again",
  ENOSPC: "free some space; files already finished are whole",
  ENOMEM: "close other programs, or raise the limit on memory, `ulimit -v`",
};
const NO_MEMORY =
  /allocation failed|could not allocate|out of memory|cannot allocate memory|bad_alloc|failed to allocate|failed to map segment/i;

/** The error as a user understands it. */
export function troubleOf(error: unknown): LaceError | undefined {
  if (error instanceof LaceError) return error;
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  if (error instanceof RangeError && message.includes("call stack"))
    return failure("L1009", "what was given is nested too deeply to be read");
  if (NO_MEMORY.test(message))
    return failure("L5007", `there is not enough memory: ${message}`, [HINTS["ENOMEM"] ?? ""]);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (/^E[A-Z0-9]+$/.test(code) && "syscall" in error) {
    const hint = HINTS[code];
    return failure("L5004", `the system refuses: ${message}`, hint === undefined ? [] : [hint]);
  }
  if (`${code} ${message}`.includes("ERR_DLOPEN_FAILED"))
    return failure("L5004", `a part of lacec cannot be loaded: ${message}`);
  return undefined;
}
