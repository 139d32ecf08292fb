// A project as a value: its files, what is run, the values of its inputs.
// In: texts and bytes by path. Out: Project. Invariant: paths are relative, with forward slashes, and stay inside the project.

export type FileContent = string | Uint8Array;

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly files: Readonly<Record<string, FileContent>>;
  /** The script that is run. */
  readonly entry: string;
  /** The file that is shown. */
  readonly active: string;
  readonly inputs: Readonly<Record<string, number | string>>;
  /** What a picture's recipe was drawn with in place of the script's own, as by the command line. */
  readonly overrides?: { readonly seed?: number; readonly count?: number };
  /** When it was changed, in milliseconds since 1970. */
  readonly changed: number;
}

/** A new project of some files. */
export function projectOf(name: string, contents: Readonly<Record<string, FileContent>>, entry: string): Project {
  return {
    ...{ id: crypto.randomUUID(), name, files: contents, entry, active: entry },
    ...{ inputs: {}, changed: Date.now() },
  };
}

/** Whether a text may be the path of a file of a project. */
export function isPath(path: string): boolean {
  return /^[^/\\:*?"<>|]+(\/[^/\\:*?"<>|]+)*$/.test(path) && !path.split("/").some((p) => p === "." || p === "..");
}
