// A writer of TensorFlow-era StyleGAN2 checkpoints: a model's weights in the names and layouts of those files.
// In: a Model. Out: the bytes of a `.pkl` with a tuple (G, D, Gs) of networks. Invariants: what is written here is what those tools
// write: dense [in, out], convolutions [kh, kw, in, out], up-sampling kernels turned by half a turn, styles less 1, noise [1, 1, R, R].
import { blocksOf } from "./model.js";
import type { Tensor } from "../../src/compiler/weights.js";
import type { StyleganModel } from "../../src/models/model.js";
import type { ConvWeights, ModulatedWeights } from "../../src/compiler/synthesis-weights.js";
import { dict, global, int, MARK, STOP, tuple, unicode, type Part } from "./pickle.js";

/** Bytes of parts, as pickle.ts has them, without a copy of every byte: checkpoints are long. */
function join(parts: readonly Part[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  const visit = (p: Part): void => {
    if (typeof p === "number") chunks.push(Uint8Array.of(p));
    else if (typeof p === "string") chunks.push(new TextEncoder().encode(p));
    else if (p instanceof Uint8Array) chunks.push(p);
    else p.forEach(visit);
  };
  parts.forEach(visit);
  return Buffer.concat(chunks);
}

function binaryBytes(bytes: Uint8Array): Part {
  const n = bytes.length;
  return [0x42, n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24, bytes];
}
function float(v: number): Part {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, v, false);
  return [0x47, bytes];
}
const NONE = 0x4e;
const FALSE = 0x89;
const TRUE = 0x88;

/** numpy.ndarray of float32, in C order or Fortran's. */
export function array({ shape, data }: Tensor, fortran = false): Part {
  const dtype = [
    global("numpy", "dtype"),
    tuple(unicode("f4"), FALSE, TRUE),
    0x52,
    tuple(int(3), unicode("<"), NONE, NONE, NONE, int(-1), int(-1), int(0)),
    0x62,
  ];
  const empty = [
    global("numpy.core.multiarray", "_reconstruct"),
    tuple(global("numpy", "ndarray"), tuple(int(0)), binaryBytes(Uint8Array.of(98))),
    0x52,
  ];
  const bytes = new Uint8Array(Float32Array.from(data).buffer);
  return [empty, tuple(int(1), tuple(...shape.map(int)), dtype, fortran ? TRUE : FALSE, binaryBytes(bytes)), 0x62];
}

function reordered(x: Tensor, order: readonly number[], turned = false): Tensor {
  const strides = x.shape.map((_, d) => x.shape.slice(d + 1).reduce((a, b) => a * b, 1));
  const shape = order.map((d) => x.shape[d]!);
  const size = x.data.length;
  const data = Float32Array.from({ length: size }, (_, i) => {
    let rest = i;
    let from = 0;
    for (let k = order.length - 1; k >= 0; k--) {
      const n = shape[k]!;
      const at = rest % n;
      rest = Math.floor(rest / n);
      from += strides[order[k]!]! * (turned && k < 2 ? n - 1 - at : at);
    }
    return x.data[from]!;
  });
  return { shape, data };
}
const swapped = (x: Tensor): Tensor => reordered(x, [1, 0]);
const kernel = (x: Tensor, turned = false): Tensor => reordered(x, [2, 3, 1, 0], turned);

export interface TensorflowOptions {
  /** Names of variables in the whole, `G_synthesis/...`, in place of names in its components. */
  readonly flat?: boolean;
  readonly settings?: Readonly<Record<string, Part>>;
  /** A variable of the synthesis besides: one number under this name. */
  readonly extra?: string;
}

