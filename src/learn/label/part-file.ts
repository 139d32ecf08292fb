// A data file while it is being written, as labelling sees it; node/part-file.ts keeps one on a disk.
// In: blocks of rows. Out: the whole file under its name. Invariants: what `write` resolved for survives the process; a block is the rows
// BLOCK k .. BLOCK (k + 1) of a seed, whatever part of them a run asks for, so that a run of more rows, or of fewer, goes on with it.
import type { SafetensorsLayout } from "../../models/formats/safetensors.js";
import type { DataRows } from "./layout.js";

/** Rows of a block: what is written, checked and drawn again together. */
export const BLOCK = 64;

/** Some rows of a seed: `first` and `count` of them. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** What is to be written. */
export interface PartPlan {
  /** Of the finished file. */
  readonly layout: SafetensorsLayout;
  /** What must be the same for a part to be gone on with (settingsOf). */
  readonly settings: string;
  /** The rows that the finished file has. Default: all of the layout, from 0. */
  readonly range?: RowRange;
}

export interface PartFile {
  /** Of the rows that the file is to have, how many are in it. */
  readonly rows: number;
  /** Blocks (or what is asked of the last one) that are not in it, in order. */
  readonly missing: readonly RowRange[];
  /** Those of them that are there and damaged: they are missing, and drawn again. */
  readonly damaged: readonly RowRange[];
  /** Keeps a block, or the part of the last one that is asked for. It is on the disk when it resolves. */
  write(first: number, rows: DataRows): Promise<void>;
  /** A tensor of floats, row after row. Errors InternalError if rows are missing. */
  read(name: string): Promise<Float32Array>;
  /** Puts the finished file at its place. Errors InternalError if rows are missing. */
  finish(): Promise<void>;
  /** Leaves the part for another run; after `finish` it does nothing. */
  close(): Promise<void>;
}

/** The blocks that hold some rows, cut to them. */
export function blocksOf({ first, count }: RowRange): RowRange[] {
  const blocks: RowRange[] = [];
  for (let at = first; at < first + count;) {
    const end = Math.min(first + count, (Math.floor(at / BLOCK) + 1) * BLOCK);
    blocks.push({ first: at, count: end - at });
    at = end;
  }
  return blocks;
}

/** Part `number` of `of` of `count` rows: whole blocks, as even as they can be. Empty where there are fewer blocks than parts. */
export function shardRows(count: number, { number, of }: { readonly number: number; readonly of: number }): RowRange {
  const blocks = Math.ceil(count / BLOCK);
  const at = (k: number): number => Math.min(count, Math.floor((k * blocks) / of) * BLOCK);
  return { first: at(number - 1), count: at(number) - at(number - 1) };
}
