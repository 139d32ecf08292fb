// A script run again, and compared with the hashes in its run.json.
// Invariant: nothing is written and nothing comes from the cache: what is verified has been computed now.
import * as v from "valibot";
import { DEFAULTS_EDITIONS } from "../compiler/defaults.js";
import type { Plan } from "../compiler/plan.js";
import type { Host } from "../ports/host.js";
import { execute } from "../runtime/execute.js";
import { RECORD_FILE } from "../runtime/plan/path-template.js";
import { comparePixels } from "../runtime/recipe/compare.js";
import { recordFolder } from "../runtime/record/record.js";
import { findRecord } from "../runtime/record/record-file.js";
import type { ImageCodec } from "../runtime/services/codec.js";
import { dryWorld } from "../runtime/services/world.js";
import { outputPath } from "../runtime/show/saves.js";
import { failure } from "../source/diagnostic.js";
import { shortHash } from "../source/short-hash.js";
import { compileWhole } from "./compile-script.js";
import { identifyScript } from "./identify-script.js";
import type { Platform } from "./platform.js";
import { worldAsRecorded } from "./recorded-engine.js";
import type { EngineChoice, VerbOptions } from "./verb.js";

export interface VerifyOptions extends VerbOptions {
  /** Folder that the script's outputs went to; default: the working folder. */
  readonly out?: string;
  /** The run.json to compare with; default: where the script's outputs go. */
  readonly record?: string;
  /** Another engine than the recorded one. */
  readonly engine?: EngineChoice;
}

/** One output of the record: the same now, another, or not made at all; and what lies on the disk. */
export interface VerifiedOutput {
  readonly file: string;
  readonly same: boolean;
  readonly note: string;
}

export interface Verification {
  /** Every output is the same, and there is no other. */
  readonly ok: boolean;
  /** Sentences: what the run depended on that is not the same now. */
  readonly differences: readonly string[];
  readonly outputs: readonly VerifiedOutput[];
  /** Files that are made now and are not in the record. */
  readonly new: readonly string[];
}

const file = v.object({ file: v.string(), sha256: v.string() });
/** What verifying needs of run.json. */
const schema = v.object({
  format: v.literal(1),
  lacec: v.string(),
  defaults: v.optional(v.picklist(DEFAULTS_EDITIONS, "a newer lacec wrote it"), 1),
  script: file,
  imports: v.array(file),
  inputs: v.record(v.string(), v.union([v.number(), v.string()])),
  overrides: v.object({ seed: v.nullable(v.number()), count: v.nullable(v.number()) }),
  shard: v.null("it is the record of a shard; only a whole run can be verified"),
  models: v.array(v.object({ alias: v.string(), sha256: v.string() })),
  engine: v.object({ name: v.string() }),
  outputs: v.array(file),
});
type Recorded = v.InferOutput<typeof schema>;

/**
 * Runs a script as it was run, and compares what comes out with its record.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5310 if there is no record of it, and what a run throws.
 */
export async function verify(platform: Platform, script: string, options: VerifyOptions = {}): Promise<Verification> {
  const { host } = platform;
  const { out = ".", engine, onEvent, signal } = options;
  const first = await compileWhole(script, host);
  const recordFile = options.record ?? (await recordOf(script, host, first.plan, out));
  const record = await readRecord(host, recordFile);
  const known = new Set(first.plan.inputs.map((i) => i.name));
  const { seed, count } = record.overrides;
  const overrides = { ...(seed !== null && { seed }), ...(count !== null && { count }) };
  const { plan, program } = await compileWhole(script, host, {
    inputs: new Map(Object.entries(record.inputs).filter(([name]) => known.has(name))),
    defaults: record.defaults,
    ...overrides,
  });
  const world = dryWorld(
    engine === undefined ? worldAsRecorded(platform, host, record.engine.name) : platform.world(host, engine),
  );
  const results = await execute(plan, world, {
    out,
    script: await identifyScript(platform, program),
    source: { program, overrides },
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  });
  const made = new Map(
    results.record.outputs.map(({ file: name, sha256 }, i) => {
      const path = outputPath(host, out, results.outputs[i]?.file ?? "");
      return [name, { sha256, bytes: world.host.written.get(path) }];
    }),
  );
  const codec = await world.openCodec();
  const outputs = await Promise.all(
    record.outputs.map((o) => compareOutput(o, made.get(o.file), { host, recordFile, codec })),
  );
  const extra = [...made.keys()].filter((f) => !record.outputs.some((o) => o.file === f));
  const ok = outputs.every((o) => o.same) && extra.length === 0;
  return { ok, differences: causes(record, results.record), outputs, new: extra };
}

