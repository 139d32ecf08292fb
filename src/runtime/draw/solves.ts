// The solves that rows of a task take, and what is compiled for them.
// In: a task and what is open, rows, an attempt. Out: a SampleResult for every row and part, and for the places between parts that are asked for.
// Invariants: a row's bits depend on its noise and its conditions alone, whatever rows, and whatever places between, are drawn with it;
// conditions that differ in numbers alone are compiled once.
import { mixNumbers } from "../../compiler/energy/varying.js";
import type { ModelInfo } from "../../compiler/attribute.js";
import type { Condition } from "../../compiler/build/compile-task.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { Keep, LatentStart, PhotoStart, SampleTask, SweepTask, Task, TraverseTask } from "../../compiler/plan.js";
import { InternalError, unreachable } from "../../source/internal-error.js";
import { concat } from "../../source/concat.js";
import { drawLatents } from "../sample/noise-source.js";
import { drawFrames } from "../sample/traverse.js";
import { anchorsAt, NOISE_STRIDE } from "./anchors.js";
import { compileBatch, recallBatch, runTiles, type Batch, type DrawContext } from "./batch.js";
import { disposeStepping, type Gradients } from "./gradients.js";
import { dependsOnBatch, ENERGY_ROWS } from "../plan/tiles.js";
import { openReadout } from "./readout.js";
import { partBetween, partsOf, sharesOf } from "../plan/places.js";
import { likenessText, type SampleResult } from "./results.js";
import { PictureReadout } from "./picture-readout.js";
import { openFading } from "./fading.js";
import { latentStarts, movedWith, photoStart, shiftsOf, taskStarts } from "./starts.js";
import { openWide, openWideSteps, WORTH_WIDE } from "./wide-tiles.js";

/** A task that is drawn row by row, each by itself. */
export type RowTask = Exclude<Task, { kind: "edit" }>;

/** What follows a condition. */
interface Followed {
  gradients: Gradients;
  widened: boolean;
}

/** Conditions that stay compiled from some rows to the next: of tasks that have more, all rows are drawn together. */
export const MOST_FOLLOWED = 8;

/** The solves of a task, with what is compiled for them: it stays from one attempt to the next. */
export class Solves {
  private readout: Executable | undefined;
  /** Of the conditions that were followed last, the latest at the end: batches of one condition follow each other, and come again in the next rows. */
  private readonly followed = new Map<Condition, Followed>();
  /** Where rows that start from a file begin: all of them, for what they are fitted by is one for all. */
  private starts: readonly SampleResult[] | undefined;
  /** Evaluations so far, by what they were told of. */
  private readonly spent = new Map<string, number>();

  private readonly pictureReadout: PictureReadout;

  constructor(
    private readonly task: RowTask,
    private readonly cx: DrawContext,
    /** Conditions that stay compiled. */
    private readonly most = 1,
  ) {
    this.pictureReadout = new PictureReadout(cx);
  }

  /** All samples of some rows, in one of their attempts. */
  async draw(rows: readonly number[], attempt = 0): Promise<readonly SampleResult[]> {
    return this.pictureReadout.look(await this.solve(rows, attempt));
  }

  private async solve(rows: readonly number[], attempt: number): Promise<readonly SampleResult[]> {
    const { task } = this;
    const cx = { ...this.cx, rows };
    const about = attempt === 0 ? task.name : `${task.name}, try ${attempt + 1}`;
    if (task.kind === "sample" && task.start !== undefined) return this.drawFrom(task.start, task, cx, about);
    if (task.kind === "sweep" && task.source !== undefined)
      return this.reach(task, taskStarts(task.source, cx), cx, about);
    if (keepOf(task) === undefined) return this.follow(batchesOf(task, cx, attempt), about);
    const firsts = await this.follow(batchesOf(task, cx, attempt), `${about}, first of each row`);
    const seen = await this.pictureReadout.look(firsts);
    const starts = seen.filter((s) => s.status !== "non-finite").sort((a, b) => a.index - b.index);
    const others = await this.follow(
      batchesOf(task, { ...cx, rows: starts.map((s) => s.index) }, attempt, starts),
      about,
    );
    const lost = firsts.filter((s) => s.status === "non-finite").flatMap((s) => carriedOn(s, task, 1));
    return [...firsts, ...others, ...lost];
  }

