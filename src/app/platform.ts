// What verbs need of a machine and cannot make: files, engines, labellers, the image codec. src/node/platform.ts is the one of Node;
// a test or another runtime brings its own.
import type { PartFile, PartPlan } from "../learn/label/part-file.js";
import type { DecoderFacts, DecoderHints } from "../models/decoder-facts.js";
import type { Model } from "../models/model.js";
import type { Cache } from "../ports/cache.js";
import type { Host } from "../ports/host.js";
import type { JobQueue } from "../ports/job-queue.js";
import type { ObjectStore } from "../ports/object-store.js";
import type { EngineProbe } from "../runtime/services/engine.js";
import type { RgbImage } from "../runtime/image/rgb.js";
import type { Labeller, Services } from "../runtime/services/services.js";
import type { World } from "../runtime/services/world.js";
import type { DrawingSettings, PieceDrawing } from "./many/piece-drawing.js";
import type { EngineChoice } from "./verb.js";

/** Who judges images. */
export interface LabellerChoice {
  /** `faces`, `clip` or the path of an .onnx file; absent: the model's own. */
  readonly labeller?: string;
  /** Of `faces`: they are not aligned, and must be looked for. */
  readonly findFaces?: boolean;
  /** Of `clip`: lines of prompts, or paths of .txt files of such lines. */
  readonly prompts?: readonly string[];
  /** Of `clip`: the folder of a model, or the name of one that has been downloaded. */
  readonly clipModel?: string;
}

/** A classifier that a pack can hold. */
export interface ExaminedLabeller {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** The JSON beside it. */
  readonly description: Readonly<Record<string, unknown>>;
}

/** What a store of results holds. */
export interface CacheUse {
  readonly entries: number;
  readonly bytes: number;
}

/** What `lacec doctor` says of a machine, besides its engines. */
export interface Machine {
  /** Version of Node. */
  readonly node: string;
  /** System and architecture. */
  readonly platform: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Architecture and the vector instructions that decide rounding: such as "x64, avx512". */
  readonly processor: string;
}

/** How the native engine is added to an installation. */
export interface EngineInstall {
  /** A program and its words. */
  readonly command: readonly string[];
  /** The folder that gets it. */
  readonly folder: string;
}

/** The user's imported models: a folder of packs by name. */
export interface ModelStore {
  readonly home: string;
  /** Names of the models that are there, sorted. */
  names(): Promise<readonly string[]>;
  /** Names of the models that ship with lacec, sorted: scripts call them `builtin:NAME`. */
  builtins(): Promise<readonly string[]>;
  /** Where the pack of a name lies, whether it is there or not. */
  packOf(name: string): string;
  /** Removes a model. Gives whether it was there. */
  remove(name: string): Promise<boolean>;
  /**
   * Downloads a file into a folder of the store and checks its hash; a download that was cut off goes on. Gives its path.
   * Errors: LaceError L5401 if it cannot be had, L5402 if it has another hash.
   */
  download(url: string, options: DownloadOptions): Promise<string>;
  /** Removes what was downloaded into a folder. */
  removeDownloads(folder: string): Promise<void>;
}

export interface DownloadOptions {
  readonly sha256: string;
  /** Where it goes: files of one folder lie side by side. A name without folders, as `name` is. */
  readonly folder: string;
  readonly name: string;
  /** Bytes so far, and in all where the server says. */
  readonly onProgress: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
  /** The most bytes that may come; by default 16 GB, more than any model that lacec reads. */
  readonly maxBytes?: number;
  /** How long nothing (or less than 1000 bytes a second) may come before it is given up, in milliseconds; by default a minute. */
  readonly stalledMs?: number;
}

export interface QueueOptions {
  /** Begins the names of all keys: projects of one Redis do not see each other. */
  readonly project: string;
  /** Which workers take from it. */
  readonly capability: "cpu" | "gpu";
}

/** A machine, as verbs see it. */
export interface Platform {
  /** Version of this lacec. */
  readonly version: string;
  /** Files and clock. */
  readonly host: Host;
  /** Engine, models, labellers and codec of this machine, which read and write through `host`; `cache`: where results are kept. */
  world(host: Host, engine: EngineChoice, cache?: Cache): World;
  readonly models: ModelStore;
  /** Looks at an ONNX decoder by running it. Errors: LaceError L5202, L5203 if it cannot be run; L5107 if it is none. */
  examineDecoder(bytes: Uint8Array, file: string, hints: DecoderHints): Promise<DecoderFacts>;
  /** Where results are kept between runs: in `folder`, or in that of the command line, for this build of lacec alone. */
  openCache(options?: { readonly folder?: string }): Cache;
  cacheUse(): Promise<CacheUse>;
  /** Deletes all results; gives what there was. */
  cleanCache(): Promise<CacheUse>;
  /** Tries every engine. */
  probeEngines(): Promise<readonly EngineProbe[]>;
  describeMachine(): Machine;
  /** How the native engine is added here; nothing is done. Errors: LaceError L5205 where lacec was not installed by npm. */
  engineInstall(): EngineInstall;
  /** Does so; what is said on the way goes to `say`. Errors: LaceError L5205 if it fails. */
  installEngine(install: EngineInstall, say: (text: string) => void): Promise<void>;
  /** The text of docs/errors.md; undefined in an installation without docs. */
  errorPages(): Promise<string | undefined>;
  /** Errors: LaceError L5312 (no labeller, or a wrong description), L5314, L5316, L50xx, L5110, L5202. */
  openLabeller(services: Services, model: Model, choice: LabellerChoice): Promise<Labeller>;
  /** Reads an image classifier FILE.onnx and the JSON beside it. Errors: LaceError L5312 (they do not belong together), L50xx, L5112, L5202. */
  examineLabeller(file: string): Promise<ExaminedLabeller>;
  /**
   * Opens the part of a data file: the one that an interrupted run of the same settings left, or a new one.
   * Errors: LaceError L5311 if a part of other settings is there and `fresh` is not set; L50xx of the disk.
   */
  openPart(file: string, plan: PartPlan, options?: { readonly fresh?: boolean }): Promise<PartFile>;
  /** All pictures of a folder, cropped to squares. Errors: LaceError L5001 or L5004 (the folder), L5301 (a picture that cannot be read). */
  readImages(folder: string): Promise<readonly RgbImage[]>;
  /** Files as they were at a git revision. Errors: LaceError L5004 if there is no such revision, or no repository here. */
  atRevision(revision: string): Promise<Host>;
  /** A store of many machines: a folder, or s3://BUCKET/PREFIX. Errors: UsageError for an address that is none. */
  openStore(address: string): Promise<ObjectStore>;
  /** A queue of many machines on Redis. Errors: UsageError for an address that is none; LaceError L5404 if it cannot be reached. */
  openQueue(address: string, options: QueueOptions): Promise<JobQueue>;
  /** Draws pieces of submissions in a process of their own, which ends with this one. */
  openPieceDrawing(settings: DrawingSettings): PieceDrawing;
  /** Makes sure that a file can be written at this path: asked before hours of work, not after. Errors: LaceError L50xx. */
  prepareFile(path: string): Promise<void>;
  /** Names of the files that lie in a folder, not below it, sorted; none of a folder that is not there. */
  filesIn(folder: string): Promise<readonly string[]>;
  /** Removes a file, if it is there. Errors: LaceError L50xx. */
  removeFile(path: string): Promise<void>;
  /** Refuses further writes, waits for those under way and leaves no temporary file behind. */
  close(): Promise<void>;
}
