// The JSON under the metadata key `lace` of data files (docs/data.md), checked field by field.
// In: text from a file. Out: typed metadata, or one LaceError that names what is wrong; and back.
// Invariants: printing is canonical, so that two runs of the same settings have the same bytes.
import * as v from "valibot";
import type { Attribute } from "../../compiler/attribute.js";
import { identityOf, type LabellerIdentity } from "../../runtime/services/labeller-identity.js";
import { modelError } from "../../models/model-error.js";
import { attributeRows, attributeTable } from "../../models/pack/pack-metadata.js";

/** The one value of `format` that this lacec reads and writes. */
const DATA_FORMAT = 1;
/** The metadata key. */
export const DATA_KEY = "lace";

export interface DataMetadata {
  readonly count: number;
  readonly model: {
    readonly name: string;
    readonly sha256: string | null;
    /** null where the file has no `z`. */
    readonly zDim: number | null;
    readonly wDim: number;
  };
  readonly attributes: readonly Attribute[];
  readonly labeller: LabellerIdentity;
  readonly seed: number | null;
  readonly truncation: readonly [number, number] | null;
  readonly jitter: number | null;
  /** The class that a conditional generator drew. */
  readonly class?: number;
  /** Part of the rows that followed the flow of the model's heads; absent: none. */
  readonly follow?: number;
  /** Which rows of a larger set these are: `count` of them from `first`, of `of`. Absent: all. */
  readonly shard?: { readonly first: number; readonly of: number };
  readonly lacec: string;
}

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const hash = v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "Invalid hash: Expected 64 hexadecimal digits")));
const finite = v.pipe(v.number(), v.finite());
const schema = v.object({
  format: v.literal(DATA_FORMAT),
  kind: v.literal("data"),
  count: positive,
  model: v.object({ name: v.string(), sha256: hash, zDim: v.nullable(positive), wDim: positive }),
  attributes: v.pipe(attributeRows, v.minLength(1)),
  labeller: v.object({ name: v.string(), sha256: hash, prompts: v.optional(v.array(v.string())) }),
  seed: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0))),
  truncation: v.nullable(v.tuple([finite, finite])),
  jitter: v.nullable(v.pipe(finite, v.minValue(0))),
  class: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  follow: v.optional(v.pipe(finite, v.minValue(0), v.maxValue(1))),
  shard: v.optional(v.object({ first: v.pipe(v.number(), v.integer(), v.minValue(0)), of: positive })),
  lacec: v.string(),
});

/** Checks the metadata of a data file. Errors LaceError L5108 that lists every wrong field. */
export function parseDataMetadata(text: string | undefined, file: string): DataMetadata {
  if (text === undefined)
    throw modelError("L5107", file, "not a file of labelled data: it has no metadata key 'lace'", [
      "`lacec label` makes one; docs/data.md describes it",
    ]);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw modelError("L5108", file, "the metadata key 'lace' is not JSON");
  }
  if (typeof json === "object" && json !== null && !("kind" in json && json.kind === "data"))
    throw modelError("L5107", file, "not a file of labelled data", [
      "`lacec label` makes one; this looks like a model or a file of heads",
    ]);
  const result = v.safeParse(schema, json);
  if (!result.success) {
    const shown = result.issues.slice(0, 10).map((issue) => `${v.getDotPath(issue) ?? "lace"}: ${issue.message}`);
    throw modelError("L5108", file, `wrong metadata: ${shown.join("; ")}`);
  }
  const { attributes, model, seed, truncation, jitter, follow, shard, lacec } = result.output;
  return {
    count: result.output.count,
    model,
    attributes: attributeTable(attributes),
    labeller: identityOf(result.output.labeller),
    seed,
    truncation,
    jitter,
    ...(result.output.class !== undefined && { class: result.output.class }),
    ...(follow !== undefined && { follow }),
    ...(shard !== undefined && { shard }),
    lacec,
  };
}

/** The text that parses to this. */
export function printDataMetadata(metadata: DataMetadata): string {
  const { count, model, attributes, labeller, seed, truncation, jitter, follow, shard, lacec } = metadata;
  return JSON.stringify({
    format: DATA_FORMAT,
    kind: "data",
    ...{ count, model, labeller, seed, truncation, jitter },
    class: metadata.class,
    ...{ follow, shard, lacec },
    attributes: attributes.map(dataRow),
  });
}

/** A row of the table without what only heads have. */
function dataRow(a: Attribute): object {
  if (a.type === "scalar") return { name: a.name, type: a.type, min: a.min, max: a.max, sigma: a.sigma };
  return { name: a.name, type: a.type, ...(a.type === "category" && { classes: a.classes }) };
}
