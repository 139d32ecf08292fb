// Bugs in lace itself, as distinct from mistakes in the user's program (which are diagnostics).

/** A bug in lace. Never thrown for a mistake of the user, the environment or the numbers. */
export class InternalError extends Error {
  override readonly name = "InternalError";
}

/** Marks a switch as exhaustive: a new kind that is not handled does not compile. */
export function unreachable(x: never): never {
  throw new InternalError(`unhandled ${JSON.stringify(x)}`);
}
