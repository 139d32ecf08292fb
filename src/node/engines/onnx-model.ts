// Opens any ONNX model, from bytes or a file: labellers, and decoders that are not ours.
// In: the model, float32 inputs. Out: float32 outputs by name.
// Invariants: runs on onnxruntime's CPU provider; dimensions that the model leaves open are null.
import type { InferenceSession } from "onnxruntime-node";
import { failure } from "../../source/diagnostic.js";
import type { Ort } from "./ort.js";
import { defaultThreads, loadOrt, sessionOptions } from "./ort.js";

export interface OnnxValue {
  readonly name: string;
  /** null where the model leaves the dimension open, such as the batch. */
  readonly dims: readonly (number | null)[];
}

/** A float32 array, row-major, with its shape. */
export interface OnnxArray {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface OnnxModel {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Errors: LaceError L5203 if onnxruntime refuses the inputs or fails. */
  run(inputs: Readonly<Record<string, OnnxArray>>): Promise<Record<string, OnnxArray>>;
  dispose(): Promise<void>;
}

/**
 * Opens a model for running on the CPU.
 *
 * Errors   LaceError L5202 if onnxruntime cannot load it; L5203 (from run) if it cannot run it.
 * Owns     the caller disposes the model.
 */
export async function openOnnxModel(
  model: Uint8Array | string,
  options: { readonly threads?: number; readonly loadOrt?: () => Promise<Ort> } = {},
): Promise<OnnxModel> {
  const ort = await (options.loadOrt ?? loadOrt)();
  const session = await createSession(ort, model, options.threads ?? defaultThreads());
  return {
    inputs: session.inputMetadata.map(describe),
    outputs: session.outputMetadata.map(describe),
    async run(inputs) {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { data, dims }]) => [name, new ort.Tensor("float32", data, dims)] as const),
      );
      try {
        const results = await session.run(feeds);
        return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, floats(name, value)]));
      } catch (error) {
        throw failure("L5203", `the ONNX model cannot be run: ${firstLine(error)}`);
      }
    },
    dispose: () => session.release(),
  };
}

async function createSession(ort: Ort, model: Uint8Array | string, threads: number): Promise<InferenceSession> {
  const settings = sessionOptions({ provider: "cpu", threads, spinning: false, description: "" });
  try {
    return typeof model === "string"
      ? await ort.InferenceSession.create(model, settings)
      : await ort.InferenceSession.create(model, settings);
  } catch (error) {
    const name = typeof model === "string" ? ` ${model}` : "";
    throw failure("L5202", `the ONNX model${name} cannot be opened: ${firstLine(error)}`);
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
