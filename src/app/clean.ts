// Files of earlier runs that a script's run.json no longer names, removed.
// Invariants: a file goes only if lacec wrote it (its bytes have the hash of the record), it is no link and lies below the record's folder, and no
// other record of the folder names it; what stays is told with its reason.
import { baseName } from "../source/public-name.js";
import { filesOfRecord } from "../runtime/record/left-outputs.js";
import type { FileRecord } from "../runtime/record/record.js";
import type { Host } from "../ports/host.js";
import { compileWhole } from "./compile-script.js";
import type { Platform } from "./platform.js";
import { recordOf } from "./verify.js";

export interface CleanOptions {
  /** Folder that the script's outputs went to; default: the working folder. */
  readonly out?: string;
  /** Remove nothing, only say what would go. */
  readonly dryRun?: boolean;
}

export interface Cleaned {
  /** The record that was read. */
  readonly record: string;
  /** What was removed (or would be), relative to the record. */
  readonly removed: readonly string[];
  /** What earlier runs left and stays, and why. */
  readonly kept: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Removes the outputs of earlier runs that the last run of a script did not make.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5310 if there is no record of it, L5309 while it runs, L50xx of the disk.
 */
export async function clean(platform: Platform, script: string, options: CleanOptions = {}): Promise<Cleaned> {
  const { host } = platform;
  const { out = ".", dryRun = false } = options;
  const { plan } = await compileWhole(script, host);
  const record = await recordOf(script, host, plan, out);
  if (dryRun) return cleanRecord(platform, record, dryRun);
  const release = await platform.world(host, "auto").claimOutputs(record, []);
  try {
    return await cleanRecord(platform, record, dryRun);
  } finally {
    await release();
  }
}

async function cleanRecord(platform: Platform, record: string, dryRun: boolean): Promise<Cleaned> {
  const { host } = platform;
  const text = await host.readText(record);
  const { left } = filesOfRecord(text);
  const taken = await namedByOthers(platform, record);
  const removed: string[] = [];
  const kept: { file: string; reason: string }[] = [];
  const rest: FileRecord[] = [];
  for (const entry of left) {
    const path = host.resolve(record, entry.file);
    if (!(await host.exists(path))) continue;
    const reason = taken.get(entry.file) ?? (await whyKept(host, record, entry));
    if (reason === undefined) {
      if (!dryRun) await platform.removeFile(path);
      removed.push(entry.file);
    } else {
      kept.push({ file: entry.file, reason });
      rest.push(entry);
    }
  }
  if (!dryRun && rest.length < left.length) {
    const whole = { ...(JSON.parse(text) as object), left: rest };
    await host.writeAtomic(record, `${JSON.stringify(whole, null, 2)}\n`);
  }
  return { record, removed, kept };
}

/** Why a file is not lacec's to remove; undefined if it is. */
async function whyKept(host: Host, record: string, { file, sha256 }: FileRecord): Promise<string | undefined> {
  const path = host.resolve(record, file);
  if (host.realPath !== undefined) {
    const folder = await host.realPath(host.resolve(record, "."));
    if ((await host.realPath(path)) !== host.resolve(`${folder}/run.json`, file)) return "it is a link, or behind one";
  }
  return (await host.sha256(await host.readBytes(path))) === sha256 ? undefined : "it was changed since";
}

/** Files that other records of the folder name as their own, and what is said of them. */
async function namedByOthers(platform: Platform, record: string): Promise<ReadonlyMap<string, string>> {
  const { host } = platform;
  const folder = host.resolve(record, ".");
  const taken = new Map<string, string>();
  for (const name of await platform.filesIn(folder)) {
    const path = host.resolve(record, name);
    if (!/(^|\.)run(\.shard-\d+-of-\d+)?\.json$/.test(name) || path === host.resolve(record, baseName(record)))
      continue;
    const { outputs } = filesOfRecord(await host.readText(path));
    for (const { file } of outputs) taken.set(file, `${name} names it`);
  }
  return taken;
}
