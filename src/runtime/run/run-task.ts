// One task of a run: drawn a portion at a time, shown while the next is drawn, judged.
// In: a task and what the run has. Out: its results, the verdicts on its expectations, the files that were written.
import { compileTask, type TaskProgram } from "../../compiler/build/compile-task.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { startOf, type Expect, type Plan, type Save, type Task } from "../../compiler/plan.js";
import { latentRows, loadLatents } from "../../models/latents.js";
import type { Model } from "../../models/model.js";
import { PhaseClock } from "../../ports/events.js";
import { InternalError } from "../../source/internal-error.js";
import type { DrawContext } from "../draw/batch.js";
import { drawTask, drawsInParts, type Portion } from "../draw/draw.js";
import { withFeatureOrigin } from "../draw/feature-origin.js";
import { triesAgain } from "../draw/judges.js";
import { MOST_FOLLOWED } from "../draw/solves.js";
import { WORTH_WIDE } from "../draw/wide-tiles.js";
import type { ResultCache } from "../draw/result-cache.js";
import type { SampleResult, TaskResult } from "../draw/results.js";
import { askedOf, isOutcome, partsOf, placesOf, sharesOf, type Place, type Share } from "../plan/places.js";
import type { Selection } from "../plan/selection.js";
import { ENERGY_ROWS, samplesTogether, WIDE_ROWS } from "../plan/tiles.js";
import { byTheFollowed, verdictOn } from "../record/expectations.js";
import { forecastOf } from "../record/forecast.js";
import { attemptsOf, type AttemptsOf } from "../record/recipes.js";
import type { ExpectationResult } from "../record/results.js";
import type { Labeller } from "../services/services.js";
import type { World } from "../services/world.js";
import { makeImages, type SeenPictures } from "../show/images.js";
import { writeLatentFile } from "../show/latent-file.js";
import { labellerJudge } from "../show/labeller-judge.js";
import { picturesOf } from "../show/pictures.js";
import { keepingSink, openSink, type OutputFile, type Sheets, type Sink } from "../show/saves.js";
import { openPreviewer } from "../show/previews.js";
import { modelForClass } from "../show/synthesis-inputs.js";
import { askedPictures, hasPictures } from "./asked-pictures.js";
import { attemptJudge } from "./judges.js";
import { followsNetwork, judgeExpects, soFar } from "./judge-expects.js";
import { framedPhotograph } from "./open-photograph.js";
import { featuresText, openFeatures, withFeatures } from "./photo-features.js";
import type { Photographs } from "./photographs.js";
import { ahead, cutRows } from "./portions.js";
import type { Provenance } from "./provenance.js";
import type { Request } from "./request.js";
import type { Resources, Say } from "./resources.js";

/** What the tasks of a run have in common. */
export interface RunContext {
  readonly plan: Plan;
  readonly world: World;
  readonly request: Request;
  readonly selection: Selection;
  readonly resources: Resources;
  readonly provenance: Provenance;
  readonly photographs: Photographs;
  /** Sheets that several tasks fill. */
  readonly sheets: Sheets;
  readonly say: Say;
}

export interface TaskOutcome {
  readonly result: TaskResult;
  readonly expectations: readonly ExpectationResult[];
  readonly outputs: readonly OutputFile[];
}

