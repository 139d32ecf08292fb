// One task up to its latents: which solves it takes, and their results row by row.
// In: a task and what is open. Out: a SampleResult for every row and part, and for the places between parts that are asked for.
// Invariants: a row's bits depend on its noise and its conditions alone, whatever rows, and whatever places between, are drawn with it;
// conditions that differ in numbers alone are compiled once.
import type { Energy } from "../../compiler/energy/energy.js";
import { mixNumbers } from "../../compiler/energy/varying.js";
import type { Condition } from "../../compiler/build/compile-task.js";
import type { SweepTask, Task, TraverseTask } from "../../compiler/plan.js";
import { InternalError, unreachable } from "../../source/internal-error.js";
import { concat } from "../../source/concat.js";
import { drawLatents } from "../sample/noise-source.js";
import { drawFrames } from "../sample/traverse.js";
import { compileBatch, recallBatch, runTiles, type Batch, type DrawContext } from "./batch.js";
import { dependsOnBatch } from "../plan/tiles.js";
import { openReadout } from "./readout.js";
import { drawEdit } from "./edit.js";
import { describeBetween, describeFailures, describeNothing } from "./failures.js";
import { isPart, sharesOf, type Share } from "../plan/places.js";
import { partBetween } from "../plan/places.js";
import type { SampleResult } from "./results.js";
import type { Drawing } from "./results.js";

/** Draws all samples of a task. One that fails has its status; the others go on. */
export async function drawTask(task: Task, cx: DrawContext): Promise<Drawing> {
  if (task.kind === "edit") return drawEdit(task, cx);
  const { clock, program, engine } = cx;
  const batches = await Promise.all(
    batchesOf(task, cx).map(async (batch) => ({ batch, ...(await recallBatch(task, batch, cx)) })),
  );
  const samples: SampleResult[] = batches.flatMap((b) => b.known);
  const total = batches.reduce((n, { batch }) => n + batch.members.length, 0);
  const left = batches.filter((b) => b.tiles.length > 0);
  const [first] = left;
  if (first !== undefined) {
    const compiled = await clock.run("compile", { task: task.name }, async () => ({
      gradients: await compileBatch(first.batch, cx),
      readout: await openReadout(program, engine),
    }));
    const { readout } = compiled;
    const gradientsOf = new Map([[first.batch.condition, compiled.gradients]]);
    let evaluations = 0;
    const work = async (): Promise<void> => {
      for (const { batch, tiles } of left) {
        const known = gradientsOf.get(batch.condition);
        const gradients = known ?? (await clock.aside("compile", () => compileBatch(batch, cx)));
        if (known === undefined) {
          // Batches of one condition follow each other: what came before is done with.
          for (const done of gradientsOf.values()) await done.dispose();
          gradientsOf.clear();
          gradientsOf.set(batch.condition, gradients);
        }
        const [before, there] = [evaluations, samples.length];
        const drawn = await runTiles(task, tiles, { gradients, readout }, cx, (done, spent) => {
          clock.progress("sample", task.name, there + done, total, `${before + spent} evaluations`);
        });
        evaluations += drawn.evaluations;
        samples.push(...drawn.samples);
      }
    };
    try {
      await clock.run("sample", { task: task.name, total }, work, () => `${evaluations} evaluations`);
    } finally {
      for (const gradients of gradientsOf.values()) await gradients.dispose();
      await readout.dispose();
    }
  }
  samples.sort((a, b) => a.index - b.index || a.part - b.part);
  const between = samples.filter((s) => !isPart(s));
  const own = samples.filter(isPart);
  const energyOf = ({ part }: SampleResult) => (task.kind === "sweep" ? cellOf(task, Math.round(part)) : task.energy);
  const failures = await describeFailures(task, own, energyOf, program, engine);
  const onTheWay = describeBetween(task, between);
  return { samples: own, between, diagnostics: [...failures, ...onTheWay, ...describeNothing(task, own)] };
}

