// The walks over energies: copies node by node, values from the leaves up, in source order.
import { expect, test } from "vitest";
import { foldEnergy, mapEnergy, parts, type Energy } from "../../src/compiler/energy/energy.js";
import { randomEnergy } from "../support/energies.js";
import { random } from "../support/random.js";

/** All nodes, parts before what they are parts of. */
const nodesOf = (e: Energy): Energy[] => [...parts(e).flatMap(nodesOf), e];

test("mapEnergy visits each node once, parts first, and changes the parts before the whole", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const energy = randomEnergy(random(seed), "product", 3);
    const visited: Energy[] = [];
    const copy = mapEnergy(energy, (node, was) => {
      visited.push(was);
      return { ...node };
    });
    expect(visited).toEqual(nodesOf(energy));
    expect(copy).toEqual(energy);
    const originals = new Set(nodesOf(energy));
    expect(nodesOf(copy).filter((node) => originals.has(node))).toEqual([]);
    const heavier = mapEnergy(energy, (node) => (node.kind === "weight" ? { ...node, factor: node.factor + 1 } : node));
    const factors = (e: Energy): number[] => nodesOf(e).flatMap((n) => (n.kind === "weight" ? [n.factor] : []));
    expect(factors(heavier)).toEqual(factors(energy).map((f) => f + 1));
  }
});

test("foldEnergy gives each node the values of its parts, in source order", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const energy = randomEnergy(random(seed), "product", 3);
    const listed = foldEnergy<readonly Energy[]>(energy, (node, ofParts) => [...ofParts.flat(), node]);
    expect(listed).toEqual(nodesOf(energy));
  }
});
