// Second heads, which other rows make: the witnesses of those that samplers follow. What a sampler finds is what its heads believe, right or wrong;
// heads of other rows make other mistakes, so they can say what share of the samples to expect, and which attempt to accept.
// In: data and settings. Out: a training of the rows that choose and test the followed heads, for the attributes that these rows can tell.
// Invariant: no row that a followed head was fitted to makes its witness; those rows choose and test the witness instead.
import type { TrainingData } from "./data.js";
import { LEAST_SKILL } from "../../compiler/attribute.js";
import { explained } from "./concerns.js";
import { evaluateHeads, type TrainingReport } from "./evaluate.js";
import { splitRows } from "./plan.js";
import { witnessSettings, type TrainSettings } from "./settings.js";
import { trainHeads, type Trained, type TrainerOptions } from "./trainer.js";

/** Rows of a label (of two of its classes) below which nothing is fitted. */
const LEAST_ROWS = 20;

export interface Witnesses {
  readonly trained: Trained;
  readonly report: TrainingReport;
  /** Those that know something. */
  readonly attributes: readonly string[];
}

/** Trains the witnesses of all attributes; undefined if the rows can tell none. Errors as trainHeads. */
export async function trainWitnesses(
  data: TrainingData,
  settings: TrainSettings,
  options: Pick<TrainerOptions, "host" | "engine" | "signal">,
): Promise<Witnesses | undefined> {
  const { train } = splitRows(data.rows, { ...settings, others: true });
  const columns = data.columns.filter(({ labels }) => {
    const known = [...train].flatMap((row) => (Number.isNaN(labels[row] ?? NaN) ? [] : [labels[row]]));
    return known.length >= LEAST_ROWS && new Set(known).size > 1;
  });
  if (columns.length === 0) return undefined;
  const own = { ...data, columns };
  const trained = await trainHeads(own, witnessSettings(settings, train.length), options);
  const report = evaluateHeads(own, trained);
  const attributes = report.attributes.filter((a) => explained(a) >= LEAST_SKILL).map((a) => a.name);
  return { trained, report, attributes };
}
