// `expect`: how many samples satisfy each clause, by the heads and, where the model has one, by its independent labeller.
// Invariants: a sample that failed satisfies nothing and is counted all the same, as is one that the labeller calls unclear; a clause passes if every judge is content.
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import { verdict, type HeadOutputs, type Verdict } from "../../compiler/energy/interpret.js";
import type { Expect } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { NOWHERE } from "../../source/span.js";
import type { Count, ExpectationResult } from "./results.js";

/** A hair of slack: 0.9 of 10 samples is 9, whatever 9 / 10 rounds to. */
const SLACK = 1e-9;

/** What a judge saw of each sample, NaN for what is unclear to it; undefined: the sample failed. */
export type Judged = readonly (HeadOutputs | undefined)[];

/** What is said of one picture by its labeller, or by the heads where that knows not all that is asked about. A failed sample is a miss. */
export function verdictOn(energy: Energy, heads: HeadOutputs, seen: HeadOutputs | undefined): Verdict {
  if (seen !== undefined && knows(seen, energy)) return verdict(energy, seen);
  return heads.length === 0 ? "not" : verdict(energy, heads);
}

/** What a labeller says in judging. */
export interface LabellerVerdicts {
  readonly seen: Judged;
  readonly tellsUnclear?: boolean | undefined;
  /** Whether an energy was followed through the labeller's own network: it does not judge that then. */
  readonly isFollowed?: (energy: Energy) => boolean;
}

/** Judges one `expect` of a task. `labeller` is absent where the model has none; it judges the clauses whose attributes it knows. */
export function judge(expect: Expect, task: string, heads: Judged, labeller?: LabellerVerdicts): ExpectationResult[] {
  return expect.clauses.map(({ energy, fraction, text, span }) => {
    const byHeads = countVerdicts(energy, heads, false);
    const some = labeller?.seen.find((l) => l !== undefined) ?? [];
    const isFollowed = labeller?.isFollowed?.(energy) === true;
    const seen = knows(some, energy) && !isFollowed ? labeller?.seen : undefined;
    const byLabeller = seen && countVerdicts(energy, seen, labeller?.tellsUnclear === true);
    const content = [byHeads, ...(byLabeller === undefined ? [] : [byLabeller])];
    return {
      task,
      text,
      fraction,
      heads: byHeads,
      ...(byLabeller !== undefined && { labeller: byLabeller }),
      ...(isFollowed && { followed: true as const }),
      passed: content.every((c) => share(c) >= fraction - SLACK),
      span,
    };
  });
}

/** The error of a clause that was missed; `hints` say why, where that is known. */
export function missed(result: ExpectationResult, hints: readonly string[] = []): Diagnostic {
  const said = ({ satisfied, unclear = 0, counted }: Count, by: string): string =>
    `${satisfied} of ${counted} by ${by}${unclear === 0 ? "" : `, to whom ${unclear} are unclear`}`;
  const counts = [
    said(result.heads, "the heads"),
    ...(result.labeller === undefined ? [] : [said(result.labeller, "the labeller")]),
  ];
  return {
    code: "L4104",
    severity: "error",
    message: `\`${result.task}\` misses an expectation: ${counts.join(", ")}; ${result.fraction} of them were expected`,
    at: { span: result.span, text: "not enough samples satisfy this" },
    related: [],
    hints,
  };
}

/** The warning that the judge is the network over pictures that was followed. */
export function byTheFollowed(task: string, conditions: readonly string[], at = NOWHERE): Diagnostic {
  return {
    code: "L4110",
    severity: "warning",
    message: `\`${task}\`: ${conditions.join(", ")} judged by the network over pictures that was followed, and by no other`,
    at: { span: at, text: "the labeller is the network that is followed here" },
    related: [],
    hints: ["bring another judge with --labeller FILE.onnx, faces or clip, or follow another network"],
  };
}

/** The warning that nobody but the heads says whether something holds. */
export function byHeadsAlone(task: string, conditions: readonly string[], at = NOWHERE): Diagnostic {
  return {
    code: "L4110",
    severity: "warning",
    message: `\`${task}\`: ${conditions.join(", ")} judged by the heads that were followed, and by nobody else`,
    at: { span: at, text: "no labeller knows this" },
    related: [],
    hints: ["bring a judge with --labeller FILE.onnx, faces or clip"],
  };
}

/** The share that satisfied; 0 of none is 0. */
export function share(count: Count): number {
  return count.counted === 0 ? 0 : count.satisfied / count.counted;
}

function countVerdicts(energy: Energy, judged: Judged, tellsUnclear: boolean): Count {
  const verdicts = judged.map((h) => (h === undefined ? "not" : verdict(energy, h)));
  const count = (which: Verdict): number => verdicts.filter((v) => v === which).length;
  return {
    satisfied: count("satisfied"),
    ...(tellsUnclear && { unclear: count("unclear") }),
    counted: judged.length,
  };
}

/** Whether a labeller, whose words are in the terms of the model's table, knows the attributes of an energy. */
function knows(seen: HeadOutputs, energy: Energy): boolean {
  return [...attributesNamed(energy)].every((a) => (seen[a]?.length ?? 0) > 0);
}
