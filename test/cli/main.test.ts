import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesIn, folderWith, lacec, root, type Ended } from "../support/lacec.js";

const GOOD = `lace 1

model avatar from "builtin:avatar"

sample faces from avatar {
  where glasses
  count 2
  seed 1
}

save faces to "faces.png" as grid
`;
const BAD = GOOD.replace("glasses", "glases and hair is pink");
const MESSY = `lace 1
model avatar   from "builtin:avatar" // kept
sample faces from avatar{where glasses   count 2 seed 1}
save faces to "faces.png" as grid
`;

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "good.lace": GOOD,
    "bad.lace": BAD,
    "messy.lace": MESSY,
    "no-model.lace": GOOD.replace("builtin:avatar", "missing.safetensors"),
    "no-builtin.lace": GOOD.replace("builtin:avatar", "builtin:nobody"),
  });
});
afterAll(() => folder.remove());
const run = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });

describe("lacec", () => {
  test("without a verb it prints help and fails; --help and --version do not fail", async () => {
    const [bare, help, version] = await Promise.all([run(), run("--help"), run("--version")]);
    expect(bare.code).toBe(2);
    expect(bare.out).toContain("Usage: lacec");
    expect(help.code).toBe(0);
    expect(help.out).toContain("Exit codes");
    const { version: wanted } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect([version.code, version.out]).toEqual([0, `${wanted}\n`]);
  });

  test.each([
    ["an unknown verb", ["sing"]],
    ["an unknown option", ["run", "good.lace", "--loud"]],
    ["a count of nothing", ["run", "good.lace", "--count", "0"]],
    ["a setting without a value", ["run", "good.lace", "--set", "seed"]],
    ["an unknown engine", ["run", "good.lace", "--engine", "steam"]],
    ["a build of nothing", ["build", "good.lace"]],
    ["a build of an unknown stage", ["build", "good.lace", "--print", "soul"]],
  ])("%s is a usage error, 2, and writes nothing", async (_, args) => {
    const before = filesIn(folder.path);
    const ended = await run(...args);
    expect(ended.code).toBe(2);
    expect(ended.err).toMatch(/error/);
    expect(filesIn(folder.path)).toEqual(before);
  });
});

describe("lacec check", () => {
  test("a good script passes; a wrong one fails with code, place, source line and hint", async () => {
    const [good, bad] = await Promise.all([run("check", "good.lace"), run("check", "good.lace", "bad.lace")]);
    expect([good.code, good.out]).toEqual([0, ""]);
    expect(good.err).toContain("1 file: no mistakes");
    expect(bad.code).toBe(2);
    expect(bad.err).toMatch(/error\[L2\d{3}\]: .*glases/);
    expect(bad.err).toContain("--> bad.lace:6:9");
    expect(bad.err).toContain("did you mean `glasses`?");
    expect(bad.err).toMatch(/pink/);
    expect(bad.err).not.toContain("\u001b");
  });

  test("--json gives places as lines and columns on stdout, and nothing on stderr", async () => {
    const { code, out, err } = await run("check", "bad.lace", "--json");
    const document = JSON.parse(out) as {
      ok: boolean;
      exitCode: number;
      diagnostics: { code: string; place: { line: number } }[];
    };
    expect([code, err, document.ok, document.exitCode]).toEqual([2, "", false, 2]);
    expect(document.diagnostics[0]).toMatchObject({
      severity: "error",
      place: { file: "bad.lace", line: 6, column: 9 },
    });
  });

  test("a missing script is 2 or 3 and named; a missing model is 3, at the line that names it", async () => {
    const [script, model, builtin] = await Promise.all([
      run("check", "nowhere.lace"),
      run("check", "no-model.lace"),
      run("check", "no-builtin.lace"),
    ]);
    expect([2, 3]).toContain(script.code);
    expect(script.err).toContain("nowhere.lace");
    expect(model.code).toBe(3);
    expect(model.err).toContain("no-model.lace:3:1");
    expect(builtin.code).toBe(3);
    expect(builtin.err).toMatch(/L5005[^]*nobody[^]*builtin:avatar/);
  });

  test.each([
    [{ FORCE_COLOR: "1" }, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false],
    [{ CI: "true" }, false],
    [{ CI: "" }, false],
  ])("with %j, colours in a pipe: %s", async (env, coloured) => {
    const { out, err } = await lacec(["check", "good.lace", "bad.lace"], { cwd: folder.path, env });
    expect((out + err).includes("\u001b[")).toBe(coloured);
  });
});

