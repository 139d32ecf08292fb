// What a run would take, what can be asked for, and what is said of a set that misses what is rare.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { attributes as attributesOn } from "../../src/app/attributes.js";
import { writeHeads, writePack } from "../../src/models/pack/write-pack.js";
import { attributes, plan, run } from "../../src/node.js";
import { onThisMachine } from "../../src/node/platform.js";
import type { Cache } from "../../src/ports/cache.js";
import { BASE_COUNT, isRare, rateText } from "../../src/runtime/draw/base-rates.js";
import { filesIn, folderWith, lacec } from "../support/lacec.js";
import { randomModel } from "../support/model.js";
import { tinyLabeller } from "../support/tiny-labeller.js";

vi.setConfig({ testTimeout: 120_000 });

const SCRIPT = `lace 1
model tiny from "tiny.safetensors"
sample faces from tiny { where hair is brown count 5 seed 5 truncation 1 }
sweep looks over t in {0.2, 0.8} from tiny { where tilt is t count 3 seed 2 }
edit change of faces[0..1] { step glasses step hair is blond }
save faces to "faces-{index}.png"
save looks to "looks.webp" as grid
save change to "change.webp" as animation { fps 4 tween 1 }
`;
const RARE = `lace 1
model tiny from "tiny.safetensors"
sample faces from tiny { where glasses and tilt is 0.5 +- 0.00001 count 2 seed 5 }
expect faces: tilt is 0.5 +- 0.00001 >= 1
`;
const engine = "onnx-cpu";

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);

