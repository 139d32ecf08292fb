import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { mainFile } from "../support/build.js";
import { labelledData } from "../support/labelled-data.js";
import { filesIn, folderWith, lacec } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const FAST = ["--hidden", "12,10", "--epochs", "4", "--batch", "64", "--engine", "onnx-cpu"];

let folder: ReturnType<typeof folderWith>;
let cwd: string;
beforeAll(() => {
  folder = folderWith({});
  cwd = folder.path;
  writeFileSync(join(cwd, "data.safetensors"), labelledData());
  writeFileSync(join(cwd, "pack.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

const train = (...args: string[]): ReturnType<typeof lacec> =>
  lacec(["train", "data.safetensors", ...FAST, ...args], { cwd });
/** Runs lacec and sends SIGINT as soon as it says that it has loaded. */
function interruptedOnceLoaded(args: readonly string[]): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, [mainFile, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (!err.includes("✓ load") && (err + text).includes("✓ load")) child.kill("SIGINT");
    err += text;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, err })));
}

const read = (file: string): Buffer => readFileSync(join(cwd, file));

describe("lacec train", () => {
  test("prints a report, writes heads and a page, and leaves no checkpoint", async () => {
    const ended = await train("-o", "heads.safetensors", "--html", "report.html");
    expect(ended.code).toBe(0);
    expect(ended.out).toMatch(
      /glasses +binary +[01]\.\d{3} +[01]\.\d\d\.\.[01]\.\d\d +[01]\.\d{3} +network +\d\.\d{4} +\d\.\d{4} .*no [01]\.\d\d {2}yes [01]\.\d\d/,
    );
    expect(ended.out).toMatch(/tilt +scalar +MAE 0\.\d{3}/);
    expect(ended.out).toContain("hair: label \\ head");
    expect(ended.out).toContain("wrote heads.safetensors\nwrote report.html\n");
    const page = read("report.html").toString();
    expect(page.match(/<svg /g)).toHaveLength(4 + 3 + 1); // losses, reliability, scatter
    expect(page).not.toMatch(/<script|https?:/);
    expect(existsSync(join(cwd, "heads.safetensors.checkpoint"))).toBe(false);
  });

  test("every head of the file serves a script", async () => {
    const script = `lace 1
model m from "pack.safetensors"
attribute smile: binary from "heads.safetensors"
sample s from m { where smile and not glasses  count 2  seed 1  sampler ode { rtol 0.1 atol 0.1 } }
save s to "s.png" as grid
`;
    writeFileSync(join(cwd, "own.lace"), script);
    const ended = await lacec(["run", "own.lace", "--out", "out", "--engine", "onnx-cpu"], { cwd });
    expect(ended.err).not.toContain("error");
    expect(ended.code).toBe(0);
    expect(filesIn(join(cwd, "out"))).toEqual(["run.json", "s.png"]);
  });

  test("--space z: from labels to images, beside heads in w, and into a pack", async () => {
    const run = (...args: string[]) => lacec([...args, "--engine", "onnx-cpu"], { cwd });
    const drawn = ["--truncation", "1..1", "--jitter", "0", "-o", "drawn.safetensors"];
    expect((await run("label", "builtin:avatar", "-n", "192", ...drawn)).code).toBe(0);
    const inZ = ["train", "drawn.safetensors", ...FAST, "--space", "z", "--attributes", "hat,skin"];
    const trained = await lacec([...inZ, "-o", "z.safetensors"], { cwd });
    expect([trained.code, trained.err.includes("heads in z cannot see")]).toEqual([0, false]);
    const inspected = await lacec(["inspect", "z.safetensors"], { cwd });
    expect(inspected.out).toMatch(/hat +binary, in z, temperature/);
    expect(inspected.out).toMatch(/skin +scalar in 0\.\.1 sigma [\d.]+, in z/);
    writeFileSync(
      join(cwd, "mixed.lace"),
      `lace 1
model m from "builtin:avatar"
attribute hat: binary from "z.safetensors"
sample s from m { where hat and glasses  count 2  seed 1  sampler ode { rtol 0.1 atol 0.1 } }
edit e of s { keep latent 0.04, attributes 0.01  step smile layers 0..3  step not hat }
expect s: glasses >= 0
save e to "e.png" as strip
`,
    );
    const ran = await run("run", "mixed.lace", "--out", "mixed");
    expect([ran.code, ran.err.includes("error")]).toEqual([0, false]);
    const merged = await lacec([...inZ, "--into", "builtin:avatar", "-o", "inz.safetensors"], { cwd });
    expect(merged.code).toBe(0);
    const { out } = await lacec(["inspect", "inz.safetensors"], { cwd });
    expect(out.match(/, in z/g)).toHaveLength(8);
    const refused = await train("--space", "z", "--into", "builtin:avatar", "-o", "no.safetensors");
    expect([refused.code, refused.err]).toEqual([
      3,
      expect.stringMatching(/L5107.*its z has 64 numbers, the data's 8/),
    ]);
  });

  test("--json prints one document, and the same bytes come out again", async () => {
    const ended = await train("-o", "again.safetensors", "--json");
    const { ok, report } = JSON.parse(ended.out) as { ok: boolean; report: { attributes: { name: string }[] } };
    expect([ok, report.attributes.map((a) => a.name)]).toEqual([true, ["glasses", "smile", "hair", "tilt"]]);
    expect(ended.err).toBe("");
    expect(read("again.safetensors").equals(read("heads.safetensors"))).toBe(true);
  });

  test("--into adds and replaces heads in a pack, and keeps its other tensors", async () => {
    const ended = await train("--into", "pack.safetensors", "-o", "new.safetensors", "--attributes", "smile,tilt");
    expect(ended.code).toBe(0);
    expect(ended.err).not.toContain("error");
    const [before, after] = ["pack.safetensors", "new.safetensors"].map((f) => readSafetensors(read(f), f));
    const { attributes } = JSON.parse(after!.metadata.get("lace")!) as { attributes: { name: string }[] };
    expect(attributes.map((a) => a.name)).toEqual(["glasses", "hair", "tilt", "smile"]);
    for (const name of ["mapping.fc0.weight", "synthesis.b4.const", "heads.hair.out.weight"])
      expect(after!.tensor(name)).toEqual(before!.tensor(name));
    expect(after!.tensor("heads.tilt.fc0.weight")!.shape).toEqual([12, 8]);
  });

  test("Ctrl-C keeps a checkpoint, and --resume ends with the bytes of an unbroken run", async () => {
    const long = ["--epochs", "60", "--patience", "0", "-o", "long.safetensors"];
    const { code, err } = await interruptedOnceLoaded(["train", "data.safetensors", ...FAST, ...long]);
    expect(code).toBe(130);
    expect(err).toMatch(/L4106.*training was interrupted in epoch \d+ of 60[\s\S]*--resume goes on from there/);
    expect(existsSync(join(cwd, "long.safetensors"))).toBe(false);
    expect((await train(...long, "--resume")).code).toBe(0);
    const whole = await train(...long.slice(0, -1), "whole.safetensors");
    expect(whole.code).toBe(0);
    expect(read("long.safetensors").equals(read("whole.safetensors"))).toBe(true);
    expect(existsSync(join(cwd, "long.safetensors.checkpoint"))).toBe(false);
  });

  test.each([
    [["--attributes", "smle"], 2, /L2001.*no labels of an attribute 'smle'[\s\S]*did you mean 'smile'/],
    [["--resume", "-o", "none.safetensors"], 3, /L5322.*there is no checkpoint none\.safetensors\.checkpoint/],
    [["--into", "none.safetensors"], 3, /L5001/],
    [["--engine", "gpu"], 2, /there is no engine gpu/],
    [["--validation", "0.8", "--test", "0.2"], 2, /less than a tenth/],
    [["--hidden", "8192,8192,8192"], 1, /L4107.*the heads have \d+ weights together[\s\S]*--attributes/],
    [["--hidden", "0"], 2, /a whole number of at least 1/],
    [["-o", "data.safetensors/heads.safetensors"], 3, /L500\d/],
  ] as const)("%j is refused at once", async (args, code, message) => {
    const ended = await train(...args);
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(code);
  });
});
