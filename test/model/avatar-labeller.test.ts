// The labeller that ships, on blends of drawings that it has not seen (training/blend.py): what is there, and what is unclear.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loadPack } from "../../src/models/pack/pack.js";
import { nodeHost } from "../../src/node/host.js";
import { nodeServices } from "../../src/node/services.js";
import { outputsOf } from "../../src/runtime/draw/columns.js";
import { picturesOf } from "../support/sheet.js";

const PARTS = ["glasses", "smile", "beard", "hat", "hair"] as const;
const COLUMNS = 8;

type Blend = Readonly<Record<(typeof PARTS)[number], { readonly likeliest: number; readonly unclear: number }>>;

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const blends = JSON.parse(readFileSync(fixture("blends.json"), "utf8")) as readonly Blend[];

describe("the labeller that ships", () => {
  let columns: readonly (readonly (readonly number[])[])[] = [];
  let unclear: readonly (readonly boolean[])[] = [];
  beforeAll(async () => {
    const host = nodeHost();
    const labeller = (await nodeServices(host, "onnx-cpu").openLabeller(await loadPack(host, "builtin:avatar")))!;
    expect(labeller.tellsUnclear).toBe(true);
    expect(labeller.attributes.slice(0, PARTS.length).map((a) => a.name)).toEqual(PARTS);
    const labels = await labeller.label(await picturesOf(fixture("blends.webp"), blends.length, COLUMNS));
    const width = labeller.attributes.length;
    columns = outputsOf({ columns: labels.columns }, blends.length, labeller.attributes);
    unclear = blends.map((_, k) => PARTS.map((_part, a) => labels.unclear![k * width + a] === 1));
    await labeller.dispose();
  });

  /** Pairs of a picture and a part of it. */
  const pairs = (which: (blend: Blend[keyof Blend]) => boolean): (readonly [number, number])[] =>
    blends.flatMap((blend, k) => PARTS.flatMap((part, a) => (which(blend[part]) ? [[k, a] as const] : [])));

  test("names what is clearly there or not, and seldom calls it unclear", () => {
    const clear = pairs((b) => b.unclear === 0);
    expect(clear.length).toBeGreaterThan(200);
    const right = clear.filter(([k, a]) => {
      const values = columns[k]![a]!;
      return values.indexOf(Math.max(...values)) === blends[k]![PARTS[a]!].likeliest;
    });
    expect(right.length / clear.length).toBeGreaterThan(0.97);
    expect(clear.filter(([k, a]) => unclear[k]![a]).length / clear.length).toBeLessThan(0.03);
  });

  test("calls most of what is half there unclear", () => {
    const half = pairs((b) => b.unclear > 0.95);
    expect(half.length).toBeGreaterThan(15);
    expect(half.filter(([k, a]) => unclear[k]![a]).length / half.length).toBeGreaterThan(0.6);
  });
});
