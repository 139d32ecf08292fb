// How much work one file may cause, over the whole of its reading. Opcodes that copy what is remembered cost more than their own bytes.
// In: the size of the file. Out: an error once the work is out of all proportion to it.
// Invariants: one budget for a file and everything nested in it; what an honest file needs is counted once or twice, never near the limit.
import { modelError } from "../model-error.js";

/** Bytes that may be copied: this many times the file, and some more for small files. */
const COPIES = 4;
const SLACK_BYTES = 16 * 1024 * 1024;

export class WorkBudget {
  private readonly mostBytes: number;
  private copied = 0;
  private done = 0;

  constructor(
    private readonly file: string,
    fileBytes: number,
    /** Operations of all pickles of the file together. */
    private readonly mostOperations = 1_000_000,
  ) {
    this.mostBytes = COPIES * fileBytes + SLACK_BYTES;
  }

  /** One operation. Errors LaceError L5106. */
  step(): void {
    if (++this.done > this.mostOperations)
      throw modelError("L5106", this.file, `the pickle has more than ${this.mostOperations} operations`);
  }

  /** Bytes that are copied, or that will be when a value is used. Errors LaceError L5106. */
  readonly copy = (bytes: number): void => {
    this.copied += bytes;
    if (this.copied > this.mostBytes)
      throw modelError(
        "L5106",
        this.file,
        `reading it would copy more than ${this.mostBytes} bytes, far more than it has`,
      );
  };
}
