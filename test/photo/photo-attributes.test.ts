// What a photograph shows, by the model's own labeller alone, without what is unclear.
import { expect, test, vi } from "vitest";
import type { Attribute } from "../../src/compiler/attribute.js";
import { attributesSeen, seenInPhotograph } from "../../src/runtime/run/photo-attributes.js";
import type { Labeller } from "../../src/runtime/services/services.js";
import { randomModel } from "../support/model.js";

const attributes: readonly Attribute[] = [
  { name: "hat", type: "binary", classes: ["not", "hat"], temperature: 1 },
  { name: "hair", type: "category", classes: ["black", "brown", "red"], temperature: 1 },
  { name: "tilt", type: "scalar", min: 0, max: 1, sigma: 0.1 },
];
const picture = { width: 1, height: 1, data: new Uint8Array(3) };
const label =
  (columns: number[], unclear?: number[]): Labeller["label"] =>
  () =>
    Promise.resolve({ columns: Float32Array.from(columns), ...(unclear && { unclear: Uint8Array.from(unclear) }) });

test("classes are places, scalars values", async () => {
  const seen = await attributesSeen(picture, { attributes, label: label([-1, 1, 0, 0, 5, 0.25]) });
  expect([...seen]).toEqual([
    ["hat", 1],
    ["hair", 2],
    ["tilt", 0.25],
  ]);
});

test("what is unclear or was not seen is left out", async () => {
  const seen = await attributesSeen(picture, { attributes, label: label([-1, 1, 0, 0, 5, NaN], [1, 0, 0]) });
  expect([...seen]).toEqual([["hair", 2]]);
});

test("a judge of the caller's is not asked, and is closed", async () => {
  const dispose = vi.fn(() => Promise.resolve());
  const judge = (sha256: string): Labeller => ({
    ...{ name: "judge", sha256, attributes, dispose, label: label([-1, 1, 0, 0, 5, 0.25]) },
    look: () => Promise.reject(new Error("not asked")),
  });
  const model = { ...randomModel(), labeller: { file: "own.onnx", sha256: "own" } };
  const world = { openLabeller: () => Promise.resolve(judge("other")) };
  expect(await seenInPhotograph(picture, model, world)).toBeUndefined();
  expect(await seenInPhotograph(picture, randomModel(), world)).toBeUndefined();
  expect(dispose).toHaveBeenCalledTimes(1);
  const own = { ...world, openOwnLabeller: () => Promise.resolve(judge("own")) };
  expect((await seenInPhotograph(picture, model, own))?.get("hair")).toBe(2);
  expect(dispose).toHaveBeenCalledTimes(2);
});
