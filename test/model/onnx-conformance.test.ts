// Vectors of ONNX 1.12's conformance suite (Apache-2.0; Debian's libonnx-testdata), those of a few kilobytes whose operations are read: test/fixtures/onnx-vectors.bin.gz
// holds a line of JSON, names and sizes, and the files one after the other. Where the whole package is installed, all of it is tried: what is not read is refused by name.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs/minimal.js";
import { describe, expect, it } from "vitest";
import { ONNX_OPERATIONS, onnxGraph } from "../../src/compiler/build/onnx-network/onnx-graph.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import type { OnnxModelFile } from "../../src/compiler/onnx-network.js";
import { readOnnxModel } from "../../src/models/formats/onnx-model.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { slopes, STRAIGHT_THROUGH } from "../support/onnx-slopes.js";

interface Vector {
  readonly name: string;
  readonly model: OnnxModelFile;
  /** By input of the model. */
  readonly given: readonly Tensor[];
  readonly wanted: readonly Tensor[];
}
interface Tensor {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A TensorProto, read as the constant of a model. */
function tensorOf(bytes: Uint8Array): Omit<Tensor, "name" | "type"> {
  const graph = protobuf.Writer.create().uint32(0x2a).bytes(bytes).finish();
  const model = readOnnxModel(protobuf.Writer.create().uint32(0x3a).bytes(graph).finish());
  const [constant] = [...model.constants.values()];
  return { dims: constant!.dims, data: constant!.read() };
}

function vectorOf(name: string, files: ReadonlyMap<string, Uint8Array>): Vector {
  const model = readOnnxModel(files.get("model.onnx")!);
  const given = model.inputs.map((input, k) => ({ ...input, ...tensorOf(files.get(`input_${k}.pb`)!) }));
  const wanted = model.outputs.flatMap((output, k) => {
    const bytes = files.get(`output_${k}.pb`);
    return bytes === undefined ? [] : [{ ...output, ...tensorOf(bytes) }];
  });
  return { name, model, given, wanted };
}

function shipped(): readonly Vector[] {
  const path = fileURLToPath(new URL("../fixtures/onnx-vectors.bin.gz", import.meta.url));
  const bytes = new Uint8Array(gunzipSync(readFileSync(path)));
  const end = bytes.indexOf(10);
  const index = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString()) as [string, [string, number][]][];
  let at = end + 1;
  return index.map(([name, files]) => {
    const own = files.map(([file, size]): [string, Uint8Array] => [file, bytes.slice(at, (at += size))]);
    return vectorOf(name, new Map(own));
  });
}

const isFloat = ({ type }: { readonly type: string }): boolean => /float|double/.test(type);

interface Read {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Float32Array>>;
}

/** The network of all numbers that go in, or where it wants weights that are known, of the first alone. */
function read({ model, given }: Vector, layout: "nchw" | "nhwc"): Read {
  const by = (isData: (t: Tensor, k: number) => boolean): Read => {
    const data = given.filter(isData);
    const rest = given.filter((t, k) => !isData(t, k));
    return {
      graph: onnxGraph(model, {
        layout,
        inputs: Object.fromEntries(data.map((t) => [t.name, t.dims])),
        known: Object.fromEntries(rest.map((t) => [t.name, t])),
      }),
      inputs: Object.fromEntries(data.map((t) => [t.name, t.data])),
    };
  };
  try {
    return by(isFloat);
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return by((t, k) => isFloat(t) && k === 0);
  }
}

/** What a graph gives that is not wanted; undefined if there is nothing. */
function mistakeOf({ graph, inputs }: Read, wanted: readonly Tensor[]): string | undefined {
  const got = prepare(graph)(inputs);
  for (const { name, dims, data } of wanted) {
    const shape = graph.nodes[graph.outputs.find((o) => o.name === name)!.node]!.shape;
    if (JSON.stringify(shape) !== JSON.stringify(dims)) return `${name} is [${shape.join()}], not [${dims.join()}]`;
    const worst = data.reduce((most, w, i) => {
      const v = got[name]![i]!;
      const off = v === w || (Number.isNaN(v) && Number.isNaN(w)) ? 0 : Math.abs(v - w) / (1 + Math.abs(w));
      return off <= most ? most : off;
    }, 0);
    if (!(worst < 1e-4)) return `${name} is off by ${worst}`;
  }
  return undefined;
}

const vectors = shipped();
describe("ONNX's own vectors", () => {
  it.each(vectors.map((v) => [v.name, v] as const))("%s", (_, vector) => {
    for (const layout of ["nchw", "nhwc"] as const)
      expect(mistakeOf(read(vector, layout), vector.wanted)).toBe(undefined);
  });

  it("try all operations that are read but those of later versions and two more, which test/model/onnx-graph.test.ts tries", () => {
    const tried = new Set(vectors.flatMap(({ model }) => model.nodes.map((n) => n.opType)));
    const rest = ["Erf", "Gelu", "GroupNormalization", "LpNormalization", "Mish"];
    expect(ONNX_OPERATIONS.filter((op) => !tried.has(op))).toEqual(rest);
  });
});

describe("gradients of what is read are central differences in float64", () => {
  const followed = vectors.filter(
    ({ model, given }) => given.some(isFloat) && !model.nodes.some((n) => STRAIGHT_THROUGH.includes(n.opType)),
  );
  it.each(followed.map((v) => [v.name, v] as const))("%s", (_, vector) => {
    const [own, differences] = slopes(read(vector, "nchw"));
    if (Number.isNaN(differences)) return;
    expect(Math.abs(own - differences) / (1 + Math.abs(differences))).toBeLessThan(2e-5);
  });
});

/** Which say other than onnxruntime does, or than an engine of float32 can: why. */
const OTHERWISE: readonly (readonly [RegExp, string])[] = [
  [/FLOAT16/, "engines keep what is cast to half precision"],
  [
    /resize_downsample_scales_.*_align_corners/,
    "of a size that is no whole number, where onnxruntime takes the whole one",
  ],
  [/dynamicquantizelinear/, "a tie in float32 is none in float64"],
];
const INSTALLED = process.env["LACEC_ONNX_TESTDATA"] ?? "/usr/share/libonnx-testdata/data";

describe.skipIf(!existsSync(INSTALLED))("all of libonnx-testdata", { timeout: 600_000 }, () => {
  it.each(["node", "simple", "pytorch-converted", "pytorch-operator"])("%s is right, or refused by name", (group) => {
    const wrong: string[] = [];
    for (const name of readdirSync(join(INSTALLED, group))) {
      const folder = join(INSTALLED, group, name);
      const set = join(folder, "test_data_set_0");
      if (!existsSync(set) || OTHERWISE.some(([of]) => of.test(name))) continue;
      const files = new Map(readdirSync(set).map((file) => [file, new Uint8Array(readFileSync(join(set, file)))]));
      files.set("model.onnx", new Uint8Array(readFileSync(join(folder, "model.onnx"))));
      let vector: Vector;
      try {
        vector = vectorOf(name, files);
      } catch {
        continue; // Of texts, sequences, and what may be absent.
      }
      try {
        const mistake = mistakeOf(read(vector, "nhwc"), vector.wanted);
        if (mistake !== undefined) wrong.push(`${name}: ${mistake}`);
      } catch (error) {
        if (!(error instanceof LaceError && /L5204/.test(error.message))) throw error;
      }
    }
    expect(wrong).toEqual([]);
  });
});
