// What the outputs of an image classifier mean (docs/labellers.md): the JSON beside an .onnx file, checked field by field.
// In: JSON text. Out: LabellerSpec. Invariants: every attribute names as many columns as it needs; every number is finite.
import * as v from "valibot";
import type { Attribute } from "../../compiler/attribute.js";
import type { OutputReading, PictureInput } from "../../compiler/picture-head.js";
import { modelError } from "../../models/model-error.js";
import { attributeTable, attributeRows } from "../../models/pack/pack-metadata.js";

export interface LabelledAttribute {
  readonly attribute: Attribute;
  readonly output: string;
  /** Of the output: one for each class, or one. */
  readonly columns: readonly number[];
  readonly gives: OutputReading;
}

export interface LabellerSpec {
  readonly input: PictureInput;
  readonly attributes: readonly LabelledAttribute[];
  /** The output that holds the penultimate layer. */
  readonly features?: string;
  /** What can be neither told nor denied. */
  readonly unclear?: UnclearOutput;
}

/** The output that says of which attributes nothing can be said: a column for each of these, above half where it is unclear. */
export interface UnclearOutput {
  readonly output: string;
  /** Places in `attributes`. */
  readonly attributes: readonly number[];
  readonly gives: "logit" | "probability";
}

const finite = v.pipe(v.number(), v.finite());
const triple = v.tuple([finite, finite, finite]);
const whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000));
const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096));
const schema = v.object({
  format: v.literal(1),
  input: v.object({
    name: v.optional(v.string(), "image"),
    size,
    layout: v.optional(v.picklist(["nchw", "nhwc"]), "nchw"),
    channels: v.optional(v.picklist(["rgb", "bgr"]), "rgb"),
    range: v.optional(v.tuple([finite, finite])),
    mean: v.optional(triple),
    std: v.optional(
      v.pipe(
        triple,
        v.check((s) => s.every((x) => x > 0), "Invalid std: Expected numbers above 0"),
      ),
    ),
  }),
  attributes: v.pipe(
    v.array(
      v.looseObject({
        output: v.optional(v.string(), "logits"),
        columns: v.optional(v.array(whole)),
        gives: v.optional(v.picklist(["logits", "probabilities", "logit", "probability", "number"])),
      }),
    ),
    v.minLength(1),
  ),
  features: v.optional(v.string()),
  unclear: v.optional(
    v.object({
      output: v.optional(v.string(), "unclear"),
      attributes: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
      gives: v.optional(v.picklist(["logit", "probability"]), "logit"),
    }),
  ),
});

/** `checkLabellerSpec` of a text. Errors as there. */
export function parseLabellerSpec(text: string, file: string): LabellerSpec {
  return checkLabellerSpec(parseLabellerJson(text, file), file);
}

/** The JSON beside a labeller, which `checkLabellerSpec` takes. Errors LaceError L5312 if it is none. */
export function parseLabellerJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw wrongSpec(file, "it is not JSON");
  }
}

function wrongSpec(file: string, what: string): Error {
  return modelError("L5312", file, what, ["docs/labellers.md describes the JSON beside a labeller"]);
}

/**
 * Checks the JSON of a labeller: that of a text, or a pack's own.
 * Errors   LaceError L5312 that says what is wrong.
 */
export function checkLabellerSpec(json: unknown, file: string): LabellerSpec {
  const wrong = (what: string): Error => wrongSpec(file, what);
  const parsed = v.safeParse(schema, json);
  const rows = v.safeParse(v.object({ attributes: attributeRows }), json);
  const issues = [...(parsed.success ? [] : parsed.issues), ...(parsed.success && !rows.success ? rows.issues : [])];
  if (!parsed.success || !rows.success) {
    const shown = issues.slice(0, 10).map((issue) => `${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`);
    throw wrong(`wrong description of a labeller: ${shown.join("; ")}`);
  }
  const { attributes, features, unclear } = parsed.output;
  const input = inputOf(parsed.output.input, wrong);
  const next = new Map<string, number>();
  const table = attributeTable(rows.output.attributes);
  const placeOf = (name: string): number => {
    const place = table.findIndex((a) => a.name === name);
    if (place < 0) throw wrong(`unclear: \`${name}\` is no attribute of this labeller`);
    return place;
  };
  return {
    input,
    attributes: table.map((attribute, i): LabelledAttribute => {
      const { output = "logits", columns, gives } = attributes[i] ?? {};
      const reading = gives ?? (attribute.type === "scalar" ? "number" : "logits");
      const needed = columnsNeeded(attribute, reading);
      if (needed === undefined) throw wrong(`${attribute.name}: a ${attribute.type} cannot be given as ${reading}`);
      const from = next.get(output) ?? 0;
      const own = columns ?? Array.from({ length: needed }, (_, k) => from + k);
      if (own.length !== needed)
        throw wrong(`${attribute.name}: ${own.length} columns, as ${reading} it has ${needed}`);
      next.set(output, Math.max(...own) + 1);
      return { attribute, output, columns: own, gives: reading };
    }),
    ...(features !== undefined && { features }),
    ...(unclear !== undefined && {
      unclear: { ...unclear, attributes: (unclear.attributes ?? table.map((a) => a.name)).map(placeOf) },
    }),
  };
}

