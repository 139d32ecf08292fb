// The bed: what is drawn is what the judge reads, and the same bytes come each time.
import { describe, expect, it } from "vitest";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { random } from "../support/random.js";
import { makeBed } from "./bed.js";

const [BATCH, Z] = [16, 32];

describe("the test bed", () => {
  it("the same options give the same bytes, others do not", () => {
    const [one, two, other] = [makeBed(), makeBed(), makeBed({ seed: 2 })];
    expect(Buffer.from(one.decoder).equals(two.decoder)).toBe(true);
    expect(Buffer.from(one.judge).equals(two.judge)).toBe(true);
    expect(Buffer.from(one.decoder).equals(other.decoder)).toBe(false);
    expect(Buffer.from(one.judge).equals(other.judge)).toBe(true);
  });

  it("hues, sizes, marks and dots come in the shares that the bed says", async () => {
    const bed = makeBed();
    const [decoder, judge] = [await openOnnxModel(bed.decoder), await openOnnxModel(bed.judge)];
    const r = random(3);
    const rows: number[][] = [];
    for (let batch = 0; batch < 64; batch++) {
      const z = Float32Array.from({ length: BATCH * Z }, () => r.normal());
      const { image } = await decoder.run({ z: { data: z, dims: [BATCH, Z] } });
      const { readings } = await judge.run({ image: { data: image!.data, dims: [BATCH, 3, 64, 64] } });
      for (let row = 0; row < BATCH; row++) rows.push([...readings!.data.subarray(row * 14, (row + 1) * 14)]);
    }
    await decoder.dispose();
    await judge.dispose();
    const share = (of: (row: number[]) => boolean): number => rows.filter(of).length / rows.length;
    const argmax = (values: number[]): number => values.indexOf(Math.max(...values));
    expect(rows.flat().every(Number.isFinite)).toBe(true);
    for (const hue of [0, 1, 2]) expect(share((row) => argmax(row.slice(0, 4)) === hue)).toBeGreaterThan(0.25);
    expect(share((row) => argmax(row.slice(0, 4)) === 3)).toBeGreaterThan(0.01);
    for (const scalar of [4, 5, 6]) {
      expect(share((row) => row[scalar]! > -0.1 && row[scalar]! < 1.15)).toBeGreaterThan(0.99);
      expect(Math.abs(share((row) => row[scalar]! > 0.5) - 0.5)).toBeLessThan(0.06);
    }
    // Columns 7 to 9: corner, ring, stripes; the last four: dots.
    expect(share((row) => row[7]! > 0)).toBeGreaterThan(0.015);
    expect(share((row) => row[7]! > 0)).toBeLessThan(0.06);
    expect(Math.abs(share((row) => row[8]! > 0) - 0.29)).toBeLessThan(0.06);
    expect(Math.abs(share((row) => row[9]! > 0) - 0.15)).toBeLessThan(0.05);
    const dots = (k: number): number => share((row) => argmax(row.slice(10)) === k);
    expect(Math.abs(dots(0) - 0.55)).toBeLessThan(0.08);
    expect(dots(3)).toBeLessThan(0.05);
    // A ring goes with a large disc, a white corner with a dark ground.
    const mean = (column: number, of: (row: number[]) => boolean): number => {
      const own = rows.filter(of).map((row) => row[column]!);
      return own.reduce((a, b) => a + b, 0) / own.length;
    };
    expect(mean(4, (row) => row[8]! > 0)).toBeGreaterThan(mean(4, (row) => row[8]! <= 0) + 0.1);
    expect(mean(6, (row) => row[7]! > 0)).toBeLessThan(mean(6, (row) => row[7]! <= 0) - 0.1);
  });
});
