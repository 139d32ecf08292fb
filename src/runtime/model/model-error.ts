// Failures of model files, as the user sees them: one constructor for LaceError with a code of the L51 range.
import { LaceError } from "../../source/diagnostic.js";
import type { Code } from "../../source/codes.js";

/** An error about a model file: `message` says what is wrong and where in the file; hints say what to do. */
export function modelError(code: Code, file: string, message: string, hints: readonly string[] = []): LaceError {
  const at = { span: { file, start: 0, end: 0 }, text: "" };
  return new LaceError([{ code, severity: "error", message: `${file}: ${message}`, at, related: [], hints }]);
}
