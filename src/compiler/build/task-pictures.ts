// What a task looks at in pictures while it is solved.
// In: a task, heads and networks. Out: whether it looks, and with what identities are kept.
import type { Energy } from "../energy/energy.js";
import type { FeatureHead, PictureHead } from "../picture-head.js";
import type { KeptIdentity, Task } from "../plan.js";
import { InternalError } from "../../source/internal-error.js";
import { NOWHERE } from "../../source/span.js";
import type { EnergyWeights } from "../weights.js";
import { keepOf } from "./edit-goals.js";
import { looksAtPictures } from "./gradient.js";

/** What a task keeps identities by. Errors: InternalError if its network was not loaded. */
export function keptFeatures(task: Task, weights: EnergyWeights): FeatureHead | undefined {
  const identity = identityOf(task);
  if (identity === undefined) return undefined;
  const watched = weights.watches?.get(identity.file ?? "") ?? unwatched(identity);
  return { ...watched, ...(identity.pixels !== undefined && { pixels: identity.pixels }) };
}

/** A head without its weights, which its hash stands for, and without numbers that follow from it. */
export function aboutHead(head: PictureHead | FeatureHead): object {
  if ("kind" in head && head.kind === "likeness") {
    const { kind, sha256, pixels, tau, mask, features } = head;
    const masked = mask !== undefined;
    return { kind, sha256, pixels, tau, masked, ...(features && { features: aboutNetwork(features) }) };
  }
  if ("kind" in head && head.kind === "prompt") {
    const { kind, look, output, pixels, tau, crops, texts } = head;
    return { kind, ...aboutNetwork({ look, output }), pixels, tau, crops, texts: texts.map((text) => [...text]) };
  }
  const { look, ...rest } = head;
  const origin = "kind" in head ? undefined : head.origin?.about;
  return { ...rest, ...aboutNetwork({ look, output: head.output }), ...(origin && { origin }) };
}

function aboutNetwork({ look: { input, sha256 }, output }: FeatureHead): object {
  return { output, input, sha256 };
}

/** What a task keeps of identities. */
export function identityOf(task: Task): KeptIdentity | undefined {
  if (task.kind === "edit") return task.keepIdentity;
  return task.kind === "sample" ? undefined : task.keep?.identity;
}

function unwatched({ file = "the labeller" }: KeptIdentity): never {
  throw new InternalError(`the features of ${file} were not loaded`);
}

/** Whether pictures are looked at while a task is solved. */
export function looksAt(task: Task, weights: EnergyWeights): boolean {
  const energies =
    task.kind === "edit" ? task.steps.map((s) => s.energy) : task.kind === "sweep" ? task.cells : [task.energy];
  const keeps =
    task.kind === "edit" ? task.steps.map((_, step) => keepOf(task, step)) : "keep" in task ? [task.keep] : [];
  return [
    ...energies.map((energy) => ({ energy, weights })),
    ...keeps.map((keep) => ({ energy: NOTHING, weights, keep })),
  ].some(looksAtPictures);
}
const NOTHING: Energy = { kind: "always", span: NOWHERE };
