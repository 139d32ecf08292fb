// Pictures of StyleGAN3 that are moved in their images, from the checkpoint to the record.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
import { folderWith, lacec } from "../support/lacec.js";

const SCRIPT = `lace 1
model things from "t64.safetensors"
sample still from things { seed 3  truncation 0.5 }
sample moved from things { seed 3  truncation 0.5  translate 0.25, 0 }
traverse turn from things { between seed 3 and seed 3  frames 3  translate 0..0.25, 0  rotate 0..90  truncation 0.5 }
save still to "still.png"
save moved to "moved.png"
save turn to "turn.png" as strip
`;

describe.skipIf(!GOLDEN_PRESENT)("translate and rotate (skipped without ../shared/golden)", () => {
  let folder: ReturnType<typeof folderWith>;
  beforeAll(() => {
    folder = folderWith({ "x.lace": SCRIPT });
    writeFileSync(join(folder.path, "t64.pkl"), goldenBytes("stylegan3/t64.pkl"));
  });
  afterAll(() => folder.remove());

  it("move the picture, and run.json says where it stands", { timeout: 300_000 }, async () => {
    for (const args of [
      ["import", "t64.pkl"],
      ["run", "x.lace"],
    ]) {
      const { code, err } = await lacec(args, { cwd: folder.path });
      expect([args[0], code, err]).toEqual([args[0], 0, expect.any(String)]);
    }
    const record = JSON.parse(readFileSync(join(folder.path, "run.json"), "utf8")) as {
      tasks: { placement: unknown }[];
    };
    const at = (right: number, rotate: number): object => ({ right, down: 0, rotate });
    expect(record.tasks.map((t) => t.placement)).toEqual([
      null,
      { from: at(0.25, 0), to: at(0.25, 0) },
      { from: at(0, 0), to: at(0.25, 90) },
    ]);
    const pixels = async (name: string): Promise<Buffer> =>
      sharp(join(folder.path, name)).removeAlpha().raw().toBuffer();
    const [still, moved] = [await pixels("still.png"), await pixels("moved.png")];
    // A quarter of 64 pixels to the right; the middle rows and columns, which no edge is near.
    const distance = (by: number): number => {
      let sum = 0;
      for (let y = 16; y < 48; y++)
        for (let x = 28; x < 52; x++)
          for (let c = 0; c < 3; c++) sum += Math.abs(moved[3 * (64 * y + x) + c]! - still[3 * (64 * y + x - by) + c]!);
      return sum;
    };
    expect(distance(16)).toBeLessThan(distance(0) / 4);
    expect(distance(16)).toBeLessThan(distance(-16) / 4);
  });
});
