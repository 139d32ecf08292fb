// Labelling in rounds: the first draws rows as they come, each later one follows the flow of heads trained on all rows before it, so that they
// are shown where they are sure, and may be wrong.
// In: the work of `lacec label`, how many rounds. Out: all rows. Invariants: rounds are equal parts of the rows; heads of a round see no row of
// it, so a labelling that was interrupted within a round goes on with the same heads, trained again.
import type { DataMetadata } from "../data/data-metadata.js";
import { labelModel, stopIfAsked, type LabelWork } from "../data/label-model.js";
import type { Host } from "../host.js";
import type { TrainingData } from "./data.js";
import { provisionalModel } from "./provisional.js";
import type { TrainProgress } from "./trainer.js";

export interface RoundsWork extends LabelWork {
  readonly host: Host;
  readonly metadata: DataMetadata;
  readonly rounds: number;
  /** Heads are trained for a round, from 2. */
  readonly onTraining: (round: number, progress: TrainProgress) => void;
}

/**
 * Labels what is left of a data file, round by round. Errors as labelModel, and LaceError L5321 if the rows of the first rounds show no attribute
 * that a head could learn.
 */
export async function labelInRounds(work: RoundsWork): Promise<void> {
  const { rounds, count, part, draw } = work;
  await labelModel({ ...work, count: endOf(1, rounds, count) });
  for (let round = 2; round <= rounds; round++) {
    const [start, end] = [endOf(round - 1, rounds, count), endOf(round, rounds, count)];
    if (part.rows >= end) continue;
    const { host, engine, signal } = work;
    const model = await provisionalModel(work.model, await firstRows(work, start), draw.seed, {
      ...{ host, engine, onProgress: (progress) => work.onTraining(round, progress) },
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      stopIfAsked(signal); // it is the labelling that goes on, not this training
      throw error;
    });
    await labelModel({ ...work, model, draw: { ...draw, follow: 1 }, count: end });
  }
}

/** Rows of the first `round` rounds. */
function endOf(round: number, rounds: number, count: number): number {
  return Math.round((round * count) / rounds);
}

/** Labelled latents in w, as many as `rows`, of those that the part has. */
async function firstRows({ part, metadata, shape }: RoundsWork, rows: number): Promise<TrainingData> {
  const read = async (name: string, perRow: number): Promise<Float32Array> =>
    (await part.read(name)).subarray(0, rows * perRow);
  const width = metadata.model.wDim;
  const latents = await read("w", width);
  const columns: TrainingData["columns"][number][] = [];
  for (const [index, attribute] of metadata.attributes.entries()) {
    const { name } = attribute;
    const hasProbs = attribute.type !== "scalar" && shape.probabilities.includes(name);
    columns.push({
      ...{ attribute, index, labels: await read(`labels.${name}`, 1) },
      ...(hasProbs && { probs: await read(`probs.${name}`, attribute.classes.length) }),
    });
  }
  return { file: "", sha256: "", rows, space: "w", width, latents, columns, metadata, warnings: [] };
}
