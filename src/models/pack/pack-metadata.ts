// The JSON under the metadata key `lace` of packs and head files (docs/packs.md), checked field by field.
// In: text from a file. Out: typed metadata, or one LaceError that names every wrong field.
// Invariants: names are unique and can be written in a script; ranges are not empty; file names cannot leave the pack's folder.
import * as v from "valibot";
import type { Attribute, ModelInfo } from "../../compiler/attribute.js";
import { modelError } from "../model-error.js";
import type { DecoderInput } from "../../compiler/decoder.js";

/** The one value of `format` that this lacec reads and writes. */
export const PACK_FORMAT = 1;

const size = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));
const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0, "Invalid value: Expected a number above 0"));
const name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, "Invalid name: Expected letters, digits and _"),
);
const space = v.optional(v.picklist(["w", "z"]), "w");

/** Part of the labels that a head explains. */
const skill = v.exactOptional(v.pipe(finite, v.maxValue(1)));
const labeller = v.exactOptional(
  v.object({ name: v.string(), sha256: v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))) }),
);
/** What its training found out of a head, and of the second one beside it. */
const known = {
  skill,
  labelledBy: labeller,
  calibratedBy: labeller,
  witness: v.exactOptional(
    v.object({ temperature: v.exactOptional(positive), sigma: v.exactOptional(positive), skill }),
  ),
};
/** What float32 can still square. */
const bounded = v.pipe(finite, v.minValue(-1e15), v.maxValue(1e15));

/** What a scalar's head was wrong by: as many lists of quantiles as there are parts, each ascending. */
const ascending = (most: number) =>
  v.pipe(
    v.array(bounded),
    v.minLength(1),
    v.maxLength(most),
    v.check((list) => list.every((x, i) => i === 0 || x >= (list[i - 1] ?? x)), "Invalid list: Expected ascending"),
  );
const residuals = v.pipe(
  v.object({
    at: ascending(100),
    quantiles: v.pipe(v.array(v.pipe(ascending(1001), v.minLength(2))), v.maxLength(100)),
  }),
  v.check((r) => r.at.length === r.quantiles.length, "Invalid residuals: Expected quantiles for each part"),
);

/** One row of an attribute table. */
export const headRow = v.variant("type", [
  v.object({ name, type: v.literal("binary"), space, temperature: v.optional(positive, 1), ...known }),
  v.object({
    name,
    type: v.literal("category"),
    classes: v.pipe(
      v.array(name),
      v.minLength(2),
      v.maxLength(1000),
      v.check((classes) => isDistinct(classes), "Invalid classes: Two have one name"),
    ),
    space,
    temperature: v.optional(positive, 1),
    ...known,
  }),
  v.object({
    name,
    type: v.literal("scalar"),
    min: bounded,
    max: bounded,
    sigma: v.optional(positive, 0.1),
    residuals: v.exactOptional(residuals),
    space,
    ...known,
  }),
]);
/** The rows of an attribute table, as packs, files of heads and data files hold them. */
export const attributeRows = v.pipe(
  v.array(headRow),
  v.maxLength(1000),
  v.checkItems((a) => a.type !== "scalar" || a.min < a.max, "Invalid range: Expected min below max"),
  v.check((list) => isDistinct(list.map((a) => a.name)), "Invalid table: Two attributes have one name"),
);
const format = v.literal(PACK_FORMAT);

const layerRange = v.tuple([
  v.pipe(v.number(), v.integer(), v.minValue(0)),
  v.pipe(v.number(), v.integer(), v.minValue(0)),
]);

/** The name of a file in the pack's own folder. */
const fileName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, "Invalid file name: Expected a name without folders"),
);
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "Invalid hash: Expected 64 hexadecimal digits"));
const interval = v.pipe(
  v.tuple([finite, finite]),
  v.check(([low, high]) => low < high, "Invalid range: Expected the lower end first"),
);

