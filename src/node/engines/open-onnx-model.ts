// Opens any ONNX model: labellers, and decoders that are not ours.
// In: the model's bytes, inputs. Out: float32 outputs by name.
// Invariants: runs on onnxruntime's CPU provider, or as a graph of ours where that is not installed; dimensions that the model leaves open are null. A model that names other files for its
// weights is refused: onnxruntime would look for them in the working folder.
import type { InferenceSession } from "onnxruntime-node";
import { checkWhole } from "../../models/onnx-file.js";
import { failure } from "../../source/diagnostic.js";
import type { OnnxArray, OnnxModel, OnnxValue } from "../../runtime/services/onnx-model.js";
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
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { data, dims }]) => {
          const tensor =
            data instanceof Float32Array ? new ort.Tensor("float32", data, dims) : new ort.Tensor("int64", data, dims);
          return [name, tensor];
        }),
      );
      try {
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
  return { name: value.name, dims: shape.map((n) => (typeof n === "number" ? n : null)) };
}

function floats(name: string, value: { readonly data?: unknown; readonly dims?: readonly number[] }): OnnxArray {
  if (!(value.data instanceof Float32Array)) throw new Error(`its output ${name} is not float32`);
  return { data: value.data, dims: value.dims ?? [] };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
