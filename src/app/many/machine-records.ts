// Who drew what of a submission, as run.json says it.
// In: pieces by who drew them, a plan. Out: MachineRecords. Invariant: pieces that follow each other are one range.
import type { Plan } from "../../compiler/plan.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import type { MachineRecord } from "../../runtime/record/record.js";
import type { Machines } from "./bundles.js";

/** In the order of names. */
export function machineRecords(machines: Machines, plan: Pick<Plan, "tasks">): readonly MachineRecord[] {
  return [...machines]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([made, { pieces, seconds }]) => ({
      ...{ made, seconds: Number(seconds.toFixed(3)) },
      rows: Object.fromEntries(
        plan.tasks.flatMap(({ name }, at) => {
          const own = pieces.filter((piece) => piece.task === at);
          return own.length === 0 ? [] : [[name, rangesOf(own)] as const];
        }),
      ),
    }));
}

function rangesOf(pieces: readonly Piece[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const { first, last } of pieces.toSorted((a, b) => a.first - b.first)) {
    const before = ranges.at(-1);
    if (before?.last === first - 1) before.last = last;
    else ranges.push({ first, last });
  }
  return ranges.map(({ first, last }) => `${first}..${last}`).join(", ");
}
