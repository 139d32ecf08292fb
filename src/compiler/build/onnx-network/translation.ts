// What the translation of an ONNX model keeps: values by name, each a node of our graph or numbers that are known already.
// In: a GraphBuilder, the layout that the engine wants of images. Out: nodes in ONNX's order of axes, or as images.
// Invariants: `shape` is ONNX's, [n, c, h, w] for images, whatever order the node has; a value that is known has no node until one is asked for.
import { GraphBuilder } from "../../graph/builder.js";
import type { ImageLayout, NodeId, Shape } from "../../graph/graph.js";
import type { OnnxAttribute, OnnxNodeFile } from "../../onnx-network.js";

export interface OnnxOperand {
  /** In ONNX's order. */
  readonly shape: Shape;
  /** Its numbers, row-major, where they do not depend on the inputs. */
  readonly known?: Float32Array;
  readonly node?: NodeId;
  /** Of its numbers, where it is known to be no floating point. */
  readonly type?: string | undefined;
  /** Whether the node has the order [n, h, w, c]. */
  readonly channelsLast?: boolean;
}

const WHOLE = new Set(["uint8", "int8", "uint16", "int16", "int32", "int64", "uint32", "uint64"]);
/** Whether a value's numbers are whole ones by their type: their quotients are. */
export function isWhole(value: OnnxOperand | undefined): boolean {
  return value?.type !== undefined && WHOLE.has(value.type);
}

/** An operation that is not read, or not in this form: why. */
export class Untranslatable extends Error {}

const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];

export class OnnxTranslation {
  readonly builder = new GraphBuilder();

  constructor(readonly layout: ImageLayout) {}

  /** The node of a value, in ONNX's order of axes. */
  node(value: OnnxOperand): NodeId {
    if (value.node === undefined) return this.builder.constant(value.known ?? new Float32Array(0), value.shape);
    return value.channelsLast === true ? this.builder.transpose(value.node, TO_FIRST) : value.node;
  }

  /** The node of a value [n, c, h, w] in the layout of images. */
  image(value: OnnxOperand): NodeId {
    if (value.shape.length !== 4) throw new Untranslatable(`it takes [${value.shape.join(", ")}], which is no picture`);
    if (this.layout === "nchw") return this.node(value);
    return value.channelsLast === true && value.node !== undefined
      ? value.node
      : this.builder.transpose(this.node(value), TO_LAST);
  }

  /** A node in the layout of images, as a value. */
  fromImage(node: NodeId): OnnxOperand {
    const shape = this.builder.shape(node);
    if (this.layout === "nchw") return { shape, node };
    return { shape: TO_FIRST.map((d) => shape[d] ?? 1), node, channelsLast: true };
  }

  of(node: NodeId): OnnxOperand {
    return { shape: this.builder.shape(node), node };
  }

  /** An elementwise operation, in whatever order the value is. */
  map(value: OnnxOperand, act: (node: NodeId) => NodeId): OnnxOperand {
    if (value.channelsLast === true && value.node !== undefined) return { ...value, node: act(value.node) };
    return this.of(act(this.node(value)));
  }

  /** An elementwise operation of two, broadcast as numpy does; pictures of one layout stay in it. */
  combine(a: OnnxOperand, b: OnnxOperand, act: (a: NodeId, b: NodeId) => NodeId): OnnxOperand {
    const last = this.layout === "nhwc" && (a.channelsLast === true || b.channelsLast === true);
    if (!last) return this.of(act(this.node(a), this.node(b)));
    const [x, y] = [a, b].map((v) => {
      if (v.channelsLast === true && v.node !== undefined) return v.node;
      const shape = [...Array.from({ length: 4 - v.shape.length }, () => 1), ...v.shape];
      return this.builder.transpose(this.builder.reshape(this.node(v), shape), TO_LAST);
    });
    return this.fromImage(act(x ?? 0, y ?? 0));
  }
}

/** Shapes, axes and indices are lists of few: a longer one is weights in their place. */
const MOST_ENTRIES = 1024;
const MOST_AXES = 16;

/** One node of the model with its inputs looked up: what an operation is given. */
export class OnnxCall {
  constructor(
    readonly t: OnnxTranslation,
    readonly file: OnnxNodeFile,
    private readonly values: readonly (OnnxOperand | undefined)[],
    /** Version of ONNX's own operations. */
    readonly opset: number,
  ) {}

  /** The same node with other inputs. */
  with(values: readonly (OnnxOperand | undefined)[]): OnnxCall {
    return new OnnxCall(this.t, this.file, values, this.opset);
  }

  get outputs(): number {
    return this.file.outputs.length;
  }
  get b(): GraphBuilder {
    return this.t.builder;
  }
  /** An input that must be there. */
  input(i: number): OnnxOperand {
    const value = this.values[i];
    if (value === undefined) throw new Untranslatable(`its input ${i} is missing`);
    return value;
  }
  optional(i: number): OnnxOperand | undefined {
    return this.values[i];
  }
  get inputs(): readonly OnnxOperand[] {
    return this.values.filter((v) => v !== undefined);
  }
  attribute(name: string): OnnxAttribute | undefined {
    return this.file.attributes.get(name);
  }
  int(name: string, otherwise: number): number {
    return this.attribute(name)?.i ?? otherwise;
  }
  float(name: string, otherwise: number): number {
    return this.attribute(name)?.f ?? otherwise;
  }
  text(name: string, otherwise: string): string {
    return this.attribute(name)?.s ?? otherwise;
  }
  /** A list of an attribute; undefined if it is not there. */
  ints(name: string): readonly number[] | undefined {
    return this.attribute(name)?.ints;
  }
  /** Whole numbers that an input must have before the graph runs: shapes, axes, indices. */
  numbers(i: number): readonly number[] | undefined {
    const value = this.values[i];
    if (value === undefined) return undefined;
    if (value.known === undefined) throw new Untranslatable(`its input ${i} depends on the data`);
    if (value.known.length > MOST_ENTRIES) throw new Untranslatable("it takes very many entries");
    return [...value.known];
  }
  /** Axes of an attribute (old opsets) or an input (new ones), counted from the front. */
  axes(input: number, rank: number): readonly number[] | undefined {
    const axes = this.ints("axes") ?? this.numbers(input);
    if (axes !== undefined && axes.length > MOST_AXES) throw new Untranslatable("it has very many axes");
    return axes?.map((a) => (a < 0 ? a + rank : a));
  }
  axis(otherwise: number, rank: number): number {
    const axis = this.int("axis", otherwise);
    return axis < 0 ? axis + rank : axis;
  }
}

/** Answers one operation with its outputs. */
export type Translate = (call: OnnxCall) => readonly OnnxOperand[];
