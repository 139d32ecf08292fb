import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/node.js";
import { commonFolder, relativeTo } from "../../src/runtime/record/record.js";
import { publicName } from "../../src/source/public-name.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { folderWith, root } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const seconds = v.record(v.string(), v.pipe(v.number(), v.minValue(0)));
const file = v.strictObject({ file: v.pipe(v.string(), v.regex(/^[^/\\]/)), sha256: hash });
const judge = v.strictObject({ satisfied: whole, unclear: v.optional(whole), counted: whole });
const sample = v.strictObject({
  index: whole,
  part: whole,
  status: v.picklist(["done", "stalled", "too-many-steps", "step-too-small", "non-finite", "stopped", "unsatisfied"]),
  steps: whole,
  accepted: whole,
  rejected: whole,
  evaluations: whole,
  logp: v.nullable(v.number()),
  attempt: v.nullable(whole),
  ess: v.nullable(v.number()),
  likeness: v.exactOptional(v.strictObject({ psnr: v.number(), nats: v.number(), usual: v.number() })),
});
const kept = { keepLatent: v.number(), keepAttributes: v.number() };
const family = v.union([
  v.strictObject({
    axes: v.array(v.strictObject({ name: v.string(), values: v.array(v.union([v.number(), v.string()])) })),
    ...kept,
  }),
  v.strictObject({ fromSeed: whole, toSeed: whole, frames: whole, ...kept }),
  v.strictObject({
    source: v.union([
      v.strictObject({ task: v.string(), from: whole, to: whole }),
      v.strictObject({ seed: whole, count: whole }),
    ]),
    goals: v.picklist(["all", "last"]),
    reweight: v.boolean(),
    keepLatent: v.number(),
    keepAttributes: v.number(),
    steps: v.array(v.strictObject({ weight: v.number(), layers: v.nullable(v.tuple([whole, whole])) })),
  }),
]);
const place = v.strictObject({ right: v.number(), down: v.number(), rotate: v.number() });
const task = v.strictObject({
  name: v.string(),
  kind: v.picklist(["sample", "sweep", "traverse", "edit"]),
  model: v.string(),
  seed: v.nullable(whole),
  count: whole,
  family: v.nullable(family),
  class: v.nullable(v.number()),
  truncation: v.number(),
  cutoff: v.nullable(v.number()),
  placement: v.nullable(v.strictObject({ from: place, to: place })),
  noise: v.picklist(["const", "random", "none"]),
  logic: v.picklist(["product", "lace"]),
  sampler: v.looseObject({ kind: v.picklist(["ode", "langevin", "pc", "hmc"]) }),
  accept: v.nullable(
    v.strictObject({
      by: v.picklist(["labeller", "heads"]),
      tries: whole,
      attempts: whole,
      satisfied: whole,
      slots: whole,
    }),
  ),
  chains: v.nullable(v.strictObject({ length: whole, ess: v.number(), rhat: v.nullable(v.number()) })),
  forecast: v.nullable(v.strictObject({ share: v.number(), counted: whole })),
  seconds,
  samples: v.array(sample),
});
/** run.json, exactly: a field more or less fails. */
const schema = v.strictObject({
  format: v.literal(1),
  lacec: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+/)),
  defaults: v.literal(2),
  script: file,
  imports: v.array(file),
  inputs: v.record(v.string(), v.number()),
  overrides: v.strictObject({ seed: v.nullable(whole), count: v.nullable(whole) }),
  shard: v.nullable(v.string()),
  models: v.array(
    v.strictObject({
      alias: v.string(),
      reference: v.string(),
      sha256: hash,
      labeller: v.nullable(hash),
      judge: v.nullable(
        v.strictObject({
          name: v.string(),
          sha256: v.nullable(hash),
          labelled: v.array(v.string()),
          calibrated: v.array(v.string()),
        }),
      ),
      heads: v.array(v.strictObject({ attribute: v.string(), file: v.string() })),
    }),
  ),
  engine: v.strictObject({ name: v.string(), description: v.string() }),
  tasks: v.array(task),
  expectations: v.array(
    v.strictObject({
      task: v.string(),
      text: v.string(),
      fraction: v.number(),
      heads: judge,
      labeller: v.nullable(judge),
      passed: v.boolean(),
    }),
  ),
  outputs: v.array(
    v.strictObject({
      file: v.string(),
      sha256: hash,
      bytes: whole,
      task: v.string(),
      form: v.picklist(["grid", "each", "strip", "animation"]),
      index: v.nullable(whole),
      step: v.nullable(whole),
    }),
  ),
  left: v.array(file),
  diagnostics: v.array(v.strictObject({ code: v.string(), severity: v.string(), message: v.string() })),
  seconds,
});

