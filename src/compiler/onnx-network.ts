// An ONNX network as plain data: what models/formats/onnx-model.ts reads, and what graphs are built from.

/** TensorProto.DataType by the names that onnxruntime gives the types. */
export const ONNX_TYPES: ReadonlyMap<number, string> = new Map([
  [1, "float32"],
  [2, "uint8"],
  [3, "int8"],
  [4, "uint16"],
  [5, "int16"],
  [6, "int32"],
  [7, "int64"],
  [9, "bool"],
  [10, "float16"],
  [11, "float64"],
  [12, "uint32"],
  [13, "uint64"],
  [16, "bfloat16"],
]);

/** A tensor of the file: weights as float32, whole numbers (shapes, indices) as they are. */
export interface OnnxConstant {
  readonly name: string;
  readonly dims: readonly number[];
  /** Of its elements, by ONNX_TYPES; absent: numbers. */
  readonly type?: string;
  /** Row-major. Integers beyond 2^24 are rounded. Errors: those of the reader, if there are not as many as the dimensions say. */
  read(): Float32Array;
}

/** Of an attribute only the field of its type is there. */
export interface OnnxAttribute {
  readonly f?: number;
  readonly i?: number;
  readonly s?: string;
  readonly t?: OnnxConstant;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
}

export interface OnnxNodeFile {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** null where the model leaves a dimension open. */
export interface OnnxValueFile {
  readonly name: string;
  readonly dims: readonly (number | null)[];
  /** Of its elements: float32, float16, int64... */
  readonly type: string;
}

export interface OnnxModelFile {
  /** Version of ONNX's own operations; absent: one that is current. */
  readonly opset?: number;
  readonly nodes: readonly OnnxNodeFile[];
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  /** Those that no constant stands for. */
  readonly inputs: readonly OnnxValueFile[];
  readonly outputs: readonly OnnxValueFile[];
}
