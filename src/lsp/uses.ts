// Uses of a declaration in the whole workspace: in the script at hand, what it imports, and the scripts that import what declares it.
// Invariants: a script is analysed only if it imports something; each use once, whatever paths lead to its file.
import type { CancellationToken, Range } from "vscode-languageserver";
import type { Declaration } from "../compiler/references.js";
import type { Site } from "./feature.js";
import { usesIn, usesOf, type NameUse } from "./names.js";
import type { Snapshot } from "./workspace.js";

export interface PlacedUse {
  readonly uri: string;
  readonly range: Range;
  readonly use: NameUse;
  /** The program in which it was found. */
  readonly snapshot: Snapshot;
}

/** Kinds that no other file can name. */
const LOCAL: ReadonlySet<Declaration["kind"]> = new Set(["parameter", "axis", "task"]);

/** The uses of a declaration of `snapshot`, and its own place, each once. */
export async function usesEverywhere(
  site: Site,
  snapshot: Snapshot,
  declaration: Declaration,
  token: CancellationToken,
): Promise<readonly PlacedUse[]> {
  const found = new Map<string, PlacedUse>();
  const add = (program: Snapshot, uses: readonly NameUse[]): void => {
    for (const use of uses) {
      const file = program.files.get(use.span.file);
      if (file === undefined) continue;
      const key = `${file.path} ${use.span.start}`;
      if (!found.has(key))
        found.set(key, { uri: file.uri, range: file.placed.range(use.span), use, snapshot: program });
    }
  };
  add(snapshot, usesOf(snapshot, declaration));
  const { at } = declaration;
  const home = at && snapshot.files.get(at.file)?.path;
  if (at === undefined || home === undefined || LOCAL.has(declaration.kind)) return [...found.values()];
  for (const other of await importers(site, snapshot, home, token)) {
    const same = usesIn(other).filter(
      ({ declaration: d }) => d.at?.start === at.start && other.files.get(d.at.file)?.path === home,
    );
    add(other, same);
  }
  return [...found.values()];
}

/** The other scripts of the workspace whose program has a file. */
async function importers(
  site: Site,
  but: Snapshot,
  home: string,
  token: CancellationToken,
): Promise<readonly Snapshot[]> {
  const { workspace } = site;
  const found: Snapshot[] = [];
  for (const path of await workspace.scripts()) {
    if (token.isCancellationRequested) break;
    if (path === but.path || !(await workspace.mayImport(path))) continue;
    const snapshot = await workspace.snapshot(path);
    if (snapshot !== undefined && [...snapshot.files.values()].some((f) => f.path === home)) found.push(snapshot);
  }
  return found;
}
