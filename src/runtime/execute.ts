// The plan executor: a plan, the world around it and what is asked of this run -> samples, images, files and run.json.
// In: lower's Plan. Out: Results. Invariants: files appear whole, one by
// one, run.json last; user-visible trouble is a diagnostic in the results, the environment's is a thrown LaceError.
import type { Plan, Save, Task } from "../compiler/plan.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import type { Engine } from "./services/engine.js";
import { PhaseClock, type OnEvent } from "../ports/events.js";
import type { AttemptJudge } from "./draw/accept.js";
import { hintsOfRarity } from "./draw/base-rates.js";
import { drawTask } from "./draw/draw.js";
import { requireJudge, triesAgain } from "./draw/judges.js";
import { witnessJudge } from "./draw/witness.js";
import { labellerJudge } from "./show/labeller-judge.js";
import { ENERGY_ROWS } from "./plan/tiles.js";
import { forecastOf } from "./record/forecast.js";
import { byHeadsAlone, judge, missed, verdictOn, type Judged } from "./record/expectations.js";
import { askedOf, isOutcome, sharesOf } from "./plan/places.js";
import { shortOfMemory } from "./show/image-batches.js";
import { makeImages } from "./show/images.js";
import { openPainter, type Painter } from "./show/painter.js";
import { Memory, scopeOf } from "./draw/result-cache.js";
import { attemptsOf, Recipes, type AttemptsOf, type RecipeSource } from "./record/recipes.js";
import { picturesOf } from "./show/pictures.js";
import {
  makeRecord,
  outputFolders,
  printRecord,
  recordFolder,
  recordName,
  relativeTo,
  type ScriptIdentity,
} from "./record/record.js";
import { leftOutputs } from "./record/left-outputs.js";
import { chooseRecord } from "./record/record-file.js";
import { modelForClass } from "./show/synthesis-inputs.js";
import type { ExpectationResult } from "./record/results.js";
import type { Results } from "./record/record.js";
import type { OutputFile } from "./show/saves.js";
import type { SampleResult, TaskResult } from "./draw/results.js";
import { keepingSink, openSink, outputPath, type Sheets, type Sink } from "./show/saves.js";
import { checkSizes } from "./plan/sizes.js";
import {
  selectAll,
  selectFirst,
  selectImage,
  selectShard,
  type OneImage,
  type Selection,
  type Shard,
} from "./plan/selection.js";
import { identityOf, labelledBy } from "./services/labeller-identity.js";
import type { Labeller } from "./services/services.js";
import type { World } from "./services/world.js";
import { selectPiece, type Piece } from "./plan/pieces.js";
import { stopIfAborted } from "../ports/stop.js";
import type { ImageCodec } from "./services/codec.js";
import { labellerFile, type Model } from "../models/model.js";
import { compileTask, type TaskProgram } from "../compiler/build/compile-task.js";
import { makeLock, type LockEntry } from "./recipe/lock.js";

/** What is asked of one run of a plan. */
export interface Request {
  /** Folder that the plan's paths are relative to. */
  readonly out: string;
  readonly script: ScriptIdentity;
  /** What the script consists of: without it there is no lock, and images carry no recipe. */
  readonly source?: RecipeSource;
  /** False: images carry no recipe. */
  readonly provenance?: boolean;
  /** Called with the hashes of what the run depends on, before any sample is drawn. It may refuse by throwing; what it gives is said. */
  readonly onLock?: (lock: LockEntry) => Promise<readonly Diagnostic[]>;
  /** Of all images only this one, and what it is made from. */
  readonly only?: OneImage;
  /** The first rows of every task, without sheets and expectations. */
  readonly first?: number | ((task: Task) => number);
  /** A part of the samples, without sheets and expectations. */
  readonly shard?: Shard;
  /** Some rows of a task and what is made of them, for the cache alone: nothing is saved or judged. */
  readonly piece?: Piece;
  /** Which attempts rows of tasks are to be that try again, by task and row; rows that are not named are attempt 0. Absent: the tasks' judges say. */
  readonly attempts?: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** A further sink for a task's pictures, for whoever shows them as they are made. It writes nothing. */
  readonly watch?: (task: Task, samples: readonly SampleResult[]) => Sink | undefined;
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
}

