// Verbs about recipes under version control: run's lock, several scripts, verify, diff, lock, cache.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writePack } from "../../src/models/pack/write-pack.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

vi.setConfig({ testTimeout: 180_000 }); // many processes, on machines that have other work

const script = (name: string, where = "glasses"): string =>
  `lace 1\nmodel tiny from "tiny.safetensors"\nsample ${name} from tiny { where ${where} count 2 seed 5 }\n` +
  `save ${name} to "${name}/{index}.png"\n`;

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);
const verb = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });

beforeAll(() => {
  folder = folderWith({ "a.lace": script("a"), "b.lace": script("b", "hair is blond") });
  writeFileSync(at("tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

describe("several scripts", () => {
  test("a pattern that the shell left alone, the lock of each, and one JSON document", async () => {
    const ended = await verb("run", "*.lace", "--out", "out", "--json", "--engine", "onnx-cpu");
    const { ok, runs } = JSON.parse(ended.out) as {
      ok: boolean;
      runs: { script: string; run: { recordFile: string } }[];
    };
    expect([ended.code, ok, runs.map((r) => [r.script, r.run.recordFile])]).toEqual([
      0,
      true,
      [
        ["a.lace", "a/run.json"],
        ["b.lace", "b/run.json"],
      ],
    ]);
    const lock = JSON.parse(readFileSync(at("lace.lock"), "utf8")) as { scripts: object };
    expect(Object.keys(lock.scripts)).toEqual(["a.lace", "b.lace"]);
    expect(filesIn(at("out"))).toEqual(["a/0.png", "a/1.png", "a/run.json", "b/0.png", "b/1.png", "b/run.json"]);
    expect(filesIn(at(".lace"))).toContain(".gitignore");
  });

  test("that share a folder have records of their own, which verify finds, in whatever order they run", async () => {
    const shared = folderWith({});
    const at = (...path: string[]): string => join(shared.path, ...path);
    const verb = (...args: string[]): Promise<Ended> => lacec(args, { cwd: shared.path });
    try {
      for (const name of ["one", "two", "three"]) {
        writeFileSync(at(`${name}.lace`), script(name).replace(`"${name}/{index}.png"`, `"${name}-{index}.png"`));
      }
      writeFileSync(at("tiny.safetensors"), readFileSync(join(folder.path, "tiny.safetensors")));
      const engine = ["--engine", "onnx-cpu"];
      expect((await verb("run", "one.lace", "two.lace", "--out", "out", ...engine)).code).toBe(0);
      const record = (file: string): string =>
        (JSON.parse(readFileSync(at("out", file), "utf8")) as { script: { file: string } }).script.file;
      const records = (): string[] => filesIn(at("out")).filter((f) => f.endsWith(".json"));
      expect(records().map((f) => [f, record(f)])).toEqual([
        ["run.json", "one.lace"],
        ["two.run.json", "two.lace"],
      ]);
      const before = readFileSync(at("out/run.json"), "utf8");
      expect((await verb("run", "./two.lace", "--out", "out", ...engine)).code).toBe(0);
      expect([records(), readFileSync(at("out/run.json"), "utf8")]).toEqual([["run.json", "two.run.json"], before]);
      expect((await verb("run", "two.lace", "--out", "out", "--shard", "1/2", ...engine)).code).toBe(0);
      expect((await verb("run", "one.lace", "--out", "out", "--shard", "1/2", ...engine)).code).toBe(0);
      expect(records()).toContain("one.run.shard-1-of-2.json");
      const [one, two, three] = await Promise.all(
        ["one", "two", "three"].map((name) => verb("verify", `${name}.lace`, "--out", "out")),
      );
      expect([one!.code, one!.out]).toEqual([0, "✓ one-0.png\n✓ one-1.png\n"]);
      expect([two!.code, two!.out]).toEqual([0, "✓ two-0.png\n✓ two-1.png\n"]);
      expect([three!.code, three!.err]).toEqual([
        3,
        expect.stringMatching(/error\[L5310\].*is the record of one\.lace/),
      ]);
    } finally {
      shared.remove();
    }
  });

  test("standard input is a script; one wrong script and none runs; a pattern without a match is a mistake", async () => {
    writeFileSync(at("wrong.txt"), "lace 1\nsample");
    const [piped, wrong, none] = await Promise.all([
      lacec(["run", "-", "--out", "piped", "--engine", "onnx-cpu"], { cwd: folder.path, input: script("a") }),
      verb("run", "a.lace", "wrong.txt", "--out", "wrong"),
      verb("run", "x*.lace"),
    ]);
    expect([piped.code, filesIn(at("piped"))]).toEqual([0, ["a/0.png", "a/1.png", "a/run.json"]]);
    expect(readFileSync(at("piped/a/0.png"))).not.toEqual(readFileSync(at("out/a/0.png"))); // the recipe names its script
    expect([wrong.code, filesIn(folder.path).some((f) => f.startsWith("wrong/"))]).toEqual([2, false]);
    expect([none.code, none.err]).toEqual([2, "error: no file matches x*.lace\n"]);
  });
});

describe("lace.lock, lacec verify", () => {
  test("--frozen refuses another model and says which; verify says what differs; lock accepts it", async () => {
    expect((await verb("run", "a.lace", "--out", "out", "--frozen")).code).toBe(0);
    const same = await verb("verify", "a.lace", "--out", "out");
    expect([same.code, same.out]).toEqual([0, "✓ 0.png\n✓ 1.png\n"]);
    const record = readFileSync(at("out/a/run.json"), "utf8");
    const { defaults, ...earlier } = JSON.parse(record) as { defaults: number };
    writeFileSync(at("out/a/run.json"), JSON.stringify(earlier));
    const other = await verb("verify", "a.lace", "--out", "out"); // drawn with the default of records without a number
    expect([defaults, other.code, other.out]).toEqual([2, 1, expect.stringMatching(/^✗ 0\.png .*PSNR/)]);
    writeFileSync(at("out/a/run.json"), record);
    const before = filesIn(folder.path);

    writeFileSync(at("tiny.safetensors"), writePack(randomModel({ seed: 2 }), { source: "a test" }));
    const [frozen, check, differs] = await Promise.all([
      verb("run", "a.lace", "--out", "out", "--frozen"),
      verb("lock", "--check", "a.lace"),
      verb("verify", "a.lace", "--out", "out", "--json"),
    ]);
    expect([frozen.code, frozen.err]).toEqual([3, expect.stringMatching(/error\[L5305\].*model tiny .* has changed/)]);
    expect([check.code, check.err]).toEqual([3, expect.stringContaining("error[L5305]")]);
    expect(differs.code).toBe(1);
    expect(JSON.parse(differs.out)).toMatchObject({
      ok: false,
      differences: [expect.stringMatching(/^the model tiny is not the same/)],
      outputs: [{ file: "0.png", same: false, note: expect.stringMatching(/^PSNR/) as string }, { file: "1.png" }],
    });
    expect(filesIn(folder.path)).toEqual(before);

    const accepted = await verb("lock", "*.lace");
    expect([accepted.code, accepted.err.match(/warning\[L5307\]/g)?.length]).toEqual([0, 2]);
    expect((await verb("lock", "--check", "*.lace")).code).toBe(0);
  });

  test("verify without a record, and with one that is none", async () => {
    const [absent, broken] = await Promise.all([
      verb("verify", "a.lace", "--out", "nowhere"),
      verb("verify", "a.lace", "--record", "lace.lock"),
    ]);
    expect([absent.code, absent.err]).toEqual([3, expect.stringContaining("error[L5001]")]);
    expect([broken.code, broken.err]).toEqual([3, expect.stringContaining("error[L5310]")]);
  });
});

describe("lacec diff", () => {
  test("two scripts, two revisions of one, and their pictures on a sheet", async () => {
    const repo = folderWith({ "r.lace": script("r"), "tiny.safetensors": "" });
    const git = (...args: string[]): void =>
      void execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.org", ...args], { cwd: repo.path });
    try {
      writeFileSync(join(repo.path, "tiny.safetensors"), readFileSync(at("tiny.safetensors")));
      git("init", "-q");
      git("add", "r.lace");
      git("commit", "-qm", "one");
      writeFileSync(join(repo.path, "r.lace"), script("r", "2 * glasses and hair is brown"));
      git("commit", "-qam", "two");
      mkdirSync(join(repo.path, "sub"));
      const [revisions, unknown, same] = await Promise.all([
        lacec(["diff", "HEAD~1", "HEAD", "r.lace", "--images", "sheet.png", "--exit-code", "--engine", "onnx-cpu"], {
          cwd: repo.path,
        }),
        lacec(["diff", "--", "-x", "HEAD", "r.lace"], { cwd: repo.path }),
        lacec(["diff", "HEAD", "HEAD", "../r.lace", "--exit-code"], { cwd: join(repo.path, "sub") }),
      ]);
      expect([revisions.code, revisions.out]).toEqual([
        1,
        "r\n  weight of `glasses` 1 -> 2\n  added: hair is brown\nwrote sheet.png\n",
      ]);
      const { width, height } = await sharp(join(repo.path, "sheet.png")).metadata();
      expect([width > 2 * 16, height > 2 * 16]).toEqual([true, true]);
      expect([unknown.code, unknown.err]).toEqual([3, expect.stringContaining("no revision -x")]);
      expect([same.code, same.out]).toEqual([0, "no difference in meaning\n"]);
    } finally {
      repo.remove();
    }
  });
});

describe("lacec cache", () => {
  test("says what is there, and cleans", async () => {
    expect((await verb("cache")).out).toMatch(/^\d+ results, \d+\.\d MB in \.lace\/cache\n$/);
    expect((await verb("cache", "clean")).out).toMatch(/^deleted \d+ results/);
    expect((await verb("cache", "--json")).out).toContain('"entries": 0');
    expect((await verb("cache", "wash")).code).toBe(2);
  });
});

describe("an engine that is not there", () => {
  test("verify and reproduce take the best of this machine, and say so", async () => {
    expect((await verb("run", "a.lace", "--out", "there", "--engine", "onnx-cpu", "--no-cache")).code).toBe(0);
    const record = at("there/a/run.json");
    writeFileSync(record, readFileSync(record, "utf8").replace('"name": "onnx-cpu"', '"name": "of the future"'));
    const verified = await verb("verify", "a.lace", "--out", "there");
    expect([verified.code, verified.out]).toEqual([
      0,
      expect.stringMatching(/^ {2}the engine is not the same: of the future in the record, now [a-z-]+\n✓ 0\.png\n/),
    ]);
  });
});
