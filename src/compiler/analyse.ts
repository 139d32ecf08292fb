// Everything that can be said of a script: its mistakes, what each name means, and its plan if nothing is wrong.
// In: a linked program, whole or not, and the tables of its models as far as they could be read. Out: Analysis.
// The checker runs on whatever is sound: one mistake of grammar, or one missing model, does not hide the other mistakes.
import type { Diagnostic } from "../source/diagnostic.js";
import type { ModelInfo } from "./attribute.js";
import { check, type CheckOutcome } from "./check/check.js";
import type { CheckedModule } from "./check/checked.js";
import type { Overrides } from "./check/context.js";
import { Report } from "./check/report.js";
import { buildScopes, type Declared } from "./check/scope.js";
import type { HeadLooks } from "./head-table.js";
import type { LatentLooks } from "./latent-table.js";
import type { Program } from "./link.js";
import { lower } from "./lower.js";
import type { Plan } from "./plan.js";
import { declarationOf, type Declaration, type Reference, referencesOf } from "./references.js";

export interface Analysis {
  /** There if the script is whole and has no mistake of names, types or values. */
  readonly checked?: CheckedModule;
  /** There if nothing at all is wrong: what a run needs. */
  readonly plan?: Plan;
  /** Each use of a name, file by file, in source order. */
  readonly references: readonly Reference[];
  /** What the files declare, in source order. */
  readonly declarations: readonly Declaration[];
  /** What each name means in the entry, of its own declarations and those that it imports. */
  readonly names: ReadonlyMap<string, Declared>;
  /** The value of each `let` and `input` that has one. */
  readonly numbers: CheckOutcome["numbers"];
  /**
   * Those of checking and lowering (L2xxx, L3xxx, and L50xx and L51xx of files of heads), sorted; those of reading the scripts are `link`'s.
   * Of a script with mistakes, what lowering says is of the tasks that none touches.
   */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Analyses a program. `models` are the tables of `modelsOf(program)`, by alias; one that is missing could not be read: the caller
 * has reported that, and its attributes are not judged. `overrides` are the command line's. `heads` tell of `headFilesOf(program)`, by
 * path, `latents` of `latentFilesOf(program)`; what is said of one that is not among them is believed.
 */
export function analyse(
  program: Program,
  models: ReadonlyMap<string, ModelInfo>,
  overrides: Overrides = {},
  heads: HeadLooks = new Map(),
  latents: LatentLooks = new Map(),
): Analysis {
  const scopes = [...buildScopes(program, new Report()).values()];
  const checked = check(program, models, overrides, heads, latents);
  const named = {
    numbers: checked.numbers,
    names: scopes.find((s) => s.file === program.entry)?.names ?? new Map<string, Declared>(),
    references: referencesOf(scopes, models),
    declarations: scopes.flatMap((s) => s.own.map(declarationOf)),
  };
  if (checked.value === undefined) {
    const further = checked.sound === undefined ? [] : lower(checked.sound).diagnostics;
    return { ...named, diagnostics: [...checked.diagnostics, ...further] };
  }
  const lowered = lower(checked.value);
  return {
    ...named,
    checked: checked.value,
    ...(lowered.value !== undefined && { plan: lowered.value }),
    diagnostics: [...checked.diagnostics, ...lowered.diagnostics],
  };
}
