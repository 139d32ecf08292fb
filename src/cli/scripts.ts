// Which scripts a command line names: files, patterns that the shell left alone, `-` for standard input.
import { existsSync } from "node:fs";
import { glob, isDynamicPattern } from "tinyglobby";
import { UsageError } from "../app/verb.js";
import type { Host } from "../ports/host.js";
import { readStdin } from "./io.js";

/** Name of the script that comes from standard input, in messages and recipes. */
export const STDIN_NAME = "standard input";

/** The scripts, each once, matches of one pattern in order. Errors: UsageError if a pattern matches nothing. */
export async function expandScripts(words: readonly string[]): Promise<readonly string[]> {
  const scripts = new Set<string>();
  for (const word of words) {
    if (word === "-") scripts.add(STDIN_NAME);
    else if (!isDynamicPattern(word) || existsSync(word)) scripts.add(word);
    else {
      const found = await glob(word.replaceAll("\\", "/"), { onlyFiles: true, expandDirectories: false });
      if (found.length === 0) throw new UsageError(`no file matches ${word}`);
      for (const file of found.sort()) scripts.add(file);
    }
  }
  return [...scripts];
}

/** A host that has standard input as a file of the working folder. Standard input is read once, here. */
export async function withStdin(host: Host): Promise<Host> {
  const text = await readStdin();
  const isStdin = (path: string): boolean => path === STDIN_NAME;
  return {
    ...host,
    exists: (path) => (isStdin(path) ? Promise.resolve(true) : host.exists(path)),
    readText: (path) => (isStdin(path) ? Promise.resolve(text) : host.readText(path)),
  };
}
