// Edits: steps solved in order, each from the result of the one before and held near it (docs/language.md, edits).
// In: an edit task and the results it starts from, or fresh noise. Out: a SampleResult for each row and step, and what was before.
// Invariants: a row that left the finite numbers carries that on, unsolved; layers that a step does not change keep their styles.
import { concat } from "../../source/concat.js";
import type { Condition } from "../../compiler/build/compile-task.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { EditStep, EditTask } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import { drawLatents } from "../sample/noise-source.js";
import { anchorsAt, NOISE_STRIDE } from "./anchors.js";
import { compileBatch, recallBatch, runTiles, type Batch, type DrawContext } from "./batch.js";
import type { Gradients } from "./gradients.js";
import type { Drawing } from "./results.js";
import { describeFailures, describeNothing } from "./failures.js";
import { openFading, type Fading } from "./fading.js";
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

/** Runs all steps of an edit for all of its rows. */
export async function drawEdit(task: EditTask, cx: DrawContext): Promise<Drawing> {
  const [samples, before]: [SampleResult[], SampleResult[]] = [[], []];
  const drawing = drawEditInParts(task, cx);
  for (;;) {
    const next = await drawing.next();
    if (next.done === true) return { samples, before, diagnostics: next.value };
    samples.push(...next.value.samples);
    before.push(...next.value.before);
  }
}

/** What some rows of an edit came to. */
interface EditPortion {
  readonly samples: readonly SampleResult[];
  readonly before: readonly SampleResult[];
}

/**
 * Runs all steps of an edit, for some of its rows after the other: `cx.rows`, cut into `parts`. What comes does not depend on them. Of several parts what is
 * compiled for each step is kept to the end.
 */
export async function* drawEditInParts(
  task: EditTask,
  cx: DrawContext,
  parts: readonly (readonly number[])[] = [cx.rows],
): AsyncGenerator<EditPortion, readonly Diagnostic[]> {
  const { program, engine, clock } = cx;
  const readout = await clock.run("compile", { task: task.name }, () => openReadout(program, engine));
  const steps = new EditSteps(task, readout, cx, parts.length > 1);
  const all: SampleResult[] = [];
  try {
    const starts = new Map((await startsOf(task, readout, cx)).map((start) => [start.sample.index, start]));
    for (const rows of parts) {
      const portion = await steps.run(rows.flatMap((row) => starts.get(row) ?? []));
      all.push(...portion.samples);
      yield portion;
    }
    return [...(await steps.failures()), ...describeNothing(task, all)];
  } finally {
    await steps.dispose();
    await readout.dispose();
  }
}

/** The steps of an edit, with what is compiled for them. */
class EditSteps {
  private readonly pictureReadout: PictureReadout;
  /** By step, where they are kept. */
  private readonly compiled = new Map<number, Gradients>();
  /** What each step drew. */
  private readonly drawn = new Map<number, SampleResult[]>();
  private fading: Promise<Fading | undefined> | undefined;
  private evaluations = 0;

  constructor(
    private readonly task: EditTask,
    private readonly readout: Executable,
    private readonly cx: DrawContext,
    private readonly isKept: boolean,
  ) {
    this.pictureReadout = new PictureReadout(cx);
  }

  /** All steps of some rows. */
  async run(begun: readonly Start[]): Promise<EditPortion> {
    const { task, cx, pictureReadout } = this;
    const starts = await seenBy(pictureReadout, begun);
    const samples: SampleResult[] = [];
    const total = starts.length * task.steps.length;
    const work = async (): Promise<void> => {
      let rows = starts;
      for (const [part, step] of task.steps.entries()) {
        const drawn = await this.step(part, rows, { there: part * starts.length, total });
        this.drawn.set(part, [...(this.drawn.get(part) ?? []), ...drawn]);
        const fading = await this.fadingOf(rows);
        const after = rows.map((start) => ({
          ...start,
          sample: afterStep(start.sample, part, step, drawn, cx, fading),
        }));
        rows = await seenBy(pictureReadout, after);
        samples.push(...rows.map((r) => r.sample));
      }
    };
    await cx.clock.run("sample", { task: task.name, total }, work, () => `${this.evaluations} evaluations`);
    samples.sort((a, b) => a.index - b.index || a.part - b.part);
    return { samples, before: starts.map((s) => s.sample) };
  }

  /** What failed, step after step. */
  async failures(): Promise<readonly Diagnostic[]> {
    const { program, engine } = this.cx;
    const diagnostics: Diagnostic[] = [];
    for (const part of this.task.steps.keys()) {
      const { energy } = conditionOf(part, this.cx);
      const drawn = this.drawn.get(part) ?? [];
      diagnostics.push(...(await describeFailures(this.task, drawn, () => energy, program, engine)));
    }
    return diagnostics;
  }

  async dispose(): Promise<void> {
    for (const gradients of this.compiled.values()) await gradients.dispose();
    await this.pictureReadout.dispose();
  }

  private async step(
    part: number,
    rows: readonly Start[],
    { there, total }: { readonly there: number; readonly total: number },
  ): Promise<readonly SampleResult[]> {
    const { task, cx, readout } = this;
    const batch = stepBatch(part, rows, cx);
    const { known, tiles } = await recallBatch(task, batch, cx);
    const drawn = [...known];
    if (tiles.length > 0) {
      const gradients = await this.gradientsOf(part, batch);
      try {
        const [before, done] = [this.evaluations, there + drawn.length];
        const made = await runTiles(task, tiles, { gradients, readout }, cx, (more, spent) => {
          cx.clock.progress("sample", task.name, done + more, total, `${before + spent} evaluations`);
        });
        this.evaluations += made.evaluations;
        drawn.push(...made.samples);
      } finally {
        if (!this.isKept) await gradients.dispose();
      }
    }
    return drawn.sort((a, b) => a.index - b.index);
  }

  /** Read once for all steps. */
  private fadingOf(rows: readonly Start[]): Promise<Fading | undefined> {
    this.fading ??= openFading(
      rows.map((r) => r.sample),
      this.cx,
    );
    return this.fading;
  }

  private async gradientsOf(part: number, batch: Batch): Promise<Gradients> {
    const { cx } = this;
    const gradients = this.compiled.get(part) ?? (await cx.clock.aside("compile", () => compileBatch(batch, cx)));
    if (this.isKept) this.compiled.set(part, gradients);
    return gradients;
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
function stepBatch(part: number, rows: readonly Start[], cx: DrawContext): Batch {
  const { model, shares } = cx;
  const alive = rows.filter(({ sample }) => sample.status !== "non-finite");
  const condition = conditionOf(part, cx);
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

function conditionOf(part: number, { program }: DrawContext): Condition {
  const condition = program.conditions[part];
  if (condition === undefined) throw new InternalError(`an edit without a step ${part}`);
  return condition;
}

function afterStep(
  before: SampleResult,
  part: number,
  { layers }: EditStep,
  drawn: readonly SampleResult[],
  { model, shares }: DrawContext,
  fading: Fading | undefined,
): SampleResult {
  const after = drawn.find((d) => d.index === before.index);
  if (after === undefined) return { ...before, part, steps: 0, accepted: 0, rejected: 0, evaluations: 0 };
  const { numWs, wDim } = model.info;
  const moved = before.shift === undefined ? after : movedWith(before, after, { numWs, shares, fading });
  if (layers === undefined || after.w.length === 0) return moved;
  const ws = stylesOf(before, numWs).slice();
  const [first, end] = [layers[0] * wDim, (layers[1] + 1) * wDim];
  ws.set(stylesOf(moved, numWs).subarray(first, end), first);
  return { ...moved, ws };
}
