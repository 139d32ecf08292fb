// Files of a submission: what a pack keeps beside it, and who judges.
// In: a model, the choice of a labeller. Out: what is stored of them, and how their bytes are read. Invariant: no path of this machine is in it.
import { labellerFile, type Model } from "../../models/model.js";
import type { LabellerIdentity } from "../../runtime/services/labeller-identity.js";
import { baseName } from "../../source/public-name.js";
import type { LabellerChoice, Platform } from "../platform.js";
import { UsageError } from "../verb.js";
import {
  CLIP_NAME,
  JUDGE,
  jsonBytes,
  type StoredFile,
  type StoredJudge,
  type StoredModel,
  type Submission,
} from "./submission.js";

/** A submission and the files that it needs, read when they are asked for. */
export interface Packed<S extends Submission = Submission> {
  readonly id: string;
  readonly submission: S;
  readonly files: ReadonlyMap<string, () => Promise<Uint8Array>>;
}

/** Who judges, with the files of a classifier that machines do not have. */
export interface PackedJudge {
  readonly judge: StoredJudge;
  readonly models: readonly StoredModel[];
  readonly files: ReadonlyMap<string, () => Promise<Uint8Array>>;
}

/**
 * Packs the choice of who judges, which has been opened here as `identity`.
 *
 * Errors   UsageError for a CLIP model in a folder, which other machines do not have; LaceError of the classifier's files.
 */
export async function packJudge(
  platform: Platform,
  { labeller, findFaces, clipModel = "" }: LabellerChoice,
  { name, sha256, prompts }: LabellerIdentity,
): Promise<PackedJudge> {
  const nothing = { models: [], files: new Map<string, () => Promise<Uint8Array>>() };
  if (labeller === undefined) return { judge: { name, sha256 }, ...nothing };
  if (labeller === "faces")
    return { judge: { name, sha256, choice: "faces", ...(findFaces === true && { findFaces }) }, ...nothing };
  if (labeller === "clip") {
    if (!CLIP_NAME.test(clipModel))
      throw new UsageError(
        "with --queue and --store, --clip-model is the name OWNER/NAME of a model that every machine has downloaded",
      );
    return { judge: { name, sha256, choice: "clip", prompts: [...(prompts ?? [])], clipModel }, ...nothing };
  }
  const { bytes, description, sha256: own } = await platform.examineLabeller(labeller);
  const text = jsonBytes(description);
  const file = baseName(labeller);
  const beside = { name: file.replace(/\.onnx$/, ".json"), sha256: await platform.host.sha256(text) };
  return {
    judge: { name, sha256, choice: "file" },
    models: [{ name: JUDGE, file, sha256: own, beside: [beside] }],
    files: new Map([
      [own, () => Promise.resolve(bytes)],
      [beside.sha256, () => Promise.resolve(text)],
    ]),
  };
}

/** The files that a pack keeps beside it: its decoder and its labeller. */
export function companionsOf(model: Model): readonly (StoredFile & { readonly path: string })[] {
  return [labellerFile(model), model.decoder].flatMap((file) =>
    file === undefined ? [] : [{ name: baseName(file.file), sha256: file.sha256, path: file.file }],
  );
}
