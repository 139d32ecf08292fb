// A piece of a labelling: whole blocks of rows, as a data file has them.
// In: a submission out of the store, trusted in nothing. Out: blocks by the number of their first row. Invariants: the model and who judges have the
// hashes that were submitted; what the submission names is a file of the store, or a name that every machine knows.
import { HopelessJob } from "../../ports/job-queue.js";
import { memoryPart } from "../../learn/label/memory-part.js";
import { rowsOfPiece, type Piece } from "../../runtime/plan/pieces.js";
import { dryWorld } from "../../runtime/services/world.js";
import { labelPart, openLabelling, planData, type LabelOptions, type Labelling } from "../labelling.js";
import type { LabellerChoice } from "../platform.js";
import { packRows } from "./label-blocks.js";
import { JUDGE, MODEL, type Kind, type LabelSubmission, type StoredJudge } from "./submission.js";
import type { OpenedSubmission, Workshop } from "./workshop.js";

/** Opens the model and who judges. Errors: HopelessJob if they are others than those submitted; those of files and labellers. */
export async function openLabels(workshop: Workshop, submission: LabelSubmission): Promise<OpenedSubmission> {
  const { platform, signal } = workshop;
  const { rows, judge, model } = submission;
  const files = new Map<string, string>();
  for (const file of submission.models) files.set(file.name, await workshop.fetch(file));
  const { class: index, ...drawn } = rows;
  const options: LabelOptions = {
    ...{ ...drawn, ...choiceOf(judge, files), signal },
    ...(index !== undefined && { class: index }),
  };
  const reference = model.reference === "pack" ? files.get(MODEL) : model.reference;
  if (reference === undefined) throw new HopelessJob("its model is not among its files");
  const world = dryWorld(platform.world(platform.host, workshop.choice));
  const labelling = await openLabelling(platform, world, reference, options);
  try {
    refuseOthers(labelling, submission);
  } catch (error) {
    await labelling.dispose();
    throw error;
  }
  const draw = async (piece: Piece, kind: Kind): Promise<ReadonlyMap<string, Uint8Array>> => {
    const plan = planData(platform, labelling, rowsOfPiece(piece), options);
    const part = memoryPart(plan.range);
    const engine = await workshop.openEngine(kind);
    await labelPart(labelling, plan, part, { engine, world }, options);
    return packRows(plan.layout, part.blocks);
  };
  return { lacec: submission.lacec, draw, close: () => labelling.dispose() };
}

/** The choice of who judges, with the file of a classifier on this machine. Errors: HopelessJob. */
export function choiceOf(
  { choice, findFaces, prompts, clipModel }: StoredJudge,
  files: ReadonlyMap<string, string>,
): LabellerChoice {
  const file = files.get(JUDGE);
  if (choice === undefined) return {};
  if (choice === "faces") return { labeller: "faces", ...(findFaces !== undefined && { findFaces }) };
  if (choice === "clip")
    return {
      labeller: "clip",
      ...(prompts !== undefined && { prompts }),
      ...(clipModel !== undefined && { clipModel }),
    };
  if (file === undefined) throw new HopelessJob("who judges is not among its files");
  return { labeller: file };
}

function refuseOthers({ model, about }: Labelling, { model: asked, judge }: LabelSubmission): void {
  if (model.sha256 !== asked.sha256) throw new HopelessJob(`the model of ${asked.reference} has another hash here`);
  if (about.sha256 !== judge.sha256)
    throw new HopelessJob(`who judges, ${judge.name}, is another one here (SHA-256 ${about.sha256 ?? "none"})`);
}
