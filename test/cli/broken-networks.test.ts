// Networks over pictures that cannot be followed: each is refused before anything is drawn, with a code, at its place in the script.
import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeModel, type OnnxNode } from "../../src/compiler/targets/onnx/proto.js";
import { lacec } from "../support/lacec.js";
import { tinyRuns } from "../support/tiny-runs.js";

const { path } = tinyRuns();
const SIZE = 16;

const node = (opType: string, inputs: readonly string[], output: string): OnnxNode => ({
  ...{ opType, domain: "", inputs, outputs: [output], attributes: {} },
});

/** The mean of each colour, times a weight, as logits. */
function network(nodes: readonly OnnxNode[], weight: number): Uint8Array {
  return encodeModel({
    ...{ irVersion: 8, producerName: "test", opsets: [{ domain: "", version: 17 }], metadata: {} },
    graph: {
      name: "g",
      nodes,
      initializers: [{ name: "weight", dims: [1], data: Float32Array.of(weight) }],
      inputs: [{ name: "image", dims: [1, 3, SIZE, SIZE] }],
      outputs: [{ name: "logits", dims: [1, 3] }],
    },
  });
}
const MEANS = [
  node("GlobalAveragePool", ["image"], "pooled"),
  node("Flatten", ["pooled"], "flat"),
  node("Mul", ["flat", "weight"], "logits"),
];

interface Broken {
  readonly bytes: Uint8Array;
  readonly columns?: readonly number[];
  readonly input?: string;
  readonly said: RegExp;
}

const BROKEN: Readonly<Record<string, Broken>> = {
  "columns that are not there": {
    bytes: network(MEANS, 1),
    columns: [0, 999],
    said: /L5324[^]*3 columns, and column 999/,
  },
  "weights that are no numbers": { bytes: network(MEANS, NaN), said: /L5324[^]*weight 'weight'[^]*no numbers/ },
  "an operation that is not read": {
    bytes: network([node("NonZero", ["image"], "pooled"), ...MEANS.slice(1)], 1),
    said: /L5324[^]*\(NonZero\) cannot be read/,
  },
  "a circle": {
    bytes: network(
      [node("Add", ["image", "pooled"], "sum"), node("GlobalAveragePool", ["sum"], "pooled"), ...MEANS.slice(1)],
      1,
    ),
    said: /L5324[^]*'pooled'[^]*before it is made/,
  },
  "another input": { bytes: network(MEANS, 1), input: "picture", said: /L5324[^]*'image'[^]*no size/ },
  "half of its bytes": { bytes: network(MEANS, 1).subarray(0, 90), said: /L5202[^]*cut off/ },
  "no bytes": { bytes: new Uint8Array(0), said: /L5324[^]*no output 'logits'/ },
};

describe("a network with", () => {
  beforeAll(() => {
    Object.values(BROKEN).forEach(({ bytes, columns = [0, 1], input = "image" }, k) => {
      writeFileSync(path(`net${k}.onnx`), bytes);
      const attributes = [{ name: "warm", type: "binary", columns }];
      writeFileSync(
        path(`net${k}.json`),
        JSON.stringify({ format: 1, input: { name: input, size: SIZE }, attributes }),
      );
    });
  });

  test.each(Object.keys(BROKEN).map((what, k) => [what, k] as const))("%s is refused at its place", async (what, k) => {
    writeFileSync(
      path("broken.lace"),
      `lace 1\nmodel tiny from "tiny.safetensors"\nattribute warm: binary from "net${k}.onnx" on image\nsample s from tiny { where warm  count 1 }\nsave s to "s-{index}.png"\n`,
    );
    const { code, err } = await lacec(["run", "broken.lace", "--no-cache", "--engine", "onnx-cpu"], { cwd: path() });
    expect(code).toBe(3);
    expect(err).toMatch(BROKEN[what]!.said);
    expect(err).toMatch(/broken\.lace:3:29/);
  });
});
