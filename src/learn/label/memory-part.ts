// A data file's part that is held in memory: what a machine labels for another one.
// In: a range of rows. Out: a PartFile whose blocks can be taken. Invariant: nothing is written anywhere.
import { InternalError } from "../../source/internal-error.js";
import type { DataRows } from "./layout.js";
import { blocksOf, type PartFile, type RowRange } from "./part-file.js";

export interface MemoryPart extends PartFile {
  /** Blocks by their first row. */
  readonly blocks: ReadonlyMap<number, DataRows>;
}

export function memoryPart(range: RowRange): MemoryPart {
  const blocks = new Map<number, DataRows>();
  const missing = (): RowRange[] => blocksOf(range).filter((b) => !blocks.has(b.first));
  return {
    blocks,
    get missing() {
      return missing();
    },
    get rows() {
      return range.count - missing().reduce((sum, b) => sum + b.count, 0);
    },
    damaged: [],
    write: (first, rows) => Promise.resolve(void blocks.set(first, rows)),
    read: () => Promise.reject(new InternalError("a part in memory is taken by its blocks")),
    finish: () => Promise.reject(new InternalError("a part in memory has no file")),
    close: () => Promise.resolve(),
  };
}
