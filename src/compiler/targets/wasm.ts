// The WebAssembly target: graphs of elementwise operations alone as one loop over memory, four numbers at a time. Engines run such graphs an
// operation at a time, each over the whole arrays: here every number is read and written once. For the update of a training (build/training-step.ts).
// In: a Graph whose values are vectors of one length or single numbers. Out: a VectorKernel over a WebAssembly.Memory.
// Invariants: float32, each operation rounded on its own, so bits are those of the operations one by one; all reads of an index come before its
// writes, so an output may lie where an input does.
import { InternalError } from "../../source/internal-error.js";
import type { Graph, Node, NodeId, UnaryKind, BinaryKind } from "../graph/graph.js";
import { at, sizeOf } from "../graph/shape.js";

/** Numbers of one step of the loop: lengths are multiples of it. */
export const LANES = 4;
const LANE_BYTES = 16;

/** A compiled elementwise graph. */
export interface VectorKernel {
  /**
   * Runs over `length` numbers (a multiple of LANES). `arrays`, views of the kernel's memory, are the vector inputs and all outputs by name, an output
   * that has the name of an input being written over it; `scalars` the other inputs.
   *
   * Errors   InternalError for an array that is missing, too short or elsewhere.
   */
  run(arrays: Readonly<Record<string, Float32Array>>, scalars: Readonly<Record<string, number>>, length: number): void;
}

const UNARY: Partial<Record<UnaryKind, number>> = { abs: 0xe0, neg: 0xe1, sqrt: 0xe3 };
const MUL = 0xe6;
const BINARY: Partial<Record<BinaryKind, number>> = {
  add: 0xe4,
  sub: 0xe5,
  mul: MUL,
  div: 0xe7,
  min: 0xe8,
  max: 0xe9,
};
const [I32, F32, V128] = [0x7f, 0x7d, 0x7b];

/** Compiles an elementwise graph for a memory. Errors InternalError for an operation that is not elementwise, or not known here. */
export function compileWasm(graph: Graph, memory: WebAssembly.Memory): VectorKernel {
  const { code, vectors, scalars } = emitWasm(graph);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { lace: { memory } });
  const loop = instance.exports["run"] as (...values: number[]) => void;
  return {
    run(arrays, numbers, length) {
      if (length % LANES !== 0) throw new InternalError(`${length} is no multiple of ${LANES}`);
      const offsets = vectors.map((name) => {
        const array = arrays[name];
        if (array?.buffer !== memory.buffer || array.length < length)
          throw new InternalError(`the array ${name} is missing, too short or not in the kernel's memory`);
        return array.byteOffset;
      });
      const values = scalars.map((name) => numbers[name] ?? missing(`the number ${name}`));
      loop(length * Float32Array.BYTES_PER_ELEMENT, ...offsets, ...values);
    },
  };
}

interface Emitted {
  readonly code: Uint8Array<ArrayBuffer>;
  /** Names behind the function's parameters: the bytes to go, these addresses, these numbers. */
  readonly vectors: readonly string[];
  readonly scalars: readonly string[];
}

/** The module: imports lace.memory, exports run(bytes, address..., number...). */
function emitWasm(graph: Graph): Emitted {
  const isVector = (id: NodeId): boolean => sizeOf(at(graph.nodes, id).shape) > 1;
  const inputs = graph.inputs.filter((i) => isVector(i.node)).map((i) => i.name);
  const scalars = graph.inputs.filter((i) => !isVector(i.node)).map((i) => i.name);
  const outputs = graph.outputs.map((o) => o.name);
  const vectors = [...new Set([...inputs, ...outputs])];
  const parameters = [I32, ...vectors.map(() => I32), ...scalars.map(() => F32)];
  const addressOf = (name: string): number => 1 + vectors.indexOf(name);
  const position = parameters.length;
  const local = (id: NodeId): number => position + 1 + id;
  const get = (index: number): number[] => [0x20, ...leb(index)];
  const place = (name: string): number[] => [...get(addressOf(name)), ...get(position), 0x6a]; // i32.add
  const [once, each]: [number[], number[]] = [[], []];
  graph.nodes.forEach((node, id) => {
    const into = isVector(id) ? each : once;
    const { op } = node;
    if (op.kind === "input" && isVector(id)) into.push(...place(op.name), ...simd(0x00), 2, 0);
    else if (op.kind === "input") into.push(...get(1 + vectors.length + scalars.indexOf(op.name)), ...simd(0x13));
    else if (op.kind === "constant" && op.data.length === 1) into.push(0x43, ...floatBytes(op.data[0]), ...simd(0x13));
    else into.push(...node.inputs.flatMap((i) => get(local(i))), ...operation(node, get, local));
    into.push(0x21, ...leb(local(id)));
  });
  const stores = graph.outputs.flatMap(({ name, node }) => [...place(name), ...get(local(node)), ...simd(0x0b), 2, 0]);
  const step = [...get(position), 0x41, LANE_BYTES, 0x6a, 0x22, ...leb(position), ...get(0), 0x49, 0x0d, 0]; // position += 16 < bytes: again
  const loop = [0x03, 0x40, ...each, ...stores, ...step, 0x0b];
  const guarded = [0x02, 0x40, ...get(0), 0x45, 0x0d, 0, ...loop, 0x0b]; // nothing to do for 0 bytes
  const locals = vector([
    [...leb(1), I32],
    [...leb(graph.nodes.length), V128],
  ]);
  const body = [...locals, ...once, ...guarded, 0x0b];
  const code = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...vector(parameters.map((p) => [p])), ...vector([])]]),
    ...section(2, [[...text("lace"), ...text("memory"), 0x02, 0x00, ...leb(0)]]),
    ...section(3, [[0]]),
    ...section(7, [[...text("run"), 0x00, 0]]),
    ...section(10, [[...leb(body.length), ...body]]),
  ]);
  return { code, vectors, scalars };
}

/** Instructions on operands that are on the stack. */
function operation({ op, inputs }: Node, get: (index: number) => number[], local: (id: NodeId) => number): number[] {
  if (op.kind === "unary" && op.fn === "square") return [...get(local(at(inputs, 0))), ...simd(MUL)];
  const opcode = op.kind === "unary" ? UNARY[op.fn] : op.kind === "binary" ? BINARY[op.fn] : undefined;
  return opcode === undefined ? missing(`WebAssembly for ${op.kind}`) : simd(opcode);
}

function simd(opcode: number): number[] {
  return [0xfd, ...leb(opcode)];
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = vector(entries);
  return [id, ...leb(content.length), ...content];
}

function vector(entries: readonly (readonly number[])[]): number[] {
  return [...leb(entries.length), ...entries.flat()];
}

function text(value: string): number[] {
  return vector([...new TextEncoder().encode(value)].map((byte) => [byte]));
}

/** Unsigned, seven bits a byte, the least first. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))];
}

function floatBytes(value: number | undefined): number[] {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setFloat32(0, value ?? NaN, true);
  return Array.from({ length: 4 }, (_, i) => bytes.getUint8(i));
}

function missing(what: string): never {
  throw new InternalError(`${what} is missing`);
}