/**
 * Runs a plan in a world: as it is, or `dryWorld` of it to write nothing.
 *
 * Errors   LaceError: L4106 if `signal` aborts, L5xxx of the environment.
 *          Samples that fail and expectations that are missed are diagnostics of the results.
 */
export async function execute(plan: Plan, world: World, request: Request): Promise<Results> {
  const { host } = world;
  const { out, shard, script } = request;
  await world.prepareOutput(out);
  const folder = recordFolder(plan);
  const fileOf = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
  const pathOf = (name: string): string => outputPath(host, out, fileOf(name));
  // Scripts that share a folder take turns, though each has a record of its own.
  const release = await world.claimOutputs(
    pathOf(recordName(shard)),
    outputFolders(plan).map((f) => outputPath(host, out, f)),
  );
  try {
    const recordFile = fileOf(await chooseRecord({ host, script: script.script.file, shard, pathOf }));
    return await new Run(plan, world, request, { folder, recordFile }).run();
  } finally {
    await release();
  }
}

/** Where run.json goes. */
interface RecordPlace {
  readonly folder: string;
  readonly recordFile: string;
}

/** What is open while a plan runs. */
interface Workshop {
  readonly engine: Engine;
  readonly models: readonly Model[];
  readonly codec: ImageCodec;
}

class Run {
  private readonly clock: PhaseClock;
  private readonly start: number;
  private readonly tasks: TaskResult[] = [];
  private readonly expectations: ExpectationResult[] = [];
  private readonly outputs: OutputFile[] = [];
  private readonly diagnostics: Diagnostic[] = [];
  /** By model and noise. */
  private readonly painters = new Map<string, Painter>();
  private readonly memories = new Map<Model, Memory>();
  private readonly selection: Selection;
  private recipes: Recipes | undefined;
  private readonly labellers = new Map<Model, Labeller>();
  private readonly sheets: Sheets = new Map();

  constructor(
    private readonly plan: Plan,
    private readonly world: World,
    private readonly request: Request,
    private readonly place: RecordPlace,
  ) {
    const { host } = world;
    const { onEvent } = request;
    this.selection = select(plan, request);
    this.start = host.now();
    this.clock = new PhaseClock(() => host.now(), onEvent ?? (() => undefined));
  }

  async run(): Promise<Results> {
    const { plan, clock } = this;
    const shop = await clock.run(
      "load",
      {},
      () => this.open(),
      ({ engine }) => engine.name,
    );
    try {
      this.checkSizes(shop);
      await this.openJudges(shop);
      await this.lock(shop);
      for (const [index, task] of plan.tasks.entries()) {
        stopIfAborted(this.request.signal);
        await this.runTask(index, task, shop);
      }
      return await clock.run("save", {}, () => this.record(shop));
    } finally {
      for (const painter of this.painters.values()) await painter.dispose();
      for (const labeller of this.labellers.values()) await labeller.dispose();
      await shop.engine.dispose();
    }
  }

  private checkSizes({ models }: Workshop): void {
    const saves = this.plan.saves.filter((s) => this.selection.hasSave(s));
    checkSizes(
      saves.map((save) => ({ save, tasks: this.tasksOf(save) })),
      ({ model }) => models[model]?.info.resolution ?? 0,
    );
  }

  /** Engine, models and codec have nothing to do with each other: they load together. */
  private async open(): Promise<Workshop> {
    const { world } = this;
    const [engine, codec, ...models] = await Promise.all([
      world.openEngine(),
      world.openCodec(),
      ...this.plan.models.map((m) => world.loadModel(m)),
    ]);
    return { engine, codec, models };
  }

