// A checkpoint, a decoder or attribute heads -> a pack (or a file of heads) that scripts can name.
// Invariant: nothing is written before everything has been read and checked; the source is never written to.
import type { Attribute } from "../compiler/attribute.js";
import { parseAttribute, type HeadRequest } from "../models/checkpoints/head-source.js";
import type { DecoderHints, DecoderInputHint } from "../models/decoder-facts.js";
import { describeFile, type Description } from "../models/describe-model.js";
import { importModel, type AverageStyle, type ExamineDecoder, type ImportSettings } from "../models/import-model.js";
import type { CalibrateHead } from "../models/gather-heads.js";
import type { HeadSpace } from "../compiler/weights.js";
import { PhaseClock } from "../ports/events.js";
import { averageStyle } from "../runtime/draw/average-style.js";
import { LaceError } from "../source/diagnostic.js";
import type { Platform } from "./platform.js";
import { UsageError, type VerbOptions } from "./verb.js";

export interface ImportOptions extends VerbOptions {
  /** The pack to write; default: the file's name with .safetensors, in the working folder. */
  readonly output?: string;
  /** Default: the file's name. */
  readonly name?: string;
  readonly licence?: string;
  /** Heads to put into the pack: FILE or NAME=FILE; FILE#3, FILE#3:6 or FILE#NAME is one output of a network of several. */
  readonly heads?: readonly string[];
  /** What heads mean, each as a script declares it: `hair: category { black, red }`. */
  readonly attribute?: readonly string[];
  /** Who judges the model's images from now on: an image classifier FILE.onnx with its JSON beside it, or `faces`. */
  readonly labeller?: string;
  /** Store weights in half precision. */
  readonly float16?: boolean;
  /** What the file must hold; default: whatever it does. */
  readonly as?: "head";
  /** Between dense layers of other tools: leaky ReLU of this slope below 0 (0 is ReLU, 1 nothing); default: 0.2. */
  readonly activation?: number;
  /** What the heads of other tools take; default: w. */
  readonly space?: HeadSpace;
  /** A data file (docs/data.md) whose labels say how sure the heads of other tools are. */
  readonly data?: string;
  /** How steep the logits of heads are made that are no probabilities: they are taken times this; default: 1. */
  readonly slope?: number;
  /** Of an ONNX decoder, where its file does not say: numbers in z, bounds of z, values of black and white, layout of images. */
  readonly latent?: number;
  readonly clip?: readonly [number, number];
  readonly range?: readonly [number, number];
  readonly layout?: "nchw" | "nhwc";
  /** What its further inputs are given, each NAME=latent, class, class:N, truncation, or numbers; and which output is the picture. */
  readonly input?: readonly string[];
  readonly outputName?: string;
}

/** A pack that was written. */
export interface ImportedFile {
  /** What was written: the pack first, then what belongs beside it. */
  readonly wrote: readonly string[];
  /** Sentences: what was assumed because no file has it. */
  readonly assumed: readonly string[];
  readonly description: Description;
}

/**
 * Imports a model file.
 *
 * Errors   UsageError for an output that is none and a declaration that declares nothing; LaceError L50xx, L51xx, L52xx.
 */
