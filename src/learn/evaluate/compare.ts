// The table of methods: the script's own images of a set beside those of rejection and of linear directions, judged alike.
// In: what the script made of a task, what its model gives without conditions. Out: a MethodMeasure each.
// Invariants: every method makes as many images as the script (rejection by the judge: as many as its draws fill), and the judge is the same.
import type { Task } from "../../compiler/plan.js";
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import { stopIfAborted } from "../../ports/stop.js";
import { rowOf } from "../../runtime/show/synthesis-inputs.js";
import { drawLatents } from "../../runtime/sample/noise-source.js";
import { stylesOf } from "../../runtime/draw/styles.js";
import type { SampleResult } from "../../runtime/draw/results.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import type { Labeller } from "../../runtime/services/services.js";
import type { Translation } from "../../runtime/services/translation.js";
import type { Painter } from "../../runtime/show/painter.js";
import type { Model } from "../../models/model.js";
import { namedBy } from "./by-hand.js";
import { estimate, share, type Estimate } from "./bootstrap.js";
import { changed, judgeAll, satisfied } from "./conditions.js";
import type { MethodMeasure } from "./evaluation.js";
import { frechetDistance, type Moments } from "./frechet.js";
import {
  directionOf,
  moveStyles,
  rejectByHeads,
  type Candidate,
  type Candidates,
  type Draws,
  type ReadLatents,
} from "./methods.js";
import { LOOK, momentsOfSeen, type Seen } from "./seen.js";

