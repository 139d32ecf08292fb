// `save portraits to "latents.npz"`: the styles and z of a task's images, one row each, in the order of their numbers.
// In: the images of a task. Out: a file. Invariant: what is written gives the same pictures when a task starts from it (docs/language.md, starts).
import type { ModelInfo } from "../../compiler/attribute.js";
import type { LatentSave, Task } from "../../compiler/plan.js";
import { writeLatents } from "../../models/latents.js";
import { concat } from "../../source/concat.js";
import type { SampleResult } from "../draw/results.js";
import { stylesOf } from "../draw/styles.js";
import { writeBytes, type OutputFile, type SaveContext } from "./saves.js";

/** The images that are saved, and what they are of. */
export interface LatentImages {
  readonly task: Task;
  readonly images: readonly SampleResult[];
  readonly info: Pick<ModelInfo, "zDim" | "wDim" | "numWs">;
}

/** Writes the latents of images that have some: one that left the finite numbers has none. No file of no images. */
export async function writeLatentFile(
  { path, format }: LatentSave,
  { task, images, info }: LatentImages,
  context: Pick<SaveContext, "host" | "out" | "onEvent">,
): Promise<readonly OutputFile[]> {
  const { zDim, wDim, numWs } = info;
  const whole = images.filter((s) => s.w.length > 0);
  if (whole.length === 0) return [];
  const w = {
    shape: [whole.length, numWs, wDim],
    data: concat(
      whole.map((s) => stylesOf(s, numWs)),
      Float32Array,
    ),
  };
  const z = {
    shape: [whole.length, zDim],
    data: concat(
      whole.map((s) => s.z),
      Float32Array,
    ),
  };
  return [{ ...(await writeBytes(path, writeLatents(format, { w, z }), context)), task: task.name, form: "latents" }];
}
