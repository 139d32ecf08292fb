// A CLIP model of a few kilobytes with random weights, in the layout that transformers.js reads, and the same network in plain float64.
// Text: embedded characters and positions, one causal attention, the state at the end token, a projection. Images: one convolution,
// tanh, the mean over its positions, a projection.
// In: a folder. Out: the model's files; embeddings of texts and images. Invariants: nothing here is taken from the code under test but
// the encoder of ONNX files.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs/minimal.js";
import type { RgbImage } from "../../src/runtime/image/rgb.js";
import {
  encodeModel,
  type AttributeValue,
  type OnnxNode,
  type OnnxTensor,
} from "../../src/compiler/targets/onnx/proto.js";
import { random } from "./random.js";

/** Edge of images, width of states, width of embeddings, longest text in tokens, edge of a patch. */
export const EDGE = 8;
const STATE = 8;
const EMBEDDING = 6;
export const LONGEST = 64;
const PATCH = 4;
const MEAN = [0.48, 0.46, 0.41] as const;
const STD = [0.27, 0.26, 0.28] as const;

const LETTERS = Array.from("abcdefghijklmnopqrstuvwxyz");
/** Characters inside words, at their ends, one pair that is a token of its own, and the marks of beginning and end (the largest id). */
const VOCABULARY = [...LETTERS, ...LETTERS.map((l) => `${l}</w>`), "ed</w>", "<|startoftext|>", "<|endoftext|>"];
const START = VOCABULARY.length - 2;
const END = VOCABULARY.length - 1;

type Matrix = readonly (readonly number[])[];

const r = random(11);
const matrix = (rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => Math.fround(r.normal())));
const tokens = matrix(VOCABULARY.length, STATE);
const positions = matrix(LONGEST, STATE);
const [queries, keys, values] = [matrix(STATE, STATE), matrix(STATE, STATE), matrix(STATE, STATE)];
const textProjection = matrix(STATE, EMBEDDING);
/** A row for each output channel: red, green and blue of a patch, row by row. */
const patches = matrix(STATE, 3 * PATCH * PATCH);
const imageProjection = matrix(STATE, EMBEDDING);

export interface TinyClipOptions {
  /** Width of the embeddings of images, to make them not fit. */
  readonly imageWidth?: number;
  /** Name of the vision model's output. */
  readonly imageOutput?: string;
}

/** Writes the model. */
export function writeTinyClip(folder: string, options: TinyClipOptions = {}): void {
  const { imageWidth = EMBEDDING, imageOutput = "image_embeds" } = options;
  mkdirSync(join(folder, "onnx"), { recursive: true });
  const json = (file: string, value: object): void => writeFileSync(join(folder, file), JSON.stringify(value));
  json("config.json", { model_type: "clip", architectures: ["CLIPModel"], projection_dim: EMBEDDING });
  json("preprocessor_config.json", {
    ...{ image_processor_type: "CLIPImageProcessor", do_rescale: true, rescale_factor: 1 / 255 },
    ...{ do_resize: true, size: { shortest_edge: EDGE }, resample: 3 },
    ...{ do_center_crop: true, crop_size: { height: EDGE, width: EDGE } },
    ...{ do_normalize: true, image_mean: MEAN, image_std: STD },
  });
  const [start, end] = ["<|startoftext|>", "<|endoftext|>"];
  json("tokenizer_config.json", {
    ...{ tokenizer_class: "CLIPTokenizer", model_max_length: LONGEST },
    ...{ bos_token: start, eos_token: end, unk_token: end, pad_token: end },
  });
  const special = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: true };
  json("tokenizer.json", {
    ...{ version: "1.0", truncation: null, padding: null },
    added_tokens: [
      { id: START, content: start, ...special },
      { id: END, content: end, ...special },
    ],
    normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Lowercase" }] },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: "\\p{L}+" }, behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      ...{ type: "RobertaProcessing", trim_offsets: false, add_prefix_space: false },
      ...{ sep: [end, END], cls: [start, START] },
    },
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      ...{ type: "BPE", dropout: null, unk_token: end, continuing_subword_prefix: "", end_of_word_suffix: "</w>" },
      ...{ fuse_unk: false, vocab: Object.fromEntries(VOCABULARY.map((t, i) => [t, i])), merges: ["e d</w>"] },
    },
  });
  writeFileSync(join(folder, "onnx", "text_model.onnx"), textModel());
  writeFileSync(join(folder, "onnx", "vision_model.onnx"), visionModel(imageWidth, imageOutput));
}

