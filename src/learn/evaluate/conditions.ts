// What is asked of an image, clause by clause, and what a judge says of it.
// In: energies of a plan, columns of heads or a labeller. Out: clauses with their text; yes or no for each image.
// Invariants: a clause that names an attribute the labeller does not know is not judged by it.
import type { Attribute } from "../../compiler/attribute.js";
import type { Energy } from "../../compiler/energy/energy.js";
import { verdict, type HeadOutputs, type Verdict } from "../../compiler/energy/interpret.js";

export interface Clause {
  readonly text: string;
  readonly energy: Energy;
}

const LONGEST = 72;

/** The whole condition, after its conjuncts where there are several: each can be met or missed on its own. */
export function clausesOf(energy: Energy, sources: ReadonlyMap<string, string>): Clause[] {
  const conjuncts = conjunctsOf(energy);
  const own = conjuncts.map((e) => ({ text: textOf(e, sources), energy: e }));
  return conjuncts.length > 1 ? [...own, { text: "all of it", energy }] : own;
}

/** A condition as its script writes it. */
export function textOf({ span }: Energy, sources: ReadonlyMap<string, string>): string {
  const text = (sources.get(span.file) ?? "").slice(span.start, span.end).replace(/\s+/g, " ").trim();
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text;
}

/** What a condition asks for, each of it alone. */
export function conjunctsOf(energy: Energy): readonly Energy[] {
  if (energy.kind === "always") return [];
  if (energy.kind === "weight") return conjunctsOf(energy.part);
  return energy.kind === "and" ? energy.parts.flatMap(conjunctsOf) : [energy];
}

/** What a judge says of an energy in each image; an image that failed satisfies nothing. */
export function judgeAll(energy: Energy, outputs: readonly (HeadOutputs | undefined)[]): Verdict[] {
  return outputs.map((o) => (o === undefined || o.length === 0 ? "not" : verdict(energy, o)));
}

/** Which of the verdicts are that an energy is satisfied. */
export function satisfied(verdicts: readonly Verdict[]): boolean[] {
  return verdicts.map((v) => v === "satisfied");
}

/** Of a scalar's range: a reading that moved further counts as changed. */
const MOVED = 0.15;

/** Whether a judge's reading of an attribute changed between two images. */
export function changed(attribute: Attribute, before: readonly number[], after: readonly number[]): boolean {
  if (attribute.type === "scalar")
    return !(Math.abs((after[0] ?? NaN) - (before[0] ?? NaN)) <= MOVED * (attribute.max - attribute.min));
  return before.indexOf(Math.max(...before)) !== after.indexOf(Math.max(...after));
}