/** What a model gives without conditions, and who looks at it. */
export interface Ground {
  readonly model: Model;
  readonly labeller: Labeller;
  readonly translation: Translation;
  readonly painter: Painter;
  readonly look: (images: readonly RgbImage[]) => Promise<readonly Seen[]>;
  readonly read: ReadLatents;
  readonly draws: () => Promise<Draws>;
  /** Unconditional images, and the seconds that one cost with its judgement. */
  readonly reference: readonly Seen[];
  readonly secondsPerDraw: number;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

/** What the script made of a task. */
export interface Own {
  readonly task: Task;
  readonly outcomes: readonly SampleResult[];
  /** Of an edit: what it began with. */
  readonly before: readonly SampleResult[];
  readonly seen: ReadonlyMap<SampleResult, Seen>;
  readonly goal: Energy;
  /** Moments of the unconditional images that the judge accepts. */
  readonly accepted: Moments | undefined;
  readonly typicality: number | null;
  readonly evaluations: number;
  readonly seconds: number;
}

/** Whether a task asks for what only pictures tell: latents are not read then, by rejection or for a direction. */
export function picturesNamed(task: Task, { weights }: Model): boolean {
  return namedBy(task).some((a) => weights.heads[a]?.picture !== undefined);
}

/** The methods of a task, the script's own first; those that read latents are left out where pictures tell. */
export async function compareMethods(own: Own, ground: Ground): Promise<readonly MethodMeasure[]> {
  const { task, outcomes } = own;
  const { zDim, numWs } = ground.model.info;
  const looks = outcomes.map((s) => own.seen.get(s));
  const methods: MethodMeasure[] = [
    {
      method: "script",
      ...judged(looks, outcomes, own, ground),
      ...{ typicality: own.typicality, evaluations: own.evaluations, seconds: own.seconds },
    },
  ];
  const add = async (method: MethodMeasure["method"], make: () => Promise<Candidates | undefined>): Promise<void> => {
    stopIfAborted(ground.signal);
    const began = ground.now();
    const made = await make();
    const making = (ground.now() - began) / 1000 / Math.max(1, outcomes.length);
    if (made !== undefined) methods.push(await measure(method, made, making, own, ground));
  };
  const isRead = !picturesNamed(task, ground.model);
  if (task.kind !== "edit") {
    const tries = Math.max(1, Math.round(own.evaluations));
    if (isRead)
      await add("rejection by the heads", () => rejectByHeads(outcomes, own.goal, ground.read, { tries, zDim, numWs }));
    methods.push(rejectionByJudge(own, ground));
  }
  if (!isRead) return methods;
  const draws = await ground.draws();
  for (const held of [false, true])
    await add(held ? "linear direction, others held" : "linear direction", () =>
      task.kind === "edit" ? editAlong(own, task, draws, held, ground) : sampleAlong(own, draws, held, ground),
    );
  return methods;
}

/** Samples: the noise that the script's began with, moved once. */
async function sampleAlong(
  { task, outcomes, goal }: Own,
  draws: Draws,
  held: boolean,
  { model, read }: Ground,
): Promise<Candidates | undefined> {
  const { attributes, zDim, numWs } = model.info;
  const direction = directionOf(goal, attributes, draws, held);
  if (direction === undefined) return undefined;
  const images: Candidate[] = [];
  for (const beside of outcomes) {
    const owner = rowOf(task, beside);
    const [row] = await read(drawLatents(owner.seed, [owner.sample], zDim));
    if (row === undefined) continue;
    images.push({ styles: moveStyles(stylesOf(row, numWs), direction.move(row.w), undefined), owner, beside });
  }
  return { images, evaluations: 1 };
}

/** Edits: the pictures that the script's began with, moved step by step, in the layers of each step. */
function editAlong(
  { outcomes, before }: Own,
  task: Extract<Task, { kind: "edit" }>,
  draws: Draws,
  held: boolean,
  { model }: Ground,
): Promise<Candidates | undefined> {
  const { attributes, numWs } = model.info;
  const { steps } = task;
  const directions = steps.map(({ energy }) => directionOf(energy, attributes, draws, held));
  const images: Candidate[] = [];
  for (const beside of outcomes) {
    const first = before.find((b) => b.index === beside.index);
    if (first === undefined || first.w.length === 0) continue;
    let styles = stylesOf(first, numWs);
    let w = Float64Array.from(first.w);
    for (const [k, direction] of directions.entries()) {
      if (direction === undefined) return Promise.resolve(undefined);
      const move = direction.move(w);
      w = w.map((value, i) => value + (move[i] ?? 0));
      styles = moveStyles(styles, move, steps[k]?.layers);
    }
    images.push({ styles, owner: rowOf(task, beside), beside });
  }
  return Promise.resolve({ images, evaluations: 0 });
}

/**
 * Rejection by the judge at the script's seconds: unconditional images in groups of as many as are drawn, made and judged in the time that one
 * image of the script takes; a group is satisfied if one of its images is. Those are the accepted ones themselves: their distance is its floor.
 */
function rejectionByJudge({ goal, seconds }: Own, { reference, secondsPerDraw }: Ground): MethodMeasure {
  const draws = Math.min(reference.length, Math.max(1, Math.floor(seconds / secondsPerDraw)));
  const good = satisfied(
    judgeAll(
      goal,
      reference.map((r) => r.outputs),
    ),
  );
  const groups = Array.from({ length: Math.floor(good.length / draws) }, (_, g) =>
    good.slice(g * draws, (g + 1) * draws).some(Boolean),
  );
  return {
    ...{ method: "rejection by the judge", images: groups.length, satisfied: share(groups) ?? null, kept: null },
    ...{ frechet: null, typicality: null, evaluations: draws, seconds: draws * secondsPerDraw },
  };
}

async function measure(
  method: MethodMeasure["method"],
  { images, evaluations }: Candidates,
  making: number,
  own: Own,
  ground: Ground,
): Promise<MethodMeasure> {
  const looks: Seen[] = [];
  let painting = 0;
  for (let start = 0; start < images.length; start += LOOK) {
    stopIfAborted(ground.signal);
    const batch = images.slice(start, start + LOOK);
    const began = ground.now();
    const pictures = await ground.painter.paint(
      batch.map((c) => c.styles),
      batch.map((c) => c.owner),
    );
    painting += ground.now() - began;
    looks.push(...(await ground.look(pictures)));
  }
  const z = images.flatMap((c) => (c.z === undefined ? [] : [c.z.reduce((sum, v) => sum + v * v, 0) / c.z.length]));
  return {
    method,
    ...judged(
      looks,
      images.map((c) => c.beside),
      own,
      ground,
    ),
    typicality: z.length === 0 ? null : z.reduce((a, b) => a + b, 0) / z.length,
    evaluations,
    seconds: making + painting / 1000 / Math.max(1, images.length),
  };
}

/** What the judge says of some images; each stands beside one of the script's. */
function judged(
  looks: readonly (Seen | undefined)[],
  beside: readonly SampleResult[],
  own: Own,
  { labeller, translation, model }: Ground,
): Pick<MethodMeasure, "images" | "satisfied" | "kept" | "frechet"> {
  const { task, goal, seen, accepted } = own;
  const verdicts = judgeAll(
    goal,
    looks.map((l) => l?.outputs),
  );
  const there = looks.filter((l) => l !== undefined);
  const moments = momentsOfSeen(there);
  let kept: Estimate | undefined;
  if (task.kind === "edit") {
    const named = new Set(task.steps.flatMap(({ energy }) => [...attributesNamed(energy)]));
    const others = model.info.attributes.flatMap((attribute, k) =>
      named.has(k) || !labeller.attributes.some((a) => a.name === attribute.name) ? [] : [{ attribute, k }],
    );
    const shares = looks.flatMap((look, i) => {
      const first = own.before.find((b) => b.index === beside[i]?.index);
      const was = first === undefined ? undefined : seen.get(first);
      if (look === undefined || was === undefined || others.length === 0) return [];
      const same = others.filter(
        ({ attribute, k }) => !changed(attribute, was.outputs[k] ?? [], look.outputs[k] ?? []),
      );
      return [same.length / others.length];
    });
    kept = estimate(shares);
  }
  return {
    images: looks.length,
    satisfied: translation.knows(goal) ? (share(satisfied(verdicts)) ?? null) : null,
    kept: kept ?? null,
    frechet: moments === undefined || accepted === undefined ? null : frechetDistance(moments, accepted),
  };
}
