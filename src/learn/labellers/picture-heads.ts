// The heads that a script adds to a model: those of latents from their files, and classifiers of pictures (docs/labellers.md) as networks that are followed.
// In: a host, a model, the declarations. Out: the model with their rows and heads, in the order of the declarations. Invariants: a network is read as plain
// data; what of it cannot be followed is told here, before anything is drawn, with its node.
import { feedsOf } from "../../compiler/decoder.js";
import { compileOnnxNetwork } from "../../compiler/build/onnx-network/onnx-graph.js";
import { compilePictureReadout } from "../../compiler/build/pictures.js";
import { imageSizeOf, type Attribute } from "../../compiler/attribute.js";
import { missingHead } from "../../compiler/head-table.js";
import { paintsEarly } from "../../compiler/build/stylegan2.js";
import {
  networkOf,
  type FeatureHead,
  type LikenessHead,
  type Looking,
  type PictureHead,
  type PictureInput,
  type PictureNetwork,
  type PromptHead,
} from "../../compiler/picture-head.js";
import type { FeatureSource, LikenessSource, PlanHead, PictureHeadSource, PromptSource } from "../../compiler/plan.js";
import { readOnnxModel } from "../../models/formats/onnx-model.js";
import { modelError } from "../../models/model-error.js";
import { labellerFile, type Model } from "../../models/model.js";
import { readingOnnx, wholeOnnx } from "../../models/onnx-file.js";
import { addHeads, loadDecoder, loadLabeller } from "../../models/pack/pack.js";
import type { Host } from "../../ports/host.js";
import { failure, LaceError } from "../../source/diagnostic.js";
import { checkFeatureSpec, checkLabellerSpec, packLabellerSpec, type LabellerSpec } from "./labeller-spec.js";
import { promptCrops } from "./prompt-crops.js";
import { featuresOfOther, planesOf, readOther, type PictureServices } from "./other-picture.js";
import { readDescription, readSpec } from "./picture-table.js";

/**
 * The model with all that a script adds to its table.
 * Errors   LaceError as addHeads; of networks over pictures L5312, L5110, L5202, L5204, and L5324 for a model whose pictures cannot be followed.
 */
export async function addScriptHeads(
  host: Host,
  model: Model,
  wanted: readonly PlanHead[],
  services: PictureServices,
): Promise<Model> {
  let made = model;
  for (const entry of wanted) {
    if (entry.on !== undefined) made = await followable(host, made);
    if (entry.on === undefined) made = await addHeads(host, made, [entry]);
    else if ("prompt" in entry) made = await placed(entry, () => addPrompt(host, made, entry, services));
    else if ("picture" in entry) made = await placed(entry, () => addLikeness(host, model, made, entry, services));
    else if ("features" in entry) made = await placed(entry, () => addFeatures(host, model, made, entry));
    else made = await placed(entry, () => addPictureHead(host, model, made, entry));
  }
  return made;
}

/** Errors of files at the place that names them. */
async function placed(source: PictureHeadSource | PromptSource, work: () => Promise<Model>): Promise<Model> {
  const { span } = source;
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LaceError) || span === undefined) throw error;
    throw new LaceError(error.diagnostics.map((d) => ({ ...d, at: { span, text: whatLooks(source) } })));
  }
}

function whatLooks(source: PictureHeadSource | PromptSource): string {
  if ("features" in source) return "identities are told by it";
  if ("prompt" in source) return "pictures are compared with a text here";
  return "picture" in source ? "pictures are compared here" : "this looks at pictures";
}

async function addFeatures(host: Host, pack: Model, model: Model, source: FeatureSource): Promise<Model> {
  const key = source.file ?? "";
  const { watches = new Map<string, FeatureHead>() } = model.weights;
  requireStop(model, source, "`keep identity`");
  if (watches.has(key)) return model;
  const { bytes, sha256, file, input, features } = await openFeatures(host, pack, source);
  const network = readingOnnx(() => readOnnxModel(bytes), file);
  const found: FeatureHead = { look: { network, input, sha256 }, output: features };
  checkFollowed(model, { features: found }, file);
  return { ...model, weights: { ...model.weights, watches: new Map([...watches, [key, found]]) } };
}

