// What a run of a script would take, before it is run: samples, pictures, files, evaluations, seconds, and how rare what it asks for is.
// In: a script. Out: a PlannedRun. Invariants: nothing is written but the cache of rates; what is estimated was measured on the first samples of each
// task and one picture of its model, on the engine that the run would take.
import { imageSizeOf } from "../compiler/attribute.js";
import type { Plan, Save, Task } from "../compiler/plan.js";
import { compileTask } from "../compiler/build/compile-task.js";
import type { Model } from "../models/model.js";
import type { Cache } from "../ports/cache.js";
import { PhaseClock } from "../ports/events.js";
import { stopIfAborted } from "../ports/stop.js";
import { conditionRates, drawBase, type ConditionRate } from "../runtime/draw/base-rates.js";
import { triesAgain } from "../runtime/draw/judges.js";
import { ResultCache, scopeOf } from "../runtime/draw/result-cache.js";
import type { SampleResult, TaskResult } from "../runtime/draw/results.js";
import { stylesOf } from "../runtime/draw/styles.js";
import { execute } from "../runtime/execute.js";
import type { RgbImage } from "../runtime/image/rgb.js";
import { planFilm } from "../runtime/plan/film.js";
import { fileFormat } from "../runtime/plan/path-template.js";
import { partsOf, rowsOf } from "../runtime/plan/places.js";
import { cellsOf } from "../runtime/plan/sheet.js";
import { checkSizes, sizeOf, type SizedTask } from "../runtime/plan/sizes.js";
import { ENERGY_ROWS } from "../runtime/plan/tiles.js";
import { makeLock } from "../runtime/recipe/lock.js";
import type { ImageCodec } from "../runtime/services/codec.js";
import type { Engine } from "../runtime/services/engine.js";
import { dryWorld, type World } from "../runtime/services/world.js";
import { openPainter } from "../runtime/show/painter.js";
import { modelForClass, rowOf } from "../runtime/show/synthesis-inputs.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import { compileWhole } from "./compile-script.js";
import { identifyScript } from "./identify-script.js";
import type { Platform } from "./platform.js";
import { overridesOf, type CompileOptions } from "./run.js";
import type { EngineChoice, VerbOptions } from "./verb.js";

export { rateText, type ConditionRate } from "../runtime/draw/base-rates.js";

export interface PlanOptions extends CompileOptions, VerbOptions {
  readonly engine?: EngineChoice;
  /** Where rates are kept between calls; default: nowhere. */
  readonly cache?: Cache | undefined;
}

/** A task of the run. */
export interface PlannedTask {
  readonly name: string;
  readonly kind: Task["kind"];
  /** As the script calls it. */
  readonly model: string;
  /** Samples, and parts of each: cells, frames, steps. */
  readonly rows: number;
  readonly parts: number;
  /** Pictures that are made: shown, or judged (of slots that try again, each attempt that a labeller looks at). */
  readonly pictures: number;
  /** Side of a picture, in pixels. */
  readonly resolution: number;
  /** Most attempts of a slot, where slots try again: the other numbers are of one attempt of each, which is the least; `most` says the most. */
  readonly tries: number | null;
  /** Of all tries of all slots; null where slots do not try again. */
  readonly most: { readonly evaluations: number; readonly pictures: number; readonly seconds: TaskSeconds } | null;
  /** What is asked for among unconditional samples, by the heads: of a sweep each cell, of an edit all that its last step asks for. */
  readonly conditions: readonly ConditionRate[];
  /** Samples that were drawn to estimate the others. */
  readonly probed: number;
  /** Evaluations of the gradient, of all samples together. */
  readonly evaluations: number;
  readonly seconds: TaskSeconds;
}

export interface TaskSeconds {
  readonly compile: number;
  readonly sample: number;
  readonly synthesise: number;
}

/** What one `save` writes. */
export interface PlannedFiles {
  /** As in the script, with `{index}` and the like. */
  readonly path: string;
  readonly task: string;
  readonly files: number;
  /** Of each file (of an animation, of each frame). */
  readonly width: number;
  readonly height: number;
  /** Of all its files, about. */
  readonly bytes: number;
}

