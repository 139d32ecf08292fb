// Pictures in a real git repository: diff and log say what their recipes mean, a merge makes them again.
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { mainFile } from "../support/build.js";
import { folderWith, lacec, type Ended } from "../support/lacec.js";

vi.setConfig({ testTimeout: 180_000 }); // pictures are made, on machines that have other work

const script = (where: string, extra = ""): string =>
  `lace 1\n\nmodel avatar from "builtin:avatar"\n\nsample r from avatar {\n  where ${where}\n  count 1\n${extra}  seed 5\n}\n\nsave r to "r.png" as grid\n`;

let folder: ReturnType<typeof folderWith>;
let bin: string;
const at = (...path: string[]): string => join(folder.path, ...path);
const env = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${bin}:${process.env["PATH"] ?? ""}`,
  GIT_CONFIG_GLOBAL: "/dev/null",
});
const verb = (...args: string[]): Promise<Ended> =>
  lacec(args, { cwd: folder.path, env: { GIT_CONFIG_GLOBAL: "/dev/null", PATH: env()["PATH"] ?? "" } });
/** Runs git with lacec on the path; what it prints and its exit code. */
function git(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const given = ["-c", "user.name=x", "-c", "user.email=x@example.org", ...args];
  return new Promise((resolve) => {
    execFile("git", given, { cwd: folder.path, env: env() }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}
async function draw(text: string): Promise<void> {
  writeFileSync(at("r.lace"), text);
  const ended = await verb("run", "r.lace", "--engine", "tfjs-wasm", "--no-cache");
  expect(ended.code, ended.err).toBe(0);
}
const commit = (message: string): Promise<unknown> => git("commit", "-qam", message);

beforeAll(async () => {
  folder = folderWith({});
  bin = at(".bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "lacec"), `#!/bin/sh\nexec '${process.execPath}' '${mainFile}' "$@"\n`);
  chmodSync(join(bin, "lacec"), 0o755);
  execFileSync("git", ["init", "-q", "-b", "main"], { cwd: folder.path });
  writeFileSync(at(".gitignore"), ".bin\n.elsewhere\n.lace\nrun.json\nlace.lock\n");
  await draw(script("glasses"));
  const ended = await verb("git", "setup", "--pattern", "*.png");
  expect([ended.code, ended.err]).toEqual([0, ""]);
  await git("add", ".");
  await commit("one");
}, 180_000);
afterAll(() => folder.remove());

describe("git of pictures", () => {
  test("setup writes the attributes once, and the configuration of the clone", async () => {
    expect((await verb("git", "setup", "--pattern", "*.png")).code).toBe(0);
    expect(readFileSync(at(".gitattributes"), "utf8")).toBe("*.png diff=lace merge=lace\n");
    expect((await git("config", "merge.lace.driver")).out).toBe("lacec git merge %O %A %B --path %P\n");
  });

  test("setup of a lacec that the path does not have names it by its place", async () => {
    const place = at(".elsewhere");
    mkdirSync(place);
    execFileSync("git", ["init", "-q"], { cwd: place });
    const ended = await lacec(["git", "setup"], { cwd: place, env: { GIT_CONFIG_GLOBAL: "/dev/null" } });
    expect(ended.code).toBe(0);
    const driver = execFileSync("git", ["config", "diff.lace.textconv"], { cwd: place, encoding: "utf8" });
    expect(driver.trim()).toBe(`'${process.execPath}' '${mainFile}' git textconv`);
  });

  test("diff says in words what changed, log -p as lines; a picture without a recipe is told by its bytes", async () => {
    await draw(script("2 * glasses and smile"));
    const { code, out } = await git("diff");
    expect(code).toBe(0);
    expect(out).toContain("lacec diff r.png\nr\n");
    expect(out).toMatch(/weight of `glasses` 1 -> 2/);
    expect(out).toMatch(/smile/);
    await commit("two");
    const log = await git("log", "-1", "-p", "--", "r.png");
    expect(log.out).toMatch(/^-.*glasses/m);
    expect(log.out).toMatch(/^\+ +2 \*$/m);
    expect(log.out).not.toContain("Binary files");

    writeFileSync(at("other.png"), "no picture at all");
    const text = await verb("git", "textconv", "other.png");
    expect([text.code, text.out]).toEqual([
      0,
      expect.stringMatching(/^no recipe: .*\n17 bytes, SHA-256 [0-9a-f]{64}\n$/),
    ]);
    await git("add", "-N", "other.png");
    expect((await git("diff", "--", "other.png")).out).toContain("is new\n+no recipe");
    await git("rm", "-qf", "--cached", "other.png");
  });

  test("lacec diff takes two pictures", async () => {
    writeFileSync(
      at("was.png"),
      execFileSync("git", ["show", "HEAD~1:r.png"], { cwd: folder.path, maxBuffer: 1 << 26 }),
    );
    const [both, same] = await Promise.all([
      verb("diff", "was.png", "r.png", "--exit-code"),
      verb("diff", "r.png", "r.png", "--exit-code"),
    ]);
    expect([both.code, both.out]).toEqual([1, expect.stringMatching(/^r\n {2}weight of `glasses` 1 -> 2\n/)]);
    expect([same.code, same.out]).toEqual([0, "no difference in meaning\n"]);
  });

  test("a merge of changes that do not meet makes the picture of both", async () => {
    await git("checkout", "-qb", "seed");
    await draw(script("2 * glasses and smile").replace("seed 5", "seed 9"));
    await commit("another one");
    await git("checkout", "-q", "main");
    await draw(script("3 * glasses and smile"));
    await commit("more");
    const { code, err } = await git("merge", "-q", "seed", "-m", "both");
    expect([code, err]).toEqual([0, expect.stringContaining("r.png: made again of both recipes")]);
    const merged = readFileSync(at("r.png"));
    await draw(script("3 * glasses and smile").replace("seed 5", "seed 9"));
    expect(readFileSync(at("r.png")).equals(merged)).toBe(true);
    expect((await git("status", "--porcelain", "-uno")).out).toBe("");
  });

  test("a merge of changes of one line is a conflict, says which, and leaves ours", async () => {
    await git("checkout", "-qb", "hair", "HEAD");
    await draw(script("hair is brown").replace("seed 5", "seed 9"));
    await commit("brown");
    await git("checkout", "-q", "main");
    await draw(script("hat").replace("seed 5", "seed 9"));
    await commit("a hat");
    const ours = readFileSync(at("r.png"));
    const { code, out, err } = await git("merge", "-q", "hair");
    expect([code, out]).toEqual([1, expect.stringContaining("CONFLICT (content): Merge conflict in r.png")]);
    expect(err).toContain(
      'r.png: the recipes conflict\n  r.lace: ours has "where hat", theirs "where hair is brown"\n',
    );
    expect(readFileSync(at("r.png")).equals(ours)).toBe(true);
    await git("merge", "--abort");
  });
});