/** How a network takes pictures, whose values are told by a range or by mean and deviation. */
function inputOf(
  { range, mean, std, ...input }: v.InferOutput<typeof schema>["input"],
  wrong: (what: string) => Error,
): PictureInput {
  if ((mean === undefined) !== (std === undefined)) throw wrong("input: mean and std belong together");
  if (mean !== undefined && range !== undefined) throw wrong("input: give a range or mean and std, not both");
  return { ...input, ...(mean && std ? { mean, std } : rangeNormalization(range ?? [-1, 1])) };
}

/**
 * Checks the JSON of a network that shows features: it needs no attributes.
 * Errors   LaceError L5312 that says what is wrong.
 */
export function checkFeatureSpec(
  json: unknown,
  file: string,
): { readonly input: PictureInput; readonly features: string } {
  const wrong = (what: string): Error => wrongSpec(file, what);
  const { format, input, features } = schema.entries;
  const parsed = v.safeParse(v.object({ format, input, features }), json);
  if (!parsed.success) {
    const shown = parsed.issues.slice(0, 10).map((issue) => `${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`);
    throw wrong(`wrong description of a network: ${shown.join("; ")}`);
  }
  if (parsed.output.features === undefined) throw wrong("it names no output of features");
  return { input: inputOf(parsed.output.input, wrong), features: parsed.output.features };
}

/**
 * The labeller beside a pack (docs/packs.md): it needs no JSON. It knows the first attributes of the table, as many as its columns
 * are for: heads that came later, a script's own or trained into the pack, are not its business. An output `unclear` has a logit for
 * each of the first attributes, as many as it has columns.
 *
 * Errors   LaceError L5110 if its columns are those of no such beginning.
 */
export function packLabellerSpec(
  outputs: readonly { readonly name: string; readonly dims: readonly (number | null)[] }[],
  attributes: readonly Attribute[],
  resolution: number,
  file: string,
): LabellerSpec {
  const columns = outputs.find((o) => o.name === "logits")?.dims[1] ?? null;
  const known: LabelledAttribute[] = [];
  let at = 0;
  for (const attribute of attributes) {
    if (at === columns) break;
    const width = attribute.type === "scalar" ? 1 : attribute.classes.length;
    known.push({
      attribute,
      output: "logits",
      columns: Array.from({ length: width }, (_, k) => at + k),
      gives: attribute.type === "scalar" ? "number" : "logits",
    });
    at += width;
  }
  if (columns !== null && at !== columns)
    throw modelError(
      "L5110",
      file,
      `its output \`logits\` has ${columns} columns, the attributes of the model have ${at}`,
      ["docs/packs.md says what a labeller looks like"],
    );
  const unclear = outputs.find((o) => o.name === "unclear");
  const doubts = unclear?.dims[1] ?? known.length;
  if (doubts > known.length)
    throw modelError(
      "L5110",
      file,
      `its output \`unclear\` has ${doubts} columns, it knows ${known.length} attributes`,
      ["docs/packs.md says what a labeller looks like"],
    );
  return {
    input: { name: "image", size: resolution, layout: "nchw", channels: "rgb", ...rangeNormalization([-1, 1]) },
    attributes: known,
    ...(outputs.some((o) => o.name === "features") && { features: "features" }),
    ...(unclear !== undefined && {
      unclear: { output: "unclear", attributes: known.slice(0, doubts).map((_, i) => i), gives: "logit" },
    }),
  };
}

/**
 * The rows of an attribute table in a file of their own: a JSON array, or an object with `attributes`.
 * Errors   LaceError L5312 that says what is wrong.
 */
export function parseAttributeRows(text: string, file: string): Attribute[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw modelError("L5312", file, "it is not JSON");
  }
  const rows = typeof json === "object" && json !== null && "attributes" in json ? json.attributes : json;
  const result = v.safeParse(attributeRows, rows);
  if (result.success) return attributeTable(result.output);
  const shown = result.issues.slice(0, 10).map((issue) => `${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`);
  throw modelError("L5312", file, `wrong rows of attributes: ${shown.join("; ")}`, [
    "they are written as in the metadata of a pack (docs/packs.md)",
  ]);
}

/** Columns that a reading takes; undefined: it does not go with the type. */
function columnsNeeded(attribute: Attribute, gives: OutputReading): number | undefined {
  switch (gives) {
    case "number":
      return attribute.type === "scalar" ? 1 : undefined;
    case "logit":
    case "probability":
      return attribute.type === "binary" ? 1 : undefined;
    default:
      return attribute.type === "scalar" ? undefined : attribute.classes.length;
  }
}

/** Mean and deviation that take [0, 1] to [low, high]. */
export function rangeNormalization([low, high]: readonly [number, number]): Pick<PictureInput, "mean" | "std"> {
  const std = 1 / (high - low);
  const mean = -low * std;
  return { mean: [mean, mean, mean], std: [std, std, std] };
}
