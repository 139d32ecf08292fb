// Who labelled images, as data files and evaluations say it.

export interface LabellerIdentity {
  /** Of its file, or what else it is. */
  readonly name: string;
  /** Of its file (or files: docs/labellers.md), where there is one. */
  readonly sha256: string | null;
  /** The words that it goes by, one line for each attribute. */
  readonly prompts?: readonly string[];
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