/** What packs of all architectures have. */
const shared = {
  format,
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  zDim: size(8192),
  wDim: size(8192),
  attributes: attributeRows,
  layerGroups: v.optional(v.record(name, layerRange), {}),
  labeller: v.optional(
    v.union([
      v.literal("faces"),
      v.object({ file: fileName, sha256, description: v.exactOptional(v.record(v.string(), v.unknown())) }),
    ]),
  ),
  licence: v.optional(v.string(), "unknown"),
  source: v.optional(v.string(), "unknown"),
  madeFrom: v.optional(v.array(v.object({ file: v.string(), sha256, format: v.string() })), []),
};

/** What packs of StyleGANs have. */
const stylegan = {
  ...shared,
  numWs: size(64),
  imageSize: v.exactOptional(v.tuple([size(8192), size(8192)])),
  imageChannels: v.picklist([3, 4]),
  classes: v.optional(size(100_000)),
  mapping: v.optional(v.object({ layers: size(64), lrMultiplier: positive, normalize: v.boolean() })),
};

interface Stylegan {
  readonly zDim: number;
  readonly wDim: number;
  readonly numWs: number;
  readonly classes?: number | undefined;
  readonly mapping?: object | undefined;
  readonly layerGroups: Readonly<Record<string, readonly [number, number]>>;
}
const classesHaveMapping = (p: Stylegan): boolean => p.mapping !== undefined || p.classes === undefined;
const wDimFits = (p: Stylegan): boolean => p.mapping !== undefined || p.zDim === p.wDim;
const groupsWithinLayers = (p: Stylegan): boolean =>
  Object.values(p.layerGroups).every(([from, to]) => from <= to && to < p.numWs);
const CLASSES = "Invalid classes: They need a mapping";
const WDIM = "Invalid wDim: Without a mapping it must be zDim";
const GROUPS = "Invalid layerGroups: Expected ranges within 0..numWs-1";

const stylegan2 = v.pipe(
  v.object({
    ...stylegan,
    architecture: v.literal("stylegan2"),
    resolution: v.picklist([4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]),
    synthesis: v.object({
      style: v.picklist(["skip", "orig", "resnet"]),
      firKernel: v.pipe(
        v.array(finite),
        v.minLength(1),
        v.maxLength(32),
        v.check((taps) => taps.reduce((a, b) => a + b, 0) > 0, "Invalid kernel: Its sum must be above 0"),
      ),
      clamp: v.optional(positive),
    }),
  }),
  v.check((p) => p.numWs === numWsOf(p.resolution), "Invalid numWs: Expected 2 log2(resolution) - 2"),
  v.check((p) => classesHaveMapping(p), CLASSES),
  v.check((p) => wDimFits(p), WDIM),
  v.check((p) => groupsWithinLayers(p), GROUPS),
);

const factor = size(8);
const pad = v.pipe(v.number(), v.integer(), v.minValue(-8192), v.maxValue(8192));
const stylegan3 = v.pipe(
  v.object({
    ...stylegan,
    architecture: v.literal("stylegan3"),
    resolution: size(8192),
    synthesis: v.object({
      input: v.pipe(
        v.object({ size: v.tuple([size(8192), size(8192)]), samplingRate: positive, bandwidth: positive }),
        v.check((i) => i.bandwidth < i.samplingRate / 2, "Invalid bandwidth: Expected less than half of samplingRate"),
      ),
      outputScale: finite,
      clamp: v.optional(positive),
      layers: v.pipe(
        v.array(
          v.pipe(
            v.object({
              name: v.pipe(v.string(), v.regex(/^L[0-9]{1,3}_[0-9]{1,5}_[0-9]{1,5}$/, "Invalid name of a layer")),
              up: factor,
              down: factor,
              pads: v.tuple([pad, pad, pad, pad]),
              toRgb: v.optional(v.boolean(), false),
            }),
            v.check((l) => l.up % l.down === 0, "Invalid down: Expected a divisor of up"),
          ),
        ),
        v.minLength(1),
        v.maxLength(63),
        v.check((layers) => isDistinct(layers.map((l) => l.name)), "Invalid layers: Two have one name"),
        v.check(
          (layers) => layers.every((l, i) => l.toRgb === (i === layers.length - 1)),
          "Invalid toRgb: Expected of the last layer, alone",
        ),
      ),
    }),
  }),
  v.check((p) => p.numWs === p.synthesis.layers.length + 1, "Invalid numWs: Expected one more than layers"),
  v.check((p) => classesHaveMapping(p), CLASSES),
  v.check((p) => wDimFits(p), WDIM),
  v.check((p) => groupsWithinLayers(p), GROUPS),
);

