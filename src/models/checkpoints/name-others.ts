// What a file is that lacec does not read: users are told its name, not which module it lacks.
// In: names of tensors, variables or classes. Out: a sentence, and what to do instead. Nothing here reads weights.

/** What a file turned out to be. */
export interface Stranger {
  /** "it is a StyleGAN3 generator" */
  readonly what: string;
  readonly hint: string;
  /** Whether heads of latents have such names too. */
  readonly namesHeadsToo?: boolean;
}

const EXPORT =
  "lacec imports StyleGAN2 and StyleGAN3 checkpoints; of other generators it takes an ONNX export with z in and pictures out";

/** What to do with weights that nobody here knows. */
export const OTHER_GENERATORS =
  "a generator of another kind can be exported: torch.onnx.export, z in and pictures out, and then imported (docs/models.md)";

/** What the weights of a file are called, for whoever knows them by their names. */
export function weightsAre(names: Iterable<string>): string {
  const list = [...names].filter((name) => name !== "").slice(0, 4);
  const kinds =
    "lacec knows StyleGAN2 by the names of stylegan2-ada-pytorch, rosinality and the first TensorFlow release";
  return list.length === 0 ? kinds : `${kinds}; here they begin with ${list.join(", ").slice(0, 200)}`;
}

const PICTURE_CLASSIFIER = /^(layer[1-4]|features|classifier|fc)\.\d/;

/** The first whose pattern one of the names has. More special ones first: a LoRA names the layers of what it changes. */
const KINDS: readonly (readonly [RegExp, string, string])[] = [
  [/\blora_(A|B|down|up)\b|\.lora\./, "a LoRA", "it changes another model and draws nothing by itself"],
  [/^model\.diffusion_model\.|^unet\.|\bdown_blocks\.\d/, "a diffusion model", EXPORT],
  [/^first_stage_model\.|\b(quant_conv|post_quant_conv)\./, "the autoencoder of a diffusion model", EXPORT],
  [/Superres(Generator|Synthesis)/, "a StyleGAN-XL generator", EXPORT],
  [/\bStyleMod\b/, "a StyleGAN (of 2018) generator", EXPORT],
  [/\bToRGB_lod\d/, "a Progressive GAN generator", EXPORT],
  [/^(text_model|vision_model|visual)\./, "a CLIP model", "lacec labels with one: lacec label --labeller clip"],
  [/^(encoder\.layer|bert\.|transformer\.h)\b/, "a language model", EXPORT],
  [PICTURE_CLASSIFIER, "a classifier of pictures", "lacec takes one as a labeller, in ONNX: docs/labellers.md"],
];

/** Says what a file with such names is; undefined if they tell nothing. */
export function nameOther(names: Iterable<string>): Stranger | undefined {
  const list = [...names].slice(0, MOST_NAMES);
  for (const [pattern, what, hint] of KINDS)
    if (list.some((name) => pattern.test(name)))
      return { what: `it is ${what}`, hint, namesHeadsToo: pattern === PICTURE_CLASSIFIER };
  return undefined;
}

/** Enough of a checkpoint to know it by. */
const MOST_NAMES = 20_000;
