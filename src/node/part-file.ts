// A data file while it is being written: `FILE.part`, blocks of rows at fixed places, each with its SHA-256.
//
//   "lacepart" | bytes of the settings, u64 | settings | SHA-256 of the settings | slot 0 | slot 1 | ...
//   a slot: BLOCK rows of each tensor side by side | u64 rows that are filled | SHA-256 of the bytes before
//
// In: a layout, blocks in any order. Out: the whole file under its name, or a part that another run goes on with.
// Invariants: memory holds one block; a slot's end is written after its rows are on the disk, so a process killed at any moment loses at
// most the block that it was writing; a block whose hash is wrong is not in the part; the target appears whole, by renaming.
// This file writes in place and keeps its part when interrupted, which is its purpose: nodeHost's writeAtomic would need all rows at once.
import { createHash } from "node:crypto";
import { access, open, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { DTYPE_BYTES } from "../models/formats/dtype.js";
import type { SafetensorsLayout, StoredTensor } from "../models/formats/safetensors.js";
import type { DataRows } from "../learn/label/layout.js";
import { BLOCK, blocksOf, type PartFile, type PartPlan, type RowRange } from "../learn/label/part-file.js";
import { failure } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import { writeFailure } from "./failures.js";
import { makeFolder } from "./folders.js";

const MAGIC = new TextEncoder().encode("lacepart");
const HASH_BYTES = 32;
const END_BYTES = 8 + HASH_BYTES;

/** Name of the part of a data file. */
export function partName(file: string): string {
  return `${file}.part`;
}

/**
 * Opens the part of a data file: the one that an interrupted run of the same settings left, or a new one. Every block of it that is asked
 * for is read, and its hash compared.
 *
 * Errors   LaceError L5311 if a part of other settings is there and `fresh` is not set; L50xx of the disk.
 */
export async function openPart(
  file: string,
  { layout, settings, range = { first: 0, count: rowsIn(layout) } }: PartPlan,
  options: { readonly fresh?: boolean } = {},
): Promise<PartFile> {
  const part = partName(file);
  return guarded(part, async () => {
    await makeFolder(dirname(part));
    await refuseFolder(file);
    await access(dirname(part), 2); // W_OK
    if (options.fresh === true) await unlink(part).catch(() => undefined);
    const handle = await openOrCreate(part);
    try {
      const opened = new OpenPart(file, handle, layout, range, await begin(handle, settings, part));
      await opened.look();
      return opened;
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

class OpenPart implements PartFile {
  /** First row of the blocks of `range` that are in the part. */
  private readonly present = new Set<number>();
  readonly damaged: RowRange[] = [];
  /** Where each tensor's rows begin in a slot, and the bytes of one. */
  private readonly places = new Map<string, { readonly start: number; readonly row: number }>();
  private readonly slot: number;

  constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    private readonly layout: SafetensorsLayout,
    private readonly range: RowRange,
    private readonly start: number,
  ) {
    let at = 0;
    for (const [name, tensor] of layout.tensors) {
      const row = rowBytes(tensor);
      this.places.set(name, { start: at, row });
      at += BLOCK * row;
    }
    this.slot = at;
  }

  get rows(): number {
    return this.range.count - this.missing.reduce((sum, b) => sum + b.count, 0);
  }

  get missing(): readonly RowRange[] {
    return blocksOf(this.range).filter((b) => !this.present.has(b.first));
  }

  /** Looks which blocks are there whole. */
  async look(): Promise<void> {
    for (const block of blocksOf(this.range)) {
      const { rows, state } = await this.load(block.first);
      if (state === "whole" && rows >= this.within(block) + block.count) this.present.add(block.first);
      if (state === "damaged") this.damaged.push(block);
    }
  }

  async write(first: number, rows: DataRows): Promise<void> {
    const block = blocksOf(this.range).find((b) => b.first === first);
    if (block === undefined || this.within(block) !== 0) throw new InternalError(`no block begins with row ${first}`);
    const payload = new Uint8Array(this.slot + 8);
    for (const [name, { start, row }] of this.places) {
      const data = rows.get(name);
      if (data?.byteLength !== block.count * row) throw new InternalError(`not ${block.count} rows of ${name}`);
      payload.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
    }
    new DataView(payload.buffer).setBigUint64(this.slot, BigInt(block.count), true);
    await guarded(this.file, async () => {
      const at = this.placeOf(first);
      await writeAll(this.handle, new Uint8Array(END_BYTES), at + this.slot); // an older end is of other rows
      await writeAll(this.handle, payload.subarray(0, this.slot), at);
      await this.handle.datasync();
      await writeAll(this.handle, payload.subarray(this.slot), at + this.slot);
      await writeAll(this.handle, hashOf(payload), at + this.slot + 8);
      await this.handle.datasync();
    });
    this.present.add(first);
  }

  async read(name: string): Promise<Float32Array> {
    if (this.layout.tensors.get(name)?.dtype !== "F32") throw new InternalError(`no floats ${name}`);
    const { row } = this.place(name);
    const out = new Uint8Array(this.range.count * row);
    for await (const { block, bytes } of this.blocks())
      out.set(this.rowsOf(name, block, bytes), (block.first - this.range.first) * row);
    return new Float32Array(out.buffer);
  }

  async finish(): Promise<void> {
    const made = `${partName(this.file)}.whole`;
    await guarded(this.file, async () => {
      const whole = await open(made, "w");
      try {
        await whole.truncate(this.layout.bytes);
        await writeAll(whole, this.layout.head, 0);
        for await (const { block, bytes } of this.blocks())
          for (const [name, { start }] of this.layout.tensors) {
            const at = start + (block.first - this.range.first) * this.place(name).row;
            await writeAll(whole, this.rowsOf(name, block, bytes), at);
          }
        await whole.sync();
        await whole.close();
        await rename(made, this.file);
      } catch (error) {
        await whole.close().catch(() => undefined);
        await unlink(made).catch(() => undefined);
        throw error;
      }
      await this.handle.close();
      await unlink(partName(this.file));
    });
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** The blocks of the range, one after another. */
  private async *blocks(): AsyncGenerator<{ readonly block: RowRange; readonly bytes: Uint8Array }> {
    for (const block of blocksOf(this.range)) {
      const { bytes, state } = this.present.has(block.first)
        ? await guarded(this.file, () => this.load(block.first))
        : { bytes: new Uint8Array(0), state: "absent" };
      if (state !== "whole") throw new InternalError(`the rows from ${block.first} are missing`);
      yield { block, bytes };
    }
  }

  /** The slot that a row is in. */
  private async load(row: number): Promise<{
    readonly bytes: Uint8Array;
    readonly rows: number;
    readonly state: "whole" | "absent" | "damaged";
  }> {
    const bytes = await readAt(this.handle, this.placeOf(row), this.slot + END_BYTES);
    const end = bytes.subarray(this.slot);
    const rows = Number(new DataView(end.buffer, end.byteOffset, 8).getBigUint64(0, true));
    if (end.every((b) => b === 0)) return { bytes, rows: 0, state: "absent" };
    const hash = hashOf(bytes.subarray(0, this.slot + 8));
    const whole = rows <= BLOCK && end.subarray(8).every((b, i) => b === hash[i]);
    return { bytes, rows, state: whole ? "whole" : "damaged" };
  }

  private rowsOf(name: string, block: RowRange, slot: Uint8Array): Uint8Array {
    const { start, row } = this.place(name);
    const from = start + this.within(block) * row;
    return slot.subarray(from, from + block.count * row);
  }

  private place(name: string): { readonly start: number; readonly row: number } {
    return this.places.get(name) ?? missingTensor(name);
  }

  private placeOf(row: number): number {
    return this.start + Math.floor(row / BLOCK) * (this.slot + END_BYTES);
  }

  /** Rows of a block's slot that come before it: a range may begin within one. */
  private within({ first }: RowRange): number {
    return first % BLOCK;
  }
}

/** Where the slots of an open part begin; a new or empty one gets its head. */
async function begin(handle: FileHandle, settings: string, part: string): Promise<number> {
  const text = new TextEncoder().encode(settings);
  const head = new Uint8Array(MAGIC.length + 8 + text.length + HASH_BYTES);
  head.set(MAGIC);
  new DataView(head.buffer).setBigUint64(MAGIC.length, BigInt(text.length), true);
  head.set(text, MAGIC.length + 8);
  head.set(hashOf(text), MAGIC.length + 8 + text.length);
  const { size } = await handle.stat();
  if (size === 0) {
    await writeAll(handle, head, 0);
    return head.length;
  }
  const there = await readAt(handle, 0, head.length);
  if (!there.every((b, i) => b === head[i]))
    throw failure("L5311", `${part} was left by a run with other settings, another model or another labeller`, [
      "run lacec with the settings that it was begun with to go on with it",
      "or begin anew with --fresh, which removes it",
    ]);
  return head.length;
}

function rowsIn({ tensors }: SafetensorsLayout): number {
  return [...tensors.values()][0]?.shape[0] ?? 0;
}

function rowBytes({ dtype, shape }: StoredTensor): number {
  if (dtype !== "F32" && dtype !== "U8") throw new InternalError(`data files hold no ${dtype}`);
  return shape.slice(1).reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
}

function missingTensor(name: string): never {
  throw new InternalError(`no tensor ${name}`);
}

function hashOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

async function openOrCreate(part: string): Promise<FileHandle> {
  try {
    return await open(part, "r+");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return open(part, "wx+");
    throw error;
  }
}

async function refuseFolder(file: string): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) throw Object.assign(new Error("a folder"), { code: "EISDIR" });
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break; // a file that was cut short: what is missing stays 0 and fails the comparisons
    done += bytesRead;
  }
  return bytes;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Failures of the disk as LaceErrors. */
async function guarded<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && "code" in error) throw writeFailure(file, error);
    throw error;
  }
}