/** A network that shows features: of a file with its JSON, or the labeller of the pack. */
async function openFeatures(
  host: Host,
  pack: Model,
  source: FeatureSource,
): Promise<Omit<Opened, "spec"> & { readonly input: PictureInput; readonly features: string }> {
  const { file } = source;
  if (file !== undefined) {
    if (!(await host.exists(file))) throw failure("L5001", `there is no file ${file}`, ["check the path"]);
    const { json, path } = await readDescription(host, file);
    const { bytes } = await wholeOnnx(host, file, await host.readBytes(file));
    return { ...checkFeatureSpec(json, path), bytes, sha256: await host.sha256(bytes), file };
  }
  const { spec, ...own } = await openSource(host, pack, source);
  if (spec.features === undefined)
    throw failure("L5324", `the labeller of \`${pack.info.name}\` shows no features to keep`, [
      'name a network that does: `keep identity 0.1 by "FILE.onnx"`',
    ]);
  return { ...own, input: spec.input, features: spec.features };
}

/** A row of how like pictures are to one. */
async function addLikeness(
  host: Host,
  pack: Model,
  model: Model,
  source: LikenessSource,
  services: PictureServices,
): Promise<Model> {
  const { attribute, mask } = source;
  requireStop(model, source, "`like`");
  const found = await openLikenessFeatures(host, pack, source);
  const other = await readOther(host, source, imageSizeOf(model.info), services);
  const features = found && (await featuresOfOther(other.image, found, services));
  const head: LikenessHead = {
    ...{ kind: "likeness", width: other.image.width, height: other.image.height, sha256: other.sha256 },
    picture: planesOf(other.image),
    ...(other.mask && { mask: other.mask }),
    ...(features && { features }),
    ...lookingOf(source),
  };
  checkFollowed(model, { heads: [head] }, source.file ?? mask ?? source.picture);
  return withHead(model, { name: attribute, type: "scalar", min: 0, max: Infinity, sigma: 1 }, head);
}

/** A row of how like pictures are to what a text says. */
async function addPrompt(host: Host, model: Model, source: PromptSource, services: PictureServices): Promise<Model> {
  const { attribute, clip, prompt, against } = source;
  requireStop(model, source, "`text`");
  const folder = await host.realPath?.(clip);
  if (services.readClip === undefined || folder === undefined)
    throw failure("L5316", `${clip}: a CLIP model is a folder of this machine, which cannot be read here`, [
      "run the script by the command line of lacec",
    ]);
  const { bytes, sha256, input, output, texts } = await services.readClip(folder, [against, prompt]);
  const network = readingOnnx(() => readOnnxModel(bytes), clip);
  const [other = new Float32Array(0), own = new Float32Array(0)] = texts;
  const head: PromptHead = {
    ...{ kind: "prompt", look: { network, input, sha256 }, output, texts: [other, own], crops: promptCrops() },
    ...lookingOf(source),
  };
  checkFollowed(model, { heads: [head] }, clip);
  return withHead(model, { name: attribute, type: "binary", classes: ["no", "yes"], temperature: 1 }, head);
}

/** What shows features that are compared: the network that is named, or the labeller of the pack, if it shows any. */
async function openLikenessFeatures(host: Host, pack: Model, source: LikenessSource) {
  if (source.file === undefined) {
    if (labellerFile(pack) === undefined) return undefined;
    const { spec, ...own } = await openSource(host, pack, { attribute: source.attribute });
    return spec.features === undefined ? undefined : { ...own, input: spec.input, features: spec.features };
  }
  return openFeatures(host, pack, { ...source, features: true });
}

