// `lacec eval`: runs the tasks of a plan and measures what came of them, as docs/eval.md defines it.
// In: a plan, services, a labeller. Out: an Evaluation, and the pictures of each set for a report.
// Invariants: the script's own saves and expectations are left out, and nothing is written; every image is looked at once.
import type { Plan, Task } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import { openDrawer } from "../label/draw-rows.js";
import { shortOfMemory } from "../../runtime/show/image-batches.js";
import { openPainter, type Painter } from "../../runtime/show/painter.js";
import type { Engine } from "../../runtime/services/engine.js";
import { PhaseClock, type OnEvent } from "../../ports/events.js";
import { execute } from "../../runtime/execute.js";
import { outputsOf } from "../../runtime/draw/columns.js";
import type { ScriptIdentity } from "../../runtime/record/record.js";
import { modelForClass, rowOf } from "../../runtime/show/synthesis-inputs.js";
import type { SampleResult, TaskResult } from "../../runtime/draw/results.js";
import type { Labeller, Services } from "../../runtime/services/services.js";
import { ahead } from "../../runtime/run/portions.js";
import { dryWorld } from "../../runtime/services/world.js";
import { stopIfAborted } from "../../ports/stop.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import { identityOf, judgedHeads } from "../../runtime/services/labeller-identity.js";
import type { Model } from "../../models/model.js";
import { compileTask, untruncatedFrom } from "../../compiler/build/compile-task.js";
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
import { stylesOf } from "../../runtime/draw/styles.js";
import type { Evaluated, SetMeasure, Sheet } from "./evaluation.js";
import { frechetDistance, type Moments } from "./frechet.js";
import { followed, unjudged, unread } from "./warnings.js";
import { featuresOf, LOOK, momentsOfSeen, type Seen } from "./seen.js";

