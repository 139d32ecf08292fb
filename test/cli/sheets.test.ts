// Several results on one sheet: drawn as each is, and made again from the recipe in it.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writePack } from "../../src/models/pack/write-pack.js";
import { reproduceImage, run } from "../../src/node.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({});
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

test("two results share a sheet, each below its name as it is alone", async () => {
  const script = join(folder.path, "both.lace");
  writeFileSync(
    script,
    `lace 1
model tiny from "tiny.safetensors"
sample a from tiny { where glasses  count 2  seed 3 }
sweep b over t in {0.2, 0.6}, e in {glasses, not glasses} from tiny { where tilt is t and e  seed 3 }
save a to "a.png" as grid { columns 2 }
save b, a to "both.png" as grid { labels off  caption "two of them" }
save b, a to "named.png" as grid { columns 2 }
`,
  );
  const { outputs } = await run(script, { out: folder.path, engine: "onnx-cpu" });
  expect(outputs.map((o) => [o.file, o.task])).toEqual([
    ["a.png", "a"],
    ["both.png", "b, a"],
    ["named.png", "b, a"],
  ]);
  const read = (file: string) => sharp(join(folder.path, file)).removeAlpha();
  const [alone, both] = [await read("a.png").metadata(), await read("both.png").metadata()];
  expect([alone.width, alone.height]).toEqual([38, 20]);
  expect(both.height).toBeGreaterThan(20 + 38);
  // `a` begins where the four cells of `b` end: 2 rows of 16 pixels, 3 margins of 2.
  const part = await read("both.png")
    .extract({ left: 0, top: 2 * 16 + 3 * 2, width: alone.width, height: alone.height })
    .raw()
    .toBuffer();
  expect(part.equals(await read("a.png").raw().toBuffer())).toBe(true);
  expect((await read("named.png").metadata()).height).toBeGreaterThan(20 + 38);
  const again = join(folder.path, "again.png");
  const made = await reproduceImage(join(folder.path, "both.png"), {
    output: again,
    models: { tiny: join(folder.path, "tiny.safetensors") },
  });
  expect([made.identical, existsSync(again)]).toEqual([true, true]);
});
