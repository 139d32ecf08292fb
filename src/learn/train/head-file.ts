// Trained heads as weights that scripts take: the units of the training folded into the first and the last layer.
// In: a training and its report. Out: Heads (docs/packs.md), for a file of their own or a pack.
// Invariant: a head of these weights on a raw latent gives what the trained one gives on the latent in the training's units.
import type { Attribute, WitnessRow } from "../../compiler/attribute.js";
import type { HeadWeights, Tensor } from "../../compiler/weights.js";
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

function foldUnits({ planned, layers, direct }: TrainedHead, { centre, scale, space }: TrainingPlan): HeadWeights {
  const { offset, unit } = planned;
  const folded = layers.map(({ weight, bias }, l) => {
    const [isFirst, isLast] = [l === 0, l === layers.length - 1];
    const own = isFirst ? fromLatent(weight, bias.length, { centre, scale }) : transposed(weight, bias.length);
    const gain = isLast ? unit : 1;
    const beside =
      isLast && direct !== undefined ? fromLatent(direct, bias.length, { centre, scale }).shift : undefined;
    const shifts = Float32Array.from(bias, (v, o) => {
      const moved = v - (own.shift?.[o] ?? 0) - (beside?.[o] ?? 0);
      return moved * gain + (isLast ? offset : 0);
    });
    return {
      weight: tensorOf(own.data, bias.length, gain),
      bias: { shape: [bias.length], data: shifts },
    };
  });
  const outputs = planned.outputs;
  return {
    attribute: planned.column.attribute.name,
    ...(space === "z" && { space }),
    layers: folded,
    ...(direct !== undefined && {
      direct: tensorOf(fromLatent(direct, outputs, { centre, scale }).data, outputs, unit),
    }),
  };
}

/** Weights [out, in] before they are rounded, and what the latents' centre adds to each output, to be taken away. */
interface Folded {
  readonly data: Float64Array;
  readonly shift?: Float64Array;
}

/** Weights [in, out] as [out, in]. */
function transposed(weight: Float32Array, outputs: number): Folded {
  const inputs = weight.length / outputs;
  const data = new Float64Array(weight.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) data[o * inputs + i] = weight[i * outputs + o] ?? 0;
  return { data };
}

/** The same for weights of what takes the latent, which enters a training as (x - centre) / scale. */
function fromLatent(
  weight: Float32Array,
  outputs: number,
  { centre, scale }: Pick<TrainingPlan, "centre" | "scale">,
): Required<Folded> {
  const { data } = transposed(weight, outputs);
  const inputs = centre.length;
  const shift = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) {
      const value = (data[o * inputs + i] ?? 0) / scale;
      data[o * inputs + i] = value;
      shift[o] = (shift[o] ?? 0) + value * (centre[i] ?? 0);
    }
  return { data, shift };
}

function tensorOf(data: Float64Array, outputs: number, gain: number): Tensor {
  return { shape: [outputs, data.length / outputs], data: Float32Array.from(data, (v) => v * gain) };
}
