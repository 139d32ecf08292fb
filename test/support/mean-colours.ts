// A network over pictures that gives their mean colours, in place of a file: what a head of pictures looks with in tests of graphs.
// In: the width of the pictures that it takes. Out: a PictureNetwork.
import type { PictureNetwork } from "../../src/compiler/picture-head.js";

/** Output `colours` [n, 3, 1, 1]. */
export function meanColours(size: number): PictureNetwork {
  return {
    network: {
      nodes: [
        {
          name: "p",
          opType: "GlobalAveragePool",
          domain: "",
          inputs: ["image"],
          outputs: ["colours"],
          attributes: new Map(),
        },
      ],
      constants: new Map(),
      inputs: [{ name: "image", dims: [null, 3, size, size], type: "float32" }],
      outputs: [{ name: "colours", dims: [null, 3, 1, 1], type: "float32" }],
    },
    sha256: "a",
    input: { name: "image", size, layout: "nchw", channels: "rgb", mean: [0, 0, 0], std: [1, 1, 1] },
  };
}
