// What failures of the file system say to the user. In: a path and what Node threw. Out: LaceErrors (L5001 to L5004) that say what to do.
import { basename, dirname } from "node:path";
import { failure, type LaceError } from "../source/diagnostic.js";

/** What a failed read says to the user. */
export function readFailure(path: string, error: unknown): LaceError {
  switch (errorCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return failure("L5001", `there is no file ${path}`, [
        "check the path; paths in a script are relative to the script",
      ]);
    case "EACCES":
    case "EPERM":
      return failure("L5002", `${path} cannot be read: permission denied`, [`see who may read it: ls -l ${path}`]);
    case "EISDIR":
      return failure("L5004", `${path} is a folder, not a file`);
    default:
      return failure("L5004", `${path} cannot be read: ${errorText(error)}`);
  }
}

/** What a failed write says to the user. Exported for tests: a full disk is hard to arrange. */
export function writeFailure(path: string, error: unknown): LaceError {
  const folder = dirname(path);
  switch (errorCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return failure("L5003", `no space left to write ${basename(path)} in ${folder}`, [
        "free some space, or choose another folder with --out; files already finished are whole",
      ]);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return failure("L5002", `${path} cannot be written: permission denied`, [
        "choose a folder you may write to with --out DIR",
      ]);
    case "EEXIST":
    case "ENOTDIR":
      return failure("L5004", `${path} cannot be written: part of the path is a file, not a folder`);
    case "EISDIR":
      return failure("L5004", `${path} cannot be written: a folder of that name exists`);
    case "ENXIO":
      return failure("L5004", `${path} is a pipe, and nothing reads from it`);
    case "EMFILE":
    case "ENFILE":
      return failure("L5004", `${path} cannot be written: too many files are open`, [
        "close some programs and try again",
      ]);
    default:
      return failure("L5004", `${path} cannot be written: ${errorText(error)}`);
  }
}

/** `ENOENT` and the like; undefined for what is no error of the system. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
