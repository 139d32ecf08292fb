// Linear heads beside networks: for each attribute the one that does better on the rows that neither has seen.
// In: data and settings. Out: a training whose heads are of both kinds. Invariants: both are trained on the same rows in the same units; the choice is by
// their errors on the validation rows alone, classes at the temperature that they will have.
import type { TrainingData } from "./data.js";
import { validationError } from "./evaluate.js";
import { linearSettings, type TrainSettings } from "./settings.js";
import { trainHeads, type Trained, type TrainedHead, type TrainerOptions } from "./trainer.js";

/**
 * Trains a network and a linear head for every attribute and keeps the better of the two.
 *
 * Errors   as trainHeads.
 */
export async function trainBest(
  data: TrainingData,
  settings: TrainSettings,
  options: TrainerOptions,
): Promise<Trained> {
  // The linear heads take seconds and are fitted first: a checkpoint is of the networks alone.
  const { host, engine, signal } = options;
  const linear = await trainHeads(data, linearSettings(settings), {
    host,
    engine,
    ...(signal === undefined ? {} : { signal }),
  });
  const networks = await trainHeads(data, settings, options);
  const heads = networks.heads.map((network, h): TrainedHead => {
    const rival = linear.heads[h];
    const { validation } = networks.plan.split;
    return rival !== undefined && validationError(rival, validation) < validationError(network, validation)
      ? rival
      : network;
  });
  return { ...networks, heads, seconds: networks.seconds + linear.seconds };
}
