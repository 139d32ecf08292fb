// An image classifier in an ONNX file as a Labeller.
// In: the opened model and the description of its outputs. Out: columns of all attributes side by side, and features.
// Invariants: classes come as logits whatever the file gives; a file of a fixed batch is run in batches of that size.
import type { Attribute, ModelInfo } from "../../compiler/attribute.js";
import type { LabellerFile } from "../../models/model.js";
import { failure } from "../../source/diagnostic.js";
import { concat } from "../../source/concat.js";
import { unreachable } from "../../source/internal-error.js";
import type { OnnxArray, OnnxModel } from "../../runtime/services/onnx-model.js";
import type { Labeller, FeaturedLabels } from "../../runtime/services/services.js";
import { onWhite, type RgbImage } from "../../runtime/image/rgb.js";
import {
  checkLabellerSpec,
  packLabellerSpec,
  type LabelledAttribute,
  type LabellerSpec,
  type UnclearOutput,
} from "./labeller-spec.js";
import { toBatch } from "./preprocess.js";

/** Probability of a class that a classifier calls impossible: finite logits. */
const LEAST = 1e-9;

/**
 * Opens a classifier.
 *
 * Owns     the model, from now on.
 * Errors   LaceError L5312 (it has not the inputs, outputs or columns that the description names).
 */
export async function openOnnxLabeller(
  model: OnnxModel,
  describe: LabellerSpec | ((model: OnnxModel) => LabellerSpec),
  identity: { readonly name: string; readonly sha256: string },
): Promise<Labeller> {
  let spec: LabellerSpec;
  try {
    spec = typeof describe === "function" ? describe(model) : describe;
    checkNames(model, spec, identity.name);
  } catch (error) {
    await model.dispose();
    throw error;
  }
  const { features } = spec;
  const attributes = spec.attributes.map((a) => a.attribute);
  const size = batchSize(model, spec);
  const look = async (images: readonly RgbImage[]): Promise<FeaturedLabels> => {
    const parts: FeaturedLabels[] = [];
    for (let start = 0; start < images.length; start += size ?? images.length) {
      const batch = images.slice(start, start + (size ?? images.length));
      const outputs = await runBatch(model, spec, batch, size ?? batch.length);
      const seen = features === undefined ? undefined : outputs[features];
      parts.push({
        columns: readColumns(outputs, spec, batch.length, size ?? batch.length, identity.name),
        ...(spec.unclear !== undefined && {
          unclear: readUnclear(
            outputs,
            spec.unclear,
            attributes.length,
            batch.length,
            size ?? batch.length,
            identity.name,
          ),
        }),
        ...(seen !== undefined && {
          features: seen.data.subarray(0, (seen.data.length / (size ?? batch.length)) * batch.length),
        }),
      });
    }
    return joinLabels(parts);
  };
  return {
    attributes,
    name: identity.name,
    sha256: identity.sha256,
    look,
    label: look,
    ...(spec.unclear !== undefined && { tellsUnclear: true }),
    dispose: () => model.dispose(),
  };
}

/**
 * Opens the classifier of a pack, whose outputs mean what the pack says, or the rows of its attribute table.
 *
 * Owns     the model, from now on.
 * Errors   LaceError L5312, as openOnnxLabeller.
 */
export function openPackLabeller(
  model: OnnxModel,
  { file, sha256, description }: LabellerFile,
  { attributes, resolution }: Pick<ModelInfo, "attributes" | "resolution">,
): Promise<Labeller> {
  const spec =
    description === undefined
      ? (onnx: OnnxModel) => packLabellerSpec(onnx.outputs, attributes, resolution, file)
      : checkLabellerSpec(description, file);
  return openOnnxLabeller(model, spec, { name: file.replace(/^.*[/\\:]/, ""), sha256 });
}

/** Several batches as one. */
function joinLabels(parts: readonly FeaturedLabels[]): FeaturedLabels {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const features = parts.map((p) => p.features).filter((f) => f !== undefined);
  const unclear = parts.map((p) => p.unclear).filter((u) => u !== undefined);
  const whole = (some: readonly unknown[]): boolean => some.length > 0 && some.length === parts.length;
  return {
    columns: concat(
      parts.map((p) => p.columns),
      Float32Array,
    ),
    ...(whole(unclear) && { unclear: concat(unclear, Uint8Array) }),
    ...(whole(features) && { features: concat(features, Float32Array) }),
  };
}

