// Why a picture scores as it does: the tree of what was asked, with log p of each term by the heads.
// In: a task's energy, what the heads say of a picture, the script's texts. Out: JudgedTerm. Source: compiler/energy/interpret.ts, the meaning of energies.
import { parts, type Energy, type Logic } from "../../compiler/energy/energy.js";
import { logProb, verdict, type HeadOutputs } from "../../compiler/energy/interpret.js";
import type { JudgedTerm } from "./messages.js";

/** More terms than this are for machines. */
const MOST_TERMS = 200;

/** The tree of an energy for one picture; undefined where the heads said nothing. */
export function explain(
  energy: Energy,
  logic: Logic,
  heads: HeadOutputs,
  sources: ReadonlyMap<string, string>,
): JudgedTerm | undefined {
  if (heads.length === 0) return undefined;
  const budget = { left: MOST_TERMS };
  const of = (e: Energy): JudgedTerm => {
    budget.left -= 1;
    const { file, start, end } = e.span;
    const text = (sources.get(file) ?? "").slice(start, end).replace(/\s+/g, " ");
    const inner = budget.left > 0 ? parts(e).map(of) : [];
    return { kind: e.kind, text, logp: logProb(e, logic, heads), verdict: verdict(e, heads), parts: inner };
  };
  return of(energy);
}
