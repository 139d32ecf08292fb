// lacec diff with a working tree, lacec reproduce that only compares, and what a script can name.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writePack } from "../../src/models/pack/write-pack.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

vi.setConfig({ testTimeout: 180_000 }); // many processes, on machines that have other work

const script = (where: string): string =>
  `lace 1\nmodel tiny from "tiny.safetensors"\ninput title: text = "face"\n` +
  `sample r from tiny { where ${where} count 2 seed 5 }\nsave r to "out/{title}-{index}.png"\n`;

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);
const verb = (...args: string[]): Promise<Ended> =>
  lacec(args, { cwd: folder.path, env: { LACE_MODELS: at("store") } });
const git = (...args: string[]): void =>
  void execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.org", ...args], { cwd: folder.path });

beforeAll(() => {
  folder = folderWith({ "r.lace": script("glasses") });
  writeFileSync(at("tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  git("init", "-q");
  git("add", "r.lace");
  git("commit", "-qm", "one");
  writeFileSync(at("r.lace"), script("2 * glasses"));
  git("commit", "-qam", "two");
  writeFileSync(at("r.lace"), script("3 * glasses"));
  writeFileSync(at("new.lace"), script("glasses"));
});
afterAll(() => folder.remove());

describe("lacec diff", () => {
  test("of a script alone compares with the last commit, of a revision and a script with that revision", async () => {
    const [head, revision, files, again] = await Promise.all([
      verb("diff", "r.lace"),
      verb("diff", "HEAD~1", "r.lace"),
      verb("diff", "r.lace", "new.lace"),
      verb("diff", "HEAD~1", "HEAD", "r.lace"),
    ]);
    expect([head.code, head.out]).toEqual([0, "r\n  weight of `glasses` 2 -> 3\n"]);
    expect(revision.out).toBe("r\n  weight of `glasses` 1 -> 3\n");
    expect(files.out).toBe("r\n  weight of `glasses` 3 -> 1\n");
    expect(again.out).toBe("r\n  weight of `glasses` 1 -> 2\n");
  });

  test("a script that a revision does not have, a name that is neither, and no names at all are told apart", async () => {
    const [later, nobody, typo, many] = await Promise.all([
      verb("diff", "new.lace"),
      verb("diff", "nobody", "r.lace"),
      verb("diff", "nobody.lace", "r.lace"),
      verb("diff", "a", "b", "c", "d"),
    ]);
    expect([later.code, later.err]).toEqual([3, expect.stringMatching(/L5001.*new\.lace is not in HEAD/)]);
    expect([nobody.code, nobody.err]).toEqual([3, expect.stringMatching(/L5004.*no revision nobody/)]);
    expect([typo.code, typo.err]).toEqual([2, expect.stringContaining("cannot read `nobody.lace`")]);
    expect([many.code, many.err]).toEqual([2, expect.stringContaining("name a script")]);
  });
});

describe("several scripts", () => {
  test("what is said of each begins with its name; an input that is a text is verified as a number is", async () => {
    const engine = ["--engine", "tfjs-cpu", "--no-cache"];
    writeFileSync(at("other.lace"), script("glasses").replace("out/", "other/"));
    const ended = await verb("run", "r.lace", "other.lace", "--out", "two", "--set", "title=a b", ...engine);
    const lines = ended.out.split("\n");
    expect(lines.filter((l) => l.endsWith(".lace"))).toEqual(["r.lace", "other.lace"]);
    expect(lines[0]).toBe("r.lace");
    const single = await verb("run", "r.lace", "--out", "one", ...engine);
    expect(single.out).not.toContain("r.lace\n");
    const verified = await verb("verify", "other.lace", "--out", "two");
    expect([verified.code, verified.out]).toEqual([0, "✓ a b-0.png\n✓ a b-1.png\n"]);
  });
});

describe("lacec reproduce", () => {
  test("without -o compares and writes nothing", async () => {
    const out = ["--out", "made", "--engine", "tfjs-cpu", "--no-cache"];
    expect((await verb("run", "new.lace", ...out)).code).toBe(0);
    const before = filesIn(folder.path);
    const given = ["--model", `tiny=${at("tiny.safetensors")}`];
    const same = await verb("reproduce", "made/out/face-0.png", ...given);
    expect([same.code, same.out]).toEqual([0, "identical: the same bytes\n"]);
    expect(filesIn(folder.path)).toEqual(before);
  });
});

describe("models by name", () => {
  test("inspect takes what a script can name; models list shows what ships with lacec", async () => {
    expect((await verb("models", "add", "tiny.safetensors")).code).toBe(0);
    const [builtin, stored, path, nobody, unknown, list] = await Promise.all([
      verb("inspect", "builtin:avatar", "--json"),
      verb("inspect", "tiny", "--json"),
      verb("inspect", "tiny.safetensors", "--json"),
      verb("inspect", "nobody"),
      verb("inspect", "builtin:nobody"),
      verb("models", "list"),
    ]);
    expect(JSON.parse(builtin.out)).toMatchObject({ file: "avatar.safetensors", format: "pack", resolution: 128 });
    const { attributes } = JSON.parse(path.out) as { attributes: unknown[] };
    expect(attributes).toHaveLength(3);
    expect(JSON.parse(stored.out)).toMatchObject({ name: "tiny", format: "pack", attributes });
    expect([nobody.code, nobody.err]).toEqual([3, expect.stringMatching(/L5101[^]*lacec models add/)]);
    expect([unknown.code, unknown.err]).toEqual([3, expect.stringContaining("L5005")]);
    expect(list.out).toMatch(/^builtin:avatar {2}stylegan2, 128 px, .*\ntiny .*\n$/);
  });
});
