// lacec verify: a script run again, and compared with the hashes in its run.json.
// Invariant: nothing is written and nothing comes from the cache: what is verified has been computed now.
import * as v from "valibot";
import { DEFAULTS_EDITIONS } from "../compiler/defaults.js";
import type { Plan } from "../compiler/plan.js";
import { compileScript } from "../app/compile-script.js";
import { execute } from "../runtime/execute.js";
import { recordFolder } from "../runtime/record/record.js";
import { RECORD_FILE } from "../runtime/plan/path-template.js";
import { findRecord } from "../runtime/record/record-file.js";
import { outputPath } from "../runtime/show/saves.js";
import type { Host } from "../ports/host.js";
import { nodeHost } from "../node/host.js";
import type { ImageCodec } from "../runtime/services/codec.js";
import { dryWorld } from "../runtime/services/world.js";
import { comparePixels } from "../runtime/recipe/compare.js";
import { shortHash } from "../source/short-hash.js";
import { identifyScript, nodeServices } from "../node/services.js";
import { failure } from "../source/diagnostic.js";
import { engineName, servicesAsRecorded } from "./engine-name.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { onInterrupt } from "./interrupt.js";
import { terminalProgress } from "./progress.js";
import { printDiagnostics } from "./report.js";

export interface VerifyOptions {
  readonly out: string;
  readonly record?: string;
  readonly engine?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const file = v.object({ file: v.string(), sha256: v.string() });
/** What verifying needs of run.json. */
const schema = v.object({
  format: v.literal(1),
  lacec: v.string(),
  defaults: v.optional(v.picklist(DEFAULTS_EDITIONS, "a newer lacec wrote it"), 1),
  script: file,
  imports: v.array(file),
  inputs: v.record(v.string(), v.number()),
  overrides: v.object({ seed: v.nullable(v.number()), count: v.nullable(v.number()) }),
  shard: v.null("it is the record of a shard; only a whole run can be verified"),
  models: v.array(v.object({ alias: v.string(), sha256: v.string() })),
  engine: v.object({ name: v.string() }),
  outputs: v.array(file),
});
type Recorded = v.InferOutput<typeof schema>;

/** One output of the record: the same now, another, or not made at all; and what lies on the disk. */
interface Compared {
  readonly file: string;
  readonly same: boolean;
  readonly note: string;
}

export async function verifyVerb(io: Io, script: string, options: VerifyOptions): Promise<ExitCode> {
  const host = nodeHost();
  const first = await compileScript(script, host);
  if (first.plan === undefined) {
    printDiagnostics(first.diagnostics, first.sources, io);
    return exitCodeOf(first.diagnostics);
  }
  const recordFile = options.record ?? (await recordOf(script, host, first.plan, options.out));
  const record = await readRecord(host, recordFile);
  const known = new Set(first.plan.inputs.map((i) => i.name));
  const { seed, count } = record.overrides;
  const { plan, program, diagnostics, sources } = await compileScript(script, host, {
    inputs: new Map(Object.entries(record.inputs).filter(([name]) => known.has(name))),
    defaults: record.defaults,
    ...(seed === null ? {} : { seed }),
    ...(count === null ? {} : { count }),
  });
  if (plan === undefined || program === undefined) {
    printDiagnostics(diagnostics, sources, io);
    return exitCodeOf(diagnostics);
  }
  const engine = options.engine === undefined ? undefined : engineName(options.engine, io);
  if (engine === undefined && options.engine !== undefined) return EXIT.script;
  const progress = terminalProgress(io, () => host.now());
  const interrupt = onInterrupt(() => {
    progress.clear();
    return Promise.resolve();
  });
  try {
    const identity = await identifyScript(host, program);
    const world = dryWorld(
      engine === undefined ? servicesAsRecorded(host, record.engine.name) : nodeServices(host, engine),
    );
    const results = await execute(plan, world, {
      out: options.out,
      script: identity,
      source: { program, overrides: { ...(seed === null ? {} : { seed }), ...(count === null ? {} : { count }) } },
      ...(options.quiet === true || options.json === true ? {} : { onEvent: progress.onEvent }),
      signal: interrupt.signal,
    });
    progress.clear();
    const differences = causes(record, results.record);
    const made = new Map(
      results.record.outputs.map(({ file: name, sha256 }, i) => {
        const path = outputPath(host, options.out, results.outputs[i]?.file ?? "");
        return [name, { sha256, bytes: world.host.written.get(path) }];
      }),
    );
    const codec = await world.openCodec();
    const compared = await Promise.all(
      record.outputs.map((o) => compareOutput(o, made.get(o.file), { host, recordFile, codec })),
    );
    const extra = [...made.keys()].filter((f) => !record.outputs.some((o) => o.file === f));
    const ok = compared.every((c) => c.same) && extra.length === 0;
    if (options.json === true) {
      io.out(`${JSON.stringify({ ok, differences, outputs: compared, new: extra }, null, 2)}\n`);
      return ok ? EXIT.done : EXIT.missed;
    }
    const c = io.outColors;
    for (const sentence of differences) io.out(`  ${sentence}\n`);
    for (const { file: name, same, note } of compared) {
      io.out(`${same ? c.green("✓") : c.red("✗")} ${name}${note === "" ? "" : `  ${c.dim(note)}`}\n`);
    }
    for (const name of extra) io.out(`${c.red("✗")} ${name}  ${c.dim("not in the record")}\n`);
    return ok ? EXIT.done : EXIT.missed;
  } finally {
    progress.clear();
    interrupt.stop();
  }
}

/** Where the record of a script lies. Errors: LaceError L5310 if the folder of its outputs has those of others only. */
async function recordOf(script: string, host: Host, plan: Plan, out: string): Promise<string> {
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
): Promise<Compared> {
  const path = at.host.resolve(at.recordFile, name);
  const disk = (await at.host.exists(path)) ? await at.host.readBytes(path) : undefined;
  const intact = disk !== undefined && (await at.host.sha256(disk)) === sha256;
  const onDisk = disk === undefined ? "the file has gone" : intact ? "" : "the file was changed since";
  if (now === undefined) return { file: name, same: false, note: "the script makes no such file now" };
  if (now.sha256 === sha256) return { file: name, same: true, note: onDisk };
  if (!intact || now.bytes === undefined) return { file: name, same: false, note: `other bytes; ${onDisk}` };
  const difference = comparePixels(await at.codec.decode(disk), await at.codec.decode(now.bytes));
  if (difference === undefined) return { file: name, same: false, note: "another size" };
  const { psnr, pixels, largest } = difference;
  const apart = `PSNR ${psnr.toFixed(1)} dB: ${pixels} pixels differ, by ${largest} of 255 at most`;
  return { file: name, same: false, note: pixels === 0 ? "the same pixels, in other bytes" : apart };
}
