// What a model file holds.
import { describeFile, type Description } from "../models/describe-model.js";
import type { Platform } from "./platform.js";

export type { DescribedAttribute, Description } from "../models/describe-model.js";

/** Architecture, sizes, attributes, layer groups, licence, hashes. Errors: LaceError L50xx, L51xx. */
export async function inspect({ host }: Platform, file: string): Promise<Description> {
  return describeFile(host, file);
}
