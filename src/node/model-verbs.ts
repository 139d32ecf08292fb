// The verbs about models on this machine, as the door `lacec/node` hands them out: each is that of src/app with the Platform of Node.
import * as attributesVerb from "../app/attributes.js";
import * as importVerb from "../app/import-file.js";
import * as inspectVerb from "../app/inspect.js";
import * as modelsVerb from "../app/models.js";
import { onThisMachine } from "./platform.js";

/**
 * Turns a checkpoint, an ONNX decoder or attribute heads into a pack, as `lacec import`.
 *
 * Errors   UsageError for an output that is none and a declaration that declares nothing; LaceError L50xx, L51xx, L52xx.
 *
 * @example
 * ```ts
 * import { importFile } from "lacec/node";
 * const { wrote, description } = await importFile("pack.safetensors", { output: "half.safetensors", float16: true });
 * console.log(wrote, description.dtypes);
 * ```
 */
export async function importFile(
  file: string,
  options: importVerb.ImportOptions = {},
): Promise<importVerb.ImportedFile> {
  return onThisMachine((platform) => importVerb.importFile(platform, file, options));
}

/**
 * Says what a checkpoint or pack holds, as `lacec inspect`.
 *
 * Errors   LaceError L50xx if it cannot be read, L51xx if it is damaged.
 *
 * @example
 * ```ts
 * import { inspect } from "lacec/node";
 * const { format, resolution, attributes } = await inspect("pack.safetensors");
 * console.log(format, resolution, attributes.length);
 * ```
 */
export async function inspect(file: string): Promise<inspectVerb.Description> {
  return onThisMachine((platform) => inspectVerb.inspect(platform, file));
}

export interface AttributesInFolderOptions extends Omit<attributesVerb.AttributesOptions, "cache"> {
  /** Folder where results are kept between calls, such as ".lace"; default: nowhere. */
  readonly cache?: string;
}

/**
 * Says what can be asked of a model, and how frequent each value is, as `lacec attributes`.
 *
 * Errors   LaceError L50xx, L51xx of what cannot be read, L52xx of engines.
 *
 * @example
 * ```ts
 * import { attributes } from "lacec/node";
 * const { samples, attributes: rows } = await attributes("pack.safetensors", { engine: "onnx-cpu" });
 * for (const { name, shares, quantiles } of rows) console.log(name, shares ?? quantiles, "of", samples);
 * ```
 */
export async function attributes(
  model: string,
  options: AttributesInFolderOptions = {},
): Promise<attributesVerb.ModelAttributes> {
  const { cache: folder, ...rest } = options;
  return onThisMachine(async (platform) => {
    const cache = folder === undefined ? undefined : platform.openCache({ folder });
    try {
      return await attributesVerb.attributes(platform, model, { ...rest, cache });
    } finally {
      await cache?.close();
    }
  });
}

/**
 * Imports a model into the folder of models, as `lacec models add`: scripts then name it without a path. Gives its name.
 *
 * Errors   UsageError if the name is none or taken; LaceError L50xx, L51xx, L52xx.
 *
 * @example
 * ```ts
 * import { addModel } from "lacec/node";
 * console.log(await addModel("pack.safetensors", { name: "faces" }));
 * ```
 */
export async function addModel(file: string, options: modelsVerb.AddOptions = {}): Promise<string> {
  return onThisMachine((platform) => modelsVerb.addModel(platform, file, options));
}

/**
 * Downloads a model, checks its hash, and adds it, as `lacec models pull`. Gives its name.
 *
 * Errors   UsageError for an address, a hash or a name that is none; LaceError L5401 if it cannot be had, L5402 if it is another file.
 *
 * @example
 * ```ts
 * import { pullModel } from "lacec/node";
 * const sha256 = "0".repeat(64); // the hash that whoever made the file tells
 * await pullModel("http://127.0.0.1:9/ffhq.pkl", { sha256 }).catch((error) => console.log(error.message));
 * ```
 */
export async function pullModel(url: string, options: modelsVerb.PullOptions = {}): Promise<string> {
  return onThisMachine((platform) => modelsVerb.pullModel(platform, url, options));
}

/**
 * Describes the models of the folder, as `lacec models list`.
 *
 * Errors   LaceError for one that is damaged.
 *
 * @example
 * ```ts
 * import { listModels } from "lacec/node";
 * const { home, models } = await listModels();
 * console.log(home, models.map((m) => m.name));
 * ```
 */
export async function listModels(): Promise<modelsVerb.StoredModels> {
  return onThisMachine((platform) => modelsVerb.listModels(platform));
}

/**
 * Removes a model from the folder, as `lacec models remove`.
 *
 * Errors   LaceError L5001 if there is none of this name.
 *
 * @example
 * ```ts
 * import { addModel, removeModel } from "lacec/node";
 * await addModel("pack.safetensors", { name: "passing" });
 * await removeModel("passing");
 * ```
 */
export async function removeModel(name: string): Promise<void> {
  return onThisMachine((platform) => modelsVerb.removeModel(platform, name));
}
