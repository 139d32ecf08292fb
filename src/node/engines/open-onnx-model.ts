// Opens any ONNX model: labellers, and decoders that are not ours.
// In: the model's bytes, inputs. Out: outputs by name as float32, whatever their type.
// Invariants: runs on onnxruntime's CPU provider, or as a graph of ours where that is not installed; dimensions that the model leaves open are null. A model that names other files for its
// weights is refused: onnxruntime would look for them in the working folder.
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { checkWhole } from "../../models/onnx-file.js";
import { failure } from "../../source/diagnostic.js";
import { narrowToHalf, widenHalf } from "../../models/formats/dtype.js";
import type { OnnxArray, OnnxInput, OnnxModel, OnnxValue } from "../../runtime/services/onnx-model.js";
import type { Ort } from "./ort.js";
import { defaultThreads, loadOrt, sessionOptions } from "./ort.js";

/**
 * Opens a model for running on the CPU.
 *
 * Errors   LaceError L5202 if it cannot be loaded or it names other files; L5203 (from run) if it cannot be run; without onnxruntime
 *          L5204 (from run) if lacec does not know one of its operations.
 * Owns     the caller disposes the model.
 */
export async function openOnnxModel(
  model: Uint8Array,
  options: { readonly threads?: number; readonly loadOrt?: () => Promise<Ort> } = {},
): Promise<OnnxModel> {
  checkWhole(model);
  let ort: Ort;
  try {
    ort = await (options.loadOrt ?? loadOrt)();
  } catch {
    const [{ openOnnxAsGraph }, { openEngine }] = await Promise.all([
      import("../../runtime/services/onnx-graph-model.js"),
      import("./open.js"),
    ]);
    return openOnnxAsGraph(model, await openEngine("tfjs-wasm"));
  }
  const session = await createSession(ort, model, options.threads ?? defaultThreads());
  return {
    inputs: session.inputMetadata.map(describe),
    outputs: session.outputMetadata.map(describe),
    async run(inputs, only) {
      const typeOf = new Map(session.inputMetadata.map((value) => [value.name, describe(value).type]));
      try {
        const feeds = Object.fromEntries(
          Object.entries(inputs).map(([name, input]) => [name, tensorOf(ort, typeOf.get(name), input)]),
        );
        const results = await (only === undefined ? session.run(feeds) : session.run(feeds, only));
        return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, floats(name, value)]));
      } catch (error) {
        throw failure("L5203", `the ONNX model cannot be run: ${firstLine(error)}`);
      }
    },
    dispose: () => session.release(),
  };
}

async function createSession(ort: Ort, model: Uint8Array, threads: number): Promise<InferenceSession> {
  const settings = sessionOptions({ provider: "cpu", threads, spinning: false, description: "" });
  try {
    return await ort.InferenceSession.create(model, settings);
  } catch (error) {
    throw failure("L5202", `the ONNX model cannot be opened: ${firstLine(error)}`);
  }
}

function describe(value: InferenceSession.ValueMetadata): OnnxValue {
  const shape = value.isTensor ? value.shape : [];
  const dims = shape.map((n) => (typeof n === "number" && n >= 0 ? n : null));
  return { name: value.name, dims, type: value.isTensor ? value.type : "no tensor" };
}

/** Numbers as the input takes them. */
function tensorOf(ort: Ort, type: string | undefined, { data, dims }: OnnxInput): OrtTensor {
  if (!(data instanceof Float32Array)) return new ort.Tensor("int64", data, dims);
  switch (type) {
    case "float16":
      return new ort.Tensor("float16", narrowToHalf(data), dims);
    case "float64":
      return new ort.Tensor("float64", Float64Array.from(data), dims);
    case "int64":
      return new ort.Tensor(
        "int64",
        BigInt64Array.from(data, (v) => BigInt(Math.round(v))),
        dims,
      );
    case "int32":
      return new ort.Tensor("int32", Int32Array.from(data, Math.round), dims);
    case "uint8":
      return new ort.Tensor("uint8", Uint8Array.from(data, Math.round), dims);
    case "bool":
      return new ort.Tensor("bool", Uint8Array.from(data, Number), dims);
    default:
      return new ort.Tensor("float32", data, dims);
  }
}

function floats(name: string, { data, dims = [], type }: OrtValue): OnnxArray {
  if (data instanceof Float32Array) return { data, dims };
  // Without Float16Array in the language, half precision comes as its bits.
  if (type === "float16" && data instanceof Uint16Array) return { data: widenHalf(data), dims };
  if (data instanceof BigInt64Array) return { data: Float32Array.from(data, Number), dims };
  if (!ArrayBuffer.isView(data) || data instanceof DataView || data instanceof BigUint64Array)
    throw new Error(`its output ${name} holds no numbers`);
  return { data: Float32Array.from(data as ArrayLike<number> & ArrayBufferView), dims };
}

interface OrtValue {
  readonly data?: unknown;
  readonly dims?: readonly number[];
  readonly type?: string;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
