// The heads that a script adds to a model: those of latents from their files, and classifiers of pictures (docs/labellers.md) as networks that are followed.
// In: a host, a model, the declarations. Out: the model with their rows and heads, in the order of the declarations. Invariants: a network is read as plain
// data; what of it cannot be followed is told here, before anything is drawn, with its node.
import { compileSight } from "../../compiler/build/pictures.js";
import type { Attribute } from "../../compiler/attribute.js";
import { missingHead } from "../../compiler/head-table.js";
import type { PictureHead } from "../../compiler/picture-head.js";
import type { PlanHead, PictureHeadSource } from "../../compiler/plan.js";
import { readOnnxModel } from "../../models/formats/onnx-model.js";
import { modelError } from "../../models/model-error.js";
import { labellerFile, type Model } from "../../models/model.js";
import { readingOnnx, wholeOnnx } from "../../models/onnx-file.js";
import { addHeads, loadLabeller } from "../../models/pack/pack.js";
import type { Host } from "../../ports/host.js";
import { failure, LaceError } from "../../source/diagnostic.js";
import { checkLabellerSpec, packLabellerSpec, type LabellerSpec } from "./labeller-spec.js";
import { readSpec } from "./picture-table.js";

/**
 * The model with all that a script adds to its table.
 * Errors   LaceError as addHeads; of networks over pictures L5312, L5110, L5202, L5204, and L5324 for a model whose pictures cannot be followed.
 */
export async function addScriptHeads(host: Host, model: Model, wanted: readonly PlanHead[]): Promise<Model> {
  let made = model;
  for (const entry of wanted)
    made =
      entry.on === undefined ? await addHeads(host, made, [entry]) : await addPictureHead(host, model, made, entry);
  return made;
}

async function addPictureHead(host: Host, pack: Model, model: Model, source: PictureHeadSource): Promise<Model> {
  const { attribute } = source;
  if (model.synthesis === undefined)
    throw failure("L5324", `\`${attribute}\` cannot look at pictures of \`${model.info.name}\`: a decoder draws them`, [
      "pictures of StyleGAN2 and StyleGAN3 can be looked at while they are solved for; heads of latents go with any model",
    ]);
  const { spec, bytes, sha256, file } = await openSource(host, pack, source);
  const found = spec.attributes.find((a) => a.attribute.name === attribute);
  if (found === undefined) {
    const [what, hint] = missingHead(attribute, { attributes: spec.attributes.map((a) => a.attribute) });
    throw modelError("L5107", file, what, [hint]);
  }
  const { output, columns, gives } = found;
  const network = readingOnnx(() => readOnnxModel(bytes), file);
  const picture: PictureHead = { kind: "labels", look: { network, input: spec.input, sha256 }, output, columns, gives };
  checkFollowed(model, picture, file);
  return withHead(model, found.attribute, picture);
}

interface Opened {
  readonly spec: LabellerSpec;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly file: string;
}

/** A classifier that a declaration names: a file with its JSON, or the labeller of the pack. */
async function openSource(host: Host, pack: Model, { attribute, file }: PictureHeadSource): Promise<Opened> {
  if (file !== undefined) {
    const spec = await readSpec(host, file);
    const { bytes } = await wholeOnnx(host, file, await host.readBytes(file));
    return { spec, bytes, sha256: await host.sha256(bytes), file };
  }
  const own = labellerFile(pack);
  const bytes = await loadLabeller(host, pack);
  if (own === undefined || bytes === undefined)
    throw failure(
      "L5324",
      `\`${attribute}\` has nothing to look with: \`${pack.info.name}\` has no labeller in a file`,
      ['name a classifier of pictures: `from "FILE.onnx" on image`'],
    );
  const { attributes, resolution } = pack.info;
  const network = readingOnnx(() => readOnnxModel(bytes), own.file);
  const spec =
    own.description === undefined
      ? packLabellerSpec(network.outputs, attributes, resolution, own.file)
      : checkLabellerSpec(own.description, own.file);
  return { spec, bytes, sha256: own.sha256, file: own.file };
}

/** Errors LaceError L5324 that names what is not read, or columns that are not there. */
function checkFollowed(model: Model, head: PictureHead, file: string): void {
  try {
    compileSight({ model, layout: "nchw", noise: "none" }, [head], 1);
  } catch (error) {
    if (!(error instanceof LaceError) || error.diagnostics.every((d) => d.code !== "L5204")) throw error;
    throw failure("L5324", `${file} cannot be followed: ${error.diagnostics.map((d) => d.message).join("; ")}`, [
      "docs/labellers.md says what networks are read",
    ]);
  }
}

function withHead(model: Model, row: Attribute, picture: PictureHead): Model {
  const { info, weights } = model;
  const witnesses = info.attributes.map((_, i) => weights.witnesses?.[i]);
  return {
    ...model,
    info: { ...info, attributes: [...info.attributes, row] },
    weights: {
      ...weights,
      heads: [...weights.heads, { attribute: row.name, layers: [], picture }],
      witnesses: [...witnesses, undefined],
    },
  };
}