  /** The cells of rows that start from images of an earlier task, each an edit of its row's. */
  private async reach(
    task: SweepTask,
    images: readonly SampleResult[],
    cx: DrawContext,
    about: string,
  ): Promise<readonly SampleResult[]> {
    const seen = await this.pictureReadout.look(images);
    const starts = seen.filter((s) => s.status !== "non-finite");
    const batches = batchesOf(task, { ...cx, rows: starts.map((s) => s.index) }, 0, starts);
    const before = new Map(starts.map((s) => [s.index, s]));
    const moving = { numWs: cx.model.info.numWs, shares: cx.shares, fading: await openFading(starts, cx) };
    const cells = (await this.follow(batches, about)).map((cell) => {
      const start = before.get(cell.index);
      return start?.shift === undefined ? cell : movedWith(start, cell, moving);
    });
    const lost = seen.filter((s) => s.status === "non-finite").flatMap((s) => carriedOn(s, task, 0));
    return [...cells, ...lost];
  }

  /** Rows that start from latents: as they are where nothing is asked for, else followed from there. */
  private async drawFrom(
    start: LatentStart | PhotoStart,
    task: SampleTask,
    cx: DrawContext,
    about: string,
  ): Promise<readonly SampleResult[]> {
    const { clock, model } = cx;
    const readout = await clock.run("compile", { task: about }, () => this.openReadout());
    const begin = (): Promise<readonly SampleResult[]> =>
      start.kind === "photo"
        ? photoStart(task.seed, readout, this.cx)
        : latentStarts(start, task.seed, readout, this.cx);
    this.starts ??= await clock.run("sample", { task: about, total: this.cx.rows.length }, begin, ([first]) =>
      first?.likeness === undefined ? "" : likenessText(first.likeness),
    );
    const starts = this.starts.filter((s) => cx.rows.includes(s.index));
    if (task.energy.kind === "always") return starts;
    const { numWs } = model.info;
    const batches = cx.program.conditions.map((condition) => startedBatch(condition, starts, task.seed, numWs));
    const samples = await this.follow(batches, about);
    const moving = { numWs, shares: cx.shares, fading: await openFading(starts, cx) };
    return samples.map((sample) => {
      const before = starts.find((s) => s.index === sample.index);
      return before === undefined ? sample : movedWith(before, sample, moving);
    });
  }

  private async follow(all: readonly Batch[], about: string): Promise<readonly SampleResult[]> {
    const { task, cx } = this;
    const { clock } = cx;
    const batches = await Promise.all(all.map(async (batch) => ({ batch, ...(await recallBatch(task, batch, cx)) })));
    const samples: SampleResult[] = batches.flatMap((b) => b.known);
    const total = batches.reduce((n, { batch }) => n + batch.members.length, 0);
    const left = batches.filter((b) => b.tiles.length > 0);
    const [first] = left;
    if (first === undefined) return samples;
    const compile = (): Promise<unknown> => Promise.all([this.gradientsOf(first.batch), this.openReadout()]);
    if (this.readout === undefined) await clock.run("compile", { task: about }, compile);
    const spentBefore = this.spent.get(about) ?? 0;
    let evaluations = 0;
    const work = async (): Promise<void> => {
      for (const { batch, tiles } of left) {
        const gradients = this.isFollowed(batch)
          ? await this.gradientsOf(batch)
          : await clock.aside("compile", () => this.gradientsOf(batch));
        const readout = await this.openReadout();
        const members = tiles.reduce((n, tile) => n + tile.members.length, 0);
        const isMany = members >= WORTH_WIDE[this.cx.engine.steps];
        const followed = isMany ? await clock.aside("compile", () => this.widened(batch)) : gradients;
        const [before, there] = [evaluations, samples.length];
        const drawn = await runTiles(task, tiles, { gradients: followed, readout }, cx, (done, spent) => {
          clock.progress("sample", about, there + done, total, evaluationsText(spentBefore + before + spent));
        });
        evaluations += drawn.evaluations;
        samples.push(...drawn.samples);
      }
    };
    await clock.run("sample", { task: about, total }, work, () => {
      this.spent.set(about, spentBefore + evaluations);
      return evaluationsText(spentBefore + evaluations);
    });
    return samples;
  }

  private isFollowed({ condition }: Batch): boolean {
    return this.followed.has(condition);
  }

  private async gradientsOf(batch: Batch): Promise<Gradients> {
    const { condition } = batch;
    const found = this.followed.get(condition);
    this.followed.delete(condition);
    const tooMany = Math.max(0, this.followed.size - this.most + 1);
    for (const [oldest, { gradients }] of [...this.followed].slice(0, tooMany)) {
      this.followed.delete(oldest);
      await gradients.dispose();
    }
    const followed = found ?? { gradients: await compileBatch(batch, this.cx), widened: false };
    this.followed.set(condition, followed);
    return followed.gradients;
  }

