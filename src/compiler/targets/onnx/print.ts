// An ONNX model as text: what the onnx target makes of a graph, one line a node.
// In: the records that are encoded. Out: text. Invariants: weights are named with their shapes, never listed.
import type { AttributeValue, OnnxModelProto, OnnxNode, OnnxValueInfo } from "./proto.js";

/** Inputs, initializers, nodes (`y = Gemm(x, w) alpha=1`) and outputs, in the model's order. */
export function printOnnx({ graph, opsets }: OnnxModelProto): string {
  const versions = opsets.map(({ domain, version }) => `${domain === "" ? "ai.onnx" : domain} ${version}`);
  return [
    `graph ${graph.name}, opset ${versions.join(", ")}`,
    ...graph.inputs.map((v) => `input ${printValue(v)}`),
    ...graph.initializers.map((t) => `initializer ${printValue(t)}`),
    ...graph.nodes.map(printNode),
    ...graph.outputs.map((v) => `output ${printValue(v)}`),
    "",
  ].join("\n");
}

function printValue({ name, dims }: OnnxValueInfo): string {
  return `${name} [${dims.join(", ")}]`;
}

function printNode({ opType, domain, inputs, outputs, attributes }: OnnxNode): string {
  const operator = domain === "" ? opType : `${domain}.${opType}`;
  const settings = Object.entries(attributes).map(([name, value]) => ` ${name}=${printAttribute(value)}`);
  return `${outputs.join(", ")} = ${operator}(${inputs.join(", ")})${settings.join("")}`;
}

function printAttribute({ value }: AttributeValue): string {
  return typeof value === "object" ? `[${value.join(", ")}]` : String(value);
}
