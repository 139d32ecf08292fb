import { describe, expect, test } from "vitest";
import type { Save, Task } from "../../src/compiler/plan.js";
import { openSink } from "../../src/runtime/show/saves.js";
import { MAX_SHEET_PIXELS } from "../../src/runtime/plan/sheet.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { halfImage, solidImage, type RgbImage } from "../../src/runtime/image/rgb.js";
import type { Diagnostic } from "../../src/source/diagnostic.js";

/** What a sheet of so many white images of `side` pixels looks like, and what is said of it. */
async function sheetOf(count: number, side: number): Promise<{ sheet: RgbImage; said: Diagnostic[] }> {
  const said: Diagnostic[] = [];
  const sheets: RgbImage[] = [];
  const context = {
    host: {
      resolve: (_: string, file: string) => file,
      writeAtomic: () => Promise.resolve(),
      sha256: () => Promise.resolve(""),
    },
    codec: {
      encode: (image: RgbImage) => {
        sheets.push(image);
        return Promise.resolve(new Uint8Array(1));
      },
    },
    out: "out",
    onEvent: () => undefined,
    warn: (diagnostic: Diagnostic) => said.push(diagnostic),
  };
  const save = { form: { kind: "grid", columns: count }, path: "sheet.png" } as unknown as Save;
  const subject = { task: { kind: "sample", name: "t", count } as unknown as Task, recipe: () => undefined };
  const sink = openSink(save, subject, context as never);
  const white = solidImage(side, side, [255, 255, 255]);
  for (let index = 0; index < count; index++) await sink.accept(white, { index, part: 0 } as SampleResult);
  await sink.finish();
  return { sheet: sheets[0]!, said };
}

describe("sheets of many images", () => {
  const side = 1000;
  const most = MAX_SHEET_PIXELS / side ** 2;

  test("stay whole as long as they fit", async () => {
    const { sheet, said } = await sheetOf(most, side);
    expect(sheet.width).toBeGreaterThan(most * side);
    expect(said).toEqual([]);
  });

  test("show all images at half their size when they are more, with a warning", async () => {
    const { sheet, said } = await sheetOf(most + 1, side);
    expect(sheet.width).toBeGreaterThan((most + 1) * (side / 2));
    expect(sheet.width).toBeLessThan((most + 1) * side);
    expect(sheet.data.subarray(0, 3000).every((v) => v === 255)).toBe(true);
    expect(said).toMatchObject([{ code: "L4108", severity: "warning" }]);
    expect(said[0]!.message).toContain("500x500");
  });

  test("a halved image has the means of its pixels; an odd last row and column are left out", () => {
    const rows = [
      [1, 10, 0, 2, 20, 0, 9, 9, 9],
      [3, 30, 0, 5, 50, 0, 7, 7, 7],
      [8, 8, 8, 8, 8, 8, 8, 8, 8],
    ];
    const image = { width: 3, height: 3, data: Uint8Array.from(rows.flat()) };
    expect(halfImage(image)).toEqual({ width: 1, height: 1, data: Uint8Array.of(3, 28, 0) });
  });
});