export interface PlannedRun {
  readonly engine: { readonly name: string; readonly description: string };
  readonly tasks: readonly PlannedTask[];
  readonly files: readonly PlannedFiles[];
  readonly bytes: number;
  /** Where slots try again, the least: one try of each. `most` is of all their tries, and null where none does. */
  readonly evaluations: number;
  readonly seconds: number;
  readonly most: { readonly evaluations: number; readonly seconds: number } | null;
  /** Of the script. */
  readonly diagnostics: readonly Diagnostic[];
  /** Texts to show them with. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * Says what a run of a script would take.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5006 for outputs that cannot be, and those of a run.
 */
export async function plan(platform: Platform, script: string, options: PlanOptions = {}): Promise<PlannedRun> {
  const { host, version: lacec } = platform;
  const { engine: choice = "auto", cache, signal, onEvent = () => undefined } = options;
  const compiled = await compileWhole(script, host, overridesOf(options));
  const { program, diagnostics, sources } = compiled;
  const clock = new PhaseClock(() => host.now(), onEvent);
  const world = platform.world(host, choice);
  const probe = await probeTasks(platform, compiled.plan, world, {
    script: await identifyScript(platform, program),
    signal,
  });
  const engine = await world.openEngine();
  try {
    const { models } = probe;
    const lock = await makeLock(host, program, compiled.plan, models, lacec);
    const tasks: PlannedTask[] = [];
    const files: PlannedFiles[] = [];
    for (const [index, task] of compiled.plan.tasks.entries()) {
      stopIfAborted(signal);
      const model = modelForClass(models[task.model] ?? missing(task), task.class);
      const { alias = "" } = compiled.plan.models[task.model] ?? {};
      const { sha256, heads = {} } = lock.models[alias] ?? { sha256: model.sha256 };
      const own = Object.entries(heads).map(([name, head]) => [name, head.sha256] as const);
      const resultCache = cache && new ResultCache(cache, host, scopeOf({ lacec, engine }, sha256, own));
      const saves = compiled.plan.saves.filter((s) => s.tasks.includes(index));
      const isJudged = compiled.plan.expects.some((e) => e.task === index);
      const drawn = probe.tasks[index] ?? missing(task);
      await clock.run("measure", { task: task.name }, async () => {
        const { truncation } = task;
        const base = await drawBase({ model, engine, truncation, resultCache, signal });
        const isWanted = saves.length > 0 || isJudged || lookedAt(task) > 0;
        const picture = isWanted ? await probePicture(task, model, drawn, engine, world) : undefined;
        const tile = compileTask(task, model, { rows: ENERGY_ROWS, layout: engine.layout }).rows;
        const shown = picture === undefined ? 0 : picturesOf(task, saves, isJudged);
        tasks.push({
          ...estimate(task, drawn, shown, { picture: picture?.seconds, tile }),
          ...{ model: alias, resolution: model.info.resolution },
          conditions: conditionRates(task, model, base),
        });
        const codec = await world.openCodec();
        // A sheet of several tasks is counted with the first of them.
        for (const save of saves.filter((s) => s.tasks[0] === index)) {
          const shown = save.tasks.flatMap((at) => compiled.plan.tasks[at] ?? []);
          const sized = shown.map((t) => ({ task: t, image: imageSizeOf(models[t.model]?.info ?? { resolution: 0 }) }));
          if (picture) files.push(await plannedFiles(save, sized, picture.image, codec));
        }
      });
    }
    const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
    const total = (
      parts: readonly Pick<PlannedTask, "evaluations" | "seconds">[],
    ): NonNullable<PlannedRun["most"]> => ({
      evaluations: sum(parts.map((t) => t.evaluations)),
      seconds: rounded(sum([probe.load, ...parts.flatMap(({ seconds: t }) => [t.compile, t.sample, t.synthesise])])),
    });
    return {
      engine: { name: engine.name, description: engine.description },
      ...{ tasks, files, diagnostics, sources },
      bytes: sum(files.map((f) => f.bytes)),
      ...total(tasks),
      most: tasks.some((t) => t.most !== null) ? total(tasks.map((t) => t.most ?? t)) : null,
    };
  } finally {
    await engine.dispose();
  }
}

/** The first samples of each task, a tile of them: without tries, pictures, judges and files. */
async function probeTasks(
  platform: Platform,
  { tasks, ...rest }: Plan,
  world: World,
  {
    script,
    signal,
  }: { readonly script: Awaited<ReturnType<typeof identifyScript>>; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly tasks: readonly TaskResult[]; readonly models: readonly Model[]; readonly load: number }> {
  const once = tasks.map((task): Task => {
    if (task.kind === "edit" || task.kind === "traverse") return task;
    const { accept, ...plain } = task;
    return accept === undefined ? task : plain;
  });
  const saves = rest.saves.map((save) => ({ save, tasks: save.tasks.map((at) => tasks[at] ?? missing()) }));
  const asked = { ...rest, tasks: once, saves: [], latentSaves: [], expects: [] };
  const models = await Promise.all(rest.models.map((m) => world.loadModel(m)));
  checkSizes(saves, ({ model }) => imageSizeOf(models[model]?.info ?? { resolution: 0 }));
  const results = await execute(asked, dryWorld(world), {
    out: "",
    script,
    first: (task) => Math.ceil(ENERGY_ROWS / (task.kind === "edit" ? 1 : partsOf(task))),
    ...(signal !== undefined && { signal }),
  });
  return { tasks: results.tasks, models: results.models, load: results.record.seconds["load"] ?? 0 };
}

/** One try of each slot, and all of them; with the pictures that are shown, the seconds that one takes, and the rows of a tile. */
function estimate(
  task: Task,
  drawn: TaskResult,
  shown: number,
  { picture = 0, tile }: { readonly picture?: number | undefined; readonly tile: number },
): Omit<PlannedTask, "model" | "resolution" | "conditions"> {
  const [rows, parts] = [rowsOf(task), partsOf(task)];
  const { samples } = drawn;
  const spent = samples.reduce((n, s) => n + s.evaluations, 0);
  const { compile, sample } = secondsOf(task, drawn, tile);
  // What a labeller has looked at may be shown as it is, where it was kept, or is made again.
  const of = (n: number, made: number): NonNullable<PlannedTask["most"]> => {
    const pictures = picture === 0 ? 0 : made;
    return {
      evaluations: Math.round((spent / Math.max(1, samples.length)) * rows * parts * n),
      pictures,
      seconds: { compile, sample: rounded(sample * n), synthesise: rounded(picture * pictures) },
    };
  };
  const tries = triesAgain(task) ? task.accept.tries : null;
  return {
    ...{ name: task.name, kind: task.kind, rows, parts, tries, probed: samples.length },
    ...of(1, Math.max(shown, lookedAt(task))),
    most: tries === null ? null : of(tries, shown + tries * lookedAt(task)),
  };
}

/** Pictures of one try of each slot that a labeller looks at. */
function lookedAt(task: Task): number {
  return triesAgain(task) && task.accept.by === "labeller" ? rowsOf(task) * partsOf(task) : 0;
}

/** Seconds of the solves, by tiles: one that is not full costs as much as one that is. */
function secondsOf(
  task: Task,
  { samples, seconds }: TaskResult,
  tile: number,
): { readonly compile: number; readonly sample: number } {
  const tiles = (rows: number): number => Math.ceil((task.kind === "edit" ? rows : rows * partsOf(task)) / tile);
  const drawn = new Set(samples.map((s) => s.index)).size;
  const sample = ((seconds.get("sample") ?? 0) * tiles(rowsOf(task))) / Math.max(1, tiles(drawn));
  return { compile: rounded(seconds.get("compile") ?? 0), sample: rounded(sample) };
}

/** Pictures that a task makes: those of the save that shows most, and what is judged. */
function picturesOf(task: Task, saves: readonly Save[], isJudged: boolean): number {
  const outcomes = rowsOf(task) * (task.kind === "edit" ? 1 : partsOf(task));
  const shown = saves.map(({ form, path }) => {
    if (form.kind === "animation") return planFilm(task, form, { width: 1, height: 1 }).frames * rowsOf(task);
    if (form.kind !== "each") return cellsOf(task, form);
    return path.includes("{step}") ? rowsOf(task) * partsOf(task) : outcomes;
  });
  return Math.max(isJudged ? outcomes : 0, ...shown);
}

/** A picture of the task, and the seconds that one takes once the synthesis is compiled; undefined if all samples failed. */
async function probePicture(
  task: Task,
  model: Model,
  { samples }: TaskResult,
  engine: Engine,
  world: World,
): Promise<{ readonly image: RgbImage; readonly seconds: number } | undefined> {
  const [first] = samples.filter((s) => s.w.length > 0);
  if (first === undefined) return undefined;
  const { synthesis } = compileTask(task, model, { rows: ENERGY_ROWS, layout: engine.layout });
  const painter = openPainter({
    ...{ model, engine, services: world, noise: task.noise, count: 1 },
    synthesis,
  });
  const paint = async (sample: SampleResult): Promise<RgbImage | undefined> =>
    (await painter.paint([stylesOf(first, model.info.numWs)], [rowOf(task, sample)]))[0];
  try {
    await paint(first); // compiles
    const start = world.host.now();
    const image = await paint(first);
    return image && { image, seconds: (world.host.now() - start) / 1000 };
  } finally {
    await painter.dispose();
  }
}

/** The files of a save; their bytes by what the same pixels of a picture take. */
async function plannedFiles(
  save: Save,
  tasks: readonly SizedTask[],
  image: RgbImage,
  codec: ImageCodec,
): Promise<PlannedFiles> {
  const { form, path } = save;
  const task = tasks[0]?.task ?? missing();
  const size = sizeOf(save, tasks);
  const format = fileFormat(path, form);
  if (format === undefined) throw new InternalError(`no format for ${path}: the checker let it pass`);
  const { width, height, data } = image;
  const encoded =
    form.kind === "animation"
      ? await codec.encodeAnimation({ width, height, frames: 1, data }, format === "gif" ? "gif" : "webp", form.fps)
      : await codec.encode(image, format === "gif" ? "png" : format);
  const frames = form.kind === "animation" ? planFilm(task, form, image).frames : 1;
  const files = form.kind === "each" ? picturesOf(task, [save], false) : 1;
  const pixels = files * frames * size.width * size.height;
  const bytes = Math.round((encoded.length / (width * height)) * pixels);
  return { path, task: tasks.map((t) => t.task.name).join(", "), files, width: size.width, height: size.height, bytes };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function missing(task?: Task): never {
  throw new InternalError(`the task ${task?.name ?? ""} of a save has no model, or no results`);
}
