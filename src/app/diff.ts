// What changed in meaning between two scripts, or two revisions of one.
import { diffPlans, type PlanDifference } from "../compiler/diff-plans.js";
import type { Plan } from "../compiler/plan.js";
import type { Host } from "../ports/host.js";
import { execute } from "../runtime/execute.js";
import { layoutGrid } from "../runtime/image/grid.js";
import type { RgbImage } from "../runtime/image/rgb.js";
import { imageFormat } from "../runtime/plan/path-template.js";
import { lockDifferences, makeLock, type LockEntry } from "../runtime/recipe/lock.js";
import type { ScriptIdentity } from "../runtime/record/record.js";
import { dryWorld } from "../runtime/services/world.js";
import { outputPath } from "../runtime/show/saves.js";
import { failure } from "../source/diagnostic.js";
import { compileScript, ScriptError } from "./compile-script.js";
import { identifyScript } from "./identify-script.js";
import type { Platform } from "./platform.js";
import { UsageError, type EngineChoice, type VerbOptions } from "./verb.js";

export type { PlanDifference } from "../compiler/diff-plans.js";

/** Pictures of each task on the sheet. */
const SHOWN = 4;

/** A script: a file of the disk, or as it was at a git revision. */
export interface ScriptAt {
  readonly script: string;
  readonly revision?: string;
}

export interface DiffOptions extends VerbOptions {
  /** Write a sheet of pictures before and after to this file. */
  readonly images?: string;
  /** For the pictures. */
  readonly engine?: EngineChoice;
}

export interface Difference {
  readonly differences: readonly PlanDifference[];
  /** Of a sheet that was asked for: its path, if there is one, and what there is to say of it. */
  readonly sheet?: { readonly file?: string; readonly note?: string };
}

/**
 * What is compared where only words are given: `A B` two scripts; `FILE` its last commit with the file as it is; `REVISION FILE` that revision with the
 * file as it is; `REVISION REVISION FILE` two revisions. Of two words the first is a script if there is such a file, or it ends as one.
 *
 * Errors   UsageError for no words, or more than three.
 */
export async function sidesOf(
  { host }: Platform,
  words: readonly string[],
): Promise<readonly [before: ScriptAt, after: ScriptAt]> {
  const [a, b, file, ...more] = words;
  if (a === undefined || more.length > 0)
    throw new UsageError("name a script, two scripts, or one or two git revisions and a script");
  if (b === undefined) return [{ script: a, revision: "HEAD" }, { script: a }];
  if (file !== undefined) return [a, b].map((revision) => ({ script: file, revision })) as [ScriptAt, ScriptAt];
  const isScript = a.endsWith(".lace") || (await host.exists(a));
  return [isScript ? { script: a } : { script: b, revision: a }, { script: b }];
}

/** One of the two sides, compiled. */
interface Side {
  readonly host: Host;
  readonly plan: Plan;
  readonly lock: LockEntry;
  readonly identity: ScriptIdentity;
}

/**
 * Compares two scripts.
 *
 * Errors   UsageError for a sheet in a format that cannot be written; ScriptError with the errors of a script that does not compile;
 *          LaceError L5004 if git knows no such revision, L50xx, L51xx, and of pictures what a run throws.
 */
export async function diff(
  platform: Platform,
  before: ScriptAt,
  after: ScriptAt,
  options: DiffOptions = {},
): Promise<Difference> {
  const { images } = options;
  if (images !== undefined && imageFormat(images) === undefined)
    throw new UsageError(`${images} has no extension that lacec writes: .png, .webp, .jpg, .avif`);
  const [was, is] = [await open(platform, before), await open(platform, after)];
  const differences = [...diffPlans(was.plan, is.plan)];
  const files = lockDifferences({ ...was.lock, imports: {} }, { ...is.lock, imports: {} });
  if (files.length > 0) differences.push({ about: "files", sentences: files });
  if (images === undefined) return { differences };
  return { differences, sheet: await writeSheet(platform, images, [was, is], differences, options) };
}

