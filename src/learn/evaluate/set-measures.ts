// What is measured of one set of pictures that were judged: clauses, an edit's steps, the images that are accepted without a condition.
// In: samples of a task and what was seen of each. Out: parts of a SetMeasure. Invariant: nothing here draws or looks.
import { valuesAt } from "../../compiler/axes.js";
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import { holds, type HeadOutputs } from "../../compiler/energy/interpret.js";
import type { Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import type { SampleResult } from "../../runtime/draw/results.js";
import type { Labeller } from "../../runtime/services/services.js";
import type { Translation } from "../../runtime/services/translation.js";
import { estimate, share, type Estimate } from "./bootstrap.js";
import { changed, clausesOf, judgeAll, satisfied, textOf, type Clause } from "./conditions.js";
import type { ClauseMeasure, HandCount, SetMeasure, StepMeasure } from "./evaluation.js";
import { frechetDistance, type Moments } from "./frechet.js";
import { momentsOfSeen, similarities, type Seen } from "./seen.js";

/** A model, and who judges its pictures. */
export interface Bench {
  readonly model: Model;
  readonly labeller: Labeller | undefined;
  readonly translation: Translation;
  readonly real: Moments | undefined;
}

/** The unconditional images that the judge accepts, and how far some of them, as many as a set has, are from the others. */
export function acceptedOf(
  goal: Energy,
  images: number,
  { translation, labeller }: Bench,
  seen: readonly Seen[],
): { readonly count: number; readonly moments: Moments | undefined; readonly floor: number | null } | undefined {
  if (labeller === undefined || !translation.knows(goal)) return undefined;
  const good = seen.filter((s) => holds(goal, s.outputs));
  const some = Math.min(images, Math.floor(good.length / 2));
  const [one, two] = [momentsOfSeen(good.slice(0, some)), momentsOfSeen(good.slice(some))];
  return {
    ...{ count: good.length, moments: momentsOfSeen(good) },
    floor: one === undefined || two === undefined ? null : frechetDistance(one, two),
  };
}

/** What is asked of a set, clause by clause, and how much of it holds. */
export function clauseMeasures(
  task: Task,
  outcomes: readonly SampleResult[],
  seen: ReadonlyMap<SampleResult, Seen>,
  { translation, labeller }: Bench,
  unconditional: readonly Seen[],
  sources: ReadonlyMap<string, string>,
  byHand?: ReadonlyMap<SampleResult, HeadOutputs>,
): ClauseMeasure[] {
  const measureOf = ({ text, energy }: Clause, of: readonly SampleResult[]): ClauseMeasure => {
    const known = labeller !== undefined && translation.knows(energy);
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
    const unclear = labeller?.tellsUnclear === true ? share(byLabeller.map((v) => v === "unclear")) : undefined;
    return {
      text,
      labeller: share(satisfied(byLabeller)) ?? null,
      unclear: unclear?.mean ?? null,
      heads: share(satisfied(byHeads)) ?? null,
      hand: byHand === undefined ? null : handCount(energy, of, byHand),
      prior: known ? (share(unconditional.map((s) => holds(energy, s.outputs)))?.mean ?? null) : null,
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

/** What hands say of a condition, of the pictures whose labels say something of all that it names. */
function handCount(
  energy: Energy,
  of: readonly SampleResult[],
  byHand: ReadonlyMap<SampleResult, HeadOutputs>,
): HandCount | null {
  const named = [...attributesNamed(energy)];
  const looked = of.flatMap((s) => {
    const outputs = byHand.get(s);
    return outputs !== undefined && named.every((a) => (outputs[a] ?? []).length > 0) ? [outputs] : [];
  });
  const verdicts = judgeAll(energy, looked);
  const counted = share(satisfied(verdicts));
  return counted === undefined
    ? null
    : { ...counted, unclear: verdicts.filter((v) => v === "unclear").length / verdicts.length };
}

/** An edit step by step: gains, drifts, identities. `centre`: the mean of features of unconditional images. */
export function editMeasure(
  task: Extract<Task, { kind: "edit" }>,
  before: readonly SampleResult[],
  samples: readonly SampleResult[],
  seen: ReadonlyMap<SampleResult, Seen>,
  { translation, labeller, model }: Bench,
  centre: Float64Array | undefined,
  sources: ReadonlyMap<string, string>,
): SetMeasure["edit"] {
  const stateAt = (part: number): readonly (Seen | undefined)[] =>
    before.map((b) => seen.get(part < 0 ? b : (samples.find((s) => s.index === b.index && s.part === part) ?? b)));
  const start = stateAt(-1);
  const steps = task.steps.map(({ energy, names }, part): StepMeasure => {
    const [from, to] = [stateAt(part - 1), stateAt(part)];
    const rate = (states: readonly (Seen | undefined)[]): Estimate | null =>
      labeller !== undefined && translation.knows(energy)
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
      if (names.includes(k) || labeller?.attributes.some((a) => a.name === attribute.name) !== true) return [];
      const moved = pairs.map(
        ([a, b]) => a === undefined || b === undefined || changed(attribute, a[k] ?? [], b[k] ?? []),
      );
      return [{ attribute: attribute.name, share: moved.filter(Boolean).length / Math.max(1, moved.length) }];
    });
    const drift = drifts.reduce<StepMeasure["drift"]>((m, d) => (m === null || d.share > m.share ? d : m), null);
    const score = was === null || is === null ? null : is.mean - was.mean - (drift?.share ?? 0);
    return {
      text: textOf(energy, sources),
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

/** What a set is to satisfy as a whole: of an edit, the steps that no later one takes back; of a sweep, each cell has its own. */
export function goalOf(task: Task): Energy | undefined {
  if (task.kind === "sample" || task.kind === "traverse") return task.energy;
  if (task.kind === "sweep") return undefined;
  const lasting = task.steps.filter(({ energy }, k) => {
    const later = new Set(task.steps.slice(k + 1).flatMap((s) => [...attributesNamed(s.energy)]));
    return ![...attributesNamed(energy)].some((a) => later.has(a));
  });
  const [first, ...others] = lasting.map((s) => s.energy);
  if (first === undefined || others.length === 0) return first;
  return { kind: "and", parts: [first, ...others], span: first.span };
}

/** Mean of |z|^2 / d. */
export function typicalityOf(samples: readonly SampleResult[]): number | null {
  const each = samples.flatMap(({ z }) => {
    const length = z.reduce((sum, v) => sum + v * v, 0) / z.length;
    return Number.isFinite(length) ? [length] : [];
  });
  return each.length === 0 ? null : each.reduce((a, b) => a + b, 0) / each.length;
}

/** A sampler by name. */
export function samplerText({ sampler }: Task): string {
  return sampler.kind === "ode" ? `ode ${sampler.solver}` : sampler.kind;
}

/** The values of a sweep's cell: `t 0.5`. */
function cellText({ axes }: Extract<Task, { kind: "sweep" }>, part: number): string {
  return valuesAt(axes, part)
    .map((value, i) => `${axes[i]?.name ?? ""} ${value}`)
    .join(", ");
}