  /** What is followed, with a higher tile where there may be one. */
  private async widened({ condition }: Batch): Promise<Gradients> {
    const followed = this.followed.get(condition);
    if (followed === undefined) throw new InternalError("nothing is followed");
    const { gradients } = followed;
    const { engine, program, wide: higher } = this.cx;
    const target = higher?.conditions[program.conditions.indexOf(condition)];
    if (followed.widened || target === undefined) return gradients;
    followed.widened = true;
    const { device, gradient } = gradients;
    if (device !== undefined) {
      const { sampler } = this.task;
      const wide = target.stepping && (await openWideSteps(device, target.stepping, { engine, sampler }));
      if (wide === undefined) return gradients;
      return (followed.gradients = { device: wide, dispose: both(gradients, () => disposeStepping(wide)) });
    }
    const wide = gradient && (await openWide(gradient, target.gradient.compiled(), engine, ENERGY_ROWS));
    if (wide === undefined) return gradients;
    return (followed.gradients = { ...gradients, wide, dispose: both(gradients, () => wide.gradient.dispose()) });
  }

  private async openReadout(): Promise<Executable> {
    this.readout ??= await openReadout(this.cx.program, this.cx.engine);
    return this.readout;
  }

  async dispose(): Promise<void> {
    for (const { gradients } of this.followed.values()) await gradients.dispose();
    await this.readout?.dispose();
    await this.pictureReadout.dispose();
  }
}

/** Disposes of what is followed in low tiles and in higher ones. */
function both(low: Gradients, disposeWide: () => Promise<void>): () => Promise<void> {
  return async () => {
    await low.dispose();
    await disposeWide();
  };
}

function evaluationsText(count: number): string {
  return `${count} evaluations`;
}

function keepOf(task: RowTask): Keep | undefined {
  return task.kind === "sample" ? undefined : task.keep;
}

/** The parts from `from` of a row that starts from what has no state: they have none either. */
function carriedOn(first: SampleResult, task: RowTask, from: number): readonly SampleResult[] {
  const unsolved = { ...first, steps: 0, accepted: 0, rejected: 0, evaluations: 0 };
  return Array.from({ length: partsOf(task) - from }, (_, k) => ({ ...unsolved, part: k + from }));
}

/**
 * The solves of a task: samples whose conditions differ in numbers at most go together. Where rows are kept, those of their first parts; and with
 * `starts`, what these came to, those of the others, which are held near them.
 */
function batchesOf(
  task: RowTask,
  { model, program, rows, shares }: DrawContext,
  attempt: number,
  starts: readonly SampleResult[] = [],
): readonly Batch[] {
  const { zDim, numWs } = model.info;
  if (keepOf(task) !== undefined && rows.length === 0) return [];
  const conditions = program.conditions.filter((c) => (c.keep !== undefined) === starts.length > 0);
  const family = { rows, starts, shares, attempt };
  switch (task.kind) {
    case "sample": {
      const members = rows.map((index) => ({ index, part: 0, origin: index, lane: index }));
      const z0 = drawLatents(task.seed, rows, zDim, attempt);
      return conditions.map((condition) => ({ condition, seed: task.seed, members, z0, ...again(attempt) }));
    }
    case "sweep":
      return conditions.flatMap((condition) => sweepBatches(task, condition, family, { zDim, numWs }));
    case "traverse":
      return conditions.flatMap((condition) => traverseBatches(task, condition, family, { zDim, numWs }));
    default:
      return unreachable(task);
  }
}

/** Samples that start from given states. */
function startedBatch(condition: Condition, starts: readonly SampleResult[], seed: number, numWs: number): Batch {
  const anchors = { ...anchorsAt(starts, condition, numWs), ...shiftsOf(starts) };
  return {
    condition,
    seed,
    members: starts.map(({ index }) => ({ index, part: 0, origin: index, lane: index })),
    z0: concat(
      starts.map((s) => s.z),
      Float64Array,
    ),
    ...(Object.keys(anchors).length > 0 && { anchors }),
  };
}

/** Rows of a family. */
interface Family extends Pick<DrawContext, "rows" | "shares"> {
  /** Of rows that are kept: the first part of each, in the order of `rows`. */
  readonly starts: readonly SampleResult[];
  readonly attempt: number;
}

/** Of a batch: the attempt that it is, if not the first. */
function again(attempt: number): Pick<Batch, "attempt"> {
  return attempt === 0 ? {} : { attempt };
}

