// ONNX networks as graphs: what a file says of sizes is not believed, and a small file asks for little memory and work.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { OnnxConstant, OnnxModelFile, OnnxNodeFile } from "../../src/compiler/onnx-network.js";
import { compileOnnxNetwork, ONNX_OPERATIONS } from "../../src/compiler/build/onnx-network/onnx-graph.js";
import { OnnxDamage } from "../../src/models/formats/onnx-weights.js";
import { readOnnxModel } from "../../src/models/formats/onnx-model.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { random } from "../support/random.js";

const COUNT = Number(process.env["LACEC_FUZZ"] ?? 60);
const labeller = readOnnxModel(readFileSync("models/avatar-labeller.onnx"));
const [input] = labeller.inputs;
const name = input?.name ?? "";
const shape = (input?.dims ?? []).map((d) => d ?? 1);

function outcome(model: OnnxModelFile, layout: "nchw" | "nhwc" = "nhwc"): string {
  try {
    compileOnnxNetwork(model, { inputs: { [name]: shape }, layout });
    return "read";
  } catch (error) {
    if (error instanceof OnnxDamage) return "damage";
    if (error instanceof LaceError) return error.message;
    throw error;
  }
}

const constantOf = (of: string, values: readonly number[]): OnnxConstant => ({
  ...{ name: of, dims: [values.length] },
  read: () => Float32Array.from(values),
});
const node = (
  opType: string,
  inputs: readonly string[],
  output: string,
  ints: Record<string, number> = {},
): OnnxNodeFile => ({
  ...{ name: output, domain: "", opType, inputs, outputs: [output] },
  attributes: new Map(Object.entries(ints).map(([key, i]) => [key, { i, floats: [], ints: [] }])),
});
/** A chain of nodes, each made of the one before twice. */
const doubled = (first: string, times: number): OnnxNodeFile[] =>
  Array.from({ length: times }, (_, i) => {
    const before = i === 0 ? first : `c${i - 1}`;
    return node("Concat", [before, before], `c${i}`, { axis: 0 });
  });
const only = (nodes: readonly OnnxNodeFile[], constants: readonly OnnxConstant[] = []): OnnxModelFile => ({
  ...{ nodes, inputs: labeller.inputs, constants: new Map(constants.map((c) => [c.name, c])) },
  outputs: [{ name: nodes.at(-1)?.outputs[0] ?? "", dims: [], type: "float32" }],
});

describe("a network that asks for much", () => {
  test.each<[string, OnnxModelFile]>([
    ["of its weights, doubled forty times", only(doubled("one", 40), [constantOf("one", [1])])],
    ["of its input, doubled sixty times", only(doubled(name, 60))],
    ["by one shape", only([node("Expand", [name, "to"], "y")], [constantOf("to", [1e5, 1e5, 1e5, 1e5])])],
    ["by a shape of nothing", only([node("ConstantOfShape", ["to"], "y")], [constantOf("to", [-1, 3])])],
    ["by half a number", only([node("ConstantOfShape", ["to"], "y")], [constantOf("to", [2.5, NaN])])],
    [
      "by thousands of axes",
      only(
        [node("Unsqueeze", [name, "to"], "y")],
        [
          constantOf(
            "to",
            Array.from({ length: 1e4 }, (_, i) => i),
          ),
        ],
      ),
    ],
    [
      "by products of weights",
      only(
        [
          node("ConstantOfShape", ["to"], "a"),
          ...Array.from({ length: 50 }, (_, i) => node("MatMul", [i === 0 ? "a" : `m${i - 1}`, "a"], `m${i}`)),
        ],
        [constantOf("to", [900, 900])],
      ),
    ],
  ])("%s is refused soon", { timeout: 120_000 }, (_, model) => {
    const before = process.cpuUsage().user;
    expect(outcome(model)).toMatch(/L5204.*cannot be read/);
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(20);
  });
});

test(
  `${COUNT} networks with nodes, attributes and shapes exchanged are read or refused`,
  { timeout: 3_600_000 },
  () => {
    const r = random(1);
    const numbers = [
      0,
      -1,
      1,
      2,
      3,
      7,
      -7,
      1e9,
      -1e9,
      2 ** 31,
      Number.MAX_SAFE_INTEGER,
      NaN,
      0.5,
      Infinity,
      1e18,
      4096,
    ];
    const number = (): number => numbers[r.below(numbers.length)] ?? 0;
    for (let k = 0; k < COUNT; k++) {
      const constants = new Map(labeller.constants).set(
        "evil",
        constantOf("evil", [number(), number(), number(), number()]),
      );
      const names = [...constants.keys(), ...labeller.nodes.flatMap((n) => n.outputs), name, "nowhere"];
      const nodes = labeller.nodes.map((n) => ({ ...n, inputs: [...n.inputs], attributes: new Map(n.attributes) }));
      for (let m = 1 + r.below(3); m > 0; m--) {
        const at = r.below(nodes.length);
        const chosen = nodes[at]!;
        const keys = [
          ...chosen.attributes.keys(),
          "axis",
          "axes",
          "pads",
          "strides",
          "kernel_shape",
          "group",
          "perm",
          "value",
        ];
        const changes = [
          () => (nodes[at] = { ...chosen, opType: ONNX_OPERATIONS[r.below(ONNX_OPERATIONS.length)]! }),
          () => (chosen.inputs[r.below(Math.max(1, chosen.inputs.length))] = names[r.below(names.length)]!),
          () => chosen.inputs.push("evil"),
          () => {
            const ints = Array.from({ length: r.below(6) }, number);
            chosen.attributes.set(keys[r.below(keys.length)]!, { i: number(), f: number(), floats: [], ints });
          },
          () => {
            const old = [...constants.values()][r.below(constants.size)]!;
            constants.set(old.name, { ...old, dims: old.dims.map((d) => (r.below(3) === 0 ? number() : d)) });
          },
        ];
        changes[r.below(changes.length)]!();
      }
      outcome({ ...labeller, nodes, constants }, r.below(2) === 0 ? "nhwc" : "nchw");
    }
  },
);
