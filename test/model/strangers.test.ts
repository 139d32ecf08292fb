// Pickles of what lacec does not read: each is called by its name, and told what to do.
import { describe, expect, it } from "vitest";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { LaceError } from "../../src/source/diagnostic.js";
import {
  bytesOf,
  dict,
  floatBytes,
  global,
  int,
  STOP,
  tensor,
  torchFile,
  tuple,
  unicode,
  type Part,
} from "../support/pickle.js";

const pickle = (value: Part): Uint8Array => bytesOf(0x80, 2, value, STOP);
/** An object of a class, made without arguments, with a dict for its state. */
const object = (module: string, name: string, state: Readonly<Record<string, Part>> = {}): Part => [
  global(module, name),
  [0x29, 0x81, dict(state), 0x62],
];
/** A network as stylegan2-ada-pytorch and its successors pickle it: their source text beside a state. */
const persistent = (className: string, modules: Readonly<Record<string, Part>> = {}): Part => [
  global("torch_utils.persistence", "_reconstruct_persistent_obj"),
  tuple(
    dict({
      type: unicode("class"),
      version: int(6),
      module_src: unicode("# removed"),
      class_name: unicode(className),
      state: dict({ _modules: dict(modules), _parameters: dict({}), _buffers: dict({}) }),
    }),
  ),
  0x52,
];
const weights = (...names: string[]): Uint8Array => {
  const one = tensor({ key: "0", count: 1, shape: [1, 1], strides: [1, 1] });
  return torchFile(dict({ state_dict: dict(Object.fromEntries(names.map((n) => [n, one]))) }), { 0: floatBytes(1) });
};

/** What is said of a file, with its hints. */
async function said(bytes: Uint8Array): Promise<string> {
  try {
    return (await openSource(bytes, "x.pkl", { name: "x", sha256: "" })).kind;
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return error.diagnostics.flatMap((d) => [`${d.code}: ${d.message}`, ...d.hints]).join("\n");
  }
}

describe("what a pickle is that lacec does not read", () => {
  it.each<[string, Uint8Array, RegExp]>([
    [
      "StyleGAN-XL",
      pickle(
        dict({
          G_ema: persistent("SuperresGenerator", {
            synthesis: persistent("SuperresSynthesisNetwork"),
            mapping: persistent("MappingNetwork"),
          }),
        }),
      ),
      /StyleGAN-XL.*ONNX/s,
    ],
    [
      "StyleGAN-XL by the module of its code",
      pickle(dict({ G_ema: object("training.networks_fastgan", "Generator") })),
      /StyleGAN-XL/,
    ],
    ["a discriminator alone", pickle(persistent("Discriminator")), /^L5107/],
    [
      "StyleGAN of 2018",
      pickle(tuple(object("dnnlib.tflib.network", "Network", { static_kwargs: dict({}) }))),
      /^L51\d\d/,
    ],
    [
      "Progressive GAN",
      pickle(tuple(object("tfutil", "Network"), object("tfutil", "Network"))),
      /Progressive GAN or StyleGAN of 2018/,
    ],
    [
      "Stable Diffusion",
      weights("model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.decoder.conv_in.weight"),
      /a diffusion model.*ONNX/s,
    ],
    [
      "a pipeline of diffusers",
      pickle(object("diffusers.pipelines.stable_diffusion", "StableDiffusionPipeline")),
      /a diffusion model/,
    ],
    ["a LoRA", weights("lora_unet_down_blocks_0_attentions_0.lora_down.weight"), /a LoRA.*draws nothing by itself/s],
    ["a random forest", pickle(object("sklearn.ensemble._forest", "RandomForestClassifier")), /L51\d\d/],
    ["a data frame", pickle(object("pandas.core.frame", "DataFrame")), /L51\d\d/],
    ["a dict of numbers", pickle(dict({ loss: int(3), step: int(7) })), /^L5107.*the parts loss, step.*exported/s],
  ])("%s", async (_, bytes, words) => {
    expect(await said(bytes)).toMatch(words);
  });
});
