// The examples of the repository, as projects: their scripts with what they import.
// In: examples/*.lace, at build time. Out: Example[]. Invariant: the texts are those of the files.

const scripts: Readonly<Record<string, string>> = import.meta.glob("../../../examples/**/*.lace", {
  query: "?raw",
  import: "default",
  eager: true,
});

export interface Example {
  readonly name: string;
  /** The first comment of the script. */
  readonly about: string;
  readonly files: Readonly<Record<string, string>>;
  readonly entry: string;
}

const BASE = "../../../examples/";
const byPath = new Map(Object.entries(scripts).map(([path, text]) => [path.slice(BASE.length), text]));

/** All examples, the first one that of the README. */
export const examples: readonly Example[] = [...byPath.keys()]
  .filter((path) => !path.includes("/"))
  .sort((a, b) => Number(b === "portraits.lace") - Number(a === "portraits.lace") || a.localeCompare(b))
  .map((entry) => ({
    name: entry.replace(/\.lace$/, ""),
    about: /^\/\/ ?(.*)$/m.exec(byPath.get(entry) ?? "")?.[1] ?? "",
    files: filesOf(entry),
    entry,
  }));

/** A script and what it imports, by the words of its imports. */
function filesOf(path: string, found: Record<string, string> = {}): Readonly<Record<string, string>> {
  const text = byPath.get(path);
  if (text === undefined || Object.hasOwn(found, path)) return found;
  found[path] = text;
  for (const [, reference = ""] of text.matchAll(/^\s*import\b[^"\n]*"([^"\n]+)"/gm)) filesOf(reference, found);
  return found;
}
