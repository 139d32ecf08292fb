// A data file while it is being written, as labelling sees it; node/part-file.ts keeps one on a disk.
// In: rows in order. Out: the rows that are in it. Invariant: what `write` resolved for survives the process.
import type { DataRows } from "./layout.js";

export interface PartFile {
  /** Rows that are in it. */
  readonly rows: number;
  /** Appends rows. They are on the disk when it resolves. */
  write(rows: DataRows): Promise<void>;
  /** A tensor of floats as far as it is written: row after row. */
  read(name: string): Promise<Float32Array>;
  /** Puts the finished file at its place. Errors InternalError if rows are missing. */
  finish(): Promise<void>;
  /** Leaves the part for another run. */
  close(): Promise<void>;
}
