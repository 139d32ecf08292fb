// Which file is the record of a script: run.json, or where that is another script's, a name of its own beside it.
// In: a folder of outputs and a script's name. Out: the name of its record.
// Invariants: no script writes over the record of another; a script that has a record keeps its name.
import type { Host } from "../../ports/host.js";
import { publicName } from "../../source/public-name.js";
import { recordName } from "./record.js";
import type { Shard } from "../plan/selection.js";

export interface RecordSearch {
  readonly host: Host;
  /** The script as the command line names it. */
  readonly script: string;
  readonly shard?: Shard | undefined;
  /** Where a file of the record's folder lies. */
  readonly pathOf: (name: string) => string;
}

/** The names that a script's record may have, in the order of preference. */
export function recordNames(script: string, shard?: Shard): readonly string[] {
  const name = recordName(shard);
  const parts = publicName(script)
    .replace(/\.lace$/i, "")
    .replace(/[^\w./-]/g, "-")
    .split("/");
  return [...new Set([name, `${parts.at(-1) ?? ""}.${name}`, `${parts.join("-")}.${name}`])];
}

/** The name of the record that a script has; undefined if it has none. `others` gets the scripts of the records that were found instead. */
export async function findRecord(search: RecordSearch, others: string[] = []): Promise<string | undefined> {
  const { script, shard } = search;
  for (const name of recordNames(script, shard)) {
    const owner = await ownerOf(name, search);
    if (owner === undefined) continue;
    if (isSameScript(owner, script)) return name;
    others.push(owner);
  }
  return undefined;
}

/** The name for the record that a script is about to write. */
export async function chooseRecord(search: RecordSearch): Promise<string> {
  const own = await findRecord(search);
  if (own !== undefined) return own;
  const names = recordNames(search.script, search.shard);
  for (const name of names) if ((await ownerOf(name, search)) === undefined) return name;
  return names.at(-1) ?? recordName(search.shard);
}

/** The script whose record a file is; undefined if it is none, or not there. */
async function ownerOf(name: string, { host, pathOf }: RecordSearch): Promise<string | undefined> {
  const path = pathOf(name);
  if (!(await host.exists(path))) return undefined;
  try {
    const { script } = JSON.parse(await host.readText(path)) as { script?: { file?: unknown } };
    return typeof script?.file === "string" ? script.file : undefined;
  } catch {
    return undefined;
  }
}

/** Whether two names can be those of one script, seen from different folders. */
function isSameScript(recorded: string, script: string): boolean {
  const [a, b] = [`/${recorded}`, `/${publicName(script)}`];
  return a.endsWith(b) || b.endsWith(a);
}
