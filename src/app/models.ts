// The user's imported models, which scripts name without a path.
// Invariant: a model replaces another of its name only when it is whole; a download is opened only after its hash has been checked.
import { describeFile, type Description } from "../models/describe-model.js";
import { importModel } from "../models/import-model.js";
import { filesBeside } from "../models/pack/files-beside.js";
import { isModelName } from "../models/model-name.js";
import { PhaseClock } from "../ports/events.js";
import { failure, LaceError } from "../source/diagnostic.js";
import { averageOn, examiner } from "./import-file.js";
import type { DownloadOptions, Platform } from "./platform.js";
import { UsageError, type VerbOptions } from "./verb.js";

export interface AddOptions extends VerbOptions {
  /** What scripts call it; default: the file's name. */
  readonly name?: string;
  readonly licence?: string;
  /** Replace a model of this name. */
  readonly force?: boolean;
}

export interface PullOptions extends AddOptions {
  /** SHA-256 that the file must have. */
  readonly sha256?: string;
  /** The most bytes that are taken, of all files together; default: 16 GB. */
  readonly maxBytes?: number;
}

/** What is in the folder of imported models. */
export interface StoredModels {
  readonly home: string;
  readonly models: readonly ListedModel[];
  /** Those that ship with lacec; `name` as scripts write it: `builtin:avatar`. */
  readonly builtin: readonly ListedModel[];
}

/** A model that scripts can name without a path. */
export type ListedModel = Description & { readonly name: string };

/**
 * Imports a checkpoint, a decoder or a pack into the folder of models. Gives its name.
 *
 * Errors   UsageError if the name is none or taken; LaceError L50xx, L51xx, L52xx.
 */
export async function addModel(platform: Platform, file: string, options: AddOptions = {}): Promise<string> {
  const name = options.name ?? nameOf(file);
  await refuseName(platform, name, options);
  await prepare(platform, name);
  await store(platform, file, name, options);
  return name;
}

/**
 * Downloads a file, checks its hash, and adds it; a download that was cut off goes on. What a pack names beside it, a labeller or a decoder, is
 * downloaded from beside it and must have the hash that the pack says. Gives its name.
 *
 * Errors   UsageError for an address or a hash that is none, or a name that is none or taken; LaceError L5401, L5402, and those of addModel.
 */
export async function pullModel(platform: Platform, url: string, options: PullOptions = {}): Promise<string> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError(
      `${url} is no address that begins with https:// or http://; a file on disk is added: lacec models add FILE`,
    );
  const { pathname } = new URL(url);
  const modelName = nameOf(pathname);
  const { name = modelName, maxBytes = MOST_BYTES } = options;
  const sha256 = (options.sha256 ?? "").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new UsageError(
      "give the file's SHA-256 with --sha256 HASH, 64 hexadecimal digits: lacec opens nothing from the network that it cannot check",
    );
  await refuseName(platform, name, options);
  await prepare(platform, name);
  const extension = /\.[A-Za-z0-9]{1,16}$/.exec(pathname)?.[0] ?? "";
  let left = maxBytes;
  const fetched = async (from: string, file: string, hash: string): Promise<string> => {
    const path = await downloaded(
      platform,
      from,
      { folder: sha256, name: file, sha256: hash, maxBytes: left },
      options,
    );
    left -= path.bytes;
    return path.path;
  };
  const path = await fetched(url, `${modelName}${extension}`, sha256);
  for (const { file, sha256: hash } of await filesBeside(platform.host, path))
    await fetched(new URL(file, url).href, file, hash);
  try {
    await store(platform, path, name, options, modelName);
  } finally {
    await platform.models.removeDownloads(sha256);
  }
  return name;
}

/** More than any model that lacec reads. */
const MOST_BYTES = 16e9;

async function downloaded(
  platform: Platform,
  url: string,
  file: Pick<DownloadOptions, "folder" | "name" | "sha256" | "maxBytes">,
  options: PullOptions,
): Promise<{ readonly path: string; readonly bytes: number }> {
  const clock = clockOf(platform, options);
  const megabytes = (n: number): number => Math.round(n / 1e5) / 10;
  let bytes = 0;
  const onProgress = (done: number, total = 0): void => {
    bytes = done;
    clock.progress(
      "download",
      file.name,
      megabytes(done),
      megabytes(total),
      total > 0 ? "MB" : `${megabytes(done)} MB`,
    );
  };
  const path = await clock.run("download", {}, () =>
    platform.models.download(url, { ...file, signal: options.signal, onProgress }),
  );
  return { path, bytes };
}

/** Describes the models that are there. Errors: LaceError L50xx, L51xx for one that is damaged. */
export async function listModels({ host, models }: Platform): Promise<StoredModels> {
  const describe = async (name: string, file: string): Promise<ListedModel> => ({
    ...(await describeFile(host, file)),
    name,
  });
  const own = (await models.names()).map((name) => describe(name, models.packOf(name)));
  const builtin = (await models.builtins()).map((n) => describe(`builtin:${n}`, host.resolve("", `builtin:${n}`)));
  return { home: models.home, models: await Promise.all(own), builtin: await Promise.all(builtin) };
}

/** Removes a model. Errors: LaceError L5001 if there is none of this name. */
export async function removeModel({ models }: Platform, name: string): Promise<void> {
  if (isModelName(name) && (await models.remove(name))) return;
  throw failure("L5001", `no model is called ${name}; there are: ${(await models.names()).join(", ") || "none"}`);
}

/** `ffhq.pkl` -> `ffhq`, in characters that a name may have. */
function nameOf(path: string): string {
  const base = path.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "");
  return base.replace(/[^A-Za-z0-9_-]/g, "-").replace(/^-+/, "") || "model";
}

/** Makes sure that a model of this name can be written, before anything is read or downloaded. */
async function prepare(platform: Platform, name: string): Promise<void> {
  try {
    await platform.prepareFile(`${platform.models.home}/${name}`);
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    const hint = `imported models are kept in ${platform.models.home}; set LACE_MODELS to a folder that you may write to`;
    throw new LaceError(error.diagnostics.map((d) => ({ ...d, hints: [hint] })));
  }
}

async function refuseName({ models }: Platform, name: string, { force }: AddOptions): Promise<void> {
  if (!isModelName(name)) throw new UsageError(`${name} is no name for a model: letters, digits, _ and - make one`);
  if (force !== true && (await models.names()).includes(name))
    throw new UsageError(`a model is called ${name} already; --force replaces it, --name NAME gives this one another`);
}

function clockOf({ host }: Platform, { onEvent }: VerbOptions): PhaseClock {
  return new PhaseClock(() => host.now(), onEvent ?? (() => undefined));
}

async function store(
  platform: Platform,
  file: string,
  name: string,
  options: AddOptions,
  modelName = name,
): Promise<void> {
  const { host, models, version } = platform;
  const { licence } = options;
  const clock = clockOf(platform, options);
  const { files } = await importModel(
    host,
    file,
    {
      out: models.packOf(name),
      name: modelName,
      ...(licence !== undefined && { licence }),
      heads: [],
      attributes: [],
      averageStyle: averageOn(platform),
      examineDecoder: examiner(platform, {}, options),
      lacec: version,
    },
    clock,
  );
  await clock.run("write", {}, async () => {
    for (const { path, bytes } of [...files].reverse()) await host.writeAtomic(path, bytes);
  });
}
