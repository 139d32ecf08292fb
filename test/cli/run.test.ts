// Runs in this process, through the public library: what comes out, whatever the batch, the engine's mood or the failures.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, LaceError, loadModel, run } from "../../src/node.js";
import { execute } from "../../src/runtime/execute.js";
import type { RunEvent } from "../../src/ports/events.js";
import type { Results } from "../../src/runtime/record/record.js";
import type { Services } from "../../src/runtime/services/services.js";
import { nodeHost } from "../../src/node/host.js";
import { readPngText } from "../../src/runtime/image/png-text.js";
import { nodeServices } from "../../src/node/services.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { filesIn, folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";
import { tinyLabeller } from "../support/tiny-labeller.js";

const SCRIPT = `lace 1

model tiny from "tiny.safetensors"
input seed: number = 42

sample faces from tiny {
  where glasses and tilt > 0.4
  count 4
  seed seed
}

expect faces: glasses >= 0, glasses or not glasses >= 1

save faces to "pictures/face-{index}.png"
save faces to "pictures/{name}-{seed}.png" as grid { columns 3 }
`;

let folder: ReturnType<typeof folderWith>;
let script = "";
beforeAll(() => {
  folder = folderWith({
    "faces.lace": SCRIPT,
    "avatars.lace": SCRIPT.replace("tiny.safetensors", "builtin:avatar").replace("tilt", "light"),
  });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  script = join(folder.path, "faces.lace");
});
afterAll(() => folder.remove());

const out = (name: string): string => join(folder.path, name);
const bytes = (name: string, file: string): Buffer => readFileSync(join(out(name), file));
const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

describe("stochastic samplers", () => {
  test.each([
    ["langevin { steps 20 }", { kind: "langevin", steps: 20, step: 0.01, noise: 0.01 }],
    ["pc { steps 20 }", { kind: "pc", steps: 20, corrector: 2, snr: 0.16 }],
  ])("%s: steps and evaluations are recorded; a sample is the same alone and among others", async (text, sampler) => {
    const name = text.split(" ")[0]!;
    const file = join(folder.path, `${name}.lace`);
    writeFileSync(file, SCRIPT.replace("seed seed", `seed seed\n  sampler ${text}`));
    const [few, more] = [2, 3].map((count) => run(file, { out: out(`${name}-${count}`), engine: "onnx-cpu", count }));
    const results = await few!;
    await more;
    expect(results.record.tasks[0]!.sampler).toEqual(sampler);
    expect(results.tasks[0]!.samples.map((s) => [s.status, s.steps, s.evaluations])).toEqual(
      Array(2).fill(["done", 20, 21]),
    );
    expect(bytes(`${name}-2`, "pictures/face-1.png")).toEqual(bytes(`${name}-3`, "pictures/face-1.png"));
  });
});

describe("batch invariance", () => {
  test("sample 3 of seed 42 is the same file at counts 4, 7 and 16 on onnx-cpu", async () => {
    const files: Buffer[] = [];
    for (const count of [4, 7, 16]) {
      await run(join(folder.path, "avatars.lace"), { out: out(`avatars-${count}`), engine: "onnx-cpu", count });
      files.push(bytes(`avatars-${count}`, "pictures/face-3.png"));
    }
    expect(files.map(sha256)).toEqual(Array(3).fill(sha256(files[0]!)));
    expect(sha256(bytes("avatars-7", "pictures/face-2.png"))).not.toBe(sha256(files[0]!));
  }, 240_000);

  test("a second run gives the same bytes everywhere, and a run.json that differs in seconds alone", async () => {
    await run(script, { out: out("count-4"), engine: "onnx-cpu" });
    await run(script, { out: out("again"), engine: "onnx-cpu" });
    const withoutSeconds = (name: string): unknown =>
      JSON.parse(bytes(name, "pictures/run.json").toString(), (key, value: unknown) =>
        key === "seconds" ? undefined : value,
      );
    expect(filesIn(out("again"))).toEqual(filesIn(out("count-4")));
    for (const file of filesIn(out("again")).filter((f) => f.endsWith(".png"))) {
      expect(sha256(bytes("again", file)), file).toBe(sha256(bytes("count-4", file)));
    }
    expect(withoutSeconds("again")).toEqual(withoutSeconds("count-4"));
  });

  test.each(["tfjs-wasm", "tfjs-cpu"] as const)(
    "%s gives the picture that onnx-cpu gives, to a level or two",
    async (engine) => {
      await run(script, { out: out(engine), engine });
      const pixels = (name: string): Promise<Buffer> => sharp(bytes(name, "pictures/faces-42.png")).raw().toBuffer();
      const [a, b] = await Promise.all([pixels(engine), pixels("count-4")]);
      const worst = a.reduce((max, value, k) => Math.max(max, Math.abs(value - b[k]!)), 0);
      expect(a.length).toBe(b.length);
      expect(worst).toBeLessThanOrEqual(2);
    },
  );

  test("another seed gives other images", async () => {
    await run(script, { out: out("seed-7"), engine: "onnx-cpu", count: 4, inputs: { seed: 7 } });
    expect(filesIn(out("seed-7"))).toContain("pictures/faces-7.png");
    expect(sha256(bytes("seed-7", "pictures/face-3.png"))).not.toBe(sha256(bytes("count-4", "pictures/face-3.png")));
  });
});

