// `lacec eval`: runs the tasks of a plan and measures what came of them, as docs/eval.md defines it.
// In: a plan, services, a labeller. Out: an Evaluation, and the pictures of each set for a report.
// Invariants: the script's own saves and expectations are left out, and nothing is written; every image is looked at once.
import { valuesAt } from "../../compiler/axes.js";
import type { Plan, Task } from "../../compiler/plan.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { InternalError } from "../../source/internal-error.js";
import { openDrawer } from "../label/draw-rows.js";
import { shortOfMemory } from "../../runtime/show/image-batches.js";
import { openPainter, type Painter } from "../../runtime/show/painter.js";
import type { Engine } from "../../runtime/services/engine.js";
import { PhaseClock, type OnEvent } from "../../ports/events.js";
import { execute } from "../../runtime/execute.js";
import { outputsOf } from "../../runtime/draw/columns.js";
import type { ScriptIdentity } from "../../runtime/record/record.js";
import { modelForClass } from "../../runtime/show/synthesis-inputs.js";
import type { SampleResult, TaskResult } from "../../runtime/draw/results.js";
import type { Labeller, Services } from "../../runtime/services/services.js";
import { dryWorld } from "../../runtime/services/world.js";
import { stopIfAborted } from "../../ports/stop.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import { identityOf } from "../../runtime/services/labeller-identity.js";
import type { Model } from "../../models/model.js";
import { untruncatedFrom } from "../../compiler/build/compile-task.js";
import { stylesOf } from "../../runtime/draw/styles.js";
import { estimate, share, type Estimate } from "./bootstrap.js";
import { changed, clausesOf, judgeAll, satisfied, textOf, type Clause } from "./conditions.js";
import { translate, type Translation } from "../../runtime/services/translation.js";
import type { ClauseMeasure, Evaluated, SetMeasure, Sheet, StepMeasure } from "./evaluation.js";
import { frechetDistance, type Moments } from "./frechet.js";
import { featuresOf, LOOK, momentsOfSeen, similarities, type Seen } from "./seen.js";

/** Seed of the unconditional images: one that scripts do not happen to use. */
const REFERENCE_SEED = 4_000_000_007;
/** Pictures of a set that a report shows. */
const SHOWN = 16;

export interface EvaluationOptions {
  readonly services: Services;
  readonly script: ScriptIdentity;
  readonly sources: ReadonlyMap<string, string>;
  readonly openLabeller: (model: Model) => Promise<Labeller>;
  /** How many unconditional images of each model and truncation everything is compared with. */
  readonly reference: number;
  readonly real?: readonly RgbImage[];
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
}

/** What sets of one model, drawn in one way, are measured against. */
interface Yardstick {
  /** Draws as the task says: its noise, its cutoff. */
  readonly painter: Painter;
  readonly outputs: readonly HeadOutputs[];
  readonly moments: Moments | undefined;
  readonly floor: number | null;
}

interface Bench {
  readonly model: Model;
  readonly labeller: Labeller;
  readonly translation: Translation;
  readonly real: Moments | undefined;
}

/**
 * Evaluates a plan.
 *
 * Errors   LaceError as execute's, and those of the labeller.
 */
