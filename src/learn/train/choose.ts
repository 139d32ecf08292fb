// Linear heads, and heads on one layer that all share, beside networks: for each attribute the one that does best on the rows that none
// has seen; one on the shared layer must be better by a twentieth.
// In: data and settings. Out: a training whose heads are of several kinds. Invariants: all are trained on the same rows in the same units; the choice is by
// their errors on the validation rows alone, classes at the temperature that they will have.
import type { TrainingData } from "./data.js";
import { validationError } from "./evaluate.js";
import { linearSettings, sharedSettings, type TrainSettings } from "./settings.js";
import { trainHeads, type Trained, type TrainedHead, type TrainerOptions } from "./trainer.js";

/**
 * A head on the shared layer is kept where its error is less than this part of the others'. Fewer errors on rows are worth nothing where the flow cannot follow, and it follows linear heads
 * and networks under decay better (docs/your-own-attributes.md).
 */
const WORTHWHILE = 0.95;

/**
 * Trains a network, a head on a shared layer and a linear head for every attribute, and keeps the best.
 *
 * Errors   as trainHeads.
 */
export async function trainBest(
  data: TrainingData,
  settings: TrainSettings,
  options: TrainerOptions,
): Promise<Trained> {
  // The others take seconds and are fitted first: a checkpoint is of the networks alone.
  const { host, engine, signal } = options;
  const bare = { host, engine, ...(signal !== undefined && { signal }) };
  const linear = await trainHeads(data, linearSettings(settings), bare);
  const shared = await trainHeads(data, sharedSettings(settings), bare);
  const networks = await trainHeads(data, settings, options);
  const heads = networks.heads.map((network, h): TrainedHead => {
    const { validation } = networks.plan.split;
    const errorOf = (head: TrainedHead): number =>
      validationError(head, validation) / (head.kind === "shared" ? WORTHWHILE : 1);
    const rivals = [linear, shared].flatMap((t) => t.heads[h] ?? []);
    return rivals.reduce((best, rival) => (errorOf(rival) < errorOf(best) ? rival : best), network);
  });
  return { ...networks, heads, seconds: networks.seconds + linear.seconds + shared.seconds };
}
