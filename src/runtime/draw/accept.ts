// Slots that try again: each row of a task draws attempts 0, 1, 2 ... until a judge finds that one is what was asked for.
// In: rows, how an attempt of some rows is drawn, a judge. Out: for each row the samples of the attempt that it keeps.
// Invariants: what a row keeps depends on its own attempts and the judge alone, so on no batch and no shard; an attempt counts if the judge is sure of
// every part of the row (a sweep's cells share their noise, so they are kept together); if none counts, the one that satisfies most parts is kept.
import { logProb, verdict, type HeadOutputs, type Verdict } from "../../compiler/energy/interpret.js";
import type { Energy, Logic } from "../../compiler/energy/energy.js";
import type { Accept, SampleTask, SweepTask } from "../../compiler/plan.js";
import { warning, type Diagnostic } from "../../source/diagnostic.js";
import { isPart } from "../plan/places.js";
import type { AttemptCount, SampleResult } from "./results.js";

/** Who says whether an attempt is what was asked for. */
export interface AttemptJudge {
  /** What it sees of each sample, by index in the model's table: NaN for what is unclear to it, undefined for a sample without an image. */
  look(samples: readonly SampleResult[]): Promise<readonly (HeadOutputs | undefined)[]>;
}

export interface AttemptOptions {
  readonly rows: readonly number[];
  readonly accept: Accept;
  readonly logic: Logic;
  readonly judge: AttemptJudge;
  /** What a sample was asked for. */
  readonly energyOf: (sample: SampleResult) => Energy;
  /** Draws one attempt of some rows: their parts, and what lies between two of them. */
  readonly draw: (rows: readonly number[], attempt: number) => Promise<readonly SampleResult[]>;
}

export interface Accepted {
  readonly samples: readonly SampleResult[];
  readonly count: AttemptCount;
  /** What the judge saw of the parts that are kept. */
  readonly seen: ReadonlyMap<SampleResult, HeadOutputs>;
}

/** An attempt of a row, and what the judge says of it. */
interface Attempt {
  readonly samples: readonly SampleResult[];
  readonly seen: readonly (HeadOutputs | undefined)[];
  readonly satisfied: number;
  readonly unclear: number;
  /** Mean of log p by what the judge sees. */
  readonly level: number;
}

/** Draws rows until each has an attempt that the judge accepts, or has no tries left. */
export async function drawAccepted(options: AttemptOptions): Promise<Accepted> {
  const { rows, accept, judge, draw } = options;
  const kept = new Map<number, Attempt>();
  const evaluations = new Map<string, number>();
  let left = rows;
  let attempts = 0;
  let satisfied = 0;
  for (let attempt = 0; attempt < accept.tries && left.length > 0; attempt++) {
    const drawn = await draw(left, attempt);
    const parts = drawn.filter(isPart);
    const seen = await judge.look(parts);
    attempts += left.length;
    const missed: number[] = [];
    for (const row of left) {
      const own = [...parts.keys()].filter((k) => parts[k]?.index === row);
      const samples = drawn.filter((s) => s.index === row).map((s) => ({ ...s, attempt }));
      for (const s of samples) {
        const key = `${s.index} ${s.part}`;
        evaluations.set(key, (evaluations.get(key) ?? 0) + s.evaluations);
      }
      const now = assess(
        samples,
        own.map((k) => seen[k]),
        options,
      );
      const before = kept.get(row);
      if (before === undefined || isBetter(now, before)) kept.set(row, now);
      if (now.satisfied === own.length) satisfied += 1;
      else missed.push(row);
    }
    left = missed;
  }
  const failed = new Set(left);
  const saw = new Map<SampleResult, HeadOutputs>();
  const samples = [...kept].flatMap(([row, { samples: own, seen }]) => {
    const parts = own.filter(isPart);
    return own.map((s): SampleResult => {
      const spent = evaluations.get(`${s.index} ${s.part}`) ?? s.evaluations;
      const sample = {
        ...s,
        ...(failed.has(row) && s.status === "done" && { status: "unsatisfied" as const }),
        evaluations: spent,
      };
      const outputs = seen[parts.indexOf(s)];
      if (outputs !== undefined) saw.set(sample, outputs);
      return sample;
    });
  });
  return { samples, count: { ...accept, attempts, satisfied, slots: rows.length }, seen: saw };
}

function assess(
  samples: readonly SampleResult[],
  seen: readonly (HeadOutputs | undefined)[],
  { energyOf, logic }: AttemptOptions,
): Attempt {
  const parts = samples.filter(isPart);
  const verdicts = parts.map((s, k): Verdict => {
    const outputs = seen[k];
    return outputs === undefined ? "not" : verdict(energyOf(s), outputs);
  });
  const levels = parts.map((s, k) => {
    const outputs = seen[k];
    const level = outputs === undefined ? NaN : logProb(energyOf(s), logic, outputs);
    return Number.isNaN(level) ? -Infinity : level;
  });
  return {
    samples,
    seen,
    satisfied: verdicts.filter((v) => v === "satisfied").length,
    unclear: verdicts.filter((v) => v === "unclear").length,
    level: levels.reduce((sum, l) => sum + l, 0) / Math.max(1, levels.length),
  };
}

/** Whether an attempt is nearer to what was asked for than an earlier one. */
function isBetter(a: Attempt, b: Attempt): boolean {
  if (a.satisfied !== b.satisfied) return a.satisfied > b.satisfied;
  if (a.unclear !== b.unclear) return a.unclear > b.unclear;
  return a.level > b.level;
}

/** L4109 for the slots that have no accepted attempt. */
export function describeUnsatisfied(
  task: SampleTask | SweepTask,
  { by, tries, satisfied, slots }: AttemptCount,
): readonly Diagnostic[] {
  const left = slots - satisfied;
  if (left === 0) return [];
  const which = left === 1 ? "one slot" : `${left} slots`;
  const judge = by === "labeller" ? "the labeller" : "the heads of other rows";
  return [
    warning(
      "L4109",
      `${which} of \`${task.name}\` had no attempt in ${tries} that satisfies ${judge}, and ${left === 1 ? "keeps its" : "keep their"} best`,
      ["more `tries`, a larger `tau`, or a condition that is less rare may find one"],
      { span: task.span, text: "asked for here" },
    ),
  ];
}
