// Who labelled images, as data files and evaluations say it.

import type { Attribute } from "../../compiler/attribute.js";

export interface LabellerIdentity {
  /** Of its file, or what else it is. */
  readonly name: string;
  /** Of its file (or files: docs/labellers.md), where there is one. */
  readonly sha256: string | null;
  /** The words that it goes by, one line for each attribute. */
  readonly prompts?: readonly string[];
}

/** Names of the attributes whose heads learnt from labels of this judge: it is no independent one of them. */
export function labelledBy(judge: LabellerIdentity, attributes: readonly Attribute[]): readonly string[] {
  return attributes.flatMap(({ name, labelledBy: by }) => {
    if (by === undefined) return [];
    return (judge.sha256 === null ? by.sha256 === null && by.name === judge.name : by.sha256 === judge.sha256)
      ? [name]
      : [];
  });
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
