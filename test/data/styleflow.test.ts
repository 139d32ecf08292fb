import { describe, expect, test } from "vitest";
import { readStyleflow } from "../../src/learn/label/styleflow.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { dataBytes, layoutData } from "../../src/learn/label/layout.js";
import { dict, floatBytes, global, int, tuple, unicode, type Part } from "../support/pickle.js";
import { array, bytes, float, list, NONE, pickle } from "../support/styleflow.js";

/** Three samples of width 2; a row is smile, age, hair and nothing else that says something. */
const LATENTS = pickle(dict({ Latent: array([3, 1, 1, 2], "f4", bytes(floatBytes(1, 2, 3, 4, 5, 6))) }));
function row(smile: Part, age: Part, hair: Part): Part[] {
  return Array.from({ length: 21 }, (_, k) =>
    k === 2 ? smile : k === 7 ? age : k === 11 ? hair : k === 5 ? NONE : float(0.5),
  );
}
function table(...rows: readonly Part[][]): Uint8Array {
  return pickle(dict({ att_light: list([array([rows.length, 21], "O8", list(rows.flat()))]) }));
}
const TABLE = table(
  row(int(1), float(0.25), int(4)),
  row(NONE, float(0.75), int(0)),
  row(int(0), NONE, [0x88]), // True
);
const files = (latents: Uint8Array, attributes: Uint8Array): Parameters<typeof readStyleflow> => [
  { bytes: latents, file: "all_latents.pickle" },
  { bytes: attributes, file: "att_light.pickle" },
];

describe("the data set of StyleFlow", () => {
  test("latents and labels are read, None as missing; columns that say nothing are left out", () => {
    const data = readStyleflow(...files(LATENTS, TABLE));
    expect([data.count, data.wDim, [...data.w]]).toEqual([3, 2, [1, 2, 3, 4, 5, 6]]);
    expect(data.attributes).toEqual([
      { name: "smile", type: "binary", classes: ["no", "yes"], temperature: 1 },
      { name: "age", type: "scalar", min: 0, max: 1, sigma: 0.1 },
      { name: "haircolor", type: "category", classes: [0, 1, 2, 3, 4].map((k) => `haircolor${k}`), temperature: 1 },
    ]);
    expect([...data.labels.get("smile")!]).toEqual([1, NaN, 0]);
    expect([...data.labels.get("age")!]).toEqual([0.25, 0.75, NaN]);
    expect([...data.labels.get("haircolor")!]).toEqual([4, 0, 1]);
  });

  test("it becomes a data file without z", () => {
    const data = readStyleflow(...files(LATENTS, TABLE));
    const metadata = {
      count: data.count,
      model: { name: "styleflow", sha256: null, zDim: null, wDim: data.wDim },
      attributes: data.attributes,
      labeller: { name: "att_light.pickle", sha256: null },
      ...{ seed: null, truncation: null, jitter: null, lacec: "0" },
    };
    const layout = layoutData(metadata, { conditions: false, probabilities: [], thumbnails: 0 });
    expect([...layout.tensors.keys()]).toEqual(["w", "labels.smile", "labels.age", "labels.haircolor"]);
    const bytes = dataBytes(
      layout,
      new Map([["w", data.w], ...[...data.labels].map(([n, l]) => [`labels.${n}`, l] as const)]),
    );
    const stored = readSafetensors(bytes, "data.safetensors");
    expect([...stored.tensor("w")!.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...stored.tensor("labels.haircolor")!.data]).toEqual([4, 0, 1]);
  });

  test.each([
    ["another number of rows", LATENTS, table(row(int(1), float(1), int(1))), /L5107.*labels 1 samples.*has 3/],
    [
      "a class that there is not",
      LATENTS,
      table(row(int(1), float(1), int(5)), row(int(0), float(0), int(1)), row(int(0), NONE, NONE)),
      /haircolor.*label 5/,
    ],
    ["no array", LATENTS, pickle(dict({ att_light: list([]) })), /holds no array under "att_light"/],
    [
      "a table of another width",
      LATENTS,
      pickle(dict({ att_light: array([1, 2], "f4", bytes(floatBytes(1, 2))) })),
      /shape \[1, 2\]/,
    ],
    [
      "latents that are not finite",
      pickle(dict({ Latent: array([1, 2], "f4", bytes(floatBytes(1, NaN))) })),
      TABLE,
      /not finite/,
    ],
    [
      "objects that are no numbers",
      LATENTS,
      pickle(dict({ att_light: array([1, 2], "O8", list([unicode("old"), int(1)])) })),
      /L5104.*neither numbers nor None/,
    ],
    [
      "fewer objects than the shape says",
      LATENTS,
      pickle(dict({ att_light: array([1, 2], "O8", list([int(1)])) })),
      /L5104.*without its 2 objects/,
    ],
    ["code", LATENTS, pickle([global("os", "system"), tuple(unicode("true")), 0x52]), /L5105.*os.system/],
  ])("%s is told", (_, latents, attributes, message) => {
    expect(() => readStyleflow(...files(latents, attributes))).toThrow(message);
  });
});
