// Trained heads as weights that scripts take: the units of the training folded into the first and the last layer.
// In: a training and its report. Out: Heads (docs/packs.md), for a file of their own or a pack.
// Invariant: a head of these weights on a raw latent gives what the trained one gives on the latent in the training's units.
import type { HeadWeights } from "../../compiler/weights.js";
import type { Heads } from "../../models/pack/pack.js";
import { calibrated, type Report } from "./evaluate.js";
import type { TrainingPlan } from "./plan.js";
import type { TrainedHead, Trained } from "./trainer.js";

/** Rows and weights of the trained heads, in the order of the data's table. */
export function finishHeads(trained: Trained, report: Report): Heads {
  const table = trained.heads.map((h) => h.planned.column.attribute);
  return {
    attributes: calibrated(table, report),
    heads: trained.heads.map((head) => foldUnits(head, trained.plan)),
  };
}

function foldUnits({ planned, layers }: TrainedHead, { centre, scale, space }: TrainingPlan): HeadWeights {
  const { offset, unit } = planned;
  return {
    attribute: planned.column.attribute.name,
    ...(space === "z" && { space }),
    layers: layers.map(({ weight, bias }, l) => {
      const [isFirst, isLast] = [l === 0, l === layers.length - 1];
      const outputs = bias.length;
      const inputs = weight.length / outputs;
      const factor = (isFirst ? 1 / scale : 1) * (isLast ? unit : 1);
      const data = new Float32Array(weight.length);
      const shifts = Float64Array.from(bias);
      for (let o = 0; o < outputs; o++) {
        let shift = 0;
        for (let i = 0; i < inputs; i++) {
          const value = weight[i * outputs + o] ?? 0;
          data[o * inputs + i] = value * factor;
          if (isFirst) shift += (value * (centre[i] ?? 0)) / scale;
        }
        shifts[o] = ((shifts[o] ?? 0) - shift) * (isLast ? unit : 1) + (isLast ? offset : 0);
      }
      return {
        weight: { shape: [outputs, inputs], data },
        bias: { shape: [outputs], data: Float32Array.from(shifts) },
      };
    }),
  };
}