async function open(platform: Platform, { script, revision }: ScriptAt): Promise<Side> {
  const { version } = platform;
  const host = revision === undefined ? platform.host : await platform.atRevision(revision);
  if (revision !== undefined && !(await host.exists(script)))
    throw failure("L5001", `${script} is not in ${revision}`, ["git add and git commit keep it there"]);
  const { plan, program, diagnostics, sources } = await compileScript(script, host);
  const errors = diagnostics.filter((d) => d.severity === "error");
  if (plan === undefined || program === undefined) throw new ScriptError(errors, sources);
  const world = platform.world(host, "auto");
  const models = await Promise.all(plan.models.map((m) => world.loadModel(m)));
  const lock = await makeLock(host, program, plan, models, version);
  return { host, plan, lock, identity: await identifyScript({ host, version }, program) };
}

/** The first pictures of each task that differs (if only files differ: of every task), before and after. */
async function writeSheet(
  platform: Platform,
  file: string,
  [before, after]: readonly [Side, Side],
  differences: readonly PlanDifference[],
  options: DiffOptions,
): Promise<NonNullable<Difference["sheet"]>> {
  const inBoth = after.plan.tasks.map((t) => t.name).filter((n) => before.plan.tasks.some((t) => t.name === n));
  const named = differences.flatMap((d) => d.task ?? []);
  const tasks = named.length > 0 ? named : differences.some((d) => d.about === "files") ? inBoth : [];
  if (tasks.length === 0) return { note: "no task differs, so there are no pictures to compare" };
  const was = await pictures(platform, before, tasks, options);
  const is = await pictures(platform, after, tasks, options);
  const columns = Math.max(...tasks.flatMap((t) => [was.get(t)?.length ?? 0, is.get(t)?.length ?? 0]));
  const sizes = new Set([...was.values(), ...is.values()].flat().map((i) => `${i.width}x${i.height}`));
  if (columns === 0) return { note: "there are no pictures to compare" };
  if (sizes.size > 1) return { note: "the pictures differ in size: no sheet was written" };
  const rows = tasks.flatMap((t) => [
    { label: "before", images: was.get(t) ?? [] },
    { label: "after", images: is.get(t) ?? [] },
  ]);
  const cells = rows.flatMap(({ images }) => Array.from({ length: columns }, (_, k) => images[k]));
  const codec = await platform.world(platform.host, "auto").openCodec();
  const sheet = layoutGrid(cells, { columns, rowLabels: rows.map((r) => r.label) });
  await platform.host.writeAtomic(file, await codec.encode(sheet, imageFormat(file) ?? "png"));
  const note = `rows of the sheet: ${tasks.join(", ")}, before and after of each`;
  return { file, ...(tasks.length > 1 && { note }) };
}

/** The first pictures of some tasks of a side. */
async function pictures(
  platform: Platform,
  { host, plan, identity }: Side,
  tasks: readonly string[],
  { engine = "auto", onEvent, signal }: DiffOptions,
): Promise<ReadonlyMap<string, readonly RgbImage[]>> {
  const saves = plan.tasks.flatMap((task, at) =>
    tasks.includes(task.name)
      ? [{ tasks: [at], path: `${at}/{index}.png`, form: { kind: "each" } as const, span: task.span }]
      : [],
  );
  const world = dryWorld(platform.world(host, engine));
  const results = await execute({ ...plan, saves, latentSaves: [], expects: [] }, world, {
    out: "",
    script: identity,
    first: SHOWN,
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  });
  const codec = await world.openCodec();
  const found = new Map<string, RgbImage[]>();
  for (const output of results.outputs) {
    const bytes = world.host.written.get(outputPath(host, "", output.file));
    if (bytes === undefined) continue;
    const list = found.get(output.task) ?? [];
    found.set(output.task, list);
    if (list.length < SHOWN) list.push(await codec.decode(bytes));
  }
  return found;
}
