// `lacec eval`: runs the tasks of a plan and measures what came of them, as docs/eval.md defines it.
// In: a plan, services, a labeller. Out: an Evaluation, and the pictures of each set for a report.
// Invariants: the script's own saves and expectations are left out, and nothing is written; every image is looked at once, while its task is drawn.
import { tunedIn, untuned, type Plan, type Task } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import { openDrawer } from "../label/draw-rows.js";
import { shortOfMemory } from "../../runtime/show/image-batches.js";
import { openPainter, type Painter } from "../../runtime/show/painter.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { Cache } from "../../ports/cache.js";
import { PhaseClock, type OnEvent } from "../../ports/events.js";
import { execute } from "../../runtime/execute.js";
import type { RecipeSource } from "../../runtime/record/recipes.js";
import type { Request } from "../../runtime/run/request.js";
import type { ScriptIdentity } from "../../runtime/record/record.js";
import { modelForClass } from "../../runtime/show/synthesis-inputs.js";
import type { SampleResult, TaskResult } from "../../runtime/draw/results.js";
import type { Labeller, Services } from "../../runtime/services/services.js";
import { dryWorld, type World } from "../../runtime/services/world.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import { identityOf, judgedHeads } from "../../runtime/services/labeller-identity.js";
import type { Model } from "../../models/model.js";
import { compileTask } from "../../compiler/build/compile-task.js";
import type { Executable } from "../../compiler/graph/graph.js";
import { translate } from "../../runtime/services/translation.js";
import { openReadout, readOut } from "../../runtime/draw/readout.js";
import { ENERGY_ROWS } from "../../runtime/plan/tiles.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { modelError } from "../../models/model-error.js";
import type { Results } from "../../runtime/record/record.js";
import type { LabelTable } from "../label/label-table.js";
import { outcomesOf, pictureKeys, readHandLabels, type HandLabels } from "./by-hand.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import {
  acceptedOf,
  clauseMeasures,
  editMeasure,
  goalOf,
  samplerText,
  typicalityOf,
  type Bench,
} from "./set-measures.js";
import { compareMethods } from "./compare.js";
import { drawPrior, type Draws, type ReadLatents } from "./methods.js";
import type { Evaluated, SetMeasure, Sheet } from "./evaluation.js";
import { frechetDistance, type Moments } from "./frechet.js";
import { followed, unjudged, unread } from "./warnings.js";
import { LookAlong } from "./look-along.js";
import { lookingTools, referenceBatches, REFERENCE_SEED } from "./look-batches.js";
import { lookThrough, seenIn, type LookingTools } from "./looking.js";
import { featuresOf, LOOK, momentsOfSeen, type Seen } from "./seen.js";

export interface EvaluationOptions {
  readonly services: Services;
  readonly script: ScriptIdentity;
  readonly sources: ReadonlyMap<string, string>;
  /** Who judges the images of a model; undefined: nobody but its heads. */
  readonly openLabeller: (model: Model) => Promise<Labeller | undefined>;
  /** How many unconditional images of each model and truncation everything is compared with. */
  readonly reference: number;
  readonly real?: readonly RgbImage[];
  /** Labels by hand. */
  readonly hand?: LabelTable;
  /** Whether samples and edits are compared with rejection and linear directions. */
  readonly compare?: boolean;
  /** What has been drawn and looked at already. */
  readonly kept?: KeptEvaluation;
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
}

/** Samples and looks that are kept, by the hash of all that decides them. */
export interface KeptEvaluation {
  readonly cache: Cache;
  /** What their keys hash. */
  readonly source: RecipeSource;
  /** May refuse what the samples depend on by throwing. */
  readonly onLock?: NonNullable<Request["onLock"]>;
  /** Seconds that the samples of a task took where they were drawn; undefined: they are drawn here. */
  readonly sampleSeconds: (task: number) => Promise<number | undefined>;
}

/** What sets of one model, drawn in one way, are measured against. */
interface Yardstick {
  /** Draws as the task says: its noise, its cutoff. */
  readonly painter: Painter;
  readonly seen: readonly Seen[];
  /** Of one unconditional image with its judgement. */
  readonly secondsPerDraw: number;
  /** The model's class fixed, and its read-out: opened when they are first asked for. */
  readonly model: Model;
  readonly read: ReadLatents;
  readonly draws: () => Promise<Draws>;
  readonly close: () => Promise<void>;
  readonly moments: Moments | undefined;
  readonly floor: number | null;
}

/** What hands have said of the outcomes of a run. */
type ByHand = ReadonlyMap<SampleResult, HeadOutputs>;

/**
 * Evaluates a plan.
 *
 * Errors   LaceError as execute's, and those of the labeller.
 */