describe("what a run leaves", () => {
  let results: Results;
  const events: RunEvent[] = [];
  beforeAll(async () => {
    results = await run(script, { out: out("leaves"), engine: "onnx-cpu", onEvent: (e) => events.push(e) });
  });

  test("exactly the files it names, each with its hash and size", () => {
    const named = [...results.outputs.map((o) => o.file), results.recordFile].sort();
    expect(filesIn(out("leaves"))).toEqual(named);
    for (const output of results.outputs) {
      const data = bytes("leaves", output.file);
      expect([output.bytes, output.sha256]).toEqual([data.length, sha256(data)]);
    }
  });

  test("images of the model's resolution, and a grid that holds them", async () => {
    const model = await loadModel(join(folder.path, "tiny.safetensors"));
    const size = model.info.resolution;
    const face = await sharp(bytes("leaves", "pictures/face-0.png")).raw().toBuffer({ resolveWithObject: true });
    expect([face.info.width, face.info.height]).toEqual([size, size]);
    const padding = Math.max(2, Math.round(size / 32));
    const cell = await sharp(bytes("leaves", "pictures/faces-42.png"))
      .extract({ left: padding, top: padding, width: size, height: size })
      .raw()
      .toBuffer();
    expect(cell.equals(face.data)).toBe(true);
  });

  test("a recipe inside each image", async () => {
    const text = await readPngText(bytes("leaves", "pictures/face-2.png"), "lace");
    const { lacec, models } = results.record;
    expect(JSON.parse(text ?? "")).toMatchObject({
      lacec,
      engine: "onnx-cpu",
      files: [{ name: "faces.lace", text: SCRIPT }],
      lock: { models: { tiny: { from: "tiny.safetensors", sha256: models[0]!.sha256 } } },
      seed: 42,
      save: 0,
      index: 2,
    });
    expect(JSON.parse((await readPngText(bytes("leaves", "pictures/faces-42.png"), "lace")) ?? "")).toMatchObject({
      save: 1,
    });
  });

  test("no absolute path, user or host name in any file", () => {
    const secrets = [folder.path, process.cwd(), homedir(), `/${userInfo().username}/`, hostname()].filter(
      (s) => s.length > 3,
    );
    for (const file of filesIn(out("leaves"))) {
      const text = bytes("leaves", file).toString("latin1");
      for (const secret of secrets) expect(text.includes(secret), `${secret} in ${file}`).toBe(false);
    }
  });

  test("events: each phase starts, ends and takes time, progress reaches its total, each file is announced", () => {
    const phases = events.filter((e) => e.kind === "start").map((e) => e.phase);
    expect(phases).toEqual(["load", "compile", "sample", "synthesise", "save"]);
    expect(events.filter((e) => e.kind === "end").map((e) => e.phase)).toEqual(phases);
    const last = events.filter((e) => e.kind === "progress" && e.phase === "synthesise").at(-1);
    expect(last).toMatchObject({ done: 4, total: 4 });
    const written = events.filter((e) => e.kind === "wrote").map((e) => e.path);
    expect(written.sort()).toEqual(results.outputs.map((o) => o.file).sort());
  });

  test("every sample's own account", () => {
    const [task] = results.tasks;
    for (const sample of task!.samples) {
      expect(sample.status).toBe("done");
      expect(sample.steps).toBe(sample.accepted + sample.rejected);
      expect(sample.evaluations).toBeGreaterThan(sample.accepted);
      expect(sample.logp).toBeLessThanOrEqual(0);
    }
  });
});