/** Seed of the unconditional images: one that scripts do not happen to use. */
const REFERENCE_SEED = 4_000_000_007;
/** Pictures of a set that a report shows. */
const SHOWN = 16;

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
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
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
export async function evaluate(plan: Plan, options: EvaluationOptions): Promise<Evaluated> {
  const { services, signal } = options;
  const onEvent = options.onEvent ?? ((): void => undefined);
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
    const results = await execute({ ...plan, saves: [], expects: [] }, dryWorld(world), {
      out: ".",
      script: options.script,
      onEvent,
      ...(signal !== undefined && { signal }),
    });
    const byHand = hand === undefined ? undefined : await matchHands(hand, plan, results, services, onEvent);
    engine = await services.openEngine();
    const evaluator = new Evaluator(engine, options, clock);
    for (const result of results.tasks) {
      const model = results.models[result.task.model];
      const planModel = plan.models[result.task.model];
      const bench = model && benches.get(model);
      if (bench === undefined || planModel === undefined) throw new InternalError(`no model of ${result.task.name}`);
      const { class: index, truncation, cutoff, noise } = result.task;
      const key = JSON.stringify([result.task.model, index, truncation, cutoff, noise]);
      const yardstick = yardsticks.get(key) ?? (await evaluator.yardstick(bench, result.task, planModel.alias));
      yardsticks.set(key, yardstick);
      const { measure, sheet } = await evaluator.measure(result, bench, yardstick, planModel.alias, byHand);
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

/** The same services, with each model loaded once. */
function withModels(services: Services): Services {
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

async function openBench(model: Model, { openLabeller, real }: EvaluationOptions): Promise<Bench> {
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

/** Some pictures of a task, those that have an image, and these. */
interface PaintedBatch {
  readonly batch: readonly SampleResult[];
  readonly alive: readonly SampleResult[];
  readonly images: readonly RgbImage[];
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
    const { wDim, numWs } = bench.model.info;
    const name = `${alias}, unconditional`;
    const from = untruncatedFrom(task, model);
    const readout = this.readoutOf(task, model);
    try {
      const seen: Seen[] = [];
      const began = services.host.now();
      const paintAll = async function* (): AsyncGenerator<readonly RgbImage[], void> {
        for (let start = 0; start < reference; start += LOOK) {
          stopIfAborted(signal);
          const size = Math.min(LOOK, reference - start);
          const { w, mapped } = await drawer.draw(start, size);
          const row = (all: Float32Array, i: number): Float32Array => all.subarray(i * wDim, (i + 1) * wDim);
          const styles = Array.from({ length: size }, (_, i) => {
            const far = from === undefined ? {} : { far: { from, w: row(mapped, i) } };
            return stylesOf({ w: row(w, i), ...far }, numWs);
          });
          const rows = styles.map((_, i) => ({ seed: REFERENCE_SEED, sample: start + i, truncation }));
          yield await painter.paint(styles, rows);
        }
      };
      const look = async (): Promise<void> => {
        for await (const images of ahead(paintAll(), painter.atOnce > 1 ? 1 : 0)) {
          seen.push(...(await this.look(images, bench)));
          this.clock.progress("synthesise", name, seen.length, reference);
        }
      };
      if (reference > 0) await this.clock.run("synthesise", { task: name, total: reference }, look);
      const half = Math.floor(seen.length / 2);
      const [one, two] = [momentsOfSeen(seen.slice(0, half)), momentsOfSeen(seen.slice(half))];
      return {
        ...{ painter, seen, model, read: readout.read },
        secondsPerDraw: (services.host.now() - began) / 1000 / Math.max(1, reference),
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

  async measure(
    result: TaskResult,
    bench: Bench,
    yardstick: Yardstick,
    alias: string,
    byHand?: ByHand,
  ): Promise<{ readonly measure: SetMeasure; readonly sheet: Sheet }> {
    const { task, samples, before = [] } = result;
    const { services } = this.options;
    const pictures = [...before, ...samples].sort((a, b) => a.index - b.index || a.part - b.part);
    const seen = new Map<SampleResult, Seen>();
    const shown: (RgbImage | undefined)[] = [];
    const rows = new Set(pictures.map((p) => p.index)).size;
    const columns = pictures.length / rows;
    let painting = 0;
    const { signal } = this.options;
    const paintAll = async function* (): AsyncGenerator<PaintedBatch, void> {
      for (let start = 0; start < pictures.length; start += LOOK) {
        stopIfAborted(signal);
        const batch = pictures.slice(start, start + LOOK);
        const alive = batch.filter((p) => p.w.length > 0);
        const began = services.host.now();
        const images = await yardstick.painter.paint(
          alive.map((p) => stylesOf(p, bench.model.info.numWs)),
          alive.map((p) => rowOf(task, p)),
        );
        painting += services.host.now() - began;
        yield { batch, alive, images };
      }
    };
    await this.clock.run("synthesise", { task: task.name, total: pictures.length }, async () => {
      let done = 0;
      for await (const { batch, alive, images } of ahead(paintAll(), yardstick.painter.atOnce > 1 ? 1 : 0)) {
        const looks = await this.look(images, bench);
        alive.forEach((p, k) => {
          const look = looks[k];
          if (look !== undefined) seen.set(p, look);
        });
        for (const p of batch) {
          const row = columns > 1 ? p.index < SHOWN / 2 : shown.length < SHOWN;
          if (row) shown.push(images[alive.indexOf(p)]);
        }
        done += batch.length;
        this.clock.progress("synthesise", task.name, done, pictures.length);
      }
    });
    const outcomes = outcomesOf(result);
    const moments = momentsOfSeen(outcomes.map((s) => seen.get(s)).filter((s) => s !== undefined));
    const distance = (to: Moments | undefined): number | null =>
      moments === undefined || to === undefined ? null : frechetDistance(moments, to);
    const images = outcomes.length;
    const goal = goalOf(task);
    const accepted = goal === undefined ? undefined : acceptedOf(goal, images, bench, yardstick.seen);
    const sampling = (result.seconds.get("sample") ?? 0) / Math.max(1, images);
    const typicality = typicalityOf(outcomes);
    const evaluations = samples.reduce((n, s) => n + s.evaluations, 0) / Math.max(1, images);
    const synthesis = painting / 1000 / Math.max(1, pictures.length);
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

  private async look(images: readonly RgbImage[], { labeller, translation }: Bench): Promise<Seen[]> {
    if (images.length === 0) return [];
    if (labeller === undefined)
      return images.map(() => ({ columns: new Float32Array(0), outputs: [], features: undefined }));
    const labels = await labeller.look(images);
    const { columns, features } = labels;
    const outputs = outputsOf(labels, images.length, labeller.attributes);
    const row = (all: Float32Array, k: number): Float32Array => {
      const width = all.length / images.length;
      return all.subarray(k * width, (k + 1) * width);
    };
    return images.map((_, k) => ({
      columns: row(columns, k),
      outputs: translation.outputs(outputs[k] ?? []),
      features: features === undefined ? undefined : row(features, k),
    }));
  }
}

/** What `make` gives, made when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