export async function evaluate(asked: Plan, options: EvaluationOptions): Promise<Evaluated> {
  const plan = untuned(asked);
  const { services } = options;
  const onEvent = options.onEvent ?? ((): void => undefined);
  for (const { name } of tunedIn(asked))
    onEvent({
      kind: "note",
      text: `\`${name}\`: measured without \`tune\`, for an evaluation is of the model as it is`,
    });
  const clock = new PhaseClock(() => services.host.now(), onEvent);
  const world = withModels(services);
  const benches = new Map<Model, Bench>();
  const yardsticks = new Map<string, Yardstick>();
  const sheets = new Map<string, Sheet>();
  const sets: SetMeasure[] = [];
  const warnings: Diagnostic[] = [];
  let engine: Engine | undefined;
  try {
    // Who judges is opened before anything is drawn: one that is missing costs no time.
    for (const { model: at } of plan.tasks) {
      const planModel = plan.models[at];
      const model = planModel === undefined ? undefined : await world.loadModel(planModel);
      if (model !== undefined && !benches.has(model)) benches.set(model, await openBench(model, options));
    }
    const tables = [...benches.keys()].map((m) => m.info.attributes);
    const hand = options.hand === undefined ? undefined : readHandLabels(options.hand, tables);
    engine = await services.openEngine();
    const evaluator = new Evaluator(engine, options, clock);
    const lookedAt = new Map<Task, LookedAt>();
    const lookAt = async (task: Task): Promise<LookedAt> => {
      const known = lookedAt.get(task);
      if (known !== undefined) return known;
      const planModel = plan.models[task.model];
      const bench = planModel && benches.get(await world.loadModel(planModel));
      if (bench === undefined || planModel === undefined) throw new InternalError(`no model of ${task.name}`);
      const { alias } = planModel;
      const key = yardstickKey(task);
      const yardstick = yardsticks.get(key) ?? (await evaluator.yardstick(bench, task, alias));
      yardsticks.set(key, yardstick);
      const made = { bench, yardstick, alias, along: evaluator.lookAlong(task, bench, yardstick) };
      lookedAt.set(task, made);
      return made;
    };
    const shared = { ...engine, dispose: () => Promise.resolve() };
    const results = await drawSets(plan, { ...world, openEngine: () => Promise.resolve(shared) }, options, {
      follow: async (index, portion) => {
        const task = plan.tasks[index];
        if (task === undefined) throw new InternalError(`there is no task ${index}`);
        await (await lookAt(task)).along.add(portion);
      },
    });
    const byHand = hand === undefined ? undefined : await matchHands(hand, plan, results, services, onEvent);
    for (const [at, result] of results.tasks.entries()) {
      const looked = await lookAt(result.task);
      const { bench } = looked;
      const { measure, sheet } = await evaluator.measure(result, looked, {
        byHand,
        sampleSeconds: await options.kept?.sampleSeconds(at),
      });
      sets.push(measure);
      warnings.push(...followed(result.task, bench), ...unread(result.task, bench, options.compare));
      sheets.set(measure.name, sheet);
    }
    const labellers = [...benches].flatMap(([model, { labeller }]) => {
      if (labeller === undefined) return [];
      return [{ model: model.info.name, ...identityOf(labeller), ...judgedHeads(labeller, model.info.attributes) }];
    });
    const evaluation = {
      hand: hand?.file ?? null,
      ...{ sets, labellers, reference: options.reference, real: options.real?.length ?? 0 },
      engine: engine.description,
    };
    return { evaluation, sheets, warnings: [...sets.flatMap(unjudged), ...warnings] };
  } finally {
    for (const { labeller } of benches.values()) await labeller?.dispose();
    for (const { close } of yardsticks.values()) await close();
    await engine?.dispose();
  }
}

/** A task whose pictures are looked at, and what they are measured against. */
interface LookedAt {
  readonly bench: Bench;
  readonly yardstick: Yardstick;
  /** The script's name of the model. */
  readonly alias: string;
  readonly along: LookAlong;
}

/** Draws the tasks of a plan, or a piece of one, for whoever follows: no pictures. Errors: as execute's, and those of whoever follows. */
export async function drawSets(
  plan: Plan,
  services: Services,
  { script, kept, onEvent, signal }: Pick<EvaluationOptions, "script" | "kept" | "onEvent" | "signal">,
  { piece, follow }: Pick<Request, "piece" | "follow"> = {},
): Promise<Results> {
  const world: World = { ...dryWorld(services), ...(kept !== undefined && { cache: kept.cache }) };
  return execute({ ...plan, saves: [], expects: [] }, world, {
    ...{ out: ".", script, provenance: false },
    ...(kept !== undefined && { source: kept.source }),
    ...(kept?.onLock !== undefined && { onLock: kept.onLock }),
    ...(piece !== undefined && { piece }),
    ...(follow !== undefined && { follow }),
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  });
}