export async function evaluate(plan: Plan, options: EvaluationOptions): Promise<Evaluated> {
  const { services, signal } = options;
  const onEvent = options.onEvent ?? ((): void => undefined);
  const clock = new PhaseClock(() => services.host.now(), onEvent);
  const results = await execute({ ...plan, saves: [], expects: [] }, dryWorld(services), {
    out: ".",
    script: options.script,
    onEvent,
    ...(signal === undefined ? {} : { signal }),
  });
  const engine = await services.openEngine();
  const benches = new Map<Model, Bench>();
  const yardsticks = new Map<string, Yardstick>();
  const sheets = new Map<string, Sheet>();
  const sets: SetMeasure[] = [];
  const evaluator = new Evaluator(engine, options, clock);
  try {
    for (const result of results.tasks) {
      const model = results.models[result.task.model];
      const planModel = plan.models[result.task.model];
      if (model === undefined || planModel === undefined) throw new InternalError(`no model of ${result.task.name}`);
      const bench = benches.get(model) ?? (await evaluator.openBench(model));
      benches.set(model, bench);
      const { class: index, truncation, cutoff, noise } = result.task;
      const key = JSON.stringify([result.task.model, index, truncation, cutoff, noise]);
      const yardstick = yardsticks.get(key) ?? (await evaluator.yardstick(bench, result.task, planModel.alias));
      yardsticks.set(key, yardstick);
      const { measure, sheet } = await evaluator.measure(result, bench, yardstick, planModel.alias);
      sets.push(measure);
      sheets.set(measure.name, sheet);
    }
    const labellers = [...benches].map(([model, { labeller }]) => {
      return { model: model.info.name, ...identityOf(labeller) };
    });
    const evaluation = {
      ...{ sets, labellers, reference: options.reference, real: options.real?.length ?? 0 },
      engine: engine.description,
    };
    return { evaluation, sheets };
  } finally {
    for (const { labeller } of benches.values()) await labeller.dispose();
    for (const { painter } of yardsticks.values()) await painter.dispose();
    await engine.dispose();
  }
}

class Evaluator {
  constructor(
    private readonly engine: Engine,
    private readonly options: EvaluationOptions,
    private readonly clock: PhaseClock,
  ) {}

  async openBench(model: Model): Promise<Bench> {
    const labeller = await this.options.openLabeller(model);
    const { real } = this.options;
    const features = real === undefined ? undefined : await featuresOf(real, labeller);
    return {
      ...{ model, labeller },
      translation: translate(labeller.attributes, model.info.attributes),
      real: features,
    };
  }

