// Who labelled images, as data files and evaluations say it.

import { networkOf, type PictureHead } from "../../compiler/picture-head.js";
import type { Attribute } from "../../compiler/attribute.js";
import type { Model } from "../../models/model.js";

export interface LabellerIdentity {
  /** Of its file, or what else it is. */
  readonly name: string;
  /** Of its file (or files: docs/labellers.md), where there is one. */
  readonly sha256: string | null;
  /** The words that it goes by, one line for each attribute. */
  readonly prompts?: readonly string[];
}

/** Names of the attributes whose heads a judge had a part in: it is no independent one of them. */
export interface JudgedHeads {
  /** Heads that learnt from its labels. */
  readonly labelled: readonly string[];
  /** Heads that learnt from something else, and whose sureness its labels calibrated. */
  readonly calibrated: readonly string[];
}

/** Whether an attribute is told by the judge's own network, which a sampler follows through pictures: it is no judge of that then. */
export function isNetworkOf(
  judge: Pick<LabellerIdentity, "sha256"> | undefined,
  { weights }: Pick<Model, "weights">,
  attribute: number,
): boolean {
  const hash = judge?.sha256 ?? undefined;
  return hash !== undefined && shaOf(weights.heads[attribute]?.picture) === hash;
}

function shaOf(picture: PictureHead | undefined): string | undefined {
  return picture && networkOf(picture)?.sha256;
}

/** The heads that labels of this judge made or calibrated. */
export function judgedHeads(judge: LabellerIdentity, attributes: readonly Attribute[]): JudgedHeads {
  const isJudge = (by: Attribute["labelledBy"]): boolean =>
    by !== undefined &&
    (judge.sha256 === null ? by.sha256 === null && by.name === judge.name : by.sha256 === judge.sha256);
  const names = (of: "labelledBy" | "calibratedBy"): string[] =>
    attributes.filter((a) => isJudge(a[of])).map(({ name }) => name);
  return { labelled: names("labelledBy"), calibrated: names("calibratedBy") };
}

/** What a judge did for heads, as what follows "it also" or "which also"; undefined: nothing. */
export function judgedHeadsText({ labelled, calibrated }: JudgedHeads): string | undefined {
  const said = [
    ...(labelled.length === 0 ? [] : [`made the labels that the heads of ${labelled.join(", ")} learnt from`]),
    ...(calibrated.length === 0 ? [] : [`calibrated the heads of ${calibrated.join(", ")}`]),
  ];
  return said.length === 0 ? undefined : said.join(" and ");
}

/** The identity alone, of a labeller or of what was read. */
export function identityOf(labeller: {
  readonly name: string;
  readonly sha256: string | null;
  readonly prompts?: readonly string[] | undefined;
}): LabellerIdentity {
  const { name, sha256, prompts } = labeller;
  return { name, sha256, ...(prompts !== undefined && { prompts }) };
}
