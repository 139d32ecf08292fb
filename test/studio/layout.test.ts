import { expect, test } from "vitest";
import { layered, treePlaces } from "../../studio/src/state/layout.js";
import { random } from "../support/random.js";

test("edges of a graph go down, no two nodes share a place, and the same graph is drawn the same", () => {
  const numbers = random(3);
  for (let round = 0; round < 50; round++) {
    const count = 1 + numbers.below(60);
    const inputs = Array.from({ length: count }, (_, node) =>
      Array.from({ length: node === 0 ? 0 : numbers.below(3) }, () => numbers.below(node)),
    );
    const places = layered(inputs);
    expect(places).toHaveLength(count);
    for (const [node, from] of inputs.entries())
      for (const k of from) expect(places[node]!.y).toBeGreaterThan(places[k]!.y);
    expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(count);
    expect(Math.min(...places.map((p) => p.x))).toBeGreaterThanOrEqual(0);
    expect(layered(inputs)).toEqual(places);
  }
});

test("a chain is one column, and what joins two branches stands between them", () => {
  expect(layered([[], [0], [1], [2]]).map((p) => p.x)).toEqual([0, 0, 0, 0]);
  const [left, right, joined] = layered([[], [], [0, 1]]);
  expect(joined!.x).toBe((left!.x + right!.x) / 2);
});

test("leaves of a tree stand one below the other, and what has parts in their middle", () => {
  const leaf = (name: string) => ({ name, parts: [] });
  interface Named {
    readonly name: string;
    readonly parts: readonly Named[];
  }
  const tree: Named = { name: "and", parts: [leaf("a"), { name: "or", parts: [leaf("b"), leaf("c")] }] };
  const at = Object.fromEntries(treePlaces(tree).map(({ x, y, node, parent }) => [node.name, [x, y, parent]]));
  expect(at).toEqual({ and: [0, 0.75, undefined], a: [1, 0, 0], or: [1, 1.5, 0], b: [2, 1, 2], c: [2, 2, 2] });
});