  private async lock({ models, engine }: Workshop): Promise<void> {
    const { host, cache } = this.world;
    const { script, source, provenance = true, onLock } = this.request;
    if (source === undefined) return;
    const lock = await makeLock(host, source.program, this.plan, models, script.lacec);
    if (onLock !== undefined) this.say(await onLock(lock));
    if (provenance) this.recipes = new Recipes(host, this.plan, source, lock, engine.name);
    if (cache === undefined) return;
    for (const [at, { alias }] of this.plan.models.entries()) {
      const [model, locked] = [models[at], lock.models[alias]];
      if (model === undefined || locked === undefined) throw new InternalError(`the model ${alias} is not locked`);
      const heads = Object.entries(locked.heads).map(([name, { sha256 }]) => [name, sha256] as const);
      const judge = this.labellers.get(model);
      const other = judge === undefined || judge.sha256 === labellerFile(model)?.sha256 ? [] : [identityOf(judge)];
      const scope = scopeOf({ lacec: lock.lacec, engine }, locked.sha256, heads, other);
      this.memories.set(model, new Memory(cache, host, scope));
    }
  }

  private async runTask(index: number, task: Task, shop: Workshop): Promise<void> {
    const { plan, request } = this;
    const clock = new PhaseClock(() => this.world.host.now(), request.onEvent ?? (() => undefined));
    const loaded = shop.models[task.model];
    if (loaded === undefined) throw new InternalError(`task ${task.name} has no model`);
    const model = modelForClass(loaded, task.class);
    const rows = this.selection.rows(index);
    if (rows.length === 0) {
      this.tasks.push({ task, samples: [], seconds: clock.seconds });
      return;
    }
    const memory = this.memories.get(loaded);
    // What an edit passes through comes with its solve, and is kept with it: a shard draws it for the run that makes the film.
    const films = plan.saves.filter(
      (s) => s.tasks.includes(index) && (task.kind === "edit" || this.selection.hasSave(s)),
    );
    const shares = sharesOf(films.map(({ form }) => (form.kind === "animation" ? form.tween : 0)));
    const program = compileTask(task, model, { rows: ENERGY_ROWS, layout: shop.engine.layout });
    const attemptJudge = this.judgeOf(task, loaded, (labeller) =>
      labellerJudge(
        {
          ...{ model, memory, task, labeller, signal: request.signal },
          painter: this.painterOf(task, model, program, shop.engine, rows.length),
        },
        task.name,
        clock,
      ),
    );
    const attempts = request.attempts?.get(task.name) ?? (request.attempts && new Map<number, number>());
    const {
      diagnostics,
      seen: known,
      ...drawn
    } = await drawTask(task, {
      model,
      program,
      engine: shop.engine,
      clock,
      signal: request.signal,
      rows,
      shares,
      memory,
      ...(attemptJudge && { judge: attemptJudge }),
      ...(attempts && { attempts }),
      earlier: (at) => this.tasks.find((t) => t.task === plan.tasks[at]) ?? missing(at),
    });
    const { samples } = drawn;
    this.say(diagnostics);

    const sinks = this.openSinks(index, task, samples, shop.codec);
    const expects = this.selection.judges ? plan.expects.filter((e) => e.task === index) : [];
    const judged = samples.filter((s) => isOutcome(task, s));
    const heads: Judged = judged.map((s) => (s.heads.length === 0 ? undefined : s.heads));
    const marks = sinks.some((s) => s.marks === true);
    const labeller = expects.length > 0 || marks ? await this.labellerOf(loaded) : undefined;
    let seen: Judged | undefined;
    const pictures = picturesOf(drawn, shares, model.info.numWs).filter((p) => {
      const shown = this.selection.shows(index, p) && sinks.some((s) => s.wants(p));
      return shown || (labeller !== undefined && isOutcome(task, p));
    });
    if (pictures.length > 0) {
      const total = pictures.length;
      const painter = this.painterOf(task, model, program, shop.engine, total);
      const says = shop.engine.batches === true ? () => `${painter.rows} at a time` : undefined;
      const make = async (): Promise<void> => {
        const labels = await makeImages({
          model,
          painter,
          memory,
          task,
          pictures,
          sinks,
          labeller,
          ...(known && triesAgain(task) && task.accept.by === "labeller" && { known }),
          verdict: (picture, labels) => {
            return marks && isOutcome(task, picture)
              ? verdictOn(askedOf(task, picture), picture.heads, labels)
              : undefined;
          },
          onImage: (done) => clock.progress("synthesise", task.name, done, total),
          signal: request.signal,
        });
        if (labeller !== undefined) {
          const byPicture = new Map(pictures.map((p, k) => [p, labels[k]]));
          seen = judged.map((s) => byPicture.get(s));
        }
        for (const sink of sinks) this.outputs.push(...(await sink.finish()));
      };
      await clock.run("synthesise", { task: task.name, total }, make, says);
    }
    let hints: readonly string[] | undefined;
    for (const expect of expects) {
      const results = judge(expect, task.name, heads, seen, labeller?.tellsUnclear);
      this.expectations.push(...results);
      const short = results.filter((r) => !r.passed);
      const { engine } = shop;
      if (short.length > 0) hints ??= await hintsOfRarity(task, { model, engine, memory, signal: request.signal });
      this.say(short.map((r) => missed(r, hints)));
      this.say(
        results.flatMap((r) => (r.labeller === undefined ? [byHeadsAlone(task.name, [`\`${r.text}\``], r.span)] : [])),
      );
    }
    for (const [phase, seconds] of clock.seconds) {
      this.clock.seconds.set(phase, (this.clock.seconds.get(phase) ?? 0) + seconds);
    }
    const forecast = forecastOf(judged, (s) => askedOf(task, s), model);
    this.tasks.push({ task, ...drawn, ...(forecast && { forecast }), seconds: clock.seconds });
  }

