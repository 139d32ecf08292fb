// Waiting for files to change: the scripts, what they import, their models and heads.
// Files are looked at a few times a second: that works on every file system and with every editor's way of saving.
import { stat } from "node:fs/promises";
import { nodeHost } from "../node/host.js";
import { link } from "../compiler/link.js";

const LOOK_MS = 250;

/** The state of files by their path. */
export type Snapshot = ReadonlyMap<string, string>;

/** All files that the scripts are made of, as they are now; of scripts that do not parse, those known so far. */
export async function filesOf(scripts: readonly string[]): Promise<Snapshot> {
  const host = nodeHost();
  const paths = new Set<string>(scripts);
  for (const script of scripts) {
    const { value, sources } = await link(script, host).catch(() => ({
      value: undefined,
      sources: new Map<string, string>(),
    }));
    for (const path of sources.keys()) paths.add(path);
    for (const file of value?.files ?? []) {
      for (const [literal, path] of file.references) if (!literal.startsWith("builtin:")) paths.add(path);
    }
  }
  const states = await Promise.all([...paths].map(async (path) => [path, await stateOf(path)] as const));
  return new Map(states);
}

/** Resolves when one of the files is another than it was. */
export async function untilChanged(before: Snapshot): Promise<void> {
  for (;;) {
    for (const [path, state] of before) if ((await stateOf(path)) !== state) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function stateOf(path: string): Promise<string> {
  const about = await stat(path).catch(() => undefined);
  return about === undefined ? "absent" : `${about.mtimeMs} ${about.size} ${about.ino}`;
}