beforeAll(() => {
  folder = folderWith({ "a.lace": SCRIPT, "rare.lace": RARE });
  writeFileSync(at("tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

describe("lacec plan", () => {
  test("says of each task and file what the run then does, and writes nothing", async () => {
    const before = filesIn(folder.path);
    const planned = await plan(at("a.lace"), { engine });
    expect(filesIn(folder.path)).toEqual(before);
    const ran = await run(at("a.lace"), { out: at("out"), engine });
    for (const [k, task] of planned.tasks.entries()) {
      const { samples } = ran.tasks[k]!;
      expect([task.name, task.kind, task.rows * task.parts]).toEqual([
        samples.length > 0 ? ran.tasks[k]!.task.name : "",
        ran.tasks[k]!.task.kind,
        samples.length,
      ]);
      // All of these tasks fit into a tile, so that they are drawn whole.
      expect([task.probed, task.evaluations]).toEqual([samples.length, samples.reduce((n, s) => n + s.evaluations, 0)]);
      expect(Object.values(task.seconds).every((s) => s >= 0)).toBe(true);
    }
    expect(planned.tasks.map((t) => [t.pictures, t.resolution])).toEqual([
      [5, 16],
      [6, 16],
      [10, 16],
    ]);
    for (const file of planned.files) {
      const made = ran.outputs.filter((o) => o.task === file.task);
      expect(file.files).toBe(made.length);
      const { width, pageHeight, height } = await sharp(at("out", made[0]!.file)).metadata();
      expect([file.width, file.height]).toEqual([width, pageHeight ?? height]);
      expect(file.bytes).toBeGreaterThan(0);
    }
    expect(planned.seconds).toBeGreaterThan(0);
    expect(planned.bytes).toBe(planned.files.reduce((n, f) => n + f.bytes, 0));
  });

  test("counts the rates of conditions as samples that nobody conditioned have them", async () => {
    const [{ tasks }, facts] = [
      await plan(at("a.lace"), { engine }),
      await attributes(at("tiny.safetensors"), { engine, truncation: 1 }),
    ];
    const [hair] = tasks[0]!.conditions;
    const row = facts.attributes.find((a) => a.name === "hair")!;
    const brown = row.type === "category" ? row.classes.indexOf("brown") : -1;
    expect([hair!.text, hair!.counted]).toEqual(["hair is brown", BASE_COUNT]);
    expect(hair!.satisfied / hair!.counted).toBeCloseTo(row.shares![brown]!, 12);
    // The prior by another way: samples of a set without a condition.
    writeFileSync(
      at("free.lace"),
      SCRIPT.slice(0, SCRIPT.indexOf("sweep")).replace("where hair is brown count 5", "count 600"),
    );
    const { tasks: free } = await run(at("free.lace"), { out: at("free"), engine });
    const found = free[0]!.samples.filter((s) => {
      const logits = s.heads[facts.attributes.indexOf(row)]!;
      return logits.indexOf(Math.max(...logits)) === brown;
    }).length;
    const share = hair!.satisfied / hair!.counted;
    const deviation = Math.sqrt((share * (1 - share)) / 600);
    expect(Math.abs(found / 600 - share)).toBeLessThan(4 * deviation + 1 / 600);
    expect(tasks[1]!.conditions.map((c) => c.part)).toEqual([0, 1]);
    expect(tasks[2]!.conditions[0]!.text).toContain("hair is blond");
  });

  test("says the least and the most that slots which try again take", async () => {
    const { attributes } = randomModel().info;
    const labeller = tinyLabeller({ logits: [1, -1, 3, 0, 0, 0.5] });
    writeFileSync(at("blind.onnx"), labeller);
    const sha256 = createHash("sha256").update(labeller).digest("hex");
    const model = { ...randomModel({ attributes }), labeller: { file: "blind.onnx", sha256 } };
    writeFileSync(at("blind.safetensors"), writePack(model, { source: "a test" }));
    const text = (how: string, tries: number): string => `lace 1
model tiny from "blind.safetensors"
sample faces from tiny { where glasses  count 6  seed 3  sampler ode { tau 0.05 }  ${how}  tries ${tries} }
save faces to "faces.png" as grid
`;
    // This labeller never sees glasses (all tries are used up) and always sees their absence (the first of each is accepted).
    const scripts = {
      never: text("accept by labeller", 3),
      first: text("accept by labeller", 3).replace("where", "where not"),
    };
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(at(`${name}.lace`), script);
      const { tasks, ...whole } = await plan(at(`${name}.lace`), { engine });
      const [task] = tasks;
      expect([task!.tries, task!.pictures, task!.most!.pictures]).toEqual([3, 6, 6 + 3 * 6]);
      expect([whole.evaluations, whole.most!.evaluations]).toEqual([task!.evaluations, task!.most!.evaluations]);
      expect(whole.most!.seconds).toBeGreaterThan(whole.seconds);
      const ran = await run(at(`${name}.lace`), { out: at(name), engine });
      const spent = ran.tasks[0]!.samples.reduce((n, s) => n + s.evaluations, 0);
      const { attempts, satisfied } = ran.tasks[0]!.attempts!;
      expect([attempts, satisfied]).toEqual(name === "never" ? [18, 0] : [6, 6]);
      if (name === "first") expect(task!.evaluations).toBe(spent);
      else expect(Math.abs(spent / task!.most!.evaluations - 1)).toBeLessThan(0.25);
    }
    const { out } = await lacec(["plan", "never.lace", "--engine", engine], { cwd: folder.path });
    expect(out).toMatch(
      /^faces {2}sample of 6, up to 3 tries of each: [\d,]+ to [\d,]+ evaluations, .*; 6 to 24 pictures of 16 px, /m,
    );
    expect(out).toMatch(/^about .* on onnx-cpu, [\d,]+ to [\d,]+ evaluations/m);
    expect((await plan(at("a.lace"), { engine })).most).toBeNull();
  });

  test("prints it, or one JSON document; names a set that is rare, with what helps", async () => {
    const [text, json, wrong] = await Promise.all([
      lacec(["plan", "rare.lace", "--engine", engine], { cwd: folder.path }),
      lacec(["plan", "a.lace", "--engine", engine, "--json"], { cwd: folder.path }),
      lacec(["plan", "nobody.lace"], { cwd: folder.path }),
    ]);
    expect([text.code, text.out]).toEqual([
      0,
      expect.stringMatching(
        /^faces {2}sample of 2: [\d,]+ evaluations[^]*(?:about|fewer than) 1 in [\d,]+ unconditional samples satisfy glasses and tilt is 0\.5 \+- 0\.00001\n +try weight 6 on `tilt is 0\.5 \+- 0\.00001`\n/,
      ),
    ]);
    expect(JSON.parse(json.out)).toMatchObject({ script: "a.lace", engine: { name: engine }, tasks: [{}, {}, {}] });
    expect(wrong.code).toBe(2);
  });
});

describe("a set that misses what is rare", () => {
  test("is told how rare it is, and what helps", async () => {
    const { diagnostics } = await run(at("rare.lace"), { out: at("rare"), engine });
    const missed = diagnostics.find((d) => d.code === "L4104");
    expect(missed?.hints).toEqual([
      expect.stringMatching(
        /^(about|fewer than) 1 in [\d,]+ unconditional samples satisfy `glasses and tilt is 0\.5 \+- 0\.00001`, by the heads$/,
      ),
      "try weight 6 on `tilt is 0.5 +- 0.00001`",
    ]);
    writeFileSync(at("common.lace"), RARE.replace("glasses and tilt is 0.5 +- 0.00001", "glasses"));
    const common = await run(at("common.lace"), { out: at("common"), engine });
    expect(common.diagnostics.find((d) => d.code === "L4104")?.hints).toEqual([]);
  });

  test("rates read well", () => {
    const of = (satisfied: number): string => rateText({ satisfied, counted: 16384 });
    expect([of(0), of(1), of(20), of(8192)]).toEqual([
      "fewer than 1 in 5,461",
      "about 1 in 16,384",
      "about 1 in 819",
      "50%",
    ]);
    expect([16, 17].map((satisfied) => isRare({ satisfied, counted: 16384 }))).toEqual([true, false]);
    expect(isRare({ satisfied: 0, counted: 0 })).toBe(false);
  });
});

describe("lacec attributes", () => {
  test("lists classes, ranges and frequencies, which are drawn once", async () => {
    const kept = new Map<string, Uint8Array>();
    const asked: boolean[] = [];
    const cache: Cache = {
      get: (key) => Promise.resolve(kept.get(key)).then((bytes) => (asked.push(bytes !== undefined), bytes)),
      put: (key, bytes) => Promise.resolve(void kept.set(key, Uint8Array.from(bytes))),
      close: () => Promise.resolve(),
      trouble: undefined,
    };
    const look = (truncation: number): ReturnType<typeof attributesOn> =>
      onThisMachine((platform) => attributesOn(platform, at("tiny.safetensors"), { engine, cache, truncation }));
    const [first, again, narrow] = [await look(1), await look(1), await look(0.1)];
    expect(asked).toEqual([false, true, false]);
    expect(again).toEqual(first);
    for (const { type, shares, quantiles } of first.attributes) {
      if (type === "scalar") {
        const [low, median, high] = quantiles!;
        expect([shares, low < median, median < high]).toEqual([null, true, true]);
      } else expect([quantiles, shares!.reduce((a, b) => a + b, 0)]).toEqual([null, expect.closeTo(1, 12)]);
    }
    const spread = ({ attributes: rows }: typeof first): number => {
      const { quantiles } = rows.find((a) => a.type === "scalar")!;
      return quantiles![2] - quantiles![0];
    };
    expect(spread(narrow)).toBeLessThan(spread(first));
  });

  test("shows heads of files of their own beside those of the model", async () => {
    const { info, weights } = randomModel();
    const own = {
      attributes: info.attributes.map((a) => ({ ...a, name: `my${a.name}` })),
      heads: weights.heads.map((h) => ({ ...h, attribute: `my${h.attribute}` })),
    };
    writeFileSync(
      at("my.safetensors"),
      writeHeads(own, { wDim: info.wDim, zDim: info.zDim }, "F32", { source: "a test" }),
    );
    const found = await attributes(at("tiny.safetensors"), { engine, truncation: 1, heads: [at("my.safetensors")] });
    const rows = (from: string | null): typeof found.attributes => found.attributes.filter((a) => a.from === from);
    expect(rows(null).map((a) => a.name)).toEqual(info.attributes.map((a) => a.name));
    expect(rows(at("my.safetensors"))).toEqual(
      rows(null).map((a) => ({ ...a, name: `my${a.name}`, from: at("my.safetensors") })),
    );
    const heads = ["--heads", "my.safetensors", "--engine", engine];
    const [text, wrong] = await Promise.all([
      lacec(["attributes", "tiny.safetensors", ...heads], { cwd: folder.path }),
      lacec(["attributes", "tiny.safetensors", "--heads", "nobody.safetensors"], { cwd: folder.path }),
    ]);
    expect(text.out.match(/^\w+/gm)).toEqual(found.attributes.map((a) => a.name));
    expect([wrong.code, wrong.err]).toEqual([3, expect.stringContaining("L5001")]);
  });

  test("prints a line for each, or JSON", async () => {
    const [text, json] = await Promise.all([
      lacec(["attributes", "tiny.safetensors", "--engine", engine], { cwd: folder.path }),
      lacec(["attributes", "tiny.safetensors", "--engine", engine, "--json"], { cwd: folder.path }),
    ]);
    const lines = text.out.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines.find((l) => l.startsWith("hair"))).toMatch(/category \{ .*brown.* \} .*brown (\d+%|below 1%)/);
    expect(text.err).toContain("among 16,384 unconditional samples");
    const { model, samples } = JSON.parse(json.out) as { model: string; samples: number };
    expect([model, samples]).toEqual(["tiny.safetensors", BASE_COUNT]);
    expect(readFileSync(at(".lace/.gitignore"), "utf8")).not.toBe("");
  });
});
