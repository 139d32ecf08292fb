// One task up to its latents: which solves it takes, and their results row by row.
// In: a task and what is open. Out: a SampleResult for every row and part.
// Invariants: a row's bits depend on its noise and its conditions alone, whatever rows are drawn with it.
import type { Energy } from "../../compiler/energy/energy.js";
import { compileReadout } from "../../compiler/passes/compile-energy.js";
import type { SweepTask, Task, TraverseTask } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { InternalError, unreachable } from "../../source/internal-error.js";
import { drawLatents } from "../sample/noise-source.js";
import { drawFrames } from "../sample/traverse.js";
import { compileBatch, ENERGY_ROWS, recallBatch, runBatch, type Batch, type DrawContext } from "./batch.js";
import { drawEdit } from "./edit.js";
import { describeFailures, describeNothing } from "./failures.js";
import { partsOf } from "./family.js";
import type { SampleResult, TaskResult } from "./results.js";

export interface Drawing extends Pick<TaskResult, "samples" | "before"> {
  readonly diagnostics: readonly Diagnostic[];
}

/** Draws all samples of a task. One that fails has its status; the others go on. */
export async function drawTask(task: Task, cx: DrawContext): Promise<Drawing> {
  if (task.kind === "edit") return drawEdit(task, cx);
  const { clock, model, engine } = cx;
  const batches = await Promise.all(
    batchesOf(task, cx).map(async (batch) => ({ batch, ...(await recallBatch(task, batch, cx)) })),
  );
  const samples: SampleResult[] = batches.flatMap((b) => b.known);
  const total = cx.rows.length * partsOf(task);
  const left = batches.filter((b) => b.tiles.length > 0);
  const [first, ...rest] = left;
  if (first !== undefined) {
    const { weights } = model;
    const compiled = await clock.run("compile", { task: task.name }, async () => ({
      gradient: await compileBatch(task, first.batch, cx),
      readout: await engine.compile(compileReadout({ weights, truncation: task.truncation, rows: ENERGY_ROWS })),
    }));
    const { readout } = compiled;
    let evaluations = 0;
    const draw = async (tiles: readonly Batch[], gradient: typeof compiled.gradient): Promise<void> => {
      for (const tile of tiles) {
        const before = evaluations;
        const done = samples.length;
        const drawn = await runBatch(task, tile, { gradient, readout }, cx, (fraction, spent) => {
          const at = done + fraction * tile.members.length;
          clock.progress("sample", task.name, at, total, `${before + spent} evaluations`);
        });
        evaluations += drawn.evaluations;
        samples.push(...drawn.samples);
      }
    };
    try {
      await clock.run(
        "sample",
        { task: task.name, total },
        async () => {
          await draw(first.tiles, compiled.gradient);
          for (const { batch, tiles } of rest) {
            const gradient = await clock.aside("compile", () => compileBatch(task, batch, cx));
            try {
              await draw(tiles, gradient);
            } finally {
              await gradient.dispose();
            }
          }
        },
        () => `${evaluations} evaluations`,
      );
    } finally {
      await compiled.gradient.dispose();
      await readout.dispose();
    }
  }
  samples.sort((a, b) => a.index - b.index || a.part - b.part);
  const energyOf = ({ part }: SampleResult) => (task.kind === "sweep" ? cellOf(task, part) : task.energy);
  const failures = await describeFailures(task, samples, energyOf, model, engine);
  return { samples, diagnostics: [...failures, ...describeNothing(task, samples)] };
}

/** The solves of a task: samples of one condition go together. */
function batchesOf(task: Exclude<Task, { kind: "edit" }>, { model, rows }: DrawContext): readonly Batch[] {
  const { zDim } = model.info;
  switch (task.kind) {
    case "sample": {
      const members = rows.map((index) => ({ index, part: 0, origin: index, lane: index }));
      return [{ energy: task.energy, seed: task.seed, members, z0: drawLatents(task.seed, rows, zDim) }];
    }
    case "sweep":
      return sweepBatches(task, rows, zDim);
    case "traverse":
      return [traverseBatch(task, rows, zDim)];
    default:
      return unreachable(task);
  }
}

function cellOf({ name, cells }: SweepTask, part: number): Energy {
  const cell = cells[part];
  if (cell === undefined) throw new InternalError(`the sweep ${name} has no cell ${part}`);
  return cell;
}

/** Every cell from the same noise. */
function sweepBatches({ cells, seed }: SweepTask, rows: readonly number[], zDim: number): readonly Batch[] {
  const z0 = drawLatents(seed, rows, zDim);
  return cells.map((energy, part) => {
    const members = rows.map((index) => ({ index, part, origin: index, lane: index }));
    return { energy, seed, members, z0 };
  });
}

/** All frames of all rows in one solve. */
function traverseBatch(task: TraverseTask, rows: readonly number[], zDim: number): Batch {
  const { energy, frames, fromSeed, toSeed } = task;
  const from = drawLatents(fromSeed, rows, zDim);
  const to = drawLatents(toSeed, rows, zDim);
  const members = rows.flatMap((index) =>
    Array.from({ length: frames }, (_, part) => ({ index, part, origin: index, lane: index * frames + part })),
  );
  return { energy, seed: fromSeed, members, z0: drawFrames(from, to, frames, zDim) };
}