export function tensorflowCheckpoint(model: StyleganModel, options: TensorflowOptions = {}): Uint8Array {
  const { flat = false, settings = {} } = options;
  const { first, later, style, firKernel, clamp } = blocksOf(model.synthesis);
  const mapping: [string, Tensor][] = [];
  const synthesis: [string, Tensor][] = [];
  model.weights.mapping!.layers.forEach((layer, i) => {
    mapping.push([`Dense${i}/weight`, swapped(layer.weight)], [`Dense${i}/bias`, layer.bias]);
  });
  const { embedding } = model.weights.mapping!;
  if (embedding) mapping.push(["LabelEmbed/weight", swapped(embedding.weight)], ["LabelEmbed/bias", embedding.bias]);
  const modulated = (name: string, layer: ModulatedWeights, turned = false): void => {
    synthesis.push(
      [`${name}/weight`, kernel(layer.weight, turned)],
      [`${name}/mod_weight`, swapped(layer.affineWeight)],
      [`${name}/mod_bias`, { shape: layer.affineBias.shape, data: layer.affineBias.data.map((v) => v - 1) }],
      [`${name}/bias`, layer.bias],
    );
  };
  let noises = 0;
  const conv = (name: string, layer: ConvWeights, turned = false): void => {
    modulated(name, layer, turned);
    if (layer.noise === undefined) return;
    const { strength, constant } = layer.noise;
    synthesis.push([`${name}/noise_strength`, { shape: [], data: Float32Array.of(strength) }]);
    synthesis.push([`noise${noises++}`, { shape: [1, 1, ...constant.shape], data: constant.data }]);
  };
  synthesis.push(["4x4/Const/const", { shape: [1, ...first.constant.shape], data: first.constant.data }]);
  conv("4x4/Conv", first.conv1);
  if (first.toRgb) modulated("4x4/ToRGB", first.toRgb);
  for (const block of later) {
    const name = `${block.resolution}x${block.resolution}`;
    conv(`${name}/Conv0_up`, block.conv0, true);
    conv(`${name}/Conv1`, block.conv1);
    if (block.skip) synthesis.push([`${name}/Skip/weight`, kernel(block.skip)]);
    if (block.toRgb) modulated(`${name}/ToRGB`, block.toRgb);
  }
  if (options.extra !== undefined) synthesis.push([options.extra, { shape: [1], data: Float32Array.of(0) }]);
  const whole: [string, Tensor][] = [["dlatent_avg", model.weights.mapping!.wAverage]];
  if (flat) {
    whole.push(...mapping.map(([n, t]): [string, Tensor] => [`G_mapping/${n}`, t]));
    whole.push(...synthesis.map(([n, t]): [string, Tensor] => [`G_synthesis/${n}`, t]));
  }
  const components: Record<string, Part> = flat
    ? {}
    : { mapping: network("G_mapping", mapping, {}), synthesis: network("G_synthesis", synthesis, {}) };
  const kwargs: Record<string, Part> = {
    architecture: unicode(style),
    resample_kernel: [0x5d, MARK, ...firKernel.map(int), 0x65],
    mapping_lrmul: float(model.weights.mapping!.layers[0]!.biasGain),
    label_size: int(model.info.classes ?? 0),
    ...(clamp !== undefined && { conv_clamp: int(clamp) }),
    ...settings,
  };
  const gs = network("Gs", whole, kwargs, components);
  const stub = network("D", [], {});
  return join([0x80, 4, tuple(stub, stub, gs), STOP]);
}

function network(
  name: string,
  variables: readonly (readonly [string, Tensor])[],
  kwargs: Readonly<Record<string, Part>>,
  components: Readonly<Record<string, Part>> = {},
): Part {
  const easy = (entries: Readonly<Record<string, Part>>): Part => [
    [global("dnnlib.util", "EasyDict"), 0x29, 0x81],
    [MARK, ...Object.entries(entries).flatMap(([key, value]) => [unicode(key), value]), 0x75],
  ];
  const state = dict({
    version: int(4),
    name: unicode(name),
    static_kwargs: easy(kwargs),
    components: easy(components),
    build_module_src: unicode("raise RuntimeError('never run')"),
    build_func_name: unicode("G_main"),
    variables: [0x5d, MARK, ...variables.map(([key, value]) => tuple(unicode(key), array(value))), 0x65],
  });
  return [global("dnnlib.tflib.network", "Network"), 0x29, 0x81, state, 0x62];
}
