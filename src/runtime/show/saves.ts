// Where images go: one sink for each `save` of a task. Images arrive in order, one by one, and are let go as soon as they are written.
// Invariants: encoding and writing overlap the synthesis of the next image; at most MAX_PENDING images wait to be encoded;
// pictures with alpha keep it in files of their own, and stand on white in sheets and animations; a sheet keeps the 8-bit images of its task and nothing else, smaller ones if they are too many; an animation its frames.
import { warning, type Diagnostic } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import type { Paste, Save, Task } from "../../compiler/plan.js";
import type { Host } from "../../ports/host.js";
import type { ImageCodec } from "../services/codec.js";
import type { Verdict } from "../../compiler/energy/interpret.js";
import { pasted, type Similarity } from "../image/alignment.js";
import { layoutBlocks } from "../image/blocks.js";
import { marked } from "../image/marks.js";
import { animationFormat, fillTemplate, imageFormat, insideFolder } from "../plan/path-template.js";
import { type ImageFormat } from "../services/codec.js";
import { halfImage, onWhite, type RgbImage } from "../image/rgb.js";
import type { OnEvent } from "../../ports/events.js";
import { imageNumber, isOutcome, isPart, isTween } from "../plan/places.js";
import { FilmBuilder, type FilmForm } from "../plan/film.js";
import { RECORD_FILE } from "../plan/path-template.js";
import type { SampleResult } from "../draw/results.js";
import { blocksOf, cellsOf, sheetScale } from "../plan/sheet.js";
import type { SaveForm } from "../../compiler/plan.js";

const MAX_PENDING = 4;

/** What writing needs of its surroundings. */
export interface SaveContext {
  readonly host: Host;
  readonly codec: ImageCodec;
  /** The output folder. */
  readonly out: string;
  readonly onEvent: OnEvent;
  /** Files that are at their place already, of one image each: they are not encoded again. */
  readonly written?: WrittenFile | undefined;
  /** The photograph of a task, for pictures that are put back. */
  readonly photograph?: (task: number) => Promise<{ readonly whole: RgbImage; readonly frame: Similarity }>;
  /** Tells the user of something that a file lacks. */
  readonly warn: (diagnostic: Diagnostic) => void;
}

/** What a file of the output folder is known to be: undefined where it must be written. */
export type WrittenFile = (file: string) => Promise<{ readonly bytes: number; readonly sha256: string } | undefined>;

/** What is saved: the task and the recipes of its images. */
export interface SaveSubject {
  readonly task: Task;
  /** Of a sheet of several: all its tasks, this one among them. */
  readonly all?: readonly Task[];
  readonly recipe: RecipeText;
}

export interface Sink {
  /** Whether it shows this picture; pictures that no sink wants need not be made. */
  wants(picture: Pick<SampleResult, "index" | "part">): boolean;
  /** The next image that it wants, in order; undefined: that sample gave none. Resolves when the sink can take another. */
  accept(image: RgbImage | undefined, picture: SampleResult, verdict?: Verdict): Promise<void>;
  /** Shows a small picture of one that it wants until that is there, where the model has small ones. */
  readonly preview?: (small: RgbImage, picture: SampleResult) => Promise<void>;
  /** Whether it shows what the judges say. */
  readonly marks?: boolean;
  /** Resolves when every file is at its place. */
  finish(): Promise<readonly OutputFile[]>;
}

type SheetOf = Extract<SaveForm, { kind: "grid" | "strip" }>;

/** The sheets that are under way: those of several tasks fill up as these are drawn. */
export type Sheets = Map<Save, Sheet>;

