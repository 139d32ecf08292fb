// What an opened ONNX model is, whatever runs it.

export interface OnnxValue {
  readonly name: string;
  /** null where the model leaves the dimension open, such as the batch. */
  readonly dims: readonly (number | null)[];
  /** Of its elements, as ONNX has it in lower case: float32, float16, uint8, int64... */
  readonly type: string;
}

/** A float32 array, row-major, with its shape. */
export interface OnnxArray {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** What a model takes: numbers, which become what the input's type is, or the tokens of a text. */
export interface OnnxInput {
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

export interface OnnxModel {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The outputs named, else all. Errors: LaceError L5203 if onnxruntime refuses the inputs or fails. */
  run(inputs: Readonly<Record<string, OnnxInput>>, only?: readonly string[]): Promise<Record<string, OnnxArray>>;
  dispose(): Promise<void>;
}
