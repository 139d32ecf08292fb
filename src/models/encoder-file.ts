// An encoder in a file: what `lacec train --encoder` writes and a photograph names.
// In: weights of an encoder, of which model. Out: a .safetensors file; and back. Invariants: nothing in a file is trusted; its widths are the model's, its
// numbers finite.
import * as v from "valibot";
import { encoderNetwork } from "../compiler/build/encoder.js";
import { parametersOf, type HeadNetwork } from "../compiler/build/training.js";
import { sizeOf } from "../compiler/graph/shape.js";
import type { Tensor } from "../compiler/weights.js";
import { failure } from "../source/diagnostic.js";
import type { Host } from "../ports/host.js";
import type { ModelInfo } from "../compiler/attribute.js";
import { readSafetensors, writeSafetensors } from "./formats/safetensors.js";
import { stateDictOf } from "./formats/state-dict.js";
import { modelError } from "./model-error.js";

export interface Encoder {
  /** The model whose samples it was trained on. */
  readonly model: { readonly name: string; readonly sha256: string };
  readonly zDim: number;
  readonly wDim: number;
  readonly network: HeadNetwork;
  /** By the names of parametersOf. */
  readonly weights: Readonly<Record<string, Float32Array>>;
  /** What outputs are times and then plus: w, then z. */
  readonly scale: Float32Array;
  readonly offset: Float32Array;
}

const KEY = "lace-encoder";
const WIDEST = 8192;
const width = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(WIDEST));
const schema = v.object({
  format: v.literal(1),
  model: v.object({ name: v.string(), sha256: v.string() }),
  zDim: width,
  wDim: width,
  hidden: v.pipe(v.array(width), v.maxLength(8)),
});

/** The bytes of an encoder. */
export function writeEncoder({ model, zDim, wDim, network, weights, scale, offset }: Encoder): Uint8Array {
  const tensors = new Map<string, Tensor>();
  for (const { name, shape } of parametersOf(network))
    tensors.set(name, { shape, data: weights[name] ?? new Float32Array(sizeOf(shape)) });
  tensors.set("scale", { shape: [scale.length], data: scale });
  tensors.set("offset", { shape: [offset.length], data: offset });
  const metadata = { format: 1, model, zDim, wDim, hidden: network.hidden };
  return writeSafetensors(tensors, { [KEY]: JSON.stringify(metadata) });
}

/**
 * Reads an encoder for a model.
 * Errors   LaceError L5001 if there is no such file, L5102 for damage, L5325 if it is no encoder, or one of other widths than the model's.
 */
export async function loadEncoder(
  host: Host,
  path: string,
  model: Pick<ModelInfo, "name" | "zDim" | "wDim">,
): Promise<Encoder> {
  if (!(await host.exists(path)))
    throw failure("L5001", `there is no file ${path}`, [
      "check the path; paths in a script are relative to the file that names them",
    ]);
  const encoder = readEncoder(await host.readBytes(path), path);
  if (encoder.zDim !== model.zDim || encoder.wDim !== model.wDim)
    throw noEncoder(
      path,
      `it is one for '${encoder.model.name}', with ${encoder.wDim} numbers a style and ${encoder.zDim} of noise; '${model.name}' has ${model.wDim} and ${model.zDim}`,
    );
  return encoder;
}

/** The encoder in the bytes of a file. Errors as loadEncoder. */
export function readEncoder(bytes: Uint8Array, file: string): Encoder {
  const stored = readSafetensors(bytes, file);
  const parsed = v.safeParse(schema, json(stored.metadata.get(KEY)));
  if (!parsed.success) throw noEncoder(file, "it does not say that it is one");
  const { model, zDim, wDim, hidden } = parsed.output;
  const outputs = zDim + wDim;
  const network = encoderNetwork(hidden, outputs);
  const tensors = stateDictOf(stored);
  const read = (name: string, size: number): Float32Array => {
    const data = tensors.get(name)?.read().data;
    if (data?.length !== size) throw noEncoder(file, `its tensor \`${name}\` is not there, or not of ${size} numbers`);
    if (!data.every(Number.isFinite)) throw noEncoder(file, `not all numbers of its tensor \`${name}\` are finite`);
    return data;
  };
  const weights = parametersOf(network).map(({ name, shape }) => [name, read(name, sizeOf(shape))] as const);
  return {
    ...{ model, zDim, wDim, network },
    weights: Object.fromEntries(weights),
    ...{ scale: read("scale", outputs), offset: read("offset", outputs) },
  };
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

function noEncoder(file: string, what: string): Error {
  return modelError("L5325", file, `this is no encoder that the photograph can begin with: ${what}`, [
    "`lacec train MODEL --encoder -o encoder.safetensors` makes one",
  ]);
}