let folder: ReturnType<typeof folderWith>;
let record: unknown;
beforeAll(async () => {
  folder = folderWith({
    "main.lace": `lace 1
import { scholar } from "scholar.lace"
model tiny from "tiny.safetensors"
input seed: number = 5
sample faces from tiny {
  where scholar
  count 2
  seed seed
}
sweep tilts over t in {0.2, 0.8} from tiny { where tilt is t }
traverse walk from tiny {
  where glasses
  between seed 1 and seed 2
  frames 3
}
edit change of faces[1] {
  keep latent 0.1, attributes 0.1
  step tilt is 0.5
  step glasses    layers 1..2    weight 2
}
expect faces: glasses >= 0
expect change: glasses >= 0
save faces to "a/{index}.png"
save faces to "a/sheet.webp" as grid
save tilts to "a/tilt-{index}.png"
save walk to "a/walk.webp" as strip
save change to "a/change-{index}-{step}.png"
`,
    "scholar.lace": "lace 1\nenergy scholar = glasses\n",
  });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  await run(join(folder.path, "main.lace"), { out: join(folder.path, "out"), engine: "onnx-cpu", inputs: { seed: 6 } });
  record = JSON.parse(readFileSync(join(folder.path, "out/a/run.json"), "utf8"));
});
afterAll(() => folder.remove());

describe("run.json", () => {
  test("has exactly the documented shape", () => {
    const parsed = v.safeParse(schema, record);
    expect(parsed.issues?.map((i) => `${v.getDotPath(i) ?? ""}: ${i.message}`) ?? []).toEqual([]);
  });

  test("says what was run", () => {
    expect(record).toMatchObject({
      script: { file: "main.lace" },
      imports: [{ file: "scholar.lace" }],
      inputs: { seed: 6 },
      models: [{ alias: "tiny", reference: "tiny.safetensors", labeller: null }],
      engine: { name: "onnx-cpu" },
      tasks: [
        { name: "faces", seed: 6, count: 2, family: null, samples: [{ index: 0 }, { index: 1 }] },
        { name: "tilts", seed: 0, count: 1, family: { axes: [{ name: "t", values: [0.2, 0.8] }] } },
        {
          name: "walk",
          seed: null,
          family: { fromSeed: 1, toSeed: 2, frames: 3 },
          samples: [
            { index: 0, part: 0 },
            { index: 0, part: 1 },
            { index: 0, part: 2 },
          ],
        },
        {
          name: "change",
          seed: null,
          count: 1,
          family: {
            source: { task: "faces", from: 1, to: 1 },
            steps: [{ layers: null }, { weight: 2, layers: [1, 2] }],
          },
        },
      ],
      expectations: [
        { task: "faces", text: "glasses", heads: { counted: 2 }, labeller: null, passed: true },
        { task: "change", text: "glasses", heads: { counted: 1 } },
      ],
      outputs: [
        { file: "0.png", form: "each", index: 0 },
        { file: "1.png", form: "each", index: 1 },
        { file: "sheet.webp", form: "grid", index: null },
        { file: "tilt-0.png", form: "each", index: 0, step: null },
        { file: "tilt-1.png", form: "each", index: 1, step: null },
        { file: "walk.webp", form: "strip", index: null },
        { file: "change-0-0.png", form: "each", index: 0, step: 0 },
        { file: "change-0-1.png", form: "each", index: 0, step: 1 },
      ],
    });
  });

  test("every field is documented in docs/run-json.md", () => {
    const docs = readFileSync(join(root, "docs/run-json.md"), "utf8");
    const fields = [schema, task, sample, judge, file, ...family.options].flatMap((s) => Object.keys(s.entries));
    expect(fields.filter((name) => !docs.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("names in run.json", () => {
  test("relative names stay, absolute and climbing ones lose their folders", () => {
    expect(["a/b.lace", "./b.lace", "builtin:avatar"].map(publicName)).toEqual([
      "a/b.lace",
      "b.lace",
      "builtin:avatar",
    ]);
    expect(
      ["/home/ann/b.lace", "../ann/b.lace", "C:\\Users\\ann\\b.lace", "~/b.lace", "a/../../b.lace"].map(publicName),
    ).toEqual(Array(5).fill("b.lace"));
  });

  test("the common folder is the deepest that holds all outputs", () => {
    expect(commonFolder([])).toBe("");
    expect(commonFolder(["a.png", "out/b.png"])).toBe("");
    expect(commonFolder(["out/a/1.png", "out/a/2.png"])).toBe("out/a");
    expect(commonFolder(["out/a/1.png", "out/b.png"])).toBe("out");
    expect(relativeTo("out", "out/a/1.png")).toBe("a/1.png");
    expect(() => relativeTo("out", "outer/1.png")).toThrow(/not below/);
  });
});
