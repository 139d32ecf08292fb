// Of a checked module with mistakes, what none of them touches: whoever looks further (lowering) says there what is to be said.
// In: tasks and expectations that were checked without a mistake, and their program. Out: those whose energies were read whole.
import { touchesOne } from "../../source/sorted.js";
import type { Span } from "../../source/span.js";
import { formulaParts, type Formula } from "../energy/formula.js";
import type { Program } from "../link.js";
import { energiesOf, type CheckedExpect, type CheckedModule, type CheckedTask } from "./checked.js";

/** The module of these tasks and expectations alone, without those that a mistake of grammar may have cut short. It is no plan's: indices of tasks mean nothing. */
export function soundPart(
  module: CheckedModule,
  clean: { readonly tasks: readonly CheckedTask[]; readonly expects: readonly CheckedExpect[] },
  program: Program,
): CheckedModule {
  const damage = new Map(program.files.map((f) => [f.path, f.damage.units]));
  const isWhole = (at: Span): boolean => !touchesOne(damage.get(at.file) ?? [], at.start, at.end);
  const isSound = (f: Formula): boolean => isWhole(f.span) && formulaParts(f).every(isSound);
  return {
    ...module,
    tasks: clean.tasks.filter((task) => energiesOf(task).every(isSound)),
    expects: clean.expects.filter((expect) => expect.clauses.every((c) => isSound(c.energy))),
    saves: [],
    latentSaves: [],
  };
}
