// What the second heads of a model say of samples: heads that other rows made than those that are followed (docs/your-own-attributes.md).
// In: a model, samples. Out: HeadOutputs by index in the model's table. Invariants: computed in float64 from the latents as they are kept, so that no bit
// depends on engine or batch; an attribute without a second head has no output; a sample that failed has none at all.
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import type { HeadWeights } from "../../compiler/weights.js";
import type { Model } from "../../models/model.js";
import type { AttemptJudge } from "./accept.js";
import type { SampleResult } from "./results.js";

/** Slope of the leaky ReLU between a head's layers. */
const SLOPE = 0.2;

/**
 * What each second head says of a sample; logits in the units of the head that is followed, so that an energy's temperatures, which are that head's, fit.
 */
export function witnessOutputs(
  { info, weights }: Pick<Model, "info" | "weights">,
  sample: SampleResult,
): HeadOutputs | undefined {
  if (sample.w.length === 0) return undefined;
  return info.attributes.map((row, a) => {
    const head = weights.witnesses?.[a];
    if (head === undefined) return [];
    const outputs = runHead(head, head.space === "z" ? sample.z : sample.w);
    if (row.type === "scalar") return outputs;
    const { temperature = 1 } = row.witness ?? {};
    return outputs.map((f) => (f * row.temperature) / temperature);
  });
}

/** A judge of attempts by the second heads. */
export function witnessJudge(model: Pick<Model, "info" | "weights">): AttemptJudge {
  return { look: (samples) => Promise.resolve(samples.map((s) => witnessOutputs(model, s))) };
}

/** Dense layers with leaky ReLU between them; of a smooth head logistic functions, and the latent beside them. */
function runHead({ layers, direct }: HeadWeights, latent: ArrayLike<number>): number[] {
  let x: ArrayLike<number> = latent;
  for (const [l, { weight, bias }] of layers.entries()) {
    const width = x.length;
    const isLast = l === layers.length - 1;
    const inputs = x;
    x = Array.from(bias.data, (shift, o) => {
      let sum = shift;
      for (let i = 0; i < width; i++) sum += (weight.data[o * width + i] ?? 0) * (inputs[i] ?? 0);
      if (isLast) return sum;
      if (direct !== undefined) return 1 / (1 + Math.exp(-sum));
      return sum >= 0 ? sum : SLOPE * sum;
    });
  }
  const outputs = Array.from(x);
  if (direct === undefined) return outputs;
  const width = latent.length;
  return outputs.map((value, o) => {
    let sum = value;
    for (let i = 0; i < width; i++) sum += (direct.data[o * width + i] ?? 0) * (latent[i] ?? 0);
    return sum;
  });
}
