import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DecoderHints } from "../../src/models/decoder-facts.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { imagesFromTile } from "../../src/runtime/image/rgb.js";
import { examineDecoder } from "../../src/runtime/services/examine-decoder.js";
import { openDecoder } from "../../src/runtime/services/onnx-decoder.js";
import { gaussianNoise } from "../../src/runtime/sample/noise.js";
import { expectClose } from "../support/close.js";
import { conditionalDecoder, pictureOf, Z_DIM, type ConditionalOptions } from "../support/conditional-decoder.js";
import { lacec } from "../support/lacec.js";

const WITHOUT_ORT = { loadOrt: () => Promise.reject(new Error("not installed")) };
const INPUTS = {
  c: { role: "class" },
  psi: { role: "truncation" },
  noise: { role: "constant", values: [0] },
} as const satisfies DecoderHints["inputs"];
const INDEX = { ...INPUTS, c: { role: "class", classes: 3 } } as const;

const examine = async (options: ConditionalOptions, hints: DecoderHints) =>
  examineDecoder(await openOnnxModel(conditionalDecoder(options)), "d.onnx", hints);

/** The first mistake with its hints. */
const said = (error: unknown): string => {
  if (!(error instanceof LaceError)) throw error;
  return error.diagnostics.flatMap((d) => [`${d.code}: ${d.message}`, ...d.hints]).join("\n");
};

const latents = Float32Array.from([0.3, -1.2, 0.8, 0.1, -0.4, 0.9, 1.7, -0.6, 0.2, 0.2, -1, 1.1]);

describe("ONNX decoders that take more than z", () => {
  const forms: [string, ConditionalOptions, DecoderHints][] = [
    ["one-hot class, psi a number", {}, { inputs: INPUTS }],
    ["the class' number, psi of each image", { classes: "index", psi: ["n", 1] }, { inputs: INDEX }],
    ["one psi for the batch, fixed at 2", { psi: [1], batch: 2 }, { inputs: INPUTS }],
    ["half precision", { type: "float16" }, { inputs: INPUTS }],
    ["bytes, pixel by pixel", { type: "uint8", classes: "index" }, { inputs: INDEX }],
  ];
  for (const [engine, options] of [
    ["onnxruntime", {}],
    ["graphs of ours", WITHOUT_ORT],
  ] as const)
    it.each(forms)(`${engine}: %s`, async (_, form, hints) => {
      const { seen, assumed, ...facts } = await examine(form, hints);
      expect(seen[0]).toBeLessThan(seen[1]);
      expect([facts.input, facts.output, facts.zDim, facts.channels]).toEqual(["z", "img", Z_DIM, 3]);
      expect(assumed).toEqual(["the picture is its output `img`, of `features`, `img`"]);
      if (form.type === "uint8") expect([facts.layout, facts.outputRange]).toEqual(["nhwc", [0, 255]]);
      const model = await openOnnxModel(conditionalDecoder(form), options);
      const decoder = openDecoder(model, { ...facts, file: "d.onnx", class: 2 }, facts);
      const psis = [0.7, 0.7, 0.25];
      const { pixels } = await decoder.run({ ws: latents, truncation: Float32Array.from(psis) });
      await decoder.dispose();
      const drawn = imagesFromTile(pixels!, 4, 4);
      psis.forEach((psi, k) => {
        const z = latents.subarray(k * Z_DIM, (k + 1) * Z_DIM);
        expectClose(drawn[k]!.data, pictureOf(z, 2, psi), { abs: form.type === undefined ? 1 : 2, rel: 0 });
      });
    });

  it("an input that is always given the same numbers", async () => {
    const noise = { role: "constant", values: [0.5] } as const;
    const facts = await examine({}, { inputs: { ...INPUTS, noise } });
    const decoder = openDecoder(await openOnnxModel(conditionalDecoder({})), { ...facts, file: "d", class: 0 }, facts);
    const z = latents.subarray(0, Z_DIM);
    const { pixels } = await decoder.run({ ws: z, truncation: Float32Array.of(1) });
    await decoder.dispose();
    expectClose(imagesFromTile(pixels!, 4, 4)[0]!.data, pictureOf(z, 0, 1, 0.5), { abs: 1, rel: 0 });
  });

  it.each<[string, ConditionalOptions, DecoderHints, RegExp]>([
    [
      "inputs that nobody speaks of",
      {},
      {},
      /L5107.*`z` \[n, 4\], `c` \[n, 3\].*--input c=class --input psi=truncation --input noise=0/s,
    ],
    ["a name that is no input", {}, { inputs: { ...INPUTS, y: { role: "class" } } }, /L5107.*no input `y`/],
    ["no input left for z", {}, { inputs: { ...INPUTS, z: { role: "constant", values: [0] } } }, /L5107.*none.*for z/],
    ["a number of a class of how many", { classes: "index" }, { inputs: INPUTS }, /L5107.*`c`.*class:N/],
    [
      "another number of classes",
      {},
      { inputs: { ...INPUTS, c: { role: "class", classes: 5 } } },
      /L5107.*3 classes, not 5/,
    ],
    [
      "as many numbers as do not fit",
      {},
      { inputs: { ...INPUTS, noise: { role: "constant", values: [1, 2] } } },
      /L5107.*48 numbers/,
    ],
    ["two classes", {}, { inputs: { ...INPUTS, noise: { role: "class" } } }, /L5107.*two of its inputs.*class/],
    [
      "two pictures",
      { twins: true },
      { inputs: INPUTS },
      /L5107.*`negative`.*could both be.*--output-name|L5107.*could both be/s,
    ],
    ["an output that is not there", {}, { inputs: INPUTS, output: "x" }, /L5107.*no output `x`.*`img`/s],
    [
      "an output that is no picture",
      {},
      { inputs: INPUTS, output: "features" },
      /L5107.*`features` of shape \[4, 48\].*no pictures/,
    ],
  ])("%s: refused", async (_, options, hints, error) => {
    await expect(examine(options, hints).catch(said)).resolves.toMatch(error);
  });

  it("which input is z, and which output the picture, can be said", async () => {
    const hints = { inputs: { ...INPUTS, z: { role: "latent" } }, output: "negative" } as const;
    const { output, assumed } = await examine({ twins: true }, hints);
    expect([output, assumed]).toEqual(["negative", []]);
  });
});

