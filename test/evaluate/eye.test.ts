// The labeller that ships against the eye, on pictures that were looked at twice (test/fixtures/eye): nothing was trained on them.
// training/README.md has the tables; here is what must not get worse.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loadPack } from "../../src/models/pack/pack.js";
import { nodeHost } from "../../src/node/host.js";
import { nodeServices } from "../../src/node/services.js";
import { outputsOf } from "../../src/runtime/draw/columns.js";
import { picturesOf } from "../support/sheet.js";

const PARTS = ["glasses", "smile", "beard", "hat", "hair"] as const;
type Part = (typeof PARTS)[number];
type Look = Readonly<Record<Part | "quality", string>>;

interface Eye {
  readonly sheets: readonly {
    readonly file: string;
    readonly of: string;
    readonly pictures: readonly { readonly looks: readonly [Look, Look] }[];
  }[];
}

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/eye/${name}`, import.meta.url));
const { sheets } = JSON.parse(readFileSync(fixture("eye.json"), "utf8")) as Eye;

/** What both looks say; `unclear` where they differ. */
const agreed = ([a, b]: readonly [Look, Look], what: Part | "quality"): string =>
  a[what] === b[what] ? a[what] : "unclear";

/** Share of the chimeras in which something is unclear, at least; of the fine pictures, at most. What was aimed at is 0.85 and 0.05. */
const FLAGGED: Readonly<Record<string, readonly [number, number]>> = {
  "first.webp": [0.85, 0.13],
  // Chimeras of a better generator are subtler: half of 16 are found.
  "second.webp": [0.45, 0.1],
  // One of five is found, and none of the fine pictures is called unclear.
  "third.webp": [0.1, 0.02],
};

describe.each(sheets)("the labeller and the eye, on pictures of $of", ({ file, pictures }) => {
  let says: readonly Readonly<Record<string, string>>[] = [];
  let unclear: readonly Readonly<Record<string, boolean>>[] = [];
  beforeAll(async () => {
    const host = nodeHost();
    const labeller = (await nodeServices(host, "onnx-cpu").openLabeller(await loadPack(host, "builtin:avatar")))!;
    const labels = await labeller.label(await picturesOf(fixture(file), pictures.length, 20));
    const outputs = outputsOf({ columns: labels.columns }, pictures.length, labeller.attributes);
    const of = <T>(value: (k: number, a: number) => T) =>
      pictures.map((_, k) => Object.fromEntries(PARTS.map((part, a) => [part, value(k, a)])));
    says = of((k, a) => {
      const [attribute, values] = [labeller.attributes[a]!, outputs[k]![a]!];
      return attribute.type === "scalar" ? "" : attribute.classes[values.indexOf(Math.max(...values))]!;
    });
    unclear = of((k, a) => labels.unclear![k * labeller.attributes.length + a] === 1);
    await labeller.dispose();
  });

  const where = (what: Part | "quality", ...values: readonly string[]): number[] =>
    pictures.flatMap(({ looks }, k) => (values.includes(agreed(looks, what)) ? [k] : []));
  const share = (some: readonly number[], test: (k: number) => boolean): number =>
    some.filter(test).length / some.length;

  test.each([
    ["glasses", 0.98],
    ["smile", 0.97],
    ["beard", 0.96],
    ["hat", 0.98],
    ["hair", 0.94],
  ] as const)("%s: they agree where the eye is sure", (part, least) => {
    const sure = pictures
      .flatMap((_, k) => [k])
      .filter((k) => !["unclear", "hidden"].includes(agreed(pictures[k]!.looks, part)));
    expect(sure.length).toBeGreaterThan(0.6 * pictures.length);
    expect(share(sure, (k) => says[k]![part] === agreed(pictures[k]!.looks, part))).toBeGreaterThan(least);
  });

  test("something is unclear in chimeras, and in few fine pictures", () => {
    const [chimeras, fine] = FLAGGED[file]!;
    const flagged = (k: number): boolean => PARTS.some((part) => unclear[k]![part]);
    expect(share(where("quality", "chimera"), flagged)).toBeGreaterThan(chimeras);
    expect(share(where("quality", "fine"), flagged)).toBeLessThan(fine);
  });
});