/** Opens the sink that a `save` asks for, of one of its tasks. */
export function openSink(save: Save, subject: SaveSubject, context: SaveContext, sheets: Sheets = new Map()): Sink {
  const { form, path } = save;
  if (form.kind === "animation") return animationSink(path, form, subject, context);
  const format = imageFormat(path);
  if (format === undefined) throw new InternalError(`no image format for ${path}: the checker let it pass`);
  if (form.kind === "each") return eachSink(path, format, subject, context, form.paste);
  const sheet = sheets.get(save) ?? new Sheet(save, form, format, subject.all ?? [subject.task], context);
  sheets.set(save, sheet);
  return sheet.sink(subject);
}

/** A sink that writes nothing: pictures are made for the cache. */
export function keepingSink(wants: Sink["wants"]): Sink {
  return { wants, accept: () => Promise.resolve(), finish: () => Promise.resolve([]) };
}

function eachSink(
  path: string,
  format: ImageFormat,
  { task, recipe }: SaveSubject,
  context: SaveContext,
  paste: Paste | undefined,
): Sink {
  const pending = new Set<Promise<void>>();
  const files: OutputFile[] = [];
  const failures: unknown[] = [];
  const hasStep = path.includes("{step}");
  return {
    wants: (picture) => (hasStep ? isPart(picture) : isOutcome(task, picture)),
    accept: async (image, picture) => {
      if (image === undefined) return;
      const number = { index: imageNumber(task, picture), ...(hasStep && { step: picture.part }) };
      const text = recipe(number);
      const shown = paste === undefined ? image : await putBack(image, paste, context);
      const file = fillTemplate(path, { ...number, part: picture.part });
      const write: Promise<void> = writeUnlessThere(file, shown, format, text, context)
        .then(
          (written) => void files.push({ ...written, task: task.name, form: "each", ...number }),
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
      return files.sort((a, b) => (a.index ?? 0) - (b.index ?? 0) || (a.step ?? 0) - (b.step ?? 0));
    },
  };
}

/** A picture in the photograph that it is of. Errors: LaceError of the photograph. */
async function putBack(image: RgbImage, { task, feather }: Paste, { photograph }: SaveContext): Promise<RgbImage> {
  const framed = await photograph?.(task);
  if (framed === undefined) throw new InternalError("there is no photograph to put a picture back into");
  return pasted(framed.whole, onWhite(image), framed.frame, feather);
}

/** A sheet that fills up task by task: it is written when the last of its tasks is finished. */
class Sheet {
  private readonly images = new Map<Task, (RgbImage | undefined)[]>();
  private readonly finished = new Set<Task>();
  private reduced: RgbImage | undefined;

  constructor(
    private readonly save: Pick<Save, "path">,
    private readonly form: SheetOf,
    private readonly format: ImageFormat,
    private readonly tasks: readonly Task[],
    private readonly context: SaveContext,
  ) {}

  /** Takes the images of one of its tasks. */
  sink({ task, recipe }: SaveSubject): Sink {
    const { form, images: all } = this;
    const images: (RgbImage | undefined)[] = [];
    const count = this.tasks.reduce((n, t) => n + cellsOf(t, form), 0);
    const marks = form.kind === "grid" && form.marks === true;
    all.set(task, images);
    return {
      wants: (picture) => (form.kind === "strip" ? Number.isInteger(picture.part) : isOutcome(task, picture)),
      marks,
      accept: (image, _, verdict) => {
        const halvings = image === undefined ? 0 : sheetScale(image, count).halvings;
        let small = image && onWhite(image);
        for (let i = 0; i < halvings; i++) small &&= halfImage(small);
        if (halvings > 0) this.reduced = small;
        images.push(small && verdict !== undefined && marks ? marked(small, verdict) : small);
        return Promise.resolve();
      },
      finish: async () => {
        this.finished.add(task);
        return this.tasks.every((t) => this.finished.has(t)) ? this.write(recipe) : [];
      },
    };
  }

  private async write(recipe: RecipeText): Promise<readonly OutputFile[]> {
    const { form, tasks, context, reduced } = this;
    const { path } = this.save;
    const forms = blocksOf(tasks, form);
    // A task of which every sample failed has no block, and that has been said.
    const blocks = tasks.flatMap((task, k) => {
      const [images, block] = [this.images.get(task) ?? [], forms[k]];
      return block === undefined || images.every((i) => i === undefined) ? [] : [{ ...block, images }];
    });
    if (blocks.length === 0) return [];
    const shown = blocks.reduce((n, b) => n + b.images.length, 0);
    if (reduced !== undefined) context.warn(reducedTo(path, shown, reduced));
    const sheet = layoutBlocks(blocks, form.caption);
    const written = await writeImage(path, sheet, this.format, recipe({}), context);
    return [{ ...written, task: tasks.map((t) => t.name).join(", "), form: form.kind }];
  }
}

function animationSink(path: string, form: FilmForm, { task, recipe }: SaveSubject, context: SaveContext): Sink {
  const format = animationFormat(path);
  if (format === undefined) throw new InternalError(`no format of animations for ${path}: the checker let it pass`);
  const builder = new FilmBuilder(task, form);
  return {
    wants: ({ part }) => isTween(part, form.tween),
    accept: (image, picture) => {
      if (image !== undefined) builder.add(onWhite(image), picture);
      return Promise.resolve();
    },
    finish: async () => {
      const film = builder.finish();
      if (film === undefined) return []; // every sample failed, and that has been said
      const bytes = await context.codec.encodeAnimation(film, format, form.fps, recipe({}));
      return [{ ...(await writeBytes(path, bytes, context)), task: task.name, form: form.kind }];
    },
  };
}

function reducedTo(path: string, count: number, { width, height }: RgbImage): Diagnostic {
  const message = `the ${count} images of ${path} are shown at ${width}x${height}: at their full size the sheet would be too large`;
  return warning("L4108", message, ["save them one by one to have them whole: a path with {index}"]);
}

/** Where a file of the output folder lies: paths in a run are relative to that folder as those in run.json are to it. */
export function outputPath(host: Host, out: string, file: string): string {
  return host.resolve(`${out}/${RECORD_FILE}`, file);
}

async function writeUnlessThere(
  file: string,
  image: RgbImage,
  format: ImageFormat,
  text: string | undefined,
  context: SaveContext,
): ReturnType<typeof writeImage> {
  const there = await context.written?.(file);
  return there === undefined ? writeImage(file, image, format, text, context) : { file, ...there };
}

async function writeImage(
  file: string,
  image: RgbImage,
  format: ImageFormat,
  text: string | undefined,
  context: SaveContext,
): Promise<{ readonly file: string; readonly bytes: number; readonly sha256: string }> {
  return writeBytes(file, await context.codec.encode(image, format, text), context);
}

/** Writes a file of the output folder, and tells of it. */
export async function writeBytes(
  file: string,
  bytes: Uint8Array,
  context: Pick<SaveContext, "host" | "out" | "onEvent">,
): Promise<{ readonly file: string; readonly bytes: number; readonly sha256: string }> {
  if (!insideFolder(file)) throw new InternalError(`${file} leaves the output folder: the checker let it pass`);
  await context.host.writeAtomic(outputPath(context.host, context.out, file), bytes);
  context.onEvent({ kind: "wrote", path: file, bytes: bytes.length });
  return { file, bytes: bytes.length, sha256: await context.host.sha256(bytes) };
}

export interface OutputFile {
  /** Relative to the output folder, forward slashes. */
  readonly file: string;
  /** The task's name; of a sheet of several, their names with ", " between them. */
  readonly task: string;
  readonly form: SaveForm["kind"] | "latents";
  /** Of a file of one image: `{index}` of its path. */
  readonly index?: number;
  /** Of a file of one step of an edit: `{step}` of its path. */
  readonly step?: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** The text to put into an image; undefined: none is wanted. */
export type RecipeText = (part: ImagePart) => string | undefined;

/** Which image of a `save`; neither: a sheet or an animation of all. */
export interface ImagePart {
  readonly index?: number;
  readonly step?: number;
}