describe("lacec import --input", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "lacec-inputs-"));
    writeFileSync(join(folder, "things.onnx"), conditionalDecoder({ classes: "index", psi: ["n", 1] }));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const run = (...args: string[]) => lacec(args, { cwd: folder });

  it("from the file to pictures of each class and truncation, again from what was kept, and to labels", async () => {
    const flags = ["--input", "c=class:3", "--input", "psi=truncation", "--input", "noise=0"];
    const imported = await run("import", "things.onnx", ...flags);
    expect([imported.code, imported.err]).toEqual([0, expect.stringContaining("trial images")]);
    expect(imported.out).toMatch(/classes +0\.\.2/);
    expect(imported.out).toMatch(/c \[n\]: the class, its number/);
    expect(imported.out).toMatch(/assumed: the picture is its output `img`/);
    writeFileSync(
      join(folder, "things.lace"),
      `lace 1
model things from "things.safetensors"
sample one from things { seed 5  class 1  truncation 0.5 }
sample two from things { seed 5  class 2  truncation 0.5 }
sample three from things { seed 5  class 2 }
save one to "one.png"
save two to "two.png"
save three to "three.png"
`,
    );
    const z = gaussianNoise({ seed: 5, sample: 0, purpose: "latent", step: 0 }, Z_DIM);
    for (let time = 0; time < 2; time++) {
      const ran = await run("run", "things.lace");
      expect([ran.code, ran.err]).toEqual([0, expect.any(String)]);
      for (const [name, index, psi] of [
        ["one", 1, 0.5],
        ["two", 2, 0.5],
        ["three", 2, 0.7],
      ] as const) {
        const drawn = await sharp(join(folder, `${name}.png`))
          .removeAlpha()
          .raw()
          .toBuffer();
        expectClose(drawn, pictureOf(z, index, psi), { abs: 1, rel: 0 });
      }
    }
    writeFileSync(
      join(folder, "without.lace"),
      `lace 1\nmodel things from "things.safetensors"\nsample x from things {}\n`,
    );
    expect((await run("check", "without.lace")).err).toMatch(/L2012.*`class`/s);
    const exported = await run("label", "things.safetensors", "-n", "2", "--class", "1", "--export", "pictures");
    expect([exported.code, exported.err]).toEqual([0, expect.any(String)]);
  });

  it.each(["c", "c=", "c=klass", "c=class:0", "=class", "c=1,,2"])("--input %s is refused", async (text) => {
    const { code, err } = await run("import", "things.onnx", "--input", text);
    expect([code, err]).toEqual([2, expect.stringContaining("NAME=class")]);
  });
});
