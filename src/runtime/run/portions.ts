// A task in portions: while the pictures of one are made and written, the next is drawn.
// In: rows of a task; a source that draws a portion at a time. Out: portions of rows; what the source gives, made a little ahead of whoever takes it.
// Invariants: no more than AHEAD portions are drawn and not taken, so that memory does not grow with the count and an interruption loses no more;
// what is drawn does not depend on the cut.
import { ENERGY_ROWS } from "../plan/tiles.js";

/** Samples of the first portion, so that its pictures come soon. */
const FIRST = 4 * ENERGY_ROWS;

/** Portions that are drawn before they are asked for. */
const AHEAD = 1;

/** Cuts rows that have `samples` samples each into portions: a small one, and others of `together` samples, which fill the tiles of a solve to its end. */
export function cutRows(rows: readonly number[], samples: number, together: number): readonly (readonly number[])[] {
  const rowsFor = (count: number): number => Math.max(1, Math.floor(count / samples));
  if (rows.length * samples <= 2 * FIRST) return [rows];
  const portions = [rows.slice(0, rowsFor(FIRST))];
  for (let at = rowsFor(FIRST); at < rows.length; at += rowsFor(together))
    portions.push(rows.slice(at, at + rowsFor(together)));
  return portions;
}

/**
 * What a source gives, in its order, of which `most` are made while the last one is in use. Whoever ends early lets the source end too, and waits for that.
 * Errors: those of the source, behind what it gave before.
 */
export async function* ahead<T>(source: AsyncGenerator<T, void>, most = AHEAD): AsyncGenerator<T, void> {
  const waiting: Promise<IteratorResult<T, void>>[] = [];
  const ask = (): void => {
    const next = source.next();
    next.catch(() => undefined); // told when its turn comes
    waiting.push(next);
  };
  try {
    for (;;) {
      if (waiting.length === 0) ask();
      const next = await waiting.shift();
      if (next === undefined || next.done === true) return;
      while (waiting.length < most) ask();
      yield next.value;
    }
  } finally {
    await source.return();
  }
}
