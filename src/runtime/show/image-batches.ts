// How many pictures one run of the synthesis makes, and what happens when memory does not reach.
// In: the graph's memory, what is free, what the engine gains from company. Out: rows; executables that halve when memory ends.
// Invariants: on a processor one picture at a time is the fastest (its activations stay in the cache, its threads share each
//   operation) and needs the least; only running out of memory is answered by smaller batches, every other error is the caller's.
import type { Arrays, Executable, Graph } from "../../compiler/graph/graph.js";
import { activationBytes, constantBytes } from "../../compiler/graph/memory.js";
import { failure, warning, type Diagnostic } from "../../source/diagnostic.js";

/** More rows than this keep no GPU busier. */
const MAX_ROWS = 16;

/** What decides about the rows of a run. */
export interface Room {
  /** Whether the engine is faster with several pictures at once. */
  readonly batches: boolean;
  /** Bytes that are free now. */
  readonly free: number;
  /** Bytes that a run needs for each row. */
  readonly bytesPerRow: number;
}

/** Rows of a run for `count` pictures: a power of two that takes at most half of what is free. */
export function chooseRows(count: number, { batches, free, bytesPerRow }: Room): number {
  if (!batches) return 1;
  const most = Math.min(count, MAX_ROWS, free / 2 / bytesPerRow);
  let rows = 1;
  while (rows * 2 <= most) rows *= 2;
  return rows;
}

/** Fewer pictures than this are made before threads have begun. */
const WORTH_THREADS = 128;
/** Bytes of weights and activations beyond which a thread of its own for each picture takes too much memory, and gains little: its operations are long. */
const THREAD_BYTES = 48e6;

/** Runs of a graph of one picture that go at once, for `count` pictures. */
export function chooseAtOnce(count: number, atOnce: number, graph: () => Graph): number {
  if (atOnce === 1 || count < WORTH_THREADS) return 1;
  const made = graph();
  return constantBytes(made) + activationBytes(made) <= THREAD_BYTES ? atOnce : 1;
}

/** Whether an error of an engine says that memory ran out. Engines have no type for it, only words. */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /out of memory|\bOOM\b|bad_alloc|(failed|unable|cannot|could not) to allocate|cannot enlarge memory|allocation failed|exceeds .*(buffer|memory) /i.test(
    error.message,
  );
}

/** Tells the user that pictures come in smaller batches from now on. */
export function shortOfMemory(rows: number): Diagnostic {
  return warning(
    "L4107",
    `memory ran short: from here on ${rows} ${rows === 1 ? "picture is" : "pictures are"} made at a time`,
  );
}

/** A synthesis of several pictures at once, of fewer when memory ends. */
export class Batches {
  #executable: Promise<Executable> | undefined;

  /**
   * `compile` makes the executable for some rows, which is then owned here; `onShort` is told of each halving.
   */
  constructor(
    private readonly compile: (rows: number) => Promise<Executable>,
    private rowsNow: number,
    private readonly onShort: (rows: number) => void,
  ) {}

  get rows(): number {
    return this.rowsNow;
  }

  /**
   * Runs the synthesis on the inputs for so many rows; undefined if memory ended: then there are half as many rows, and the caller tries
   * again with them.
   *
   * Errors   LaceError L4107 if memory does not reach for one row; others of the engine as they come.
   */
  async run(inputs: (rows: number) => Arrays): Promise<Record<string, Float32Array> | undefined> {
    try {
      const executable = await (this.#executable ??= this.compile(this.rowsNow));
      return await executable.run(inputs(this.rowsNow));
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      await this.dispose();
      if (this.rowsNow === 1) {
        throw failure("L4107", "there is not enough memory for a single picture of this model", [
          "close other programs, or try another engine: `lacec doctor` lists them",
        ]);
      }
      this.rowsNow = Math.floor(this.rowsNow / 2);
      this.onShort(this.rowsNow);
      return undefined;
    }
  }

  /** Releases the executable; a later run compiles another. */
  async dispose(): Promise<void> {
    const old = await this.#executable?.catch(() => undefined); // it could not be compiled, which was told
    this.#executable = undefined;
    await old?.dispose();
  }
}