describe("expectations", () => {
  test("a miss is an error at its clause; the images are written all the same", async () => {
    writeFileSync(join(folder.path, "miss.lace"), SCRIPT.replace("glasses >= 0", "glasses and not glasses >= 0.1"));
    const results = await run(join(folder.path, "miss.lace"), { out: out("miss"), engine: "onnx-cpu", count: 1 });
    expect(results.expectations.map((e) => e.passed)).toEqual([false, true]);
    expect(results.diagnostics.map((d) => [d.code, d.severity])).toEqual([
      ["L4104", "error"],
      ["L4110", "warning"], // nobody judges but the heads: one for each clause
      ["L4110", "warning"],
    ]);
    expect(results.record.expectations[0]).toMatchObject({ heads: { satisfied: 0, counted: 1 }, passed: false });
    expect(filesIn(out("miss"))).toContain("pictures/face-0.png");
  });
});

describe("the labeller", () => {
  beforeAll(() => {
    // It sees glasses everywhere, black hair, and a tilt of 0.5, whatever the picture.
    const bytes = tinyLabeller({ logits: [-1, 1, 3, 0, 0, 0.5] });
    writeFileSync(join(folder.path, "eye.onnx"), bytes);
    const model = { ...randomModel(), labeller: { file: "eye.onnx", sha256: sha256(bytes) } };
    writeFileSync(join(folder.path, "seeing.safetensors"), writePack(model, { source: "a test" }));
    const text = SCRIPT.replace("tiny.safetensors", "seeing.safetensors").replace(
      /^expect.*$/m,
      "expect faces: glasses >= 0, hair is brown or hair is blond >= 0, tilt in 0.4..0.6 >= 0, not glasses >= 0.01",
    );
    writeFileSync(join(folder.path, "seen.lace"), text);
  });

  test("counts beside the heads, and a clause that it does not see fails", async () => {
    const { expectations, record } = await run(join(folder.path, "seen.lace"), {
      out: out("seen"),
      engine: "onnx-cpu",
    });
    expect(expectations.map((e) => [e.labeller?.satisfied, e.labeller?.counted])).toEqual([
      [4, 4],
      [0, 4],
      [4, 4],
      [0, 4],
    ]);
    expect(expectations.map((e) => e.passed)).toEqual([true, true, true, false]);
    expect(record.models[0]!.labeller).toMatch(/^[0-9a-f]{64}$/);
    expect(record.expectations[0]!.labeller).toEqual({ satisfied: 4, counted: 4 });
  });

  test("counts apart what is unclear to it, which is missed", async () => {
    const bytes = tinyLabeller({ logits: [-1, 1, 3, 0, 0, 0.5], unclear: [2, -2] });
    writeFileSync(join(folder.path, "doubt.onnx"), bytes);
    const model = { ...randomModel(), labeller: { file: "doubt.onnx", sha256: sha256(bytes) } };
    writeFileSync(join(folder.path, "doubting.safetensors"), writePack(model, { source: "a test" }));
    const text = SCRIPT.replace("tiny.safetensors", "doubting.safetensors").replace(
      /^expect.*$/m,
      "expect faces: not glasses >= 0, hair is black or glasses >= 0, hair is brown and glasses >= 0, glasses >= 0.1",
    );
    writeFileSync(join(folder.path, "doubt.lace"), text);
    const results = await run(join(folder.path, "doubt.lace"), { out: out("doubt"), engine: "onnx-cpu" });
    expect(results.record.expectations.map((e) => e.labeller)).toEqual([
      { satisfied: 0, unclear: 4, counted: 4 },
      { satisfied: 4, unclear: 0, counted: 4 },
      { satisfied: 0, unclear: 0, counted: 4 },
      { satisfied: 0, unclear: 4, counted: 4 },
    ]);
    expect(results.expectations.map((e) => e.passed)).toEqual([true, true, true, false]);
    expect(results.diagnostics.find((d) => d.code === "L4104")?.message).toContain(
      "0 of 4 by the labeller, to whom 4 are unclear",
    );
  });

  test("marks the cells of a sheet that miss, or are unclear, and leaves the others as they are", async () => {
    const sheets = async (model: string, where: string): Promise<readonly [Buffer, Buffer]> => {
      const name = `${model}-${where.replaceAll(" ", "-")}`;
      const text = `lace 1
model tiny from "${model}.safetensors"
sample faces from tiny { where ${where}  count 2 }
save faces to "plain.png" as grid { columns 2 }
save faces to "marked.png" as grid { columns 2  marks on }
`;
      writeFileSync(join(folder.path, `${name}.lace`), text);
      await run(join(folder.path, `${name}.lace`), { out: out(name), engine: "onnx-cpu" });
      const pixels = (file: string) =>
        sharp(join(out(name), file))
          .removeAlpha()
          .raw()
          .toBuffer();
      return [await pixels("plain.png"), await pixels("marked.png")];
    };
    const [same, satisfied] = await sheets("seeing", "glasses");
    expect(satisfied.equals(same)).toBe(true);
    // The second cell's lower right corner, in a sheet of 2 + 16 + 2 + 16 + 2 pixels by 2 + 16 + 2.
    const corner = (sheet: Buffer): number[] => [...sheet.subarray((17 * 38 + 35) * 3, (17 * 38 + 36) * 3)];
    expect(corner((await sheets("seeing", "not glasses"))[1])).toEqual([214, 48, 49]);
    const [plain, unclear] = await sheets("doubting", "glasses");
    expect(corner(unclear)).toEqual([240, 173, 30]);
    // The middle of the picture is as it was.
    const middle = (10 * 38 + 30) * 3;
    expect(unclear.subarray(middle, middle + 9).equals(plain.subarray(middle, middle + 9))).toBe(true);
    const byHeads = await sheets("tiny", "glasses and not glasses");
    expect(corner(byHeads[1])).toEqual([214, 48, 49]);
  });

  test("one that was changed behind the pack's back is refused", async () => {
    writeFileSync(join(folder.path, "eye.onnx"), "another");
    const error: unknown = await run(join(folder.path, "seen.lace"), { out: out("blind") }).catch((e: unknown) => e);
    expect((error as LaceError).diagnostics[0]!.code).toBe("L5110");
  });
});