/** Tasks of one key are measured against the same unconditional images. */
export function yardstickKey({ model, class: index, truncation, cutoff, noise }: Task): string {
  return JSON.stringify([model, index, truncation, cutoff, noise]);
}

/** The same services, with each model loaded once. */
export function withModels(services: Services): Services {
  const models = new Map<string, Promise<Model>>();
  return {
    ...services,
    loadModel: (asked) => {
      const found = models.get(asked.alias) ?? services.loadModel(asked);
      models.set(asked.alias, found);
      return found;
    },
  };
}

/** The labels of the pictures that a run drew. Errors LaceError L5313 if the table is of none of them. */
async function matchHands(
  hand: HandLabels,
  plan: Plan,
  results: Results,
  { host }: Services,
  onEvent: OnEvent,
): Promise<ByHand> {
  const keys = await pictureKeys(host, plan, results);
  const attributes = new Map(
    results.tasks.flatMap(({ task, samples }) =>
      samples.map((s) => [s, results.models[task.model]?.info.attributes ?? []] as const),
    ),
  );
  const found = new Map<SampleResult, HeadOutputs>();
  for (const [sample, key] of keys) {
    const outputs = hand.outputs(key, attributes.get(sample) ?? []);
    if (outputs !== undefined) found.set(sample, outputs);
  }
  const drawn = new Set(keys.values());
  const strange = [...hand.keys].filter((key) => !drawn.has(key)).length;
  if (found.size === 0)
    throw modelError("L5313", hand.file, "none of its lines is about a picture that this script draws", [
      "the script, its models or its seed have changed since: `lacec eval SCRIPT --export DIR` writes the pictures anew",
    ]);
  if (strange > 0)
    onEvent({
      kind: "note",
      text: `${strange} lines of ${hand.file} are about pictures that this script does not draw`,
    });
  return found;
}

export async function openBench(
  model: Model,
  { openLabeller, real }: Pick<EvaluationOptions, "openLabeller" | "real">,
): Promise<Bench> {
  const labeller = await openLabeller(model);
  try {
    const features = real === undefined || labeller === undefined ? undefined : await featuresOf(real, labeller);
    const translation = translate(labeller?.attributes ?? [], model.info.attributes);
    return { model, labeller, translation, real: features };
  } catch (error) {
    await labeller?.dispose();
    throw error;
  }
}

class Evaluator {
  constructor(
    private readonly engine: Engine,
    private readonly options: EvaluationOptions,
    private readonly clock: PhaseClock,
  ) {}

  /** Images of a model without any condition, drawn as a task is: its class, truncation and noise. */
  async yardstick(bench: Bench, task: Task, alias: string): Promise<Yardstick> {
    const { signal, services } = this.options;
    const reference = bench.labeller === undefined ? 0 : this.options.reference; // nobody would look at them
    const { truncation } = task;
    const model = modelForClass(bench.model, task.class);
    const { onEvent } = this.options;
    const painter = openPainter({
      ...{ model, engine: this.engine, services, noise: task.noise, count: LOOK, total: reference },
      onShort: (left) => onEvent?.({ kind: "note", text: shortOfMemory(left).message }),
    });
    const drawer = await openDrawer(model, this.engine, {
      ...{ seed: REFERENCE_SEED, truncation: [truncation, truncation], jitter: 0 },
    });
    const name = `${alias}, unconditional`;
    const readout = this.readoutOf(task, model);
    try {
      const seen: Seen[] = [];
      const began = services.host.now();
      let elsewhere = 0;
      const look = async (): Promise<void> => {
        const batches = referenceBatches(drawer, { task, model, first: 0, count: reference, signal });
        for await (const looked of lookThrough(batches, this.toolsOf(bench, painter, task))) {
          seen.push(...looked.seen);
          elsewhere += looked.elsewhere;
          this.clock.progress("synthesise", name, seen.length, reference);
        }
      };
      if (reference > 0) await this.clock.run("synthesise", { task: name, total: reference }, look);
      const half = Math.floor(seen.length / 2);
      const [one, two] = [momentsOfSeen(seen.slice(0, half)), momentsOfSeen(seen.slice(half))];
      return {
        ...{ painter, seen, model, read: readout.read },
        secondsPerDraw: ((services.host.now() - began) / 1000 + elsewhere) / Math.max(1, reference),
        draws: once(() => drawPrior(readout.read, model.info.zDim)),
        close: async () => {
          await painter.dispose();
          await readout.close();
        },
        moments: momentsOfSeen(seen),
        floor: one === undefined || two === undefined ? null : frechetDistance(one, two),
      };
    } catch (error) {
      await painter.dispose();
      throw error;
    } finally {
      await drawer.dispose();
    }
  }

