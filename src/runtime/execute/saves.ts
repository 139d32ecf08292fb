// Where images go: one sink for each `save` of a task. Images arrive in order, one by one, and are let go as soon as they are written.
// Invariants: encoding and writing overlap the synthesis of the next image; at most MAX_PENDING images wait to be encoded;
// a sheet keeps the 8-bit images of its task and nothing else.
import { InternalError } from "../../source/internal-error.js";
import type { Save } from "../../compiler/plan.js";
import type { Host } from "../host.js";
import type { ImageCodec } from "../image/codec.js";
import { layoutGrid } from "../image/grid.js";
import { fillTemplate, imageFormat, insideFolder, type ImageFormat } from "../image/path-template.js";
import type { RgbImage } from "../image/rgb.js";
import type { OnEvent } from "../events.js";
import { RECORD_FILE } from "./record.js";
import type { RecipeText } from "./recipes.js";
import type { OutputFile } from "./results.js";

const MAX_PENDING = 4;

/** What writing needs of its surroundings. */
export interface SaveContext {
  readonly host: Host;
  readonly codec: ImageCodec;
  /** The output folder. */
  readonly out: string;
  readonly onEvent: OnEvent;
}

/** What is saved: the task and the recipes of its images. */
export interface SaveSubject {
  readonly task: string;
  readonly recipe: RecipeText;
}

export interface Sink {
  /** The next image, in order; undefined: that sample gave none. Resolves when the sink can take another. */
  accept(image: RgbImage | undefined, index: number): Promise<void>;
  /** Resolves when every file is at its place. */
  finish(): Promise<readonly OutputFile[]>;
}

/** Opens the sink that a `save` asks for. Only grid and each come here: the rest is refused before any work. */
export function openSink(save: Save, subject: SaveSubject, context: SaveContext): Sink {
  const { form, path } = save;
  const format = imageFormat(path);
  if (format === undefined) throw new InternalError(`no image format for ${path}: the checker let it pass`);
  if (form.kind === "each") return eachSink(path, format, subject, context);
  if (form.kind === "grid") return gridSink(path, format, form.columns, subject, context);
  throw new InternalError(`a save as ${form.kind} reached the sinks`);
}

function eachSink(path: string, format: ImageFormat, subject: SaveSubject, context: SaveContext): Sink {
  const pending = new Set<Promise<void>>();
  const files: OutputFile[] = [];
  const failures: unknown[] = [];
  return {
    accept: async (image, index) => {
      if (image === undefined) return;
      const file = fillTemplate(path, index);
      const text = subject.recipe({ index });
      const write: Promise<void> = writeImage(file, image, format, text, context)
        .then(
          (written) => void files.push({ ...written, task: subject.task, form: "each", index }),
          (error: unknown) => void failures.push(error),
        )
        .finally(() => pending.delete(write));
      pending.add(write);
      if (pending.size >= MAX_PENDING) await Promise.race(pending);
      if (failures.length > 0) throw failures[0];
    },
    finish: async () => {
      await Promise.all(pending);
      if (failures.length > 0) throw failures[0];
      return files.sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
    },
  };
}

function gridSink(
  path: string,
  format: ImageFormat,
  columns: number | undefined,
  subject: SaveSubject,
  context: SaveContext,
): Sink {
  const images: (RgbImage | undefined)[] = [];
  return {
    accept: (image) => {
      images.push(image);
      return Promise.resolve();
    },
    finish: async () => {
      if (images.every((i) => i === undefined)) return []; // every sample failed, and that has been said
      const grid = layoutGrid(images, columns === undefined ? {} : { columns });
      const sheet = await context.codec.drawLabels(grid.image, grid.labels);
      const text = subject.recipe({});
      const written = await writeImage(path, sheet, format, text, context);
      return [{ ...written, task: subject.task, form: "grid" }];
    },
  };
}

/** Where a file of the output folder lies: paths in a run are relative to that folder as those in run.json are to it. */
export function outputPath(host: Host, out: string, file: string): string {
  return host.resolve(`${out}/${RECORD_FILE}`, file);
}

async function writeImage(
  file: string,
  image: RgbImage,
  format: ImageFormat,
  text: string | undefined,
  context: SaveContext,
): Promise<{ readonly file: string; readonly bytes: number; readonly sha256: string }> {
  if (!insideFolder(file)) throw new InternalError(`${file} leaves the output folder: the checker let it pass`);
  const bytes = await context.codec.encode(image, format, text);
  await context.host.writeAtomic(outputPath(context.host, context.out, file), bytes);
  context.onEvent({ kind: "wrote", path: file, bytes: bytes.length });
  return { file, bytes: bytes.length, sha256: await context.host.sha256(bytes) };
}