/** Embedding of a text of lower-case words. */
export function embedText(text: string): number[] {
  const ids = [START, ...text.split(" ").flatMap(wordTokens), END];
  const x = ids.map((id, t) => row(tokens, id).map((v, i) => v + row(positions, t)[i]!));
  const [q, k, v] = [queries, keys, values].map((m) => x.map((state) => times(state, m)));
  const last = ids.length - 1;
  const scores = k!.map((key) => Math.exp(dot(q![last]!, key) / Math.sqrt(STATE)));
  const total = scores.reduce((a, b) => a + b, 0);
  const seen = x[last]!.map((own, i) => own + scores.reduce((sum, s, t) => sum + (s / total) * v![t]![i]!, 0));
  return times(seen, textProjection);
}

/** Embedding of an image of EDGE pixels. */
export function embedImage({ data }: RgbImage): number[] {
  const mean = new Array<number>(STATE).fill(0);
  for (let top = 0; top < EDGE; top += PATCH)
    for (let left = 0; left < EDGE; left += PATCH) {
      const patch: number[] = [];
      for (let c = 0; c < 3; c++)
        for (let y = top; y < top + PATCH; y++)
          for (let x = left; x < left + PATCH; x++)
            patch.push((data[(y * EDGE + x) * 3 + c]! / 255 - MEAN[c]!) / STD[c]!);
      patches.forEach((weights, i) => (mean[i]! += Math.tanh(dot(weights, patch)) / (EDGE / PATCH) ** 2));
    }
  return times(mean, imageProjection);
}

function wordTokens(word: string): number[] {
  const pieces = Array.from(word, (letter, i) => (i === word.length - 1 ? `${letter}</w>` : letter));
  if (word.length > 1 && word.endsWith("ed")) pieces.splice(-2, 2, "ed</w>");
  return pieces.map((p) => VOCABULARY.indexOf(p));
}

function row(m: Matrix, i: number): readonly number[] {
  return m[i]!;
}
function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}
function times(state: readonly number[], m: Matrix): number[] {
  return m[0]!.map((_, j) => state.reduce((sum, x, i) => sum + x * m[i]![j]!, 0));
}

function textModel(): Uint8Array {
  const g = new Onnx();
  const one = g.integers([1]);
  const zero = g.integers([0]);
  const length = g.node("Gather", [g.node("Shape", ["input_ids"]), one]);
  const mask = g.floats(
    [LONGEST, LONGEST],
    Array.from({ length: LONGEST ** 2 }, (_, i) => (i % LONGEST > Math.floor(i / LONGEST) ? -1e9 : 0)),
  );
  const part = (table: string, axis: string): string => g.node("Slice", [table, zero, length, axis]);
  const x = g.node("Add", [g.node("Gather", [g.matrix(tokens), "input_ids"]), part(g.matrix(positions), zero)]);
  const [q, k, v] = [queries, keys, values].map((m) => g.node("MatMul", [x, g.matrix(m)]));
  const transposed = g.node("Transpose", [k!], { perm: { kind: "ints", value: [0, 2, 1] } });
  const scores = g.node("Mul", [g.node("MatMul", [q!, transposed]), g.floats([1], [1 / Math.sqrt(STATE)])]);
  const masked = g.node("Add", [scores, part(part(mask, zero), one)]);
  const weights = g.node("Softmax", [masked], { axis: { kind: "int", value: -1 } });
  const states = g.node("Add", [x, g.node("MatMul", [weights, v!])]);
  const narrow = g.node("Cast", ["input_ids"], { to: { kind: "int", value: 6 } });
  const end = g.node("ArgMax", [narrow], { axis: { kind: "int", value: 1 }, keepdims: { kind: "int", value: 1 } });
  const pooled = g.node("GatherND", [states, end], { batch_dims: { kind: "int", value: 1 } });
  g.node("MatMul", [pooled, g.matrix(textProjection)], {}, "text_embeds");
  return g.finish(["input_ids", 7, ["n", "s"]], ["text_embeds", 1, ["n", EMBEDDING]]);
}