/** A model whose pictures can be followed: of a decoder its network is read. Errors: LaceError L5324 that names the node that is not read, L5111. */
async function followable(host: Host, model: Model): Promise<Model> {
  if (model.decoder === undefined || model.network !== undefined) return model;
  const { file } = model.decoder;
  const bytes = await loadDecoder(host, model);
  const network = readingOnnx(() => readOnnxModel(bytes), file);
  const made = { ...model, network };
  const { decoder = model.decoder } = modelWithClass(made);
  const rows = decoder.batch ?? 1;
  const inputs = { [decoder.input]: [rows, ...decoder.inputShape] };
  const known = feedsOf(decoder, rows, 1);
  telling(file, () => compileOnnxNetwork(network, { inputs, known, layout: "nchw", outputs: [decoder.output] }));
  return made;
}

/** For a look at its graph alone: some class, of a decoder that takes one. */
function modelWithClass(model: Model): Model {
  return model.decoder === undefined
    ? model
    : { ...model, decoder: { ...model.decoder, class: model.decoder.class ?? 0 } };
}

/** Errors LaceError L5324 for a synthesis that makes no smaller pictures on its way. */
function requireStop({ synthesis, info }: Model, { pixels }: Looking, what: string): void {
  if (pixels === undefined || (synthesis !== undefined && synthesis.style !== "alias-free" && paintsEarly(synthesis)))
    return;
  throw failure(
    "L5324",
    `${what} cannot look at pictures of \`${info.name}\` ${pixels} px wide: they come from its last block alone`,
    ["generators of the architecture `skip` paint at each block; leave `at` out for others"],
  );
}

function lookingOf({ pixels, tau }: Looking): Looking {
  return { ...(pixels !== undefined && { pixels }), ...(tau !== undefined && { tau }) };
}

async function addPictureHead(host: Host, pack: Model, model: Model, source: PictureHeadSource): Promise<Model> {
  const { attribute } = source;
  const { spec, bytes, sha256, file } = await openSource(host, pack, source);
  const found = spec.attributes.find((a) => a.attribute.name === attribute);
  if (found === undefined) {
    const [what, hint] = missingHead(attribute, { attributes: spec.attributes.map((a) => a.attribute) });
    throw modelError("L5107", file, what, [hint]);
  }
  const { output, columns, gives } = found;
  const network = readingOnnx(() => readOnnxModel(bytes), file);
  const picture: PictureHead = {
    ...{ kind: "labels", look: { network, input: spec.input, sha256 }, output, columns, gives },
    ...lookingOf(source),
  };
  requireStop(model, source, `\`${attribute}\``);
  checkFollowed(model, { heads: [picture] }, file);
  return withHead(model, found.attribute, picture);
}

interface Opened {
  readonly spec: LabellerSpec;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly file: string;
}

/** A classifier that a declaration names: a file with its JSON, or the labeller of the pack. */
async function openSource(
  host: Host,
  pack: Model,
  { attribute, file }: Pick<PictureHeadSource, "attribute" | "file">,
): Promise<Opened> {
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
function checkFollowed(
  model: Model,
  { heads = [], features }: { readonly heads?: readonly PictureHead[]; readonly features?: FeatureHead },
  file: string,
): void {
  for (const head of [...heads, ...(features === undefined ? [] : [features])]) {
    const look = "kind" in head ? networkOf(head) : head.look;
    if (look !== undefined) requireNumbers(look, file);
  }
  telling(file, () =>
    compilePictureReadout(
      { model: modelWithClass(model), layout: "nchw", noise: "none", truncation: 1, features },
      heads,
      1,
    ),
  );
}

/** Errors LaceError L5324 that names a weight with what is no number: all that a network with one says is none. */
function requireNumbers({ network }: PictureNetwork, file: string): void {
  const bad = [...network.constants.values()].find(
    ({ type = "float32", ...constant }) => /float/.test(type) && constant.read().some(Number.isNaN),
  );
  if (bad !== undefined)
    throw failure("L5324", `${file} cannot be followed: its weight '${bad.name}' has entries that are no numbers`, [
      "export the network anew, of weights that are whole",
    ]);
}

/** Errors LaceError L5324 of a file that names what is not read. */
function telling(file: string, work: () => unknown): void {
  try {
    work();
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
