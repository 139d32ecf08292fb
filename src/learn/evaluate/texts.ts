// Figures of an evaluation as text: the same in tables and on pages.
import { judgedHeadsText } from "../../runtime/services/labeller-identity.js";
import type { Estimate } from "./bootstrap.js";
import type { ClauseMeasure, Evaluation, SetMeasure } from "./evaluation.js";

/** `0.94 [0.81, 1.00]` */
export function estimateText(e: Estimate | null, digits = 2): string {
  if (e === null) return "-";
  return `${e.mean.toFixed(digits)} [${e.low.toFixed(digits)}, ${e.high.toFixed(digits)}]`;
}

/** `0.94 [0.81, 1.00] of 32, 0.03 unclear` */
export function handText({ hand }: Pick<ClauseMeasure, "hand">): string {
  return hand === null ? "-" : `${estimateText(hand)} of ${hand.count}${unclearText(hand)}`;
}

/** `, 0.12 unclear`; nothing where nothing is. */
export function unclearText({ unclear }: { readonly unclear: number | null }): string {
  return unclear === null || unclear === 0 ? "" : `, ${unclear.toFixed(2)} unclear`;
}

/** What a clause is judged by, for the heads of columns: which of the others there are, and the name of the heads'. */
export function judgesOf({ clauses }: SetMeasure): {
  readonly hand: boolean;
  readonly labeller: boolean;
  readonly heads: string;
} {
  const labeller = clauses.some((c) => c.labeller !== null);
  const hand = clauses.some((c) => c.hand !== null);
  return { hand, labeller, heads: labeller || hand ? "by the heads" : "by the heads that were followed" };
}

/** The table of methods, a head and a row each. */
export function methodRows({ methods, accepted, edit }: SetMeasure): readonly (readonly string[])[] {
  if (methods.length === 0) return [];
  const number = (value: number | null, digits = 2): string => (value === null ? "-" : value.toFixed(digits));
  const floor = accepted?.floor;
  const distance = `Frechet to accepted${floor === undefined || floor === null ? "" : ` (floor ${floor.toFixed(2)})`}`;
  return [
    ["method", "satisfied", ...(edit === null ? [] : ["kept"]), distance, "|z|²/d", "evaluations", "seconds"],
    ...methods.map((m) => [
      m.method === "script" ? "the script's own" : m.method,
      estimateText(m.satisfied),
      ...(edit === null ? [] : [estimateText(m.kept)]),
      number(m.frechet),
      number(m.typicality),
      number(m.evaluations, 1),
      number(m.seconds, 4),
    ]),
  ];
}

/** `, 0.91 to the 240 of them that are accepted (floor 0.74)`; nothing where it cannot be said. */
export function acceptedText({ accepted }: SetMeasure): string {
  if (accepted === null || accepted.distance === null) return "";
  const floor = accepted.floor === null ? "" : ` (floor ${accepted.floor.toFixed(2)})`;
  return `, ${accepted.distance.toFixed(2)} to the ${accepted.count} of them that are accepted${floor}`;
}

/** A judge by name, and of what it is no independent one. */
export function judgeText(judge: Evaluation["labellers"][number]): string {
  const said = judgedHeadsText(judge);
  return said === undefined ? judge.name : `${judge.name}, which also ${said}`;
}
