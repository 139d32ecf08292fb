// What a setting gets that a script leaves out, in numbered editions: docs/decisions/default-solver.md.
// A lock, a recipe and a run record say which edition was used, so that what was drawn under an earlier one can be drawn again.

/** An edition of the defaults. What has no number was written before there was one, under edition 1. */
export type DefaultsEdition = 1 | 2;

/** All editions, oldest first. */
export const DEFAULTS_EDITIONS: readonly DefaultsEdition[] = [1, 2];

/** The edition of scripts that are run now. */
export const DEFAULTS: DefaultsEdition = 2;

/** The solver of `sampler ode` where a script names none. */
export function defaultSolver(edition: DefaultsEdition): "dopri5" | "bosh3" {
  return edition === 1 ? "dopri5" : "bosh3";
}

/** rtol and atol of a solver where a script gives none. */
export function defaultTolerance(solver: string, edition: DefaultsEdition): number {
  return edition > 1 && solver === "bosh3" ? 2e-3 : 1e-3;
}

/** Whether a sample that makes no progress goes on to the last of its steps. */
export function isPatient(edition: DefaultsEdition): boolean {
  return edition === 1;
}

/** An edition in a sentence: what a script that says nothing gets. */
export function describeDefaults(edition: DefaultsEdition): string {
  const solver = defaultSolver(edition);
  return `edition ${edition} (solver ${solver} at ${defaultTolerance(solver, edition)})`;
}
