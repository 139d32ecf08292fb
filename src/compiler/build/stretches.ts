// Terms that join a flow when it has come to their tau: what is followed before.
// In: a task whose heads (and what keeps identities) say when they join. Out: the terms of each stretch of the flow but the last, which has all of them.
// Invariant: a term of an energy (one of those that `and` joins, whatever it is made of) joins as a whole, when the last of the heads that it names does.
import type { EnergyTask } from "./gradient.js";
import { attributesNamed, type Energy } from "../energy/energy.js";
import type { Varying } from "../energy/varying.js";
import type { Keep } from "../plan.js";

/** What is followed until a tau. */
export interface StretchTerms {
  readonly until: number;
  readonly energy: Energy;
  readonly keep?: Keep;
  readonly varying?: Varying;
}

/** The stretches before all terms are there, in order; none where all are from the start. */
export function stretchesOf({
  energy,
  keep,
  varying,
  weights,
}: Pick<EnergyTask, "energy" | "keep" | "varying" | "weights">): readonly StretchTerms[] {
  const tauOf = (attribute: number): number => weights.heads[attribute]?.picture?.tau ?? 0;
  const held = keep !== undefined && keep.attributes > 0 ? keep.held : [];
  const all = [...[...attributesNamed(energy), ...held].map(tauOf), keep?.identity?.tau ?? 0];
  const taus = [...new Set(all.filter((tau) => tau > 0))].sort((a, b) => a - b);
  return taus.map((until) => ({
    until,
    ...withoutLate(energy, (attribute) => tauOf(attribute) >= until, varying),
    ...(keep && { keep: keepWithoutLate(keep, tauOf, until) }),
  }));
}

/** The energy without the terms that name an attribute which is not there yet; its numbers keep their columns. */
function withoutLate(
  energy: Energy,
  isLate: (attribute: number) => boolean,
  varying: Varying | undefined,
): Pick<StretchTerms, "energy" | "varying"> {
  const columns = new Map(varying?.of);
  const kept = (e: Energy): Energy => {
    if (![...attributesNamed(e)].some(isLate)) return e;
    const { span } = e;
    if (e.kind === "weight") {
      const part = kept(e.part);
      if (part.kind === "always") return part;
      const own = { ...e, part };
      const numbers = columns.get(e);
      if (numbers !== undefined) columns.set(own, numbers);
      return own;
    }
    if (e.kind !== "and") return { kind: "always", span };
    const parts = e.parts.map(kept).filter((part) => part.kind !== "always");
    const [only] = parts;
    if (only === undefined) return { kind: "always", span };
    return parts.length === 1 ? only : { ...e, parts };
  };
  return { energy: kept(energy), ...(varying && { varying: { ...varying, of: columns } }) };
}

function keepWithoutLate(keep: Keep, tauOf: (attribute: number) => number, until: number): Keep {
  const { identity, ...rest } = keep;
  const isThere = identity !== undefined && (identity.tau ?? 0) < until;
  return { ...rest, held: keep.held.filter((a) => tauOf(a) < until), ...(isThere && { identity }) };
}
