// Waiting for files to change: the scripts, what they import, their models and heads.
// Files are looked at a few times a second: that works on every file system and with every editor's way of saving.
import { stat } from "node:fs/promises";
import { filesOfScript } from "../app/script-files.js";
import type { Host } from "../ports/host.js";

const LOOK_MS = 250;

/** The state of files by their path. */
export type FileTexts = ReadonlyMap<string, string>;

/** All files that the scripts are made of, as they are now. */
export async function filesOf(scripts: readonly string[], host: Host): Promise<FileTexts> {
  const sets = await Promise.all(scripts.map((script) => filesOfScript(host, script)));
  const paths = new Set(sets.flatMap((set) => [...set]));
  return new Map(await Promise.all([...paths].map(async (path) => [path, await stateOf(path)] as const)));
}

/** Resolves when one of the files is another than it was. */
export async function untilChanged(before: FileTexts): Promise<void> {
  for (;;) {
    for (const [path, state] of before) if ((await stateOf(path)) !== state) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function stateOf(path: string): Promise<string> {
  const about = await stat(path).catch(() => undefined);
  return about === undefined ? "absent" : `${about.mtimeMs} ${about.size} ${about.ino}`;
}
