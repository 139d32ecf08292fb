// Folders that files go into: made, and asked whether they can be written, before hours of work and not after.
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve as resolvePath } from "node:path";
import { errorCode, writeFailure } from "./failures.js";

/**
 * Makes a folder and those above it that are missing. Not mkdir's own `recursive`, which never ends where a folder that is there refuses new
 * ones with ENOENT, as those of /proc do.
 */
export async function makeFolder(path: string): Promise<void> {
  const absolute = resolvePath(path);
  const missing: string[] = [];
  for (let at = absolute; !(await isFolder(at)) && dirname(at) !== at; at = dirname(at)) missing.push(at);
  for (const folder of missing.reverse()) {
    try {
      await mkdir(folder);
    } catch (error) {
      if (errorCode(error) !== "EEXIST" || !(await isFolder(folder))) throw error; // another process may have made it
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** Whether a folder can be written: asked before hours of work, not after. Throws the LaceError that a write would. */
export async function checkWritable(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, 2); // W_OK
  } catch (error) {
    // /proc and its like say that a new folder is not there: what is above it knows better.
    const above = errorCode(error) === "ENOENT" ? await whyNotWritable(dirname(resolvePath(folder))) : undefined;
    throw writeFailure(join(folder, "*"), above ?? error);
  }
}

/** Why the nearest folder that exists, at or above this one, cannot be written; undefined if it can. */
async function whyNotWritable(folder: string): Promise<unknown> {
  try {
    await access(folder, 2); // W_OK
    return undefined;
  } catch (error) {
    return errorCode(error) === "ENOENT" && dirname(folder) !== folder ? whyNotWritable(dirname(folder)) : error;
  }
}
