// What the last run of a script left in its run.json: how its expectations went, and how long its tasks took.
// Invariants: a record is read once until something may have changed; one that is not there, or is not a record, is none.
import { findRecord } from "../runtime/record/record-file.js";
import { recordFolder, type RunRecord } from "../runtime/record/record.js";
import type { Site } from "./feature.js";
import { folderOf, joinPath } from "./uris.js";
import type { Snapshot } from "./workspace.js";

/** A record and the folder it lies in. */
export interface FoundRecord {
  readonly record: RunRecord;
  readonly folder: string;
}

/** The largest record that is read, in characters. */
const MOST_TEXT = 1 << 25;

/** The folder that runs of a script write to. */
export function outputFolder(site: Site, script: string): string {
  const { output } = site.lastSettings();
  if (output === ".") return folderOf(script);
  return /^([/\\]|[a-z]:)/i.test(output) ? output : joinPath(folderOf(script), output);
}

/** The record of the last run of a script, if it left one. */
export async function lastRecord(site: Site, snapshot: Snapshot): Promise<FoundRecord | undefined> {
  const { plan } = snapshot.analysis;
  if (plan === undefined) return undefined;
  const below = recordFolder(plan);
  const out = outputFolder(site, snapshot.path);
  const folder = below === "" ? out : joinPath(out, below);
  const { files } = site.workspace;
  try {
    const pathOf = (name: string): string => joinPath(folder, name);
    const name = await findRecord({ host: files, script: snapshot.path, pathOf });
    if (name === undefined) return undefined;
    const text = await files.readText(pathOf(name));
    const record = text.length > MOST_TEXT ? undefined : (JSON.parse(text) as RunRecord);
    return isRecord(record) ? { record, folder } : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is RunRecord {
  if (typeof value !== "object" || value === null) return false;
  const { format, tasks, expectations, outputs } = value as Partial<Record<keyof RunRecord, unknown>>;
  return format === 1 && [tasks, expectations, outputs].every(Array.isArray);
}

/** How long a task of so many images would take, by the last run; undefined if nothing is known. In seconds. */
export function secondsFor(found: FoundRecord | undefined, task: string, images: number): number | undefined {
  const last = found?.record.tasks.find((t) => t.name === task);
  if (last === undefined || last.samples.length === 0) return undefined;
  const seconds = Object.values(last.seconds).reduce((a, b) => a + b, 0);
  return (seconds / last.samples.length) * images;
}
