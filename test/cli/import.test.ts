import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
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

describe.skipIf(!GOLDEN_PRESENT)("drawing a conditional checkpoint (skipped without ../shared/golden)", () => {
  const kinds = [
    "class 3",
    "class 4",
    "class 3  noise none",
    "class 3  noise random",
    "class 3  truncation 0.5",
    "class 3  truncation 0.5  cutoff 3",
    "class 3  truncation 0  cutoff 3",
  ];

  test("class, cutoff and noise change the picture; random noise is a sample's own, whatever is drawn with it", async () => {
    const tasks = [...kinds.map((k) => `${k}  count 1`), "class 3  noise random  count 2"].map(
      (settings, i) => `sample s${i} from objects { ${settings}  seed 5 }\nsave s${i} to "s${i}-{index}.png"\n`,
    );
    writeFileSync(join(folder.path, "objects.pkl"), goldenBytes("stylegan2-ada/skip32_conditional.pkl"));
    writeFileSync(
      join(folder.path, "objects.lace"),
      `lace 1\nmodel objects from "objects.safetensors"\n${tasks.join("\n")}`,
    );
    expect((await run("import", "objects.pkl", "-q")).code).toBe(0);
    const ran = await run("run", "objects.lace", "--engine", "onnx-cpu", "-o", "objects", "-q");
    expect([ran.code, ran.err]).toEqual([0, ""]);
    const pixels = async (name: string): Promise<string> => {
      const { data } = await sharp(join(folder.path, "objects", name))
        .raw()
        .toBuffer({ resolveWithObject: true });
      return data.toString("hex");
    };
    const drawn = await Promise.all(kinds.map((_, i) => pixels(`s${i}-0.png`)));
    expect(new Set(drawn).size).toBe(kinds.length);
    const [first, second] = await Promise.all([pixels("s7-0.png"), pixels("s7-1.png")]);
    expect(first).toBe(drawn[3]);
    expect(second).not.toBe(first);
  });
});