/**
 * The parts of a family of `count`; and those between them that lie at shares of one denominator, for each denominator that is asked for. Of rows that are
 * kept, the first part alone, or what is held near it.
 */
function stagesOf(count: number, { shares, starts }: Family, isKept: boolean): readonly (readonly number[])[] {
  const wholes = Array.from({ length: count }, (_, part) => part);
  if (isKept && starts.length === 0) return [wholes.slice(0, 1)];
  const denominators = [...new Set(shares.map((s) => s.denominator))];
  const between = denominators.map((denominator) => {
    const own = sharesOf([denominator - 1]).filter((s) => s.denominator === denominator);
    return wholes.slice(0, -1).flatMap((part) => own.map((share) => partBetween(part, share)));
  });
  return [isKept ? wholes.slice(1) : wholes, ...between];
}

/**
 * The cells of one form from the same noise, and what lies between two of them; of rows that are kept, from their first cells. With `control batch`
 * each part is a batch of its own.
 */
function sweepBatches(
  task: SweepTask,
  condition: Condition,
  family: Family,
  { zDim, numWs }: Pick<ModelInfo, "zDim" | "numWs">,
): Batch[] {
  const { cells, source } = task;
  const { rows, starts, attempt } = family;
  const seed = source === undefined ? task.seed : (starts[0]?.seed ?? 0);
  const origins = new Map(source && starts.map((s) => [s.index, s.origin]));
  const { varying, keep, parts: own, numbers } = condition;
  const begun =
    keep === undefined
      ? drawLatents(seed, rows, zDim, attempt)
      : concat(
          starts.map((s) => s.z),
          Float64Array,
        );
  const numbersAt = (part: number): readonly number[] | undefined => {
    const [a, b] = [numbers[own.indexOf(Math.floor(part))], numbers[own.indexOf(Math.ceil(part))]];
    return a && b && mixNumbers(a, b, part - Math.floor(part));
  };
  const batchOf = (parts: readonly number[], laneOf: (row: number, part: number) => number): Batch => {
    const members = rows.flatMap((index) =>
      parts.map((part) => ({ index, part, origin: origins.get(index) ?? index, lane: laneOf(index, part) })),
    );
    const anchors = {
      ...(varying && { numbers: Float32Array.from(members.flatMap(({ part }) => numbersAt(part) ?? [])) }),
      ...heldAt(starts, parts.length, condition, numWs),
    };
    const z0 = concat(
      rows.flatMap((_, r) => parts.map(() => begun.subarray(r * zDim, (r + 1) * zDim))),
      Float64Array,
    );
    return {
      ...{ condition, seed, members, z0, ...again(attempt) },
      ...((varying || keep) && { anchors }),
      ...(keep && { firstStep: NOISE_STRIDE }),
    };
  };
  return stagesOf(cells.length, family, task.keep !== undefined && source === undefined).flatMap((all) => {
    const parts = all.filter((part) => numbersAt(part) !== undefined);
    if (dependsOnBatch(task)) return parts.map((part) => batchOf([part], (index) => index));
    return parts.length === 0 ? [] : [batchOf(parts, (index, part) => index * all.length + all.indexOf(part))];
  });
}

/** What holds so many parts of each row near the first. */
function heldAt(
  starts: readonly SampleResult[],
  parts: number,
  condition: Condition,
  numWs: number,
): Readonly<Record<string, Float32Array>> {
  if (condition.keep === undefined) return {};
  const ofEach = starts.flatMap((start) => Array.from({ length: parts }, () => start));
  return { ...anchorsAt(ofEach, condition, numWs), ...shiftsOf(ofEach) };
}

/** All frames of all rows in one solve, and what lies between two frames in others. Frames that are held near the first start from their own noise all the same. */
function traverseBatches(
  task: TraverseTask,
  condition: Condition,
  family: Family,
  { zDim, numWs }: Pick<ModelInfo, "zDim" | "numWs">,
): Batch[] {
  const { frames, fromSeed, toSeed } = task;
  const { rows, starts } = family;
  const { keep } = condition;
  const from = drawLatents(fromSeed, rows, zDim);
  const to = drawLatents(toSeed, rows, zDim);
  return stagesOf(frames, family, task.keep !== undefined).map((parts) => ({
    condition,
    seed: fromSeed,
    members: rows.flatMap((index) =>
      parts.map((part, k) => ({ index, part, origin: index, lane: index * parts.length + k })),
    ),
    ...(keep && { anchors: heldAt(starts, parts.length, condition, numWs) }),
    z0: drawFrames(
      from,
      to,
      parts.map((part) => part / (frames - 1)),
      zDim,
    ),
  }));
}
