// One task up to its latents: which solves it takes, and their results row by row.
// In: a task and what is open. Out: a SampleResult for every row and part.
// Invariants: a row's bits depend on its noise and its conditions alone, whatever rows are drawn with it.
import { compileReadout } from "../../compiler/passes/compile-energy.js";
import type { SweepTask, Task, TraverseTask } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { InternalError, unreachable } from "../../source/internal-error.js";
import { drawLatents } from "../sample/noise-source.js";
import { drawFrames } from "../sample/traverse.js";
import { compileBatch, ENERGY_ROWS, runBatch, type Batch, type DrawContext } from "./batch.js";
import { drawEdit } from "./edit.js";
import { describeFailures, describeNothing } from "./failures.js";
import { partsOf, rowsOf } from "./family.js";
import type { SampleResult, TaskResult } from "./results.js";

export interface Drawing extends Pick<TaskResult, "samples" | "before"> {
  readonly diagnostics: readonly Diagnostic[];
}

/** Draws all samples of a task. One that fails has its status; the others go on. */
export async function drawTask(task: Task, cx: DrawContext): Promise<Drawing> {
  if (task.kind === "edit") return drawEdit(task, cx);
  const { clock, model, engine } = cx;
  const total = rowsOf(task) * partsOf(task);
  const batches = batchesOf(task, cx);
  const [first, ...rest] = batches;
  if (first === undefined) throw new InternalError(`${task.name} draws nothing`);
  const { weights } = model;
  const compiled = await clock.run("compile", { task: task.name }, async () => ({
    gradient: await compileBatch(task, first, cx),
    readout: await engine.compile(compileReadout({ weights, truncation: task.truncation, rows: ENERGY_ROWS })),
  }));
  const { readout } = compiled;
  let evaluations = 0;
  let done = 0;
  const samples: SampleResult[] = [];
  const draw = async (batch: Batch, gradient: typeof compiled.gradient): Promise<void> => {
    const before = evaluations;
    const drawn = await runBatch(task, batch, { gradient, readout }, cx, (fraction, spent) => {
      const at = done + fraction * batch.members.length;
      clock.progress("sample", task.name, at, total, `${before + spent} evaluations`);
    });
    evaluations += drawn.evaluations;
    done += batch.members.length;
    samples.push(...drawn.samples);
  };
  try {
    await clock.run(
      "sample",
      { task: task.name, total },
      async () => {
        await draw(first, compiled.gradient);
        for (const batch of rest) {
          const gradient = await clock.aside("compile", () => compileBatch(task, batch, cx));
          try {
            await draw(batch, gradient);
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
  samples.sort((a, b) => a.index - b.index || a.part - b.part);
  const energyOf = ({ part }: SampleResult) =>
    task.kind === "sweep" ? (task.cells[part] ?? first.energy) : task.energy;
  const failures = await describeFailures(task, samples, energyOf, model, engine);
  return { samples, diagnostics: [...failures, ...describeNothing(task, samples)] };
}

/** The solves of a task: samples of one condition go together. */
function batchesOf(task: Exclude<Task, { kind: "edit" }>, { model }: DrawContext): readonly Batch[] {
  const { zDim } = model.info;
  const rows = Array.from({ length: rowsOf(task) }, (_, i) => i);
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