/** Runs task `index` of the plan; `earlier` are the results of those before it. Errors: LaceError L4106 if the request's signal aborts, L5xxx. */
export async function runTask(index: number, earlier: readonly TaskResult[], cx: RunContext): Promise<TaskOutcome> {
  const { plan, request, selection, resources } = cx;
  const task = plan.tasks[index] ?? missing(index);
  const clock = new PhaseClock(() => cx.world.host.now(), request.onEvent ?? (() => undefined));
  const loaded = resources.modelOf(task);
  const rows = selection.rows(index);
  if (rows.length === 0)
    return { result: { task, samples: [], seconds: clock.seconds }, expectations: [], outputs: [] };
  const original = cx.provenance.resultCaches.get(loaded);
  const watching = await withFeatureOrigin(task, modelForClass(loaded, task.class), {
    ...{ engine: resources.engine, resultCache: original, signal: request.signal },
  });
  const tuned = await cx.photographs.tunedFor(index, clock);
  const model = tuned === undefined ? watching : tuned.tune(watching);
  const resultCache = tuned === undefined ? original : tuned.resultCache;
  const program = compileTask(task, model, { rows: ENERGY_ROWS, layout: resources.engine.layout });
  const own: OwnTask = {
    index,
    task,
    model,
    loaded,
    program,
    clock,
    resultCache,
    tunedTo: tuned?.to,
  };

  // What an edit passes through comes with its solve, and is kept with it: a shard draws it for the run that makes the film.
  const films = plan.saves.filter((s) => s.tasks.includes(index) && (task.kind === "edit" || selection.hasSave(s)));
  const shares = sharesOf(films.map(({ form }) => (form.kind === "animation" ? form.tween : 0)));
  if (triesAgain(task) && task.accept.by === "labeller") {
    const asked = task.kind === "sweep" ? task.cells : [task.energy];
    if (asked.some((energy) => followsNetwork(energy, model, resources.openedLabeller(loaded))))
      cx.say([byTheFollowed(task.name, ["attempts"], task.span)]);
  }
  const drawn = new Gathered();
  // What still draws when pictures cannot be made or written is told to stop.
  const stopping = new AbortController();
  const signal = request.signal === undefined ? stopping.signal : AbortSignal.any([request.signal, stopping.signal]);
  const portions = ahead(draw(own, { rows, shares, earlier, drawn, signal }, cx));
  try {
    const first = await portions.next();
    const saving = openSinks(own, earlier, drawn.samples, cx);
    const compared = await openFeatures(
      {
        ...{ task, model: modelForClass(loaded, task.class), loaded, resultCache: original },
        photograph: () => cx.photographs.picture(index),
      },
      saving,
      { world: cx.world, resources, request },
    );
    const sinks = compared === undefined ? saving : [...saving, compared];
    const expects = selection.judges ? plan.expects.filter((e) => e.task === index) : [];
    const marks = sinks.some((s) => s.marks === true);
    const labeller = expects.length > 0 || marks ? await resources.labellerOf(loaded) : undefined;
    const shown = await show(
      own,
      { portions: resumed(first, portions), drawn, rows, shares, sinks, labeller, marks, expects },
      cx,
    );

    const judged = drawn.samples.filter((s) => isOutcome(task, s));
    const expectations = await judgeExpects(
      expects,
      own,
      { judged, seen: shown.seen, labeller },
      { engine: resources.engine, signal: request.signal, say: cx.say },
    );
    const forecast = forecastOf(judged, (s) => askedOf(task, s), model);
    const { before, between, attempts } = drawn;
    const features = compared?.cosines() ?? {};
    const samples = withFeatures(drawn.samples, features);
    const told = featuresText(features);
    if (told !== undefined) request.onEvent?.({ kind: "note", text: `\`${task.name}\`: ${told}` });
    const result = {
      ...{ task, samples, ...(before.length > 0 && { before }), ...(task.kind !== "edit" && { between }) },
      ...(attempts && { attempts }),
      ...(forecast && { forecast }),
      seconds: clock.seconds,
    };
    return { result, expectations, outputs: [...drawn.latents, ...shown.outputs] };
  } finally {
    stopping.abort();
    await portions.return();
  }
}

/** What is there of a task while the rest is drawn. */
class Gathered {
  readonly samples: SampleResult[] = [];
  readonly before: SampleResult[] = [];
  readonly between: SampleResult[] = [];
  /** What the judge of attempts has seen already. */
  readonly seen = new Map<SampleResult, HeadOutputs>();
  attempts: TaskResult["attempts"];
  latents: readonly OutputFile[] = [];

  add({ samples, before = [], between = [], seen = new Map() }: Portion): void {
    for (const s of samples) this.samples.push(s);
    for (const s of before) this.before.push(s);
    for (const s of between) this.between.push(s);
    for (const [sample, outputs] of seen) this.seen.set(sample, outputs);
  }
}

/** A sequence of which the first answer has been taken already. */
async function* resumed<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

/** A task with what is its own. */
interface OwnTask {
  readonly index: number;
  readonly task: Task;
  /** The model as the task's class has it, and as it was loaded. */
  readonly model: Model;
  readonly loaded: Model;
  readonly program: TaskProgram;
  readonly clock: PhaseClock;
  readonly resultCache: ResultCache | undefined;
  /** The place of the photograph that the model is tuned to. */
  readonly tunedTo: number | undefined;
}

interface Wanted {
  readonly rows: readonly number[];
  readonly shares: readonly Share[];
  readonly earlier: readonly TaskResult[];
  /** Filled as portions come. */
  readonly drawn: Gathered;
  readonly signal: AbortSignal;
}