/** A further input of a decoder; null in the first place of `dims` is the batch. */
const named = {
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(1000)),
  dims: v.pipe(
    v.array(v.nullable(size(2 ** 24))),
    v.maxLength(8),
    v.check((dims) => !dims.slice(1).includes(null), "Invalid dims: Only the first may be open"),
    v.check((dims) => dims.reduce<number>((n, d) => n * (d ?? 1), 1) <= 2 ** 24, "Invalid dims: Too many numbers"),
  ),
};
const decoderInput = v.variant("role", [
  v.object({ ...named, role: v.literal("class"), classes: size(100_000), form: v.picklist(["one-hot", "index"]) }),
  v.object({ ...named, role: v.literal("truncation") }),
  v.object({
    ...named,
    role: v.literal("constant"),
    values: v.pipe(v.array(finite), v.minLength(1), v.maxLength(2 ** 24)),
  }),
]);

const onnx = v.pipe(
  v.object({
    ...shared,
    architecture: v.literal("onnx"),
    numWs: v.literal(1),
    resolution: size(8192),
    imageSize: v.exactOptional(v.tuple([size(8192), size(8192)])),
    imageChannels: v.picklist([1, 3, 4]),
    decoder: v.object({
      file: fileName,
      sha256,
      input: v.pipe(v.string(), v.minLength(1)),
      output: v.pipe(v.string(), v.minLength(1)),
      inputShape: v.pipe(v.array(size(8192)), v.minLength(1), v.maxLength(7)),
      inputs: v.optional(v.pipe(v.array(decoderInput), v.maxLength(64))),
      batch: v.optional(size(1024)),
      layout: v.picklist(["nchw", "nhwc"]),
      clip: v.optional(interval),
      outputRange: interval,
    }),
  }),
  v.check((p) => p.zDim === p.wDim, "Invalid wDim: A decoder's w is its z"),
  v.check(
    (p) => p.decoder.inputShape.reduce((a, b) => a * b, 1) === p.zDim,
    "Invalid inputShape: Its product must be zDim",
  ),
  v.check((p) => Object.keys(p.layerGroups).length === 0, "Invalid layerGroups: A decoder has no layers"),
);
const pack = v.variant("architecture", [stylegan2, stylegan3, onnx]);
const headFile = v.pipe(
  v.object({ format, wDim: size(8192), zDim: v.optional(size(8192)), attributes: attributeRows }),
  v.check(
    (f) => f.zDim !== undefined || f.attributes.every((a) => a.space === "w"),
    "Invalid zDim: Heads in space z need it",
  ),
);

export type PackMetadata = v.InferOutput<typeof pack>;
export type Stylegan2Metadata = v.InferOutput<typeof stylegan2>;
export type Stylegan3Metadata = v.InferOutput<typeof stylegan3>;
export type HeadMetadata = v.InferOutput<typeof headFile>;

/** Number of w vectors of a StyleGAN2 of this resolution: two convolutions a block, one in the first, and the last RGB layer. */
export function numWsOf(resolution: number): number {
  return 2 * Math.log2(resolution) - 2;
}

/**
 * Layer groups of a StyleGAN2 that brings none: coarse up to 8 px, middle 16 and 32 px, fine from 64 px, as its papers divide
 * styles; groups of a small model that would be empty are left out.
 */