  private openSinks(index: number, task: Task, samples: readonly SampleResult[], codec: ImageCodec): Sink[] {
    const { host } = this.world;
    const { out, onEvent } = this.request;
    const warn = (diagnostic: Diagnostic): void => this.say([diagnostic]);
    const context = { host, codec, out, onEvent: onEvent ?? (() => undefined), warn };
    const results = [...this.tasks, { task, samples }];
    const attempts: AttemptsOf = (name) => attemptsOf(results.find((r) => r.task.name === name)?.samples ?? []);
    const watching = this.request.watch?.(task, samples);
    const saving = this.plan.saves
      .filter((s) => s.tasks.includes(index) && this.selection.hasSave(s))
      .map((save) => {
        const recipe = this.recipes?.textsOf(save, attempts) ?? (() => undefined);
        return openSink(save, { task, all: this.tasksOf(save), recipe }, context, this.sheets);
      });
    if (this.request.piece !== undefined) {
      const expected = this.plan.expects.some((e) => e.task === index);
      return [
        ...saving.map((sink) => keepingSink((picture) => sink.wants(picture))),
        ...(expected ? [keepingSink((p) => isOutcome(task, p))] : []),
      ];
    }
    return watching === undefined ? saving : [watching, ...saving];
  }

  private tasksOf({ tasks }: Save): readonly Task[] {
    return tasks.map((at) => this.plan.tasks[at] ?? missing(at));
  }

  /** The painter of a task's model. How many pictures it makes at once is settled by the first task that asks. */
  private painterOf(task: Task, model: Model, { synthesis }: TaskProgram, engine: Engine, count: number): Painter {
    const key = `${task.model} ${task.noise}`;
    const known = this.painters.get(key);
    if (known !== undefined) return known;
    const made = openPainter({
      ...{ model, engine, services: this.world, noise: task.noise, count },
      synthesis: synthesis && ((rows) => synthesis(rows).compiled()),
      onShort: (left) => this.say([shortOfMemory(left)]),
    });
    this.painters.set(key, made);
    return made;
  }