/** Draws a task a portion at a time; when all are there, says what there is to say of them and writes their latents. */
async function* draw(own: OwnTask, wanted: Wanted, cx: RunContext): AsyncGenerator<Portion, void> {
  const { task, program } = own;
  const { rows, shares, drawn } = wanted;
  // Of an edit each step is a solve of its own, and passes through what lies between.
  const samples = task.kind === "edit" ? 1 : partsOf(task) * (1 + shares.length);
  // Without pictures nothing is gained by portions, and solves of all samples fill their tiles longest.
  const isCut = hasPictures(own.index, cx) && drawsInParts(task) && program.conditions.length <= MOST_FOLLOWED;
  const parts = isCut ? cutRows(rows, samples, samplesTogether(cx.resources.engine.steps, ENERGY_ROWS)) : [rows];
  const inParts =
    parts.length === 1 ? undefined : own.clock.inParts(new Map([[task.name, solvesOf(task, rows, shares)]]));
  const drawing = drawTask(task, drawContext(own, inParts ?? own.clock, wanted, cx), parts);
  try {
    for (;;) {
      const next = await drawing.next();
      if (next.done === true) {
        drawn.attempts = next.value.attempts;
        inParts?.finish();
        cx.say(next.value.diagnostics);
        break;
      }
      drawn.add(next.value);
      await cx.request.follow?.(own.index, next.value);
      yield next.value;
    }
  } finally {
    await drawing.return({ diagnostics: [] });
  }
  drawn.latents = await saveLatents(own, drawn.samples, cx);
}

/** Samples that are solved for. */
function solvesOf(task: Task, rows: readonly number[], shares: readonly Share[]): number {
  return task.kind === "edit" ? rows.length * task.steps.length : placesOf(task, rows, shares).length;
}

function drawContext(
  { index, task, model, loaded, program, resultCache, tunedTo }: OwnTask,
  clock: PhaseClock,
  { rows, shares, earlier, signal }: Wanted,
  cx: RunContext,
): DrawContext {
  const { plan, request, resources } = cx;
  const attempts = request.attempts?.get(task.name) ?? (request.attempts && new Map<number, number>());
  const judge = attemptJudge(task, loaded, request, resources, (labeller) => {
    const painter = resources.painterOf(task, model, program, askedPictures(index, rows.length, cx), tunedTo);
    return labellerJudge({ model, resultCache, task, labeller, signal, painter }, task.name, clock);
  });
  const { engine } = resources;
  // Tiles of pictures are as high as memory allows already.
  const looks = program.conditions.some((condition) => condition.looks);
  const isMany = !looks && rows.length * partsOf(task) >= WORTH_WIDE[engine.steps];
  return {
    ...{ model, program, clock, signal, rows, shares, resultCache, engine },
    ...(isMany && { wide: compileTask(task, model, { rows: WIDE_ROWS[engine.steps], layout: engine.layout }) }),
    ...(judge && { judge }),
    ...(attempts && { attempts }),
    ...(request.onStep && { onStep: request.onStep }),
    photograph: () => cx.photographs.of(index),
    latents: async ({ file, form }) => latentRows(await loadLatents(cx.world.host, file), form, file),
    earlier: (at) => earlier.find((t) => t.task === plan.tasks[at]) ?? missing(at),
  };
}

function openSinks(
  { index, task }: OwnTask,
  earlier: readonly TaskResult[],
  samples: readonly SampleResult[],
  { plan, world, request, selection, resources, provenance, sheets, say }: RunContext,
): Sink[] {
  const { out, onEvent = () => undefined } = request;
  const context = {
    ...{ host: world.host, codec: resources.codec, out, onEvent, written: request.written },
    warn: (d: Parameters<Say>[0][number]) => say([d]),
    photograph: (at: number) => {
      const photo = plan.tasks[at] ?? missing(at);
      const start = startOf(photo);
      if (start?.kind !== "photo") throw new InternalError(`${photo.name} is no photograph`);
      return framedPhotograph(start, { model: resources.modelOf(photo), world, codec: resources.codec });
    },
  };
  const results = [...earlier, { task, samples }];
  const attempts: AttemptsOf = (name) => attemptsOf(results.find((r) => r.task.name === name)?.samples ?? []);
  const watching = request.watch?.(task, samples);
  const saving = plan.saves
    .filter((s) => s.tasks.includes(index) && selection.hasSave(s))
    .map((save) => {
      const recipe = provenance.recipes?.textsOf(save, attempts) ?? (() => undefined);
      return openSink(save, { task, all: tasksOf(plan, save), recipe }, context, sheets);
    });
  if (request.piece !== undefined) {
    const expected = plan.expects.some((e) => e.task === index);
    return [
      ...saving.map((sink) => keepingSink((picture) => sink.wants(picture))),
      ...(expected ? [keepingSink((p) => isOutcome(task, p))] : []),
    ];
  }
  return watching === undefined ? saving : [watching, ...saving];
}