  /** Images of a model without any condition, drawn as a task is: its class, truncation and noise. */
  async yardstick(bench: Bench, task: Task, alias: string): Promise<Yardstick> {
    const { reference, signal } = this.options;
    const { truncation } = task;
    const model = modelForClass(bench.model, task.class);
    const { services, onEvent } = this.options;
    const painter = openPainter({
      ...{ model, engine: this.engine, services, noise: task.noise, count: LOOK },
      onShort: (left) => onEvent?.({ kind: "note", text: shortOfMemory(left).message }),
    });
    const drawer = await openDrawer(model, this.engine, {
      ...{ seed: REFERENCE_SEED, truncation: [truncation, truncation], jitter: 0 },
    });
    const { wDim, numWs } = bench.model.info;
    const name = `${alias}, unconditional`;
    const from = untruncatedFrom(task, model);
    try {
      const seen: Seen[] = [];
      await this.clock.run("synthesise", { task: name, total: reference }, async () => {
        for (let start = 0; start < reference; start += LOOK) {
          stopIfAborted(signal);
          const size = Math.min(LOOK, reference - start);
          const { w, mapped } = await drawer.draw(start, size);
          const row = (all: Float32Array, i: number): Float32Array => all.subarray(i * wDim, (i + 1) * wDim);
          const styles = Array.from({ length: size }, (_, i) => {
            const far = from === undefined ? {} : { far: { from, w: row(mapped, i) } };
            return stylesOf({ w: row(w, i), ...far }, numWs);
          });
          const rows = styles.map((_, i) => ({ seed: REFERENCE_SEED, sample: start + i }));
          seen.push(...(await this.look(await painter.paint(styles, rows), bench)));
          this.clock.progress("synthesise", name, start + size, reference);
        }
      });
      const half = Math.floor(seen.length / 2);
      const [one, two] = [momentsOfSeen(seen.slice(0, half)), momentsOfSeen(seen.slice(half))];
      return {
        painter,
        outputs: seen.map((s) => s.outputs),
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

  async measure(
    result: TaskResult,
    bench: Bench,
    yardstick: Yardstick,
    alias: string,
  ): Promise<{ readonly measure: SetMeasure; readonly sheet: Sheet }> {
    const { task, samples, before = [] } = result;
    const { services } = this.options;
    const pictures = [...before, ...samples].sort((a, b) => a.index - b.index || a.part - b.part);
    const seen = new Map<SampleResult, Seen>();
    const shown: (RgbImage | undefined)[] = [];
    const rows = new Set(pictures.map((p) => p.index)).size;
    const columns = pictures.length / rows;
    let painting = 0;
    await this.clock.run("synthesise", { task: task.name, total: pictures.length }, async () => {
      for (let start = 0; start < pictures.length; start += LOOK) {
        stopIfAborted(this.options.signal);
        const batch = pictures.slice(start, start + LOOK);
        const alive = batch.filter((p) => p.w.length > 0);
        const began = services.host.now();
        const images = await yardstick.painter.paint(
          alive.map((p) => stylesOf(p, bench.model.info.numWs)),
          alive.map((p) => ({ seed: p.seed, sample: p.origin })),
        );
        painting += services.host.now() - began;
        const looks = await this.look(images, bench);
        alive.forEach((p, k) => {
          const look = looks[k];
          if (look !== undefined) seen.set(p, look);
        });
        for (const p of batch) {
          const row = columns > 1 ? p.index < SHOWN / 2 : shown.length < SHOWN;
          if (row) shown.push(images[alive.indexOf(p)]);
        }
        this.clock.progress("synthesise", task.name, start + batch.length, pictures.length);
      }
    });
    const outcomes = task.kind === "edit" ? samples.filter((s) => s.part === task.steps.length - 1) : samples;
    const moments = momentsOfSeen(outcomes.map((s) => seen.get(s)).filter((s) => s !== undefined));
    const distance = (to: Moments | undefined): number | null =>
      moments === undefined || to === undefined ? null : frechetDistance(moments, to);
    const images = outcomes.length;
    const sampling = (result.seconds.get("sample") ?? 0) / Math.max(1, images);
    const measure: SetMeasure = {
      ...{ name: task.name, kind: task.kind, model: alias, sampler: samplerText(task), truncation: task.truncation },
      images,
      failed: outcomes.filter((s) => s.status !== "done" && s.status !== "unsatisfied").length,
      clauses: this.clauses(task, outcomes, seen, bench, yardstick),
      frechet: { unconditional: distance(yardstick.moments), real: distance(bench.real), floor: yardstick.floor },
      edit: task.kind === "edit" ? this.edit(task, before, samples, seen, bench, yardstick.moments?.mean) : null,
      typicality: typicalityOf(outcomes),
      evaluations: samples.reduce((n, s) => n + s.evaluations, 0) / Math.max(1, images),
      secondsPerImage: { sample: sampling, synthesis: painting / 1000 / Math.max(1, pictures.length) },
    };
    return { measure, sheet: { columns: columns > 1 ? columns : Math.ceil(Math.sqrt(shown.length)), images: shown } };
  }

  private clauses(
    task: Task,
    outcomes: readonly SampleResult[],
    seen: ReadonlyMap<SampleResult, Seen>,
    { translation, labeller }: Bench,
    yardstick: Yardstick,
  ): ClauseMeasure[] {
    const { sources } = this.options;
    const measureOf = ({ text, energy }: Clause, of: readonly SampleResult[]): ClauseMeasure => {
      const known = translation.knows(energy);
      const byLabeller = known
        ? judgeAll(
            energy,
            of.map((s) => seen.get(s)?.outputs),
          )
        : [];
      const byHeads = judgeAll(
        energy,
        of.map((s) => s.heads),
      );
      const unclear = labeller.tellsUnclear === true ? share(byLabeller.map((v) => v === "unclear")) : undefined;
      return {
        text,
        labeller: share(satisfied(byLabeller)) ?? null,
        unclear: unclear?.mean ?? null,
        heads: share(satisfied(byHeads)) ?? null,
        prior: known ? (share(satisfied(judgeAll(energy, yardstick.outputs)))?.mean ?? null) : null,
      };
    };
    switch (task.kind) {
      case "sample":
      case "traverse":
        return clausesOf(task.energy, sources).map((c) => measureOf(c, outcomes));
      case "sweep":
        return task.cells.map((energy, part) =>
          measureOf(
            { text: cellText(task, part), energy },
            outcomes.filter((s) => s.part === part),
          ),
        );
      case "edit":
        return task.steps.map(({ energy }) => measureOf({ text: textOf(energy, sources), energy }, outcomes));
    }
  }

  private edit(
    task: Extract<Task, { kind: "edit" }>,
    before: readonly SampleResult[],
    samples: readonly SampleResult[],
    seen: ReadonlyMap<SampleResult, Seen>,
    { translation, labeller, model }: Bench,
    centre: Float64Array | undefined,
  ): SetMeasure["edit"] {
    const stateAt = (part: number): readonly (Seen | undefined)[] =>
      before.map((b) => seen.get(part < 0 ? b : (samples.find((s) => s.index === b.index && s.part === part) ?? b)));
    const start = stateAt(-1);
    const steps = task.steps.map(({ energy, names }, part): StepMeasure => {
      const [from, to] = [stateAt(part - 1), stateAt(part)];
      const rate = (states: readonly (Seen | undefined)[]): Estimate | null =>
        translation.knows(energy)
          ? (share(
              satisfied(
                judgeAll(
                  energy,
                  states.map((s) => s?.outputs),
                ),
              ),
            ) ?? null)
          : null;
      const [was, is] = [rate(from), rate(to)];
      const pairs = from.map((f, row) => [f?.outputs, to[row]?.outputs] as const);
      const drifts = model.info.attributes.flatMap((attribute, k) => {
        if (names.includes(k) || !labeller.attributes.some((a) => a.name === attribute.name)) return [];
        const moved = pairs.map(
          ([a, b]) => a === undefined || b === undefined || changed(attribute, a[k] ?? [], b[k] ?? []),
        );
        return [{ attribute: attribute.name, share: moved.filter(Boolean).length / Math.max(1, moved.length) }];
      });
      const drift = drifts.reduce<StepMeasure["drift"]>((m, d) => (m === null || d.share > m.share ? d : m), null);
      const score = was === null || is === null ? null : is.mean - was.mean - (drift?.share ?? 0);
      return {
        text: textOf(energy, this.options.sources),
        ...{ before: was, after: is, drift, score },
        identity: estimate(similarities(start, to, centre)) ?? null,
      };
    });
    const scores = steps.map((s) => s.score).filter((s) => s !== null);
    const shifted = [...start.slice(1), start[0]];
    return {
      steps,
      des: scores.length === steps.length ? scores.reduce((a, b) => a + b, 0) / Math.max(1, scores.length) : null,
      identity: steps.at(-1)?.identity ?? null,
      strangers: start.length < 2 ? null : (estimate(similarities(start, shifted, centre))?.mean ?? null),
    };
  }

  private async look(images: readonly RgbImage[], { labeller, translation }: Bench): Promise<Seen[]> {
    if (images.length === 0) return [];
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

/** Mean of |z|^2 / d. */
function typicalityOf(samples: readonly SampleResult[]): number | null {
  const each = samples.flatMap(({ z }) => {
    const length = z.reduce((sum, v) => sum + v * v, 0) / z.length;
    return Number.isFinite(length) ? [length] : [];
  });
  return each.length === 0 ? null : each.reduce((a, b) => a + b, 0) / each.length;
}

function samplerText({ sampler }: Task): string {
  return sampler.kind === "ode" ? `ode ${sampler.solver}` : sampler.kind;
}

/** The values of a sweep's cell: `t 0.5`. */
function cellText({ axes }: Extract<Task, { kind: "sweep" }>, part: number): string {
  return valuesAt(axes, part)
    .map((value, i) => `${axes[i]?.name ?? ""} ${value}`)
    .join(", ");
}
