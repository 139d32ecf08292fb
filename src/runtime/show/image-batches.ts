// How many pictures one run of the synthesis makes, and what happens when memory does not reach.
// In: the graph's memory, what is free, what the engine gains from company. Out: rows; executables that halve when memory ends.
// Invariants: on a processor one picture at a time is the fastest (its activations stay in the cache, its threads share each
//   operation) and needs the least; only running out of memory is answered by smaller batches, every other error is the caller's.
import type { Arrays, Executable, Graph } from "../../compiler/graph/graph.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import { failure, warning, type Diagnostic } from "../../source/diagnostic.js";

/** More rows than this keep no GPU busier. */
const MAX_ROWS = 16;
const BYTES = 4;

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

/** Bytes of activations that a run of the graph holds at its fullest, about: each value from where it is made to its last use. */
export function activationBytes(graph: Graph): number {
  const lastUse = new Map<number, number>();
  graph.nodes.forEach((node, id) => {
    for (const input of node.inputs) lastUse.set(input, id);
  });
  for (const { node } of graph.outputs) lastUse.set(node, graph.nodes.length);
  const ending = new Map<number, number>();
  let live = 0;
  let most = 0;
  graph.nodes.forEach(({ op, shape }, id) => {
    const end = lastUse.get(id);
    if (op.kind === "constant" || end === undefined) return;
    const size = op.kind === "reshape" ? 0 : sizeOf(shape);
    live += size;
    most = Math.max(most, live);
    ending.set(end, (ending.get(end) ?? 0) + size);
    live -= ending.get(id) ?? 0;
  });
  return most * BYTES;
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
  #executable: Executable | undefined;

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
      this.#executable ??= await this.compile(this.rowsNow);
      return await this.#executable.run(inputs(this.rowsNow));
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
    const old = this.#executable;
    this.#executable = undefined;
    await old?.dispose();
  }
}
