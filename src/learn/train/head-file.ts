// Trained heads as weights that scripts take: the units of the training folded into the first and the last layer.
// In: a training and its report. Out: Heads (docs/packs.md), for a file of their own or a pack.
// Invariant: a head of these weights on a raw latent gives what the trained one gives on the latent in the training's units.
import type { Attribute, WitnessRow } from "../../compiler/attribute.js";
import type { HeadWeights } from "../../compiler/weights.js";
import type { LabellerIdentity } from "../../runtime/services/labeller-identity.js";
import type { Heads } from "../../models/pack/pack.js";
import { calibrated, type TrainingReport } from "./evaluate.js";
import { explained } from "./concerns.js";
import type { TrainingPlan } from "./plan.js";
import type { TrainedHead, Trained } from "./trainer.js";
import type { Witnesses } from "./witness.js";

/** Rows and weights of the trained heads, in the order of the data's table, with those of their witnesses that know something, and who labelled. */
export function finishHeads(
  trained: Trained,
  report: TrainingReport,
  witnesses?: Witnesses,
  labeller?: LabellerIdentity,
): Heads {
  const table = trained.heads.map((h) => h.planned.column.attribute);
  const second = table.map(({ name }) => {
    if (witnesses?.attributes.includes(name) !== true) return undefined;
    const head = witnesses.trained.heads.find((h) => h.planned.column.attribute.name === name);
    return head && foldUnits(head, witnesses.trained.plan);
  });
  const attributes = calibrated(table, report).map((row, k): Attribute => {
    const own = skillOf(report, row.name);
    return {
      ...row,
      ...(own !== undefined && { skill: own }),
      ...(labeller !== undefined && { labelledBy: { name: labeller.name, sha256: labeller.sha256 } }),
      ...(witnesses !== undefined && second[k] !== undefined && { witness: rowOfWitness(row, witnesses.report) }),
    };
  });
  return {
    attributes,
    heads: trained.heads.map((head) => foldUnits(head, trained.plan)),
    ...(second.some((head) => head !== undefined) && { witnesses: second }),
  };
}

function rowOfWitness(row: Attribute, report: TrainingReport): WitnessRow {
  const [found] = calibrated([row], report);
  const skill = skillOf(report, row.name);
  return {
    ...(found?.type === "scalar" ? { sigma: found.sigma } : { temperature: found?.temperature ?? 1 }),
    ...(skill !== undefined && { skill }),
  };
}

/** Four digits of what a head explains; undefined where that cannot be told. */
function skillOf({ attributes }: TrainingReport, name: string): number | undefined {
  const found = attributes.find((a) => a.name === name);
  const skill = found === undefined ? NaN : explained(found);
  return Number.isFinite(skill) ? Number(skill.toFixed(4)) : undefined;
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
