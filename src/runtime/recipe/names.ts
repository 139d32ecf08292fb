// Names of a program's files for strangers: as seen from the script's folder; of files outside it, the last part alone.
// Invariant: two files of one kind never share a name: the second one gets a number.
import type { Program } from "../../compiler/link.js";
import type { Host } from "../../ports/host.js";
import { baseName, nameBeside } from "../../source/public-name.js";

export interface PublicNames {
  /** Of scripts, by LinkedFile.path; the entry's has no folder. */
  readonly scripts: ReadonlyMap<string, string>;
  /** Of models and head files, by their resolved reference. */
  readonly references: ReadonlyMap<string, string>;
}

/** The names of all files that a program is made of. */
export function publicNames(host: Host, program: Program): PublicNames {
  const { entry, files } = program;
  const references = files.flatMap((f) => [...f.references.values()]);
  const scripts = [entry, ...files.filter((f) => f !== entry)].map((f) => f.path);
  return {
    scripts: distinctNames(entry.path, scripts),
    references: distinctNames(host.resolve(entry.path, baseName(entry.path)), references),
  };
}

/** Files below the entry's folder keep their names whatever order they come in; those outside lose their folders, and make way. */
function distinctNames(entry: string, paths: readonly string[]): ReadonlyMap<string, string> {
  const folder = entry.slice(0, entry.length - baseName(entry).length);
  const inside = paths.filter((p) => p.startsWith(folder));
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const path of [...inside, ...paths.filter((p) => !p.startsWith(folder))]) {
    if (names.has(path)) continue;
    const wanted = nameBeside(entry, path);
    let name = wanted;
    for (let n = 2; taken.has(name); n++) name = wanted.replace(/(\.[^./]*)?$/, `-${n}$1`);
    taken.add(name);
    names.set(path, name);
  }
  return names;
}
