// An image classifier in an ONNX file as a Labeller.
// In: its bytes and the description of its outputs. Out: columns of all attributes side by side, and features.
// Invariants: classes come as logits whatever the file gives; a file of a fixed batch is run in batches of that size.
import type { Attribute } from "../../compiler/attribute.js";
import { failure } from "../../source/diagnostic.js";
import { unreachable } from "../../source/internal-error.js";
import type { OnnxArray, OnnxModel } from "../engines/onnx-model.js";
import { openOnnxModel } from "../engines/onnx-model.js";
import type { Labeller, Sight } from "../../runtime/services/services.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import type { LabelledAttribute, LabellerSpec } from "../../learn/labellers/labeller-spec.js";
import { toBatch } from "../../learn/labellers/preprocess.js";

/** Probability of a class that a classifier calls impossible: finite logits. */
const LEAST = 1e-9;

/**
 * Opens a classifier.
 *
 * Errors   LaceError L5202 (not an ONNX model), L5312 (it has not the inputs, outputs or columns that the description names).
 */
export async function openOnnxLabeller(
  bytes: Uint8Array,
  describe: LabellerSpec | ((model: OnnxModel) => LabellerSpec),
  identity: { readonly name: string; readonly sha256: string },
): Promise<Labeller> {
  const model = await openOnnxModel(bytes);
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
  const look = async (images: readonly RgbImage[]): Promise<Sight> => {
    const parts: Sight[] = [];
    for (let start = 0; start < images.length; start += size ?? images.length) {
      const batch = images.slice(start, start + (size ?? images.length));
      const outputs = await runBatch(model, spec, batch, size ?? batch.length);
      const seen = features === undefined ? undefined : outputs[features];
      parts.push({
        columns: readColumns(outputs, spec, batch.length, size ?? batch.length, identity.name),
        ...(seen !== undefined && {
          features: seen.data.subarray(0, (seen.data.length / (size ?? batch.length)) * batch.length),
        }),
      });
    }
    return joinSights(parts);
  };
  return {
    attributes,
    name: identity.name,
    sha256: identity.sha256,
    look,
    label: async (images) => (await look(images)).columns,
    dispose: () => model.dispose(),
  };
}

/** Several batches as one. */
export function joinSights(parts: readonly Sight[]): Sight {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const join = (arrays: readonly Float32Array[]): Float32Array => {
    const all = new Float32Array(arrays.reduce((n, a) => n + a.length, 0));
    let at = 0;
    for (const a of arrays) {
      all.set(a, at);
      at += a.length;
    }
    return all;
  };
  const features = parts.map((p) => p.features).filter((f) => f !== undefined);
  return {
    columns: join(parts.map((p) => p.columns)),
    ...(features.length > 0 && features.length === parts.length && { features: join(features) }),
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
  return model.run({ [name]: { data: toBatch(padded, spec.input), dims } });
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
  const wanted = [...spec.attributes.map((a) => a.output), ...(spec.features === undefined ? [] : [spec.features])];
  for (const output of wanted)
    if (!model.outputs.some((o) => o.name === output)) refuse(`output called ${output}`, model.outputs);
}