  private async labellerOf(model: Model): Promise<Labeller | undefined> {
    const known = this.labellers.get(model);
    if (known !== undefined) return known;
    const opened = await this.world.openLabeller(model);
    if (opened !== undefined) this.labellers.set(model, opened);
    return opened;
  }

  /** Who judges the attempts of a task, where its slots try again and nobody has judged them before. */
  private judgeOf(
    task: Task,
    model: Model,
    byLabeller: (labeller: Labeller) => AttemptJudge,
  ): AttemptJudge | undefined {
    if (this.request.attempts !== undefined || !triesAgain(task)) return undefined;
    return task.accept.by === "heads" ? witnessJudge(model) : byLabeller(this.labellers.get(model) ?? noLabeller(task));
  }

  /** Opens the labellers that are to judge attempts, expectations or marks, before anything is drawn. Errors as requireJudge. */
  private async openJudges({ models }: Workshop): Promise<void> {
    const { plan, selection } = this;
    for (const [index, task] of plan.tasks.entries()) {
      const model = models[task.model];
      if (model === undefined || selection.rows(index).length === 0) continue;
      const expected = selection.judges && plan.expects.some((e) => e.task === index);
      const marked = plan.saves.some(
        (s) => s.tasks.includes(index) && selection.hasSave(s) && "marks" in s.form && s.form.marks,
      );
      if (expected || marked) await this.labellerOf(model);
      if (this.request.attempts !== undefined || !triesAgain(task)) continue;
      requireJudge(task, model, task.accept.by === "labeller" ? await this.labellerOf(model) : undefined);
    }
  }

  private say(diagnostics: readonly Diagnostic[]): void {
    this.diagnostics.push(...diagnostics);
    for (const diagnostic of diagnostics) this.request.onEvent?.({ kind: "diagnostic", diagnostic });
  }

  private async record(shop: Workshop): Promise<Results> {
    const { plan, request, tasks, expectations, outputs, diagnostics } = this;
    const { folder, recordFile } = this.place;
    const { host } = this.world;
    const seconds = new Map<string, number>([...this.clock.seconds, ["total", (host.now() - this.start) / 1000]]);
    const { engine, models } = shop;
    const judges = models.map((model) => {
      const labeller = this.labellers.get(model);
      return labeller && { ...identityOf(labeller), labelled: labelledBy(labeller, model.info.attributes) };
    });
    const path = outputPath(host, request.out, recordFile);
    const isWhole = request.only === undefined && request.first === undefined;
    const names = outputs.map((o) => ({ file: relativeTo(folder, o.file) }));
    const record = makeRecord({
      plan,
      script: request.script,
      overrides: request.source?.overrides ?? {},
      shard: request.shard,
      engine,
      models,
      judges,
      tasks,
      expectations,
      outputs,
      left: isWhole ? await leftOutputs(host, path, names) : [],
      folder,
      diagnostics,
      seconds,
    });
    await host.writeAtomic(path, printRecord(record));
    return { tasks, expectations, outputs, diagnostics, models, record, recordFile };
  }
}

function select(plan: Plan, { only, shard, piece, first }: Request): Selection {
  if (piece !== undefined) return selectPiece(plan, piece);
  if (only !== undefined) return selectImage(plan, only);
  if (shard !== undefined) return selectShard(plan, shard);
  return first === undefined ? selectAll(plan) : selectFirst(plan, first);
}

function noLabeller({ name }: Task): never {
  throw new InternalError(`no labeller was opened for ${name}`);
}

function missing(task: number): never {
  throw new InternalError(`there is no task ${task}, or it has no results yet`);
}