  /** w and the heads at some z as a task sees them. */
  private readoutOf(task: Task, model: Model): { readonly read: ReadLatents; readonly close: () => Promise<void> } {
    // At z of the prior: no picture's shift comes in.
    const { shifted = false, ...plain } = task;
    const program = compileTask(shifted ? plain : task, model, { rows: ENERGY_ROWS, layout: this.engine.layout });
    let opened: Promise<Executable> | undefined;
    return {
      read: async (z) => {
        opened ??= openReadout(program, this.engine);
        const lanes = Array.from({ length: z.length / model.info.zDim }, (_, i) => i);
        const wanted = lanes.map(() => true);
        const rows = await readOut(await opened, model, {
          ...{ rows: program.rows, z, lanes, wanted, from: program.far?.from },
        });
        // A head that looks at pictures says nothing of latents.
        const headsOf = (heads: HeadOutputs): HeadOutputs =>
          heads.map((h, a) => (model.weights.heads[a]?.picture === undefined ? h : []));
        return rows.filter((r) => r !== undefined).map((r) => ({ ...r, heads: headsOf(r.heads) }));
      },
      close: async () => (await opened?.catch(() => undefined))?.dispose(),
    };
  }

  /** Looks at the pictures of a task as they come. */
  lookAlong(task: Task, bench: Bench, { painter }: Yardstick): LookAlong {
    const { clock } = this;
    const { signal } = this.options;
    return new LookAlong({ task, model: bench.model, tools: this.toolsOf(bench, painter, task), clock, signal });
  }

  async measure(
    result: TaskResult,
    { bench, yardstick, alias, along }: LookedAt,
    { byHand, sampleSeconds }: { readonly byHand: ByHand | undefined; readonly sampleSeconds: number | undefined },
  ): Promise<{ readonly measure: SetMeasure; readonly sheet: Sheet }> {
    const { task, samples, before = [] } = result;
    const { services } = this.options;
    const pictures = [...before, ...samples];
    const seen = await along.finish(pictures);
    const { shown, columns, painting } = along;
    const outcomes = outcomesOf(result);
    const moments = momentsOfSeen(outcomes.map((s) => seen.get(s)).filter((s) => s !== undefined));
    const distance = (to: Moments | undefined): number | null =>
      moments === undefined || to === undefined ? null : frechetDistance(moments, to);
    const images = outcomes.length;
    const goal = goalOf(task);
    const accepted = goal === undefined ? undefined : acceptedOf(goal, images, bench, yardstick.seen);
    const sampling = (sampleSeconds ?? result.seconds.get("sample") ?? 0) / Math.max(1, images);
    const typicality = typicalityOf(outcomes);
    const evaluations = samples.reduce((n, s) => n + s.evaluations, 0) / Math.max(1, images);
    const synthesis = painting / Math.max(1, pictures.length);
    const { labeller, translation } = bench;
    const methods =
      this.options.compare !== true || goal === undefined || labeller === undefined
        ? []
        : await this.clock.run("compare", { task: task.name }, () =>
            compareMethods(
              {
                ...{ task, outcomes, before, seen, goal, accepted: accepted?.moments, typicality, evaluations },
                seconds: sampling + synthesis,
              },
              {
                ...{ ...yardstick, labeller, translation, reference: yardstick.seen, signal: this.options.signal },
                look: (images) => this.look(images, bench),
                now: () => services.host.now(),
              },
            ),
          );
    const measure: SetMeasure = {
      ...{ name: task.name, kind: task.kind, model: alias, sampler: samplerText(task), truncation: task.truncation },
      images,
      failed: outcomes.filter((s) => s.status !== "done" && s.status !== "unsatisfied").length,
      clauses: clauseMeasures(task, outcomes, seen, bench, yardstick.seen, this.options.sources, byHand),
      frechet: { unconditional: distance(yardstick.moments), real: distance(bench.real), floor: yardstick.floor },
      edit:
        task.kind === "edit"
          ? editMeasure(task, before, samples, seen, bench, yardstick.moments?.mean, this.options.sources)
          : null,
      accepted:
        accepted === undefined
          ? null
          : { count: accepted.count, distance: distance(accepted.moments), floor: accepted.floor },
      ...{ methods, typicality, evaluations, secondsPerImage: { sample: sampling, synthesis } },
    };
    return { measure, sheet: { columns: columns > 1 ? columns : Math.ceil(Math.sqrt(shown.length)), images: shown } };
  }

  private async look(images: readonly RgbImage[], bench: Bench): Promise<Seen[]> {
    const labels = images.length === 0 ? undefined : await bench.labeller?.look(images);
    return seenIn(labels, images.length, bench);
  }

  private toolsOf(bench: Bench, painter: Painter, task: Task): LookingTools {
    const { services, kept, script } = this.options;
    return lookingTools({ bench, painter, task, engine: this.engine, host: services.host, kept, lacec: script.lacec });
  }
}

/** What `make` gives, made when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
