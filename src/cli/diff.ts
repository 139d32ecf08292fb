// lacec diff: what changed in meaning between two scripts, or two git revisions of one.
// Exit: 0, also where there are differences (1 with --exit-code); 2 if a script is wrong.
import { diffPlans, type PlanDifference } from "../compiler/diff-plans.js";
import type { Plan } from "../compiler/plan.js";
import { compileScript } from "../app/compile-script.js";
import { execute } from "../runtime/execute.js";
import { outputPath } from "../runtime/show/saves.js";
import type { EngineName } from "../runtime/services/engine.js";
import type { Host } from "../ports/host.js";
import { nodeHost } from "../node/host.js";
import { layoutGrid } from "../runtime/image/grid.js";
import { imageFormat } from "../runtime/plan/path-template.js";
import type { RgbImage } from "../runtime/image/rgb.js";
import { dryWorld } from "../runtime/services/world.js";
import { lockDifferences, makeLock, type LockEntry } from "../runtime/recipe/lock.js";
import { identifyScript, lacecVersion, nodeServices } from "../node/services.js";
import { engineName } from "./engine-name.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import { gitHost } from "../node/git-host.js";
import type { Io } from "./io.js";
import { terminalProgress } from "./progress.js";
import { printDiagnostics } from "./report.js";

/** Pictures of each task on the sheet. */
const SHOWN = 4;

export interface DiffOptions {
  readonly images?: string;
  readonly engine: string;
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

/** One of the two sides, compiled. */
interface Side {
  readonly host: Host;
  readonly plan: Plan;
  readonly lock: LockEntry;
  readonly identity: Awaited<ReturnType<typeof identifyScript>>;
}

export async function diffVerb(io: Io, words: readonly string[], options: DiffOptions): Promise<ExitCode> {
  const engine = engineName(options.engine, io);
  if (engine === undefined) return EXIT.script;
  const [a, b, file, ...more] = words;
  if (a === undefined || b === undefined || more.length > 0) {
    io.err("error: name two scripts, or two git revisions and a script\n");
    return EXIT.script;
  }
  if (options.images !== undefined && imageFormat(options.images) === undefined) {
    io.err(`error: ${options.images} has no extension that lacec writes: .png, .webp, .jpg, .avif\n`);
    return EXIT.script;
  }
  const real = nodeHost();
  const sides: Side[] = [];
  for (const word of [a, b]) {
    const side = await open(file ?? word, file === undefined ? real : await gitHost(real, word), io);
    if ("code" in side) return side.code;
    sides.push(side);
  }
  const [before, after] = sides;
  if (before === undefined || after === undefined) return EXIT.bug;
  const differences = [...diffPlans(before.plan, after.plan)];
  const files = lockDifferences({ ...before.lock, imports: {} }, { ...after.lock, imports: {} });
  if (files.length > 0) differences.push({ about: "files", sentences: files });
  if (options.json === true) io.out(`${JSON.stringify({ differences }, null, 2)}\n`);
  else io.out(describe(differences, io));
  if (options.images !== undefined) await writeSheet(options.images, before, after, differences, engine, io);
  return differences.length > 0 && options.exitCode === true ? EXIT.missed : EXIT.done;
}

async function open(script: string, host: Host, io: Io): Promise<Side | { readonly code: ExitCode }> {
  const { plan, program, diagnostics, sources } = await compileScript(script, host);
  const errors = diagnostics.filter((d) => d.severity === "error");
  printDiagnostics(errors, sources, io);
  if (plan === undefined || program === undefined) return { code: exitCodeOf(errors) };
  const services = nodeServices(host, "auto");
  const models = await Promise.all(plan.models.map((m) => services.loadModel(m)));
  const lock = await makeLock(host, program, plan, models, lacecVersion());
  return { host, plan, lock, identity: await identifyScript(host, program) };
}

function describe(differences: readonly PlanDifference[], io: Io): string {
  if (differences.length === 0) return "no difference in meaning\n";
  const c = io.outColors;
  return differences.map((d) => `${c.bold(d.about)}\n${d.sentences.map((s) => `  ${s}\n`).join("")}`).join("");
}

/** The first pictures of each task that differs (if only files differ: of every task), before and after. */
async function writeSheet(
  path: string,
  before: Side,
  after: Side,
  differences: readonly PlanDifference[],
  engine: EngineName | "auto",
  io: Io,
): Promise<void> {
  const inBoth = after.plan.tasks.map((t) => t.name).filter((n) => before.plan.tasks.some((t) => t.name === n));
  const named = differences.flatMap((d) => d.task ?? []);
  const tasks = named.length > 0 ? named : differences.some((d) => d.about === "files") ? inBoth : [];
  if (tasks.length === 0) {
    io.err("no task differs, so there are no pictures to compare\n");
    return;
  }
  const [was, is] = [await pictures(before, tasks, engine, io), await pictures(after, tasks, engine, io)];
  const columns = Math.max(...tasks.flatMap((t) => [was.get(t)?.length ?? 0, is.get(t)?.length ?? 0]));
  const sizes = new Set([...was.values(), ...is.values()].flat().map((i) => `${i.width}x${i.height}`));
  if (columns === 0 || sizes.size > 1) {
    io.err(
      columns === 0 ? "there are no pictures to compare\n" : "the pictures differ in size: no sheet was written\n",
    );
    return;
  }
  const rows = tasks.flatMap((t) => [
    { label: "before", images: was.get(t) ?? [] },
    { label: "after", images: is.get(t) ?? [] },
  ]);
  const cells = rows.flatMap(({ images }) => Array.from({ length: columns }, (_, k) => images[k]));
  const codec = await nodeServices(after.host, engine).openCodec();
  const sheet = layoutGrid(cells, { columns, rowLabels: rows.map((r) => r.label) });
  await nodeHost().writeAtomic(path, await codec.encode(sheet, imageFormat(path) ?? "png"));
  if (tasks.length > 1) io.err(`rows of the sheet: ${tasks.join(", ")}, before and after of each\n`);
  io.out(`wrote ${path}\n`);
}

/** The first pictures of some tasks of a side. */
async function pictures(
  { host, plan, identity }: Side,
  tasks: readonly string[],
  engine: EngineName | "auto",
  io: Io,
): Promise<ReadonlyMap<string, readonly RgbImage[]>> {
  const progress = terminalProgress(io, () => host.now());
  const saves = plan.tasks.flatMap((task, at) =>
    tasks.includes(task.name)
      ? [{ task: at, path: `${at}/{index}.png`, form: { kind: "each" } as const, span: task.span }]
      : [],
  );
  const world = dryWorld(nodeServices(host, engine));
  const results = await execute({ ...plan, saves, expects: [] }, world, {
    out: "",
    script: identity,
    first: SHOWN,
    onEvent: progress.onEvent,
  });
  progress.clear();
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