function visionModel(width: number, output: string): Uint8Array {
  const g = new Onnx();
  const kernel = g.floats([STATE, 3, PATCH, PATCH], patches.flat());
  const strides: AttributeValue = { kind: "ints", value: [PATCH, PATCH] };
  const states = g.node("Tanh", [g.node("Conv", ["pixel_values", kernel], { strides })]);
  const mean = g.node("ReduceMean", [states], {
    axes: { kind: "ints", value: [2, 3] },
    keepdims: { kind: "int", value: 0 },
  });
  const projection = imageProjection.map((row) => row.slice(0, width));
  g.node("MatMul", [mean, g.matrix(projection)], {}, output);
  return g.finish(["pixel_values", 1, ["n", 3, EDGE, EDGE]], [output, 1, ["n", width]]);
}

type Value = readonly [name: string, type: number, dims: readonly (number | string)[]];

class Onnx {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: OnnxTensor[] = [];

  floats(dims: readonly number[], data: readonly number[]): string {
    return this.constant(dims, Float32Array.from(data));
  }
  matrix(m: Matrix): string {
    return this.floats([m.length, m[0]!.length], m.flat());
  }
  integers(data: readonly number[]): string {
    return this.constant([data.length], BigInt64Array.from(data, BigInt));
  }
  node(opType: string, inputs: readonly string[], attributes: OnnxNode["attributes"] = {}, name?: string): string {
    const output = name ?? `n${this.nodes.length}`;
    this.nodes.push({ opType, domain: "", inputs, outputs: [output], attributes });
    return output;
  }
  finish(input: Value, output: Value): Uint8Array {
    const graph = { name: "tiny", nodes: this.nodes, initializers: this.initializers, inputs: [], outputs: [] };
    const model = { irVersion: 8, producerName: "test", opsets: [{ domain: "", version: 17 }], metadata: {}, graph };
    // The encoder knows no integers and no open dimensions among inputs. A second `graph` is merged into the first, as protobuf says.
    const w = protobuf.Writer.create();
    w.uint32((7 << 3) | 2).fork();
    writeValue(w, 11, input);
    writeValue(w, 12, output);
    return Buffer.concat([encodeModel(model), w.ldelim().finish()]);
  }
  private constant(dims: readonly number[], data: OnnxTensor["data"]): string {
    const name = `c${this.initializers.length}`;
    this.initializers.push({ name, dims, data });
    return name;
  }
}

/** A ValueInfoProto as field `field` of a GraphProto; a dimension that is a string is open. */
function writeValue(w: protobuf.Writer, field: number, [name, type, dims]: Value): void {
  const message = (number: number): protobuf.Writer => w.uint32((number << 3) | 2).fork();
  message(field).uint32(0x0a).string(name);
  message(2); // TypeProto
  message(1).uint32(0x08).int32(type); // TypeProto.Tensor, its elem_type
  message(2); // TensorShapeProto
  for (const dim of dims) {
    message(1);
    if (typeof dim === "number") w.uint32(0x08).int64(dim);
    else w.uint32(0x12).string(dim);
    w.ldelim();
  }
  w.ldelim().ldelim().ldelim().ldelim();
}
