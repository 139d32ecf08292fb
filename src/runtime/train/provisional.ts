// Heads for the next round of labelling: trained on the rows that are there, so that later rows go where such heads lead, and are right to doubt.
// In: a model and labelled latents in w. Out: the model with these heads and no others. Invariants: they follow from the rows, the seed and the
// engine alone, so that a labelling that was interrupted goes on with the same; an attribute too rare to be learnt yet is left out.
import { failure } from "../../source/diagnostic.js";
import type { Model } from "../model/model.js";
import { problemOf, type LabelColumn, type TrainingData } from "./data.js";
import { evaluateHeads } from "./evaluate.js";
import { finishHeads } from "./head-file.js";
import { DEFAULTS } from "./settings.js";
import { trainHeads, type TrainerOptions } from "./trainer.js";

/** Rows of the second most frequent class below which an attribute waits for a later round. */
const MIN_OF_A_CLASS = 10;

/**
 * The model with heads trained on `data`.
 *
 * Errors   LaceError L5321 if no attribute can be learnt yet; as trainHeads.
 */
export async function provisionalModel(
  model: Model,
  data: TrainingData,
  seed: number,
  options: Pick<TrainerOptions, "host" | "engine" | "onProgress" | "signal">,
): Promise<Model> {
  const columns = data.columns.filter((column) => problemOf(column) === undefined && isFrequent(column));
  if (columns.length === 0)
    throw failure(
      "L5321",
      `the first ${data.rows} rows show no attribute in two ways: no head can be trained on them`,
      ["label more rows, or without --rounds (and with --fresh)"],
    );
  const trained = await trainHeads({ ...data, columns }, { ...DEFAULTS, seed, test: 0 }, options);
  const { attributes, heads } = finishHeads(trained, evaluateHeads({ ...data, columns }, trained));
  return { ...model, info: { ...model.info, attributes }, weights: { ...model.weights, heads } };
}

function isFrequent({ attribute, labels }: LabelColumn): boolean {
  if (attribute.type === "scalar") return true;
  const counts = attribute.classes.map((_, k) => labels.filter((v) => v === k).length);
  return (counts.sort((a, b) => b - a)[1] ?? 0) >= MIN_OF_A_CLASS;
}