export async function importFile(platform: Platform, file: string, options: ImportOptions = {}): Promise<ImportedFile> {
  const { host } = platform;
  const same = (a: string, b: string): boolean => host.resolve("", a) === host.resolve("", b);
  const out = options.output ?? `${file.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "")}.safetensors`;
  if (!out.endsWith(".safetensors"))
    throw new UsageError(
      `the output ${out} must end in .safetensors (--output-name says which output of an ONNX file is the picture)`,
    );
  if (same(out, file) || same(out, file.replace(/#[A-Za-z0-9_:-]+$/, "")))
    throw new UsageError(`${out} is the file that is to be imported; name another with -o`);
  const { name, licence, slope, latent, clip, range: outputRange, layout, labeller } = options;
  const inputs = inputHints(options.input ?? []);
  if (labeller === "clip")
    throw new UsageError("a pack cannot hold clip: give --labeller clip with its prompts to label, run and eval");
  // A labeller that does not fit is told before the model is read.
  const judge = labeller === undefined || labeller === "faces" ? labeller : await platform.examineLabeller(labeller);
  const clock = new PhaseClock(() => host.now(), options.onEvent ?? (() => undefined));
  const { files, assumed } = await importModel(
    host,
    file,
    {
      out,
      ...(name !== undefined && { name }),
      ...(licence !== undefined && { licence }),
      heads: (options.heads ?? []).map(headRequest),
      attributes: (options.attribute ?? []).map(attributeOf),
      ...(options.float16 === true && { dtype: "F16" }),
      ...(slope !== undefined && { slope }),
      ...headSettings(platform, options),
      ...(judge !== undefined && { labeller: judge }),
      averageStyle: averageOn(platform),
      examineDecoder: examiner(
        platform,
        { ...{ latent, clip, outputRange, layout }, inputs, output: options.outputName },
        options,
      ),
      lacec: platform.version,
    },
    clock,
  );
  await clock.run("write", {}, async () => {
    // The pack comes last: once it is there, what it names is there too.
    for (const { path, bytes } of [...files].reverse()) if (!same(path, file)) await host.writeAtomic(path, bytes);
  });
  return { wrote: files.map((f) => f.path), assumed, description: await describeFile(host, out) };
}

/** What is said of heads of other tools. Errors: UsageError for a slope that is given and fitted. */
function headSettings({ host }: Platform, options: ImportOptions): Partial<ImportSettings> {
  const { as, activation, space, data, slope } = options;
  if (data !== undefined && slope !== undefined)
    throw new UsageError("--slope says how sure the heads are, and --data fits it: leave one out");
  const calibrate: CalibrateHead = async (layers, row) => {
    const [{ calibrateHead }, { loadTrainingData }] = await Promise.all([
      import("../learn/train/calibrate-head.js"),
      import("../learn/train/data.js"),
    ]);
    const own = { space: space ?? "w", attributes: [row.name] } as const;
    return calibrateHead(layers, row, await loadTrainingData(host, data ?? "", own));
  };
  return {
    ...(as !== undefined && { as }),
    ...(activation !== undefined && { activation }),
    ...(space !== undefined && { space }),
    ...(data !== undefined && { calibrate }),
  };
}

/** Estimates the average w of a mapping on the best engine. Errors: LaceError L52xx. */
export function averageOn(platform: Platform): AverageStyle {
  return async (mapping, zDim) => {
    const engine = await platform.world(platform.host, "auto").openEngine();
    try {
      return await averageStyle(engine, mapping, zDim);
    } finally {
      await engine.dispose();
    }
  };
}

/** Looks at a decoder on this machine, and notes what range its images were taken to have, if that was seen and not said. */
export function examiner(platform: Platform, hints: DecoderHints, { onEvent }: VerbOptions): ExamineDecoder {
  return async (bytes, path) => {
    const { seen, ...facts } = await platform.examineDecoder(bytes, path, hints);
    const range = seen.map((v) => v.toFixed(2)).join(" to ");
    const text = `trial images hold ${range}: taken as ${facts.outputRange.join("..")} (lacec import --range says otherwise)`;
    if (hints.outputRange === undefined) onEvent?.({ kind: "note", text });
    return facts;
  };
}

/** What `--input` says, by name. Errors: UsageError for what it cannot be. */
function inputHints(texts: readonly string[]): Readonly<Record<string, DecoderInputHint>> {
  const hints = new Map<string, DecoderInputHint>();
  for (const text of texts) {
    // Names of inputs may have an = in them; what they are given has none.
    const [, name = "", said = ""] = /^(.+)=([^=]+)$/.exec(text) ?? [];
    const hint = inputHint(said);
    if (name === "" || hint === undefined)
      throw new UsageError(
        `--input ${text}: write NAME=class, NAME=class:N, NAME=truncation, NAME=latent, or numbers: NAME=0, NAME=1,0,0`,
      );
    if (hints.has(name)) throw new UsageError(`--input ${name} is given twice`);
    hints.set(name, hint);
  }
  return Object.fromEntries(hints);
}

function inputHint(said: string): DecoderInputHint | undefined {
  if (said === "latent" || said === "truncation") return { role: said };
  const [isClass, classes] = /^class(?::([1-9]\d{0,5}))?$/.exec(said) ?? [];
  if (isClass !== undefined) return { role: "class", ...(classes !== undefined && { classes: Number(classes) }) };
  const values = said.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  return values.every((n) => Number.isFinite(n)) ? { role: "constant", values } : undefined;
}

function attributeOf(text: string): Attribute {
  try {
    return parseAttribute(text);
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    throw new UsageError(error.diagnostics.map((d) => [d.message, ...d.hints].join("; ")).join("\n"));
  }
}

/** `FILE` or `NAME=FILE`. */
function headRequest(text: string): HeadRequest {
  const [, name, file] = /^([A-Za-z_]\w*)=(.+)$/.exec(text) ?? [];
  return name === undefined || file === undefined ? { file: text } : { name, file };
}