/** Where the record of a script lies. Errors: LaceError L5310 if the folder of its outputs has those of others only. */
export async function recordOf(script: string, host: Host, plan: Plan, out: string): Promise<string> {
  const folder = recordFolder(plan);
  const pathOf = (name: string): string => outputPath(host, out, folder === "" ? name : `${folder}/${name}`);
  const others: string[] = [];
  const found = await findRecord({ host, script, pathOf }, others);
  if (found === undefined && others.length > 0) {
    throw failure(
      "L5310",
      `${pathOf(RECORD_FILE)} is the record of ${others.join(", ")}, and there is none of ${script}`,
      HOW,
    );
  }
  return pathOf(found ?? RECORD_FILE);
}

const HOW = ["run the script first, or name another with --record"];

async function readRecord(host: Host, path: string): Promise<Recorded> {
  const text = await host.readText(path);
  const wrong = (why: string) => failure("L5310", `${path} is not the record of a run: ${why}`, HOW);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong("it is not JSON");
  }
  const parsed = v.safeParse(schema, json, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw wrong(`${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`);
}

interface Named {
  readonly sha256: string;
  readonly file?: string;
  readonly alias?: string;
}
/** What a run depended on. */
interface Grounds {
  readonly lacec: string;
  readonly script: Named;
  readonly imports: readonly Named[];
  readonly models: readonly Named[];
  readonly engine: { readonly name: string };
}

/** Sentences: what was recorded and is not the same now. */
function causes(before: Grounds, now: Grounds): readonly string[] {
  const found: string[] = [];
  const compare = (what: string, a: string | undefined, b: string | undefined): void => {
    if (a !== b) found.push(`${what} is not the same: ${a ?? "none"} in the record, now ${b ?? "none"}`);
  };
  compare("lacec", before.lacec, now.lacec);
  compare("the engine", before.engine.name, now.engine.name);
  compare("the script", shortHash(before.script.sha256), shortHash(now.script.sha256));
  const named = (list: readonly Named[]): ReadonlyMap<string, string> =>
    new Map(list.map(({ file: name, alias, sha256 }) => [name ?? alias ?? "", shortHash(sha256)]));
  for (const [what, a, b] of [
    ["the import", before.imports, now.imports],
    ["the model", before.models, now.models],
  ] as const) {
    const [was, is] = [named(a), named(b)];
    for (const name of new Set([...was.keys(), ...is.keys()])) compare(`${what} ${name}`, was.get(name), is.get(name));
  }
  return found;
}

async function compareOutput(
  { file: name, sha256 }: { readonly file: string; readonly sha256: string },
  now: { readonly sha256: string; readonly bytes: Uint8Array | undefined } | undefined,
  at: { readonly host: Host; readonly recordFile: string; readonly codec: ImageCodec },
): Promise<VerifiedOutput> {
  const path = at.host.resolve(at.recordFile, name);
  const disk = (await at.host.exists(path)) ? await at.host.readBytes(path) : undefined;
  const intact = disk !== undefined && (await at.host.sha256(disk)) === sha256;
  const onDisk = disk === undefined ? "the file has gone" : intact ? "" : "the file was changed since";
  if (now === undefined) return { file: name, same: false, note: "the script makes no such file now" };
  if (now.sha256 === sha256) return { file: name, same: intact, note: onDisk };
  if (!intact || now.bytes === undefined) return { file: name, same: false, note: `other bytes; ${onDisk}` };
  const difference = comparePixels(await at.codec.decode(disk), await at.codec.decode(now.bytes));
  if (difference === undefined) return { file: name, same: false, note: "another size" };
  const { psnr, pixels, largest } = difference;
  const apart = `PSNR ${psnr.toFixed(1)} dB: ${pixels} pixels differ, by ${largest} of 255 at most`;
  return { file: name, same: false, note: pixels === 0 ? "the same pixels, in other bytes" : apart };
}
