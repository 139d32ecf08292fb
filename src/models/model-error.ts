// Failures of model files, as the user sees them: the file's name before what is wrong with it.
import type { Code } from "../source/codes.js";
import { failure, type LaceError } from "../source/diagnostic.js";

/** An error about a model file: `what` says what is wrong and where in the file; hints say what to do. */
export function modelError(code: Code, file: string, what: string, hints: readonly string[] = []): LaceError {
  return failure(code, `${file}: ${what}`, hints);
}
