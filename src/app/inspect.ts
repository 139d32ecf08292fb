// What a model file holds.
import { describeFile, type Description } from "../models/describe-model.js";
import { isModelName } from "../models/model-name.js";
import { packFile } from "../models/pack/pack.js";
import type { Platform } from "./platform.js";

export type { DescribedAttribute, Description } from "../models/describe-model.js";
export type { DecoderInput } from "../compiler/decoder.js";

/**
 * Architecture, sizes, attributes, layer groups, licence, hashes of a checkpoint or pack: its path, `builtin:NAME`, or the name of an imported model.
 *
 * Errors   LaceError L50xx, L51xx.
 */
export async function inspect({ host, models }: Platform, file: string): Promise<Description> {
  const isStored = isModelName(file) && ((await models.names()).includes(file) || !(await host.exists(file)));
  return describeFile(host, isStored || file.startsWith("builtin:") ? await packFile(host, file) : file);
}
