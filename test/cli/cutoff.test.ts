// Truncation down to the average, with a cutoff: near layers alike in every picture, far ones a sample's own.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderWith, lacec } from "../support/lacec.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample all from avatar { where glasses  truncation 0  count 2  seed 1 }
sample near from avatar { where glasses  truncation 0  cutoff 4  count 2  seed 1 }
edit changed of near[0..1] { step smile layers 0..5 }
save all to "all-{index}.png"
save near to "near-{index}.png"
save changed to "changed.webp" as animation { tween 1 }
`;
let folder: ReturnType<typeof folderWith>;
beforeAll(() => (folder = folderWith({ "a.lace": SCRIPT })));
afterAll(() => folder.remove());

test("truncation 0 with a cutoff: the layers before it are the average's, those from it on each sample's own", async () => {
  const run = (out: string) =>
    lacec(["run", "a.lace", "-o", out, "--engine", "onnx-cpu", "--no-provenance", "-q"], { cwd: folder.path });
  expect(await run("first")).toMatchObject({ code: 0, err: "" });
  const pixels = async (name: string): Promise<string> =>
    (
      await sharp(join(folder.path, "first", name))
        .raw()
        .toBuffer()
    ).toString("base64");
  const [all, other, near, far] = await Promise.all(["all-0.png", "all-1.png", "near-0.png", "near-1.png"].map(pixels));
  expect(other).toBe(all); // the average, twice
  expect(near).not.toBe(all);
  expect(far).not.toBe(near);
  expect(await run("second")).toMatchObject({ code: 0, err: "" }); // from what was kept
  for (const name of ["near-1.png", "changed.webp"])
    expect(readFileSync(join(folder.path, "second", name))).toEqual(readFileSync(join(folder.path, "first", name)));
});
