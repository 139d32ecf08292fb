import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyDecoder } from "../support/decoder.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";

const SCRIPT = `lace 1

model faces from "faces.safetensors"

sample some from faces { count 4  seed 3 }

save some to "some.png" as grid
`;

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({ "x.lace": SCRIPT, "page.pkl": "<html></html>" });
  writeFileSync(join(folder.path, "generator.onnx"), tinyDecoder());
});
afterAll(() => folder.remove());
const run = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });

describe("lacec import and inspect", () => {
  test("a decoder becomes a pack that a script samples without a condition", async () => {
    const imported = await run("import", "generator.onnx", "-o", "faces.safetensors", "--clip", "-1..0.99");
    expect([imported.code, imported.err]).toEqual([0, expect.stringContaining("--range says otherwise")]);
    expect(imported.out).toContain("wrote faces.safetensors");
    const inspected = await run("inspect", "faces.safetensors", "--json");
    expect(JSON.parse(inspected.out)).toMatchObject({
      format: "pack",
      architecture: "onnx",
      resolution: 8,
      zDim: 6,
      decoder: { file: "faces.onnx", clip: [-1, 0.99], outputRange: [-1, 1] },
      madeFrom: [{ file: "generator.onnx" }],
    });
    const ran = await run("run", "x.lace", "--engine", "tfjs-cpu", "-o", "out");
    expect([ran.code, ran.err.includes("error")]).toEqual([0, false]);
    expect(filesIn(join(folder.path, "out"))).toEqual(["run.json", "some.png"]);
  });

  test("inspect prints a table", async () => {
    const { code, out } = await run("inspect", "generator.onnx");
    expect(code).toBe(0);
    expect(out).toMatch(/^format +onnx$/m);
    expect(out).toMatch(/^SHA-256 +[0-9a-f]{64}$/m);
  });

  test("what cannot be imported is said with its reason; nothing is written", async () => {
    const before = filesIn(folder.path);
    const [page, missing, self, wrong, range] = await Promise.all([
      run("import", "page.pkl"),
      run("import", "nowhere.pkl"),
      run("import", "generator.onnx", "-o", "generator.onnx"),
      run("import", "generator.onnx", "--attribute", "hat"),
      run("import", "generator.onnx", "--range", "1..0"),
    ]);
    expect([page.code, missing.code, self.code, wrong.code, range.code]).toEqual([3, 3, 2, 2, 2]);
    expect(page.err).toMatch(/L5107[^]*page of a web site/);
    expect(missing.err).toContain("nowhere.pkl");
    expect(self.err).toContain("must end in .safetensors");
    expect(wrong.err).toContain("`hat` does not declare an attribute");
    expect(filesIn(folder.path)).toEqual(before);
  });
});
