// A piece of an evaluation: samples and what the judge sees in their pictures, or in unconditional ones.
// In: a submission out of the store, trusted in nothing. Out: entries of a cache, from which an evaluation takes them.
import { withModels } from "../../learn/evaluate/evaluate.js";
import { evaluatePiece } from "../../learn/evaluate/evaluate-piece.js";
import type { Model } from "../../models/model.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import type { Labeller } from "../../runtime/services/services.js";
import { choiceOf } from "./draw-labels.js";
import { mapCache, openRecipe, sameLock } from "./draw-script.js";
import type { EvalSubmission, Kind } from "./submission.js";
import type { OpenedSubmission, Workshop } from "./workshop.js";

/** The key of the seconds that the samples of a task took in a piece. */
export function secondsKey(task: number, piece: Piece): string {
  return `seconds-${task}-${piece.task}-${piece.first}`;
}

/** Compiles a script that is to be measured. Errors: HopelessJob; those of files. */
export async function openEvaluation(workshop: Workshop, submission: EvalSubmission): Promise<OpenedSubmission> {
  const { platform, choice, onEvent, signal } = workshop;
  const { recipe, judge, judges, reference } = submission;
  const { host, plan, program } = await openRecipe(workshop, submission);
  const files = new Map<string, string>();
  for (const file of judges) files.set(file.name, await workshop.fetch(file));
  const chosen = choiceOf(judge, files);
  const world = withModels(platform.world(host, choice));
  // The classifier is a file of this worker, which the submission's scripts do not see.
  const seeing = platform.world(platform.host, choice);
  const opened = new Map<string, Promise<Labeller | undefined>>();
  const openLabeller = async (model: Model): Promise<Labeller | undefined> => {
    const found =
      opened.get(model.sha256) ??
      (chosen.labeller === undefined ? world.openLabeller(model) : platform.openLabeller(seeing, model, chosen));
    opened.set(model.sha256, found);
    const labeller = await found;
    return labeller && { ...labeller, dispose: () => Promise.resolve() };
  };
  const draw = async (piece: Piece, kind: Kind): Promise<ReadonlyMap<string, Uint8Array>> => {
    const entries = new Map<string, Uint8Array>();
    const engine = await workshop.openEngine(kind);
    const services = { ...world, openEngine: () => Promise.resolve(engine), openLabeller };
    const seconds = await evaluatePiece(
      plan,
      {
        ...{ services, reference, openLabeller: (model) => services.openLabeller(model) },
        script: { lacec: platform.version, script: { file: program.entry.path, sha256: "" }, imports: [] },
        kept: {
          cache: mapCache(entries),
          source: { program, overrides: recipe.overrides },
          onLock: sameLock(recipe),
          sampleSeconds: () => Promise.resolve(undefined),
        },
        ...(onEvent !== undefined && { onEvent }),
        ...(signal !== undefined && { signal }),
      },
      piece,
    );
    for (const [task, took] of seconds) {
      const bytes = new Uint8Array(new Float64Array([took]).buffer);
      entries.set(secondsKey(task, piece), bytes);
    }
    return entries;
  };
  const closeAll = async (): Promise<void> => {
    for (const labeller of opened.values()) await (await labeller.catch(() => undefined))?.dispose();
  };
  return { lacec: recipe.lock.lacec, draw, close: closeAll };
}
