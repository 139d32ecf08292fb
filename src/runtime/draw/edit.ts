// Edits: steps solved in order, each from the result of the one before and held near it (docs/language.md, edits).
// In: an edit task and the results it starts from, or fresh noise. Out: a SampleResult for each row and step, and what was before.
// Invariants: a row that left the finite numbers carries that on, unsolved; layers that a step does not change keep their styles.
import { concat } from "../../source/concat.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { EditStep, EditTask } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import type { Model } from "../../models/model.js";
import { drawLatents } from "../sample/noise-source.js";
import { anchorsAt, NOISE_STRIDE } from "./anchors.js";
import { compileBatch, recallBatch, runTiles, type Batch, type DrawContext } from "./batch.js";
import type { Drawing } from "./results.js";
import { describeFailures, describeNothing } from "./failures.js";
import { latentStarts, movedWith, shiftsOf, taskStarts } from "./starts.js";
import { stylesOf } from "./styles.js";
import { openReadout, readOut } from "./readout.js";
import type { SampleResult } from "./results.js";
import { PictureReadout } from "./picture-readout.js";

/** Where a row starts: what it was, and its lane in the tiles. */
interface Start {
  readonly sample: SampleResult;
  readonly lane: number;
}

/** Runs all steps of an edit. */
export async function drawEdit(task: EditTask, cx: DrawContext): Promise<Drawing> {
  const { model, program, engine, clock } = cx;
  const readout = await clock.run("compile", { task: task.name }, () => openReadout(program, engine));
  const pictureReadout = new PictureReadout(cx);
  const samples: SampleResult[] = [];
  const diagnostics: Diagnostic[] = [];
  let evaluations = 0;
  try {
    const starts = await seenBy(pictureReadout, await startsOf(task, readout, cx));
    const total = starts.length * task.steps.length;
    const work = async (): Promise<void> => {
      let rows = starts;
      for (const [part, step] of task.steps.entries()) {
        const batch = stepBatch(part, rows, cx);
        const { known, tiles } = await recallBatch(task, batch, cx);
        const drawn = [...known];
        if (tiles.length > 0) {
          const gradients = await clock.aside("compile", () => compileBatch(batch, cx));
          try {
            const [before, there] = [evaluations, part * starts.length + drawn.length];
            const made = await runTiles(task, tiles, { gradients, readout }, cx, (done, spent) => {
              clock.progress("sample", task.name, there + done, total, `${before + spent} evaluations`);
            });
            evaluations += made.evaluations;
            drawn.push(...made.samples);
          } finally {
            await gradients.dispose();
          }
        }
        drawn.sort((a, b) => a.index - b.index);
        diagnostics.push(...(await describeFailures(task, drawn, () => batch.condition.energy, program, engine)));
        const after = rows.map((start) => ({ ...start, sample: afterStep(start.sample, part, step, drawn, model) }));
        rows = await seenBy(pictureReadout, after);
        samples.push(...rows.map((r) => r.sample));
      }
    };
    await clock.run("sample", { task: task.name, total }, work, () => `${evaluations} evaluations`);
    samples.sort((a, b) => a.index - b.index || a.part - b.part);
    return {
      samples,
      before: starts.map((s) => s.sample),
      diagnostics: [...diagnostics, ...describeNothing(task, samples)],
    };
  } finally {
    await pictureReadout.dispose();
    await readout.dispose();
  }
}

/** Rows with what heads that look at pictures say of them. */
async function seenBy(pictureReadout: PictureReadout, rows: readonly Start[]): Promise<readonly Start[]> {
  const seen = await pictureReadout.look(rows.map((r) => r.sample));
  return rows.map((row, k) => ({ ...row, sample: seen[k] ?? row.sample }));
}

/** The rows before the first step: images of an earlier task, or noise as the mapping shows it. Part -1. */
async function startsOf(task: EditTask, readout: Executable, cx: DrawContext): Promise<readonly Start[]> {
  const { source } = task;
  if (source.kind === "task")
    return taskStarts(source, cx).map((sample): Start => ({ sample, lane: source.from + sample.index }));
  const { zDim } = cx.model.info;
  const lanes = cx.rows;
  if (source.start !== undefined) {
    const samples = await latentStarts(source.start, source.seed, readout, cx);
    return samples.map((sample): Start => ({ sample: { ...sample, part: -1 }, lane: sample.index }));
  }
  const z = drawLatents(source.seed, lanes, zDim);
  const read = await readOut(readout, cx.model, {
    rows: cx.program.rows,
    z,
    lanes,
    wanted: lanes.map(() => true),
    from: cx.program.far?.from,
  });
  return lanes.map((index, k): Start => {
    const { w = new Float32Array(0), heads = [], far } = read[k] ?? {};
    const stats = { status: "done" as const, steps: 0, accepted: 0, rejected: 0, evaluations: 0, logp: 0 };
    const latents = { z: z.slice(k * zDim, (k + 1) * zDim), w, heads, ...(far && { far }) };
    return { sample: { ...stats, ...latents, index, part: -1, seed: source.seed, origin: index }, lane: index };
  });
}

/** The solve of one step, for the rows that still have a state. */
function stepBatch(part: number, rows: readonly Start[], { model, program, shares }: DrawContext): Batch {
  const alive = rows.filter(({ sample }) => sample.status !== "non-finite");
  const condition = program.conditions[part];
  if (condition === undefined) throw new InternalError(`an edit without a step ${part}`);
  const samples = alive.map((r) => r.sample);
  return {
    condition,
    anchors: { ...anchorsAt(samples, condition, model.info.numWs), ...shiftsOf(samples) },
    seed: alive[0]?.sample.seed ?? 0,
    members: alive.map(({ sample: { index, origin }, lane }) => ({ index, part, origin, lane })),
    z0: concat(
      alive.map((r) => r.sample.z),
      Float64Array,
    ),
    firstStep: (part + 1) * NOISE_STRIDE,
    ...(shares.length !== 0 && { shares }),
  };
}

function afterStep(
  before: SampleResult,
  part: number,
  { layers }: EditStep,
  drawn: readonly SampleResult[],
  model: Model,
): SampleResult {
  const after = drawn.find((d) => d.index === before.index);
  if (after === undefined) return { ...before, part, steps: 0, accepted: 0, rejected: 0, evaluations: 0 };
  const { numWs, wDim } = model.info;
  const moved = before.shift === undefined ? after : movedWith(before, after, numWs);
  if (layers === undefined || after.w.length === 0) return moved;
  const ws = stylesOf(before, numWs).slice();
  const [first, end] = [layers[0] * wDim, (layers[1] + 1) * wDim];
  ws.set(stylesOf(moved, numWs).subarray(first, end), first);
  return { ...moved, ws };
}