describe("failures", () => {
  /** Services whose engine spoils the gradient of one row of the tile. */
  const spoiling = (spoilt: (row: number) => boolean): Services => {
    const services = nodeServices(nodeHost(), "onnx-cpu");
    return {
      ...services,
      openEngine: async () => {
        const engine = await services.openEngine();
        return {
          ...engine,
          compile: async (graph) => {
            const made = await engine.compile(graph);
            return {
              ...made,
              run: async (inputs) => {
                const outputs = await made.run(inputs);
                const { logp, grad } = outputs;
                if (logp !== undefined && grad !== undefined && logp.length > 1) {
                  for (const row of logp.keys()) if (spoilt(row)) logp[row] = NaN;
                }
                return outputs;
              },
            };
          },
        };
      },
    };
  };
  const identity = { lacec: "0", script: { file: "x.lace", sha256: "" }, imports: [] };

  test("a sample that is not finite is reported with the term to blame; the others are as if it were not there", async () => {
    const { plan } = await compile(script);
    const results = await execute(
      plan!,
      spoiling((row) => row === 1),
      { out: out("spoilt"), script: identity },
    );
    expect(results.tasks[0]!.samples.map((s) => s.status)).toEqual(["done", "non-finite", "done", "done"]);
    expect(results.tasks[0]!.samples[1]!.logp).toBeNaN();
    const [warning] = results.diagnostics;
    expect(warning).toMatchObject({ code: "L4102", severity: "warning" });
    expect(warning!.message).toContain("sample 1 of `faces`");
    expect(["glasses", "tilt > 0.4"]).toContain(SCRIPT.slice(warning!.at.span.start, warning!.at.span.end));
    const files = filesIn(out("spoilt")).filter((f) => f.endsWith(".png"));
    expect(files).toEqual([
      "pictures/face-0.png",
      "pictures/face-2.png",
      "pictures/face-3.png",
      "pictures/faces-42.png",
    ]);
    const pixels = (name: string): Promise<Buffer> => sharp(bytes(name, "pictures/face-3.png")).raw().toBuffer();
    expect((await pixels("spoilt")).equals(await pixels("count-4"))).toBe(true);
    expect(results.record.tasks[0]!.samples[1]).toMatchObject({ status: "non-finite", logp: null });
    expect(results.expectations[1]).toMatchObject({ heads: { satisfied: 3, counted: 4 }, passed: false });
  });

  test("an engine that makes several pictures at once and runs out of memory: a warning, and the same pictures", async () => {
    const services = nodeServices(nodeHost(), "onnx-cpu");
    const narrow: Services = {
      ...services,
      freeMemory: () => 2 ** 40,
      openEngine: async () => {
        const engine = await services.openEngine();
        return {
          ...engine,
          batches: true,
          compile: async (graph) => {
            const made = await engine.compile(graph);
            const rows = graph.nodes[graph.inputs.find((i) => i.name === "ws")?.node ?? -1]?.shape[0] ?? 1;
            return rows <= 2 ? made : { ...made, run: () => Promise.reject(new Error("std::bad_alloc")) };
          },
        };
      },
    };
    const { plan } = await compile(script);
    const events: RunEvent[] = [];
    const onEvent = (event: RunEvent) => void events.push(event);
    const results = await execute(plan!, narrow, { out: out("narrow"), script: identity, onEvent });
    expect(results.diagnostics).toMatchObject([
      { code: "L4107", severity: "warning" },
      { code: "L4110", severity: "warning" }, // nobody judges but the heads
      { code: "L4110", severity: "warning" },
    ]);
    expect(events).toContainEqual(expect.objectContaining({ kind: "end", phase: "synthesise", note: "2 at a time" }));
    const pixels = (name: string, k: number): Promise<Buffer> =>
      sharp(bytes(name, `pictures/face-${k}.png`))
        .raw()
        .toBuffer();
    for (let k = 0; k < 4; k++) expect((await pixels("narrow", k)).equals(await pixels("count-4", k))).toBe(true);
  });

  test("if no sample succeeds that is an error, and run.json says so", async () => {
    const { plan } = await compile(script);
    const results = await execute(
      plan!,
      spoiling(() => true),
      { out: out("all-spoilt"), script: identity },
    );
    expect(results.diagnostics.map((d) => d.code)).toContain("L4105");
    expect(filesIn(out("all-spoilt"))).toEqual(["pictures/run.json"]);
  });

  test("too few steps is a status and a warning; the image shows where it stopped", async () => {
    const few = SCRIPT.replace("seed seed", "seed seed\n  sampler ode { maxSteps 2 }");
    writeFileSync(join(folder.path, "few.lace"), few);
    const results = await run(join(folder.path, "few.lace"), { out: out("few"), engine: "onnx-cpu", count: 2 });
    expect(results.tasks[0]!.samples.map((s) => [s.status, s.steps])).toEqual(Array(2).fill(["too-many-steps", 2]));
    expect(results.diagnostics[0]).toMatchObject({ code: "L4103", severity: "warning" });
    expect(filesIn(out("few"))).toContain("pictures/face-1.png");
  });

  test("an abort stops the run with L4106 and leaves no run.json", async () => {
    const controller = new AbortController();
    const stopped = run(script, {
      out: out("aborted"),
      engine: "onnx-cpu",
      signal: controller.signal,
      onEvent: (e) => {
        if (e.kind === "start" && e.phase === "sample") controller.abort();
      },
    });
    const error: unknown = await stopped.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LaceError);
    expect((error as LaceError).diagnostics[0]!.code).toBe("L4106");
    expect(filesIn(out("aborted"))).toEqual([]);
  });

  test("a folder that cannot be written is found before any work", async () => {
    writeFileSync(join(folder.path, "a-file"), "");
    const events: RunEvent[] = [];
    const error: unknown = await run(script, { out: out("a-file"), onEvent: (e) => events.push(e) }).catch(
      (e: unknown) => e,
    );
    expect((error as LaceError).diagnostics[0]!.code).toMatch(/^L50/);
    expect(events).toEqual([]);
  });
});