describe("lacec fmt", () => {
  test("--check names what is not formatted and changes nothing; fmt mends it, keeps comments, and is then content", async () => {
    const path = join(folder.path, "messy.lace");
    const check = await run("fmt", "--check", "messy.lace", "good.lace");
    expect(check.code).toBe(1);
    expect(check.err).toContain("messy.lace is not formatted");
    expect(check.err).not.toContain("good.lace");
    expect(readFileSync(path, "utf8")).toBe(MESSY);
    expect((await run("fmt", "messy.lace")).code).toBe(0);
    expect(readFileSync(path, "utf8")).toContain("// kept");
    expect((await run("fmt", "--check", "messy.lace")).code).toBe(0);
  });

  test("- reads standard input and writes standard output", async () => {
    const ended = await lacec(["fmt", "-"], {
      cwd: folder.path,
      input: GOOD.replace("where glasses", "where    glasses"),
    });
    expect([ended.code, ended.out]).toEqual([0, GOOD]);
  });

  test("a script that does not parse is left alone", async () => {
    const ended = await lacec(["fmt", "-"], { cwd: folder.path, input: "lace 1\nsample {" });
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toMatch(/error\[L1/);
  });
});

describe("lacec build", () => {
  test.each([
    ["ast", /"kind": "SampleDecl"/],
    ["checked", /glasses/],
    ["energy", /glasses/],
    ["graph", /matmul/],
    ["optimized", /dense/],
    ["jacobian", /no Jacobian: only the solver ros2/],
    ["onnx", /= Gemm\(/],
    ["dot", /^digraph/m],
  ])("--print %s shows that stage", async (stage, pattern) => {
    const ended = await run("build", "good.lace", "--print", stage);
    expect(ended.code).toBe(0);
    expect(ended.out).toMatch(pattern);
  });

  test("--emit onnx writes a model that onnxruntime runs", async () => {
    const ended = await run("build", "good.lace", "--emit", "onnx", "-o", "model/gradient.onnx", "--rows", "3");
    expect(ended.code).toBe(0);
    const { openOnnxModel } = await import("../../src/node/engines/open-onnx-model.js");
    const model = await openOnnxModel(readFileSync(join(folder.path, "model/gradient.onnx")));
    expect(model.inputs.map((i) => i.name)).toEqual(["z"]);
    const zDim = model.inputs[0]!.dims[1] ?? 0;
    const { logp, grad } = await model.run({ z: { data: new Float32Array(3 * zDim).fill(0.1), dims: [3, zDim] } });
    expect(logp!.data.length).toBe(3);
    expect(grad!.data.every(Number.isFinite)).toBe(true);
    await model.dispose();
  });
});

describe("lacec explain", () => {
  test("a code is explained; an unknown one is a usage error", async () => {
    const [known, unknown] = await Promise.all([run("explain", "l2001"), run("explain", "L0000")]);
    expect(known.code).toBe(0);
    expect(known.out).toContain("L2001");
    expect(unknown.code).toBe(2);
  });
});

describe("lacec run, before it runs", () => {
  test("--json is one document even when the script is wrong", async () => {
    const ended = await run("run", "bad.lace", "--json");
    const document = JSON.parse(ended.out) as { exitCode: number; run: unknown; diagnostics: unknown[] };
    expect([ended.code, document.exitCode, document.run]).toEqual([2, 2, null]);
    expect(document.diagnostics.length).toBeGreaterThan(0);
  });
});
