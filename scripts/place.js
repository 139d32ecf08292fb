// Pictures and pages that a script draws: put in their places, or with `--check` compared, byte by byte, with what is there.
// In: bytes and paths in the repository. Out: files, or of `--check` the paths that differ and exit code 1; then nothing is written.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Whether files are compared and not written. */
export const isCheck = process.argv.includes("--check");
const differing = [];

/** Puts a file in its place, or of `--check` remembers whether it differs from what is there. */
export function place(bytes, path) {
  if (!isCheck) writeFileSync(path, bytes);
  else if (!existsSync(path) || !readFileSync(path).equals(bytes)) differing.push(relative(root, path));
}

/** Of `--check`: says what differed. Call it last. */
export function report() {
  if (!isCheck) return;
  console.log(differing.length === 0 ? "all as they are there" : `not as they are there: ${differing.join(" ")}`);
  process.exitCode = differing.length > 0 ? 1 : 0;
}