async function runBatch(
  model: OnnxModel,
  spec: LabellerSpec,
  images: readonly RgbImage[],
  rows: number,
): Promise<Record<string, OnnxArray>> {
  const { name, size, layout } = spec.input;
  const padded = [...images, ...Array.from({ length: rows - images.length }, () => images[0])].filter(
    (i) => i !== undefined,
  );
  const dims = layout === "nchw" ? [rows, 3, size, size] : [rows, size, size, 3];
  return model.run({ [name]: { data: toBatch(padded.map(onWhite), spec.input), dims } });
}

/** The columns of all attributes of the first `count` of `rows` rows. */
function readColumns(
  outputs: Readonly<Record<string, OnnxArray>>,
  spec: LabellerSpec,
  count: number,
  rows: number,
  name: string,
): Float32Array {
  const width = spec.attributes.reduce((n, { attribute }) => n + widthOf(attribute), 0);
  const out = new Float32Array(count * width);
  let at = 0;
  for (const entry of spec.attributes) {
    const { data } = outputs[entry.output] ?? { data: new Float32Array(0) };
    const stride = data.length / rows;
    const last = Math.max(...entry.columns);
    if (last >= stride)
      throw failure(
        "L5312",
        `${name}: \`${entry.attribute.name}\` is column ${last} of the output ${entry.output}, which has ${stride}`,
        ["mend `columns` in the JSON beside the labeller; they count from 0"],
      );
    for (let row = 0; row < count; row++) {
      const values = entry.columns.map((c) => data[row * stride + c] ?? NaN);
      out.set(asColumns(values, entry), row * width + at);
    }
    at += widthOf(entry.attribute);
  }
  return out;
}

/** Shape [count, attributes]: 1 where the output that tells what is unclear says so. */
function readUnclear(
  outputs: Readonly<Record<string, OnnxArray>>,
  { output, attributes, gives }: UnclearOutput,
  width: number,
  count: number,
  rows: number,
  name: string,
): Uint8Array {
  const { data } = outputs[output] ?? { data: new Float32Array(0) };
  const stride = data.length / rows;
  if (stride !== attributes.length)
    throw failure(
      "L5312",
      `${name}: the output ${output} has ${stride} columns, and ${attributes.length} attributes can be unclear`,
      ["name in `unclear.attributes` those that it has a column for, in their order"],
    );
  const limit = gives === "logit" ? 0 : 0.5;
  const unclear = new Uint8Array(count * width);
  for (let row = 0; row < count; row++)
    for (const [column, attribute] of attributes.entries())
      unclear[row * width + attribute] = (data[row * stride + column] ?? NaN) <= limit ? 0 : 1;
  return unclear;
}

function widthOf(attribute: Attribute): number {
  return attribute.type === "scalar" ? 1 : attribute.classes.length;
}

/** Logits (or the number) of what a reading gives. */
function asColumns(values: readonly number[], { gives }: LabelledAttribute): readonly number[] {
  const [first = NaN] = values;
  const log = (p: number): number => Math.log(Math.max(p, LEAST));
  switch (gives) {
    case "logits":
    case "number":
      return values;
    case "probabilities":
      return values.map(log);
    case "logit":
      return [0, first];
    case "probability":
      return [log(1 - first), log(first)];
    default:
      return unreachable(gives);
  }
}

function batchSize(model: OnnxModel, spec: LabellerSpec): number | undefined {
  return model.inputs.find((i) => i.name === spec.input.name)?.dims[0] ?? undefined;
}

function checkNames(model: OnnxModel, spec: LabellerSpec, name: string): void {
  const refuse = (what: string, has: readonly { readonly name: string }[]): never => {
    throw failure("L5312", `${name}: the labeller has no ${what}`, [
      `it has: ${has.map((x) => x.name).join(", ")}`,
      "docs/labellers.md says how a labeller is described",
    ]);
  };
  if (!model.inputs.some((i) => i.name === spec.input.name)) refuse(`input called ${spec.input.name}`, model.inputs);
  const others = [spec.features, spec.unclear?.output].filter((o) => o !== undefined);
  const wanted = [...spec.attributes.map((a) => a.output), ...others];
  for (const output of wanted)
    if (!model.outputs.some((o) => o.name === output)) refuse(`output called ${output}`, model.outputs);
}
