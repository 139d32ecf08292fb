// The verbs on this machine, as the door `lacec/node` hands them out: each is that of src/app with the Platform of Node.
import * as trainVerb from "../app/train.js";
import { onThisMachine } from "./platform.js";

/**
 * Trains heads for attributes on labelled latents, as `lacec train`: docs/data.md says what the files hold.
 *
 * Errors   UsageError; LaceError of data, packs, engines and the disk, L4106 if `signal` aborts (`resume` then goes on).
 *
 * @example
 * ```ts
 * import { train } from "lacec/node";
 * const { files, report } = await train(["data.safetensors"], { hidden: [12], epochs: 2, engine: "onnx-cpu" });
 * console.log(files, report.attributes.map((a) => a.name));
 * ```
 */
export async function train(
  data: readonly string[],
  options: trainVerb.TrainOptions = {},
): Promise<trainVerb.Training> {
  return onThisMachine((platform) => trainVerb.train(platform, data, options));
}
