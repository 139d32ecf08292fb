// The files that the server sees: the texts that are open in the editor, over those of the Host.
// Invariants: an open text hides the file of its path; nothing here writes.
import type { Host } from "../ports/host.js";
import type { SourceReader } from "../compiler/link.js";
import { sourceReader } from "../app/compile-script.js";
import { folderOf, isAddress, joinPath, resolveAddress } from "./uris.js";

/** What a folder holds. */
export interface FolderEntry {
  readonly name: string;
  readonly folder: boolean;
}

/** The Host of an editor: it can tell what is in a folder, for the paths that are completed and for what the workspace holds. */
export interface EditorFiles extends Host {
  /** Empty for a folder that is not there or cannot be read. */
  list?(folder: string): Promise<readonly FolderEntry[]>;
}

/** Folders that hold no scripts of a person's own. */
const SKIPPED = /^(\.|node_modules$|dist$|out$)/;
/** The most scripts, and the most folders, that are looked at below the workspace's roots. */
const MOST_SCRIPTS = 1000;
const MOST_FOLDERS = 2000;

/** Reads scripts: those that are open from memory. `untitledIn` is the folder to which the paths of untitled texts are relative. */
export function editorReader(
  files: EditorFiles,
  openText: (path: string) => string | undefined,
  untitledIn: () => string | undefined,
): Required<Omit<SourceReader, "parse">> {
  const below = sourceReader(files);
  const resolve = (plain: (from: string, reference: string) => string) => {
    return (from: string, reference: string): string => {
      if (!isAddress(from) || /^builtin:/.test(reference)) return plain(from, reference);
      const root = untitledIn();
      return (
        resolveAddress(from, reference) ??
        plain(root === undefined ? "untitled" : joinPath(root, "untitled"), reference)
      );
    };
  };
  return {
    readText: async (path) => openText(path) ?? (await below.readText(path)),
    exists: async (path) => openText(path) !== undefined || (await below.exists(path)),
    resolve: resolve(below.resolve),
    resolveModel: resolve(below.resolveModel),
  };
}

/** The paths of the scripts below some folders, breadth first, within bounds. */
export async function scriptsBelow(files: EditorFiles, roots: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [...roots];
  for (let i = 0; i < folders.length && i < MOST_FOLDERS && found.length < MOST_SCRIPTS; i++) {
    const folder = folders[i] ?? "";
    for (const entry of (await files.list?.(folder)) ?? []) {
      if (entry.folder && !SKIPPED.test(entry.name)) folders.push(joinPath(folder, entry.name));
      else if (!entry.folder && entry.name.endsWith(".lace")) found.push(joinPath(folder, entry.name));
    }
  }
  return found.slice(0, MOST_SCRIPTS);
}

/** What may stand after `typed` in a path that is relative to the file `from`. */
export async function entriesBeside(files: EditorFiles, from: string, typed: string): Promise<readonly FolderEntry[]> {
  const above = typed.slice(0, typed.lastIndexOf("/") + 1);
  const folder = folderOf(from);
  return (await files.list?.(above === "" ? folder : above.startsWith("/") ? above : joinPath(folder, above))) ?? [];
}
