import { describe, expect, it } from "vitest";
import { readLaceLatents } from "../../src/learn/label/lace-latents.js";
import { dict, floatBytes, global, int, tuple, unicode, type Part } from "../support/pickle.js";
import { array, bytes, float, list, NONE, pickle } from "../support/styleflow.js";

const held = (key: string, value: Part): Uint8Array => pickle(dict({ [key]: list([value]) }));
const W = held("ws_latent", array([3, 2, 2], "f4", bytes(floatBytes(1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6))));
const doubles = (...v: number[]): Uint8Array => new Uint8Array(Float64Array.from(v).buffer);
const Z = held("z_latent", array([3, 2], "f8", bytes(doubles(0.5, -1, 2, 3, 4, 5))));
const longs = (...v: number[]): Uint8Array => new Uint8Array(BigInt64Array.from(v, BigInt).buffer);
/** AFHQ's: breeds, haircolor, moods, age; -1 and None are missing. */
const CATS = held(
  "pred0.3",
  array(
    [3, 4],
    "O8",
    list([int(3), int(0), int(-1), int(0), int(15), NONE, int(4), int(1), int(0), int(6), int(1), int(1)]),
  ),
);
const read = (labels: Uint8Array, file: string, z?: Uint8Array, given?: Parameters<typeof readLaceLatents>[1]) =>
  readLaceLatents(
    {
      ...{ w: { bytes: W, file: "d/ws_latent.pickle" }, labels: { bytes: labels, file: `d/${file}` } },
      ...(z !== undefined && { z: { bytes: z, file: "d/z_latent.pickle" } }),
    },
    given,
  );

describe("labelled latents of the LACE paper's scripts", () => {
  it("w of the first layer, z and the classes of AFHQ's cats are read, -1 and None as missing", () => {
    const data = read(CATS, "pred0.3.pickle", Z);
    expect([data.count, data.wDim, [...data.w]]).toEqual([3, 2, [1, 2, 3, 4, 5, 6]]);
    expect([data.zDim, [...data.z!]]).toEqual([2, [0.5, -1, 2, 3, 4, 5]]);
    expect(data.attributes.map((a) => [a.name, a.type === "scalar" ? 1 : a.classes.length])).toEqual([
      ["breeds", 16],
      ["haircolor", 7],
      ["moods", 5],
      ["age", 2],
    ]);
    expect([...data.labels.get("moods")!]).toEqual([NaN, 4, 1]);
    expect([...data.labels.get("haircolor")!]).toEqual([0, NaN, 6]);
  });

  it("the classes of CIFAR-10 are one column", () => {
    const data = read(held("pred", array([3], "i8", bytes(longs(8, 0, 9)))), "pred.pickle");
    expect(data.attributes).toMatchObject([{ name: "object", type: "category" }]);
    expect([...data.labels.get("object")!]).toEqual([8, 0, 9]);
    expect(data.zDim).toBeUndefined();
  });

  it("the twelve columns of MetFaces are what its scripts call them", () => {
    const row = (k: number): number[] => [k / 4, k / 5, k % 2, 0, k, 0, 0, k, 0, 0, 0, 0];
    const table = array([3, 12], "f4", bytes(floatBytes(...[0, 1, 2].flatMap(row))));
    const data = read(held("pred", table), "pred.pickle");
    expect(data.attributes.map(({ name, type }) => `${name} ${type}`)).toEqual([
      ...["yaw scalar", "light3 scalar", "smile binary", "age scalar", "haircolor category"],
    ]);
  });

  it("columns can be named", () => {
    const rows = [
      { name: "cute", type: "binary", classes: ["no", "yes"], temperature: 1 },
      { name: "size", type: "scalar", min: 0, max: 2, sigma: 0.1 },
    ] as const;
    const table = held("pred", array([3, 2], "O8", list([int(0), float(1.5), int(1), float(0.5), int(1), NONE])));
    const data = read(table, "pred.pickle", undefined, rows);
    expect(data.attributes).toEqual(rows);
    expect([...data.labels.get("size")!]).toEqual([1.5, 0.5, NaN]);
    expect(() => read(table, "pred.pickle")).toThrow(/L5107.*2 columns/);
    expect(() => read(CATS, "pred0.3.pickle", undefined, rows)).toThrow(/4 columns of labels, --attributes names 2/);
  });

  it.each<[string, Uint8Array, string, Uint8Array | undefined, RegExp]>([
    ["a file of another key", CATS, "pred.pickle", undefined, /holds no array under "pred"/],
    [
      "labels of fewer rows",
      held("pred", array([2], "i8", bytes(longs(1, 2)))),
      "pred.pickle",
      undefined,
      /L5107.*3 latents/,
    ],
    [
      "a class that there is not",
      held("pred", array([3], "i8", bytes(longs(1, 2, 10)))),
      "pred.pickle",
      undefined,
      /label 10/,
    ],
    [
      "z of fewer rows",
      CATS,
      "pred0.3.pickle",
      held("z_latent", array([1, 2], "f4", bytes(floatBytes(1, 2)))),
      /L5107.*\[1, 2\]/,
    ],
    [
      "code",
      pickle([global("os", "system"), tuple(unicode("true")), 0x52]),
      "pred.pickle",
      undefined,
      /L5105.*os.system/,
    ],
  ])("%s is told", (_, labels, file, z, message) => {
    expect(() => read(labels, file, z)).toThrow(message);
  });
});
