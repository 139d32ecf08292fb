import { expect, it } from "vitest";
import { placementAt, type Task } from "../../src/compiler/plan.js";
import { transformInputs } from "../../src/runtime/show/synthesis-inputs.js";
import { expectClose } from "../support/close.js";
import { randomStylegan3 } from "../support/stylegan3.js";

it("a traverse moves its pictures evenly from its first frame to its last; other tasks hold them", () => {
  const placement = { from: { right: 0, down: 0.1, rotate: 0 }, to: { right: 0.2, down: 0.1, rotate: 90 } };
  const traverse = { kind: "traverse", frames: 3, placement } as Task;
  expect([0, 1, 2].map((part) => placementAt(traverse, part))).toEqual([
    { right: 0, down: 0.1, rotate: 0 },
    { right: 0.1, down: 0.1, rotate: 45 },
    { right: 0.2, down: 0.1, rotate: 90 },
  ]);
  expect(placementAt({ kind: "sample", placement } as Task, 2)).toEqual(placement.from);
  expect(placementAt({ kind: "sample" } as Task, 0)).toBeUndefined();
});

it("a picture that is turned and shifted shows at a point of its image what stood where the point came from", () => {
  const { synthesis } = randomStylegan3();
  const placement = { right: 0.25, down: -0.5, rotate: 90 };
  const { transform } = transformInputs(synthesis, [{ seed: 1, sample: 0, placement }, undefined]);
  // What stood at the right edge, (0.5, 0), is turned to the top, (0, -0.5), and shifted.
  const [a, b, c, d, e, f] = transform!;
  const point = [0.25, -1];
  expectClose([a! * point[0]! + b! * point[1]! + c!, d! * point[0]! + e! * point[1]! + f!], [0.5, 0], {
    abs: 1e-6,
    rel: 0,
  });
  expect([...transform!.slice(9)]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
});
