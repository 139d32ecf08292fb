// A data file while it is being written: `FILE.part`, the final file's layout with a trailer that says how many rows are in it.
// In: a layout, rows in order. Out: the whole file under its name, or a part that another run goes on with.
// Invariants: memory holds one piece of rows; the trailer counts rows only after they are on the disk, so a process killed at any moment
// loses at most what came after the last `write`; the target appears whole, by renaming.
// This file writes in place and keeps its part when interrupted, which is its purpose: nodeHost's writeAtomic would need all rows at once.
import { access, mkdir, open, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { failure } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import { writeFailure } from "./host.js";
import { DTYPE_BYTES } from "../models/formats/dtype.js";
import type { SafetensorsLayout } from "../models/formats/safetensors.js";
import type { DataRows } from "../learn/label/layout.js";
import type { PartFile } from "../learn/label/part-file.js";

const MAGIC = "lacepart";
const TRAILER_BYTES = 16;

/** Name of the part of a data file. */
export function partName(file: string): string {
  return `${file}.part`;
}

/**
 * Opens the part of a data file: the one that an interrupted run of the same settings left, or a new one.
 *
 * Errors   LaceError L5311 if a part of other settings is there and `fresh` is not set; L50xx of the disk.
 */
export async function openPart(
  file: string,
  layout: SafetensorsLayout,
  options: { readonly fresh?: boolean } = {},
): Promise<PartFile> {
  const part = partName(file);
  const count = [...layout.tensors.values()][0]?.shape[0] ?? 0;
  return guarded(part, async () => {
    await mkdir(dirname(part), { recursive: true });
    await refuseFolder(file);
    await access(dirname(part), 2); // W_OK
    if (options.fresh === true) await unlink(part).catch(() => undefined);
    const handle = await openOrCreate(part);
    try {
      const rows = await rowsOf(handle, layout, part, count);
      return new OpenPart(file, handle, layout, count, rows);
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

class OpenPart implements PartFile {
  constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    private readonly layout: SafetensorsLayout,
    private readonly count: number,
    public rows: number,
  ) {}

  async write(rows: DataRows): Promise<void> {
    const { layout, handle } = this;
    let added: number | undefined;
    await guarded(this.file, async () => {
      for (const [name, { dtype, shape, start }] of layout.tensors) {
        const data = rows.get(name);
        const perRow = shape.slice(1).reduce((a, b) => a * b, 1);
        const here = (data?.length ?? 0) / perRow;
        if (data === undefined || !Number.isInteger(here) || (added ?? here) !== here)
          throw new InternalError(`rows without a whole number of ${name}`);
        if (this.rows + here > this.count) throw new InternalError("more rows than the file has");
        added = here;
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        await writeAll(handle, bytes, start + this.rows * perRow * DTYPE_BYTES[dtype]);
      }
      await handle.datasync();
      this.rows += added ?? 0;
      await writeAll(handle, trailer(this.rows), layout.bytes);
    });
  }

  async read(name: string): Promise<Float32Array> {
    const stored = this.layout.tensors.get(name);
    if (stored?.dtype !== "F32") throw new InternalError(`no floats ${name}`);
    const perRow = stored.shape.slice(1).reduce((a, b) => a * b, 1);
    const bytes = await guarded(this.file, () =>
      readAt(this.handle, stored.start, this.rows * perRow * DTYPE_BYTES.F32),
    );
    return new Float32Array(bytes.buffer);
  }

  async finish(): Promise<void> {
    if (this.rows !== this.count) throw new InternalError(`${this.rows} of ${this.count} rows`);
    await guarded(this.file, async () => {
      await this.handle.truncate(this.layout.bytes);
      await this.handle.sync();
      await this.handle.close();
      await rename(partName(this.file), this.file);
    });
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** How many rows an open part has; a new or empty one gets its head and its size. */
async function rowsOf(handle: FileHandle, layout: SafetensorsLayout, part: string, count: number): Promise<number> {
  const { size } = await handle.stat();
  if (size === 0) {
    await handle.truncate(layout.bytes + TRAILER_BYTES);
    await writeAll(handle, layout.head, 0);
    await writeAll(handle, trailer(0), layout.bytes);
    return 0;
  }
  const head = await readAt(handle, 0, layout.head.length);
  const end = await readAt(handle, layout.bytes, TRAILER_BYTES);
  const same = size === layout.bytes + TRAILER_BYTES && layout.head.every((b, i) => b === head[i]);
  const rows = Number(new DataView(end.buffer).getBigUint64(8, true));
  if (!same || new TextDecoder().decode(end.subarray(0, 8)) !== MAGIC || rows > count)
    throw failure("L5311", `${part} was left by a run with other settings, another model or another labeller`, [
      "run lacec with the settings that it was begun with to go on with it",
      "or begin anew with --fresh, which removes it",
    ]);
  return rows;
}

function trailer(rows: number): Uint8Array {
  const bytes = new Uint8Array(TRAILER_BYTES);
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setBigUint64(8, BigInt(rows), true);
  return bytes;
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