/** The solves of a task: samples whose conditions differ in numbers at most go together. */
function batchesOf(
  task: Exclude<Task, { kind: "edit" }>,
  { model, program, rows, shares }: DrawContext,
): readonly Batch[] {
  const { zDim } = model.info;
  const { conditions } = program;
  switch (task.kind) {
    case "sample": {
      const members = rows.map((index) => ({ index, part: 0, origin: index, lane: index }));
      const z0 = drawLatents(task.seed, rows, zDim);
      return conditions.map((condition) => ({ condition, seed: task.seed, members, z0 }));
    }
    case "sweep":
      return conditions.flatMap((condition) => sweepBatches(task, condition, rows, shares, zDim));
    case "traverse":
      return conditions.flatMap((condition) => traverseBatches(task, condition, rows, shares, zDim));
    default:
      return unreachable(task);
  }
}

/** The parts of a family of `count`; and those between them that lie at shares of one denominator, for each denominator that is asked for. */
function stagesOf(count: number, shares: readonly Share[]): readonly (readonly number[])[] {
  const wholes = Array.from({ length: count }, (_, part) => part);
  const denominators = [...new Set(shares.map((s) => s.denominator))];
  const between = denominators.map((denominator) => {
    const own = sharesOf([denominator - 1]).filter((s) => s.denominator === denominator);
    return wholes.slice(0, -1).flatMap((part) => own.map((share) => partBetween(part, share)));
  });
  return [wholes, ...between];
}

function cellOf({ name, cells }: SweepTask, part: number): Energy {
  const cell = cells[part];
  if (cell === undefined) throw new InternalError(`the sweep ${name} has no cell ${part}`);
  return cell;
}

/** The cells of one form from the same noise, and what lies between two of them. With `control batch` each part is a batch of its own. */
function sweepBatches(
  task: SweepTask,
  condition: Condition,
  rows: readonly number[],
  shares: readonly Share[],
  zDim: number,
): Batch[] {
  const { cells, seed } = task;
  const { varying, parts: own, numbers } = condition;
  const noise = drawLatents(seed, rows, zDim);
  const numbersAt = (part: number): readonly number[] | undefined => {
    const [a, b] = [numbers[own.indexOf(Math.floor(part))], numbers[own.indexOf(Math.ceil(part))]];
    return a && b && mixNumbers(a, b, part - Math.floor(part));
  };
  const batchOf = (parts: readonly number[], laneOf: (row: number, part: number) => number): Batch => {
    const members = rows.flatMap((index) =>
      parts.map((part) => ({ index, part, origin: index, lane: laneOf(index, part) })),
    );
    const anchors = { numbers: Float32Array.from(members.flatMap(({ part }) => numbersAt(part) ?? [])) };
    const z0 = concat(
      rows.flatMap((_, r) => parts.map(() => noise.subarray(r * zDim, (r + 1) * zDim))),
      Float64Array,
    );
    return { condition, seed, members, z0, ...(varying === undefined ? {} : { varying, anchors }) };
  };
  return stagesOf(cells.length, shares).flatMap((all) => {
    const parts = all.filter((part) => numbersAt(part) !== undefined);
    if (dependsOnBatch(task)) return parts.map((part) => batchOf([part], (index) => index));
    return parts.length === 0 ? [] : [batchOf(parts, (index, part) => index * all.length + all.indexOf(part))];
  });
}

/** All frames of all rows in one solve, and what lies between two frames in others. */
function traverseBatches(
  task: TraverseTask,
  condition: Condition,
  rows: readonly number[],
  shares: readonly Share[],
  zDim: number,
): Batch[] {
  const { frames, fromSeed, toSeed } = task;
  const from = drawLatents(fromSeed, rows, zDim);
  const to = drawLatents(toSeed, rows, zDim);
  return stagesOf(frames, shares).map((parts) => ({
    condition,
    seed: fromSeed,
    members: rows.flatMap((index) =>
      parts.map((part, k) => ({ index, part, origin: index, lane: index * parts.length + k })),
    ),
    z0: drawFrames(
      from,
      to,
      parts.map((part) => part / (frames - 1)),
      zDim,
    ),
  }));
}
