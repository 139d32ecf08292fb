// The verifier of graphs: nothing to say of sound ones, a finding for each kind of planted breakage.
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Graph, Node } from "../../src/compiler/graph/graph.js";
import { verified, verify } from "../../src/compiler/graph/verify.js";
import { randomGraph } from "../support/random-graph.js";

/** %0 = input x [2, 3], %1 = constant [3, 4], %2 = matmul [2, 4], %3 = neg [2, 4]. */
function sound(): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 3]);
  const y = b.matmul(x, b.constant(new Float32Array(12), [3, 4]));
  return b.finish({ outputs: { y: b.neg(y), z: y } });
}

/** The graph with some node in another's place. */
function withNode(id: number, change: (node: Node) => Partial<Node>): Graph {
  const graph = sound();
  return { ...graph, nodes: graph.nodes.map((node, i) => (i === id ? { ...node, ...change(node) } : node)) };
}

test("what builders make is sound", () => {
  expect(verify(sound())).toEqual([]);
  for (let seed = 1; seed <= 80; seed++) expect(verify(randomGraph(seed).graph)).toEqual([]);
});

describe("a planted breakage is found:", () => {
  test.each<[string, Graph, RegExp]>([
    [
      "a shape that does not follow",
      withNode(2, () => ({ shape: [4, 2] })),
      /node 2, matmul: shape \[4, 2\], not \[2, 4\]/,
    ],
    ["a shape that is none", withNode(0, () => ({ shape: [2, 0] })), /node 0, input: \[2, 0\] is no shape/],
    [
      "an operand that comes later",
      withNode(2, () => ({ inputs: [0, 3] })),
      /node 2, matmul: operand 3 does not come before/,
    ],
    [
      "an operand that is the node itself",
      withNode(3, () => ({ inputs: [3] })),
      /node 3, unary: operand 3 does not come/,
    ],
    [
      "an operand that does not exist",
      withNode(3, () => ({ inputs: [-1] })),
      /node 3, unary: operand -1 does not come/,
    ],
    ["too few operands", withNode(2, () => ({ inputs: [0] })), /node 2, matmul: .*2 operands needed, not 1/],
    ["too many operands", withNode(3, () => ({ inputs: [2, 2] })), /node 3, unary: .*1 operands needed, not 2/],
    ["operands that do not fit", withNode(2, () => ({ inputs: [0, 0] })), /node 2, matmul: shapes of matmul/],
    [
      "a constant of another size",
      withNode(1, ({ op }) => ({ op: { ...op, data: new Float32Array(11) } as Node["op"] })),
      /node 1, constant: 11 entries for \[3, 4\]/,
    ],
    [
      "a constant of another type",
      withNode(1, () => ({ op: { kind: "constant", data: new Int32Array(12) as never } })),
      /neither float32 nor float64/,
    ],
    ["a constant with operands", withNode(1, () => ({ inputs: [0] })), /node 1, constant: 1 operands/],
    ["an input that is not listed", { ...sound(), inputs: [] }, /node 0 is the input x, which is not listed/],
    ["an input that is another node", { ...sound(), inputs: [{ name: "x", node: 1 }] }, /input x is not node 1/],
    ["two inputs of one name", { ...sound(), inputs: [...sound().inputs, ...sound().inputs] }, /two inputs named x/],
    ["an output that names no node", { ...sound(), outputs: [{ name: "y", node: 9 }] }, /output y names no node: 9/],
    [
      "two outputs of one name",
      {
        ...sound(),
        outputs: [
          { name: "y", node: 2 },
          { name: "y", node: 3 },
        ],
      },
      /two outputs named y/,
    ],
    ["no outputs", { ...sound(), outputs: [] }, /no outputs/],
  ])("%s", (_, graph, finding) => {
    const faults = verify(graph);
    expect(
      faults.some((f) => finding.test(f)),
      faults.join("\n"),
    ).toBe(true);
    expect(() => verified(graph)).toThrow(finding);
  });
});
