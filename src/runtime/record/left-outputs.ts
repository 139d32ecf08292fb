// Files of earlier runs of a script that its last run did not make: a record carries them along until they are cleaned away.
// In: the record that is about to be replaced, the outputs of the new one. Out: files with the hashes that they were written with.
// Invariants: only files below the record's folder are named, and only those that are still there; what is no record has left nothing.
import * as v from "valibot";
import type { Host } from "../../ports/host.js";
import type { FileRecord } from "./record.js";

const file = v.object({ file: v.string(), sha256: v.string() });
const schema = v.object({ outputs: v.array(file), left: v.optional(v.array(file), []) });

/** The files that a record names: what its run made, and what earlier ones left. None of a text that is no record. */
export function filesOfRecord(text: string): {
  readonly outputs: readonly FileRecord[];
  readonly left: readonly FileRecord[];
} {
  try {
    const parsed = v.safeParse(schema, JSON.parse(text));
    if (parsed.success) {
      const { outputs, left } = parsed.output;
      return { outputs: outputs.filter(isBelow), left: left.filter(isBelow) };
    }
  } catch {
    // No JSON: no record.
  }
  return { outputs: [], left: [] };
}

/** Whether a name, which may come from a stranger, stays below the folder that it is read in. */
function isBelow({ file: name }: FileRecord): boolean {
  return name !== "" && !/^[/\\]|^(builtin|model|[A-Za-z]):|\\|\0/.test(name) && !name.split("/").includes("..");
}

/** What a record about to be written leaves: `outputs` are its own, relative to it, as all names here; `path` is where it goes. */
export async function leftOutputs(
  host: Host,
  path: string,
  outputs: readonly Pick<FileRecord, "file">[],
): Promise<readonly FileRecord[]> {
  if (!(await host.exists(path))) return [];
  const before = filesOfRecord(await host.readText(path));
  const now = new Set(outputs.map((o) => o.file));
  const found = new Map<string, FileRecord>();
  for (const { file: name, sha256 } of [...before.left, ...before.outputs]) {
    if (!now.has(name) && (await host.exists(host.resolve(path, name)))) found.set(name, { file: name, sha256 });
  }
  return [...found.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
}