/** Writes the latents of a task's images where that is asked for, and all of them are there. */
async function saveLatents(
  { index, task, model }: OwnTask,
  samples: readonly SampleResult[],
  { plan, world, request, selection }: RunContext,
): Promise<readonly OutputFile[]> {
  const saves = selection.judges ? plan.latentSaves.filter((s) => s.task === index) : [];
  const { out, onEvent = () => undefined } = request;
  const images = samples.filter((s) => isOutcome(task, s));
  const files: OutputFile[] = [];
  for (const save of saves)
    files.push(
      ...(await writeLatentFile(save, { task, images, info: model.info }, { host: world.host, out, onEvent })),
    );
  return files;
}

interface ToShow {
  readonly portions: AsyncGenerator<Portion, void>;
  readonly drawn: Gathered;
  readonly rows: readonly number[];
  readonly shares: readonly Share[];
  readonly sinks: readonly Sink[];
  readonly labeller: Labeller | undefined;
  readonly marks: boolean;
  readonly expects: readonly Expect[];
}

interface Shown {
  readonly outputs: readonly OutputFile[];
  /** What the labeller saw in each outcome; absent: nothing was looked at. */
  readonly seen?: SeenPictures;
}

/** Makes the pictures that sinks or the labeller want while the next are drawn, and the files of the sinks. */
async function show(
  own: OwnTask,
  { portions, drawn, rows, shares, sinks, labeller, marks, expects }: ToShow,
  cx: RunContext,
): Promise<Shown> {
  const { index, task, model, program, clock, resultCache } = own;
  const { selection, resources, request } = cx;
  const isWanted = (p: Place): boolean => {
    const shown = selection.shows(index, p) && sinks.some((s) => s.wants(p));
    return shown || (labeller !== undefined && isOutcome(task, p));
  };
  const total = placesOf(task, rows, shares).filter(isWanted).length;
  if (total === 0) {
    while ((await portions.next()).done !== true);
    return { outputs: [] };
  }
  const painter = resources.painterOf(task, model, program, askedPictures(index, total, cx), own.tunedTo);
  const says = resources.engine.batches === true ? () => `${painter.rows} at a time` : undefined;
  async function* pictures(): AsyncGenerator<readonly SampleResult[], void> {
    for await (const portion of portions) yield picturesOf(portion, shares, model.info.numWs).filter(isWanted);
  }
  const previewer = sinks.some((s) => s.preview) ? openPreviewer(model, resources.engine) : undefined;
  const tellExpects = soFar(own, { expects, labeller }, request);
  const make = async (): Promise<Shown> => {
    const seen = await makeImages({
      ...{ model, painter, resultCache, task, pictures: pictures(), sinks, labeller, signal: request.signal },
      previewer,
      ...(triesAgain(task) && task.accept.by === "labeller" && { known: drawn.seen }),
      verdict: (picture, seen) =>
        marks && isOutcome(task, picture) ? verdictOn(askedOf(task, picture), picture.heads, seen) : undefined,
      onImage: (done, looked) => {
        clock.progress("synthesise", task.name, done, total);
        tellExpects?.(looked);
      },
    }).finally(() => previewer?.dispose());
    const outputs: OutputFile[] = [];
    for (const sink of sinks) outputs.push(...(await sink.finish()));
    return { outputs, ...(labeller && { seen }) };
  };
  return clock.run("synthesise", { task: task.name, total }, make, says);
}

/** The tasks whose pictures a save shows. */
export function tasksOf(plan: Plan, { tasks }: Save): readonly Task[] {
  return tasks.map((at) => plan.tasks[at] ?? missing(at));
}

function missing(task: number): never {
  throw new InternalError(`there is no task ${task}, or it has no results yet`);
}
