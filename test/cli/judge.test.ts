// Who judges: the heads that were followed and nobody else, a labeller of the user's, one whose labels the heads learnt from.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Description } from "../../src/models/describe-model.js";
import { modelsFolder } from "../../src/node/host.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import type { RunRecord } from "../../src/runtime/record/record.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // many processes, on machines that have other work

const SCRIPT = `lace 1
model tiny from "tiny.safetensors"
sample faces from tiny { where glasses  count 3  seed 5 }
expect faces: glasses >= 0
save faces to "faces.png" as grid
`;
let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  const spec = { format: 1, input: { size: 128 }, attributes: [{ name: "glasses", type: "binary" }] };
  const learnt = SCRIPT.replace("tiny.safetensors", "learnt.safetensors");
  folder = folderWith({ "faces.lace": SCRIPT, "learnt.lace": learnt, "eye.json": JSON.stringify(spec) });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  copyFileSync(join(modelsFolder(), "avatar-labeller.onnx"), join(folder.path, "eye.onnx"));
});
afterAll(() => folder.remove());

const plain = (...args: readonly string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
const run = (...args: readonly string[]): Promise<Ended> =>
  lacec([...args, "--engine", "onnx-cpu"], { cwd: folder.path });
const record = (out = "."): RunRecord =>
  JSON.parse(readFileSync(join(folder.path, out, "run.json"), "utf8")) as RunRecord;

describe("who judges", () => {
  test("a run of a model without labeller is judged by the heads that were followed, and says so", async () => {
    const { out, err, code } = await run("run", "faces.lace");
    expect(code).toBe(0);
    expect(err).toMatch(
      /warning\[L4110\]: `faces`: `glasses` judged by the heads that were followed, and by nobody else/,
    );
    expect(out).toMatch(/^ +expected +by the heads that were followed$/m);
    expect(record().models[0]!.judge).toBeNull();
  });

  test("a judge of the user's counts beside the heads, and is recorded", async () => {
    const { out, err, code } = await run("run", "faces.lace", "--labeller", "eye.onnx");
    expect([code, err.includes("L4110")]).toEqual([0, false]);
    expect(out).toMatch(/^ +expected +by the heads +by the labeller$/m);
    const { models, expectations } = record();
    expect(models[0]!.judge).toMatchObject({ name: "eye.onnx", labelled: [] });
    expect(expectations[0]!.labeller!.counted).toBe(3);
  });

  test("a judge of the user's accepts attempts, in runs and in evaluations alike", async () => {
    const text = SCRIPT.replace("seed 5", "seed 5  accept by labeller  tries 2").replace(/^expect.*\n/m, "");
    writeFileSync(join(folder.path, "accepted.lace"), text);
    const refused = await run("eval", "accepted.lace", "--reference", "4");
    expect([refused.code, refused.err.includes("L5319")]).toEqual([3, true]);
    for (const words of [["run"], ["eval", "--reference", "4"]]) {
      const [verb = "", ...rest] = words;
      const { err, code } = await run(verb, "accepted.lace", "--labeller", "eye.onnx", ...rest);
      expect([verb, code, err.includes("L5319")]).toEqual([verb, 0, false]);
    }
  });

  test("one that is missing is told before anything is drawn", async () => {
    const before = filesIn(folder.path);
    const { err, code } = await run("run", "faces.lace", "--labeller", "none.onnx", "--out", "new", "--no-cache");
    expect(err).toMatch(/L5312.*there is no none.json/s);
    expect(err).not.toContain("sample faces");
    expect(code).toBe(3);
    expect(filesIn(folder.path)).toEqual(before);
  });

  test("one whose labels the heads learnt from is named as such, by runs and evaluations", async () => {
    await run("label", "tiny.safetensors", "-n", "80", "--labeller", "eye.onnx", "-o", "data.safetensors");
    const trained = await lacec(
      [
        "train",
        "data.safetensors",
        "--into",
        "tiny.safetensors",
        "-o",
        "learnt.safetensors",
        "--hidden",
        "none",
        "--epochs",
        "1",
      ],
      { cwd: folder.path },
    );
    expect(trained.code).toBe(0);
    const { out } = await run("run", "learnt.lace", "--labeller", "eye.onnx", "--out", "learnt");
    expect(out).toContain("eye.onnx judged; it also made the labels that the heads of glasses learnt from");
    expect(record("learnt").models[0]!.judge!.labelled).toEqual(["glasses"]);
    const evaluated = await run("eval", "learnt.lace", "--labeller", "eye.onnx", "--reference", "4");
    expect(evaluated.out).toContain(
      "judged by eye.onnx, which also made the labels that the heads of glasses learnt from",
    );
  });

  test("a pack that a labeller was imported into is judged by it, without a word of the user's, and keeps it when heads are trained into it", async () => {
    const imported = await plain("import", "tiny.safetensors", "--labeller", "eye.onnx", "-o", "judged.safetensors");
    expect(imported.code).toBe(0);
    expect(imported.out).toMatch(/^wrote .*judged\.labeller\.onnx$/m);
    const sha256 = createHash("sha256")
      .update(readFileSync(join(folder.path, "eye.onnx")))
      .digest("hex");
    const described = JSON.parse((await plain("inspect", "judged.safetensors", "--json")).out) as Description;
    expect(described.labeller).toEqual({ file: "judged.labeller.onnx", sha256 });
    writeFileSync(join(folder.path, "judged.lace"), SCRIPT.replace("tiny.safetensors", "judged.safetensors"));
    const ran = await run("run", "judged.lace", "--out", "judged");
    expect([ran.code, ran.err.includes("L4110")]).toEqual([0, false]);
    expect(record("judged").models[0]).toMatchObject({ labeller: sha256, judge: { name: "judged.labeller.onnx" } });
    const evaluated = await run("eval", "judged.lace", "--reference", "4");
    expect(evaluated.out).toContain("judged by judged.labeller.onnx");
    const data = ["label", "judged.safetensors", "-n", "80", "-o", "own.data.safetensors"];
    expect((await plain(...data)).code).toBe(0);
    const train = "train own.data.safetensors --into judged.safetensors -o own.safetensors --hidden none --epochs 1";
    const trained = await plain(...train.split(" "));
    expect([trained.code, trained.err.includes("L5110")]).toEqual([0, false]);
    expect(JSON.parse((await plain("inspect", "own.safetensors", "--json")).out)).toMatchObject({
      labeller: { file: "judged.labeller.onnx", sha256 },
    });
  });

  test("a labeller that does not belong to its JSON goes into no pack; nor does clip", async () => {
    const before = filesIn(folder.path);
    const tell = async (...args: readonly string[]): Promise<string> => (await plain("import", ...args)).err;
    expect(await tell("tiny.safetensors", "-o", "x.safetensors", "--labeller", "none.onnx")).toContain("L5312");
    expect(await tell("tiny.safetensors", "-o", "x.safetensors", "--labeller", "clip")).toContain("cannot hold clip");
    expect(filesIn(folder.path)).toEqual(before);
  });

  test("a pack names faces, which is no file", async () => {
    const { code } = await plain("import", "tiny.safetensors", "--labeller", "faces", "-o", "photos.safetensors");
    expect(code).toBe(0);
    expect((await plain("inspect", "photos.safetensors")).out).toMatch(/^labeller +faces$/m);
    expect(filesIn(folder.path).filter((f) => f.startsWith("photos"))).toEqual(["photos.safetensors"]);
  });
});