export function defaultLayerGroups(resolution: number): Record<string, readonly [number, number]> {
  const last = numWsOf(resolution) - 1;
  const groups: Record<string, readonly [number, number]> = {};
  for (const [group, from, to] of [
    ["coarse", 0, 3],
    ["middle", 4, 7],
    ["fine", 8, last],
  ] as const) {
    if (from <= last) groups[group] = [from, Math.min(to, last)];
  }
  return groups;
}

/** Checks the metadata of a pack. Errors LaceError L5108 that lists every wrong field. */
export function parsePackMetadata(text: string | undefined, file: string): PackMetadata {
  return parseWith(pack, text, file, "not a lacec model pack", [
    "import it first: `lacec import` makes a pack of a checkpoint; docs/packs.md says what a pack holds",
  ]);
}

/** Checks the metadata of a file of heads. Errors LaceError L5108 that lists every wrong field. */
export function parseHeadMetadata(text: string | undefined, file: string): HeadMetadata {
  return parseWith(headFile, text, file, "not a file of attribute heads", [
    "`lacec train` writes one, and `lacec import` makes one of the heads of another tool",
  ]);
}

/** The attribute table as the compiler takes it. */
export function attributeTable(rows: PackMetadata["attributes"]): Attribute[] {
  return rows.map((a): Attribute => {
    const { name, skill, witness, labelledBy, calibratedBy } = a;
    const known = {
      ...(skill !== undefined && { skill }),
      ...(labelledBy !== undefined && { labelledBy }),
      ...(calibratedBy !== undefined && { calibratedBy }),
      ...(witness !== undefined && { witness }),
    };
    if (a.type === "scalar") {
      const { min, max, sigma, residuals } = a;
      return { name, type: "scalar", min, max, sigma, ...(residuals !== undefined && { residuals }), ...known };
    }
    const classes = a.type === "binary" ? ["no", "yes"] : a.classes;
    return { name, type: a.type, classes, temperature: a.temperature, ...known };
  });
}

/** What the compiler knows of the model. */
export function modelInfo(metadata: PackMetadata): ModelInfo {
  const { name, zDim, wDim, numWs, resolution, layerGroups, imageSize } = metadata;
  const classes = metadata.architecture === "onnx" ? undefined : metadata.classes;
  const decoder = metadata.architecture === "onnx" ? inputFacts(metadata.decoder.inputs) : {};
  return {
    name,
    zDim,
    wDim,
    numWs,
    resolution,
    ...(imageSize !== undefined && { imageSize }),
    ...(metadata.imageChannels === 4 && { imageChannels: 4 }),
    ...(metadata.architecture === "stylegan3" && { movable: true }),
    attributes: attributeTable(metadata.attributes),
    layerGroups,
    ...(classes !== undefined && { classes }),
    ...decoder,
  };
}

/** What the compiler knows of a decoder by what it takes besides z. */
export function inputFacts(inputs: readonly DecoderInput[] = []): Pick<ModelInfo, "classes" | "truncates"> {
  const classes = inputs.find((input) => input.role === "class")?.classes;
  const truncates = inputs.some((input) => input.role === "truncation");
  return { ...(classes !== undefined && { classes }), ...(truncates && { truncates }) };
}

function isDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

function parseWith<T extends v.GenericSchema>(
  schema: T,
  text: string | undefined,
  file: string,
  otherwise: string,
  hints: readonly string[] = [],
): v.InferOutput<T> {
  if (text === undefined) throw modelError("L5108", file, `${otherwise}: it has no metadata key 'lace'`, hints);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw modelError("L5108", file, "the metadata key 'lace' is not JSON");
  }
  if (
    typeof json === "object" &&
    json !== null &&
    "format" in json &&
    typeof json.format === "number" &&
    json.format > PACK_FORMAT
  ) {
    throw modelError("L5108", file, `it has format ${json.format}; this lacec reads format ${PACK_FORMAT}`, [
      "update lacec",
    ]);
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const shown = result.issues.slice(0, 10).map((issue) => `${v.getDotPath(issue) ?? "lace"}: ${issue.message}`);
  throw modelError("L5108", file, `wrong metadata: ${shown.join("; ")}`);
}
