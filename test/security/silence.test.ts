// What is wrong is said: outputs that changed, checkpoints with a flipped bit, pipes that nobody reads, paths with escapes that mean nothing.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeHost } from "../../src/node/host.js";
import { compile } from "../check/support.js";
import { folderWith, lacec, type Ended } from "../support/lacec.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "s.lace":
      'lace 1\nmodel avatar from "builtin:avatar"\nsample s from avatar { where glasses  count 2 }\nsave s to "s-{index}.png"\n',
  });
});
afterAll(() => folder.remove());
const run = (...args: readonly string[]): Promise<Ended> => lacec(args, { cwd: folder.path });

test(
  "verify fails where an output has been changed or has gone, though it could be made again",
  { timeout: 300_000 },
  async () => {
    expect((await run("run", "s.lace", "--engine", "onnx-cpu")).code).toBe(0);
    writeFileSync(join(folder.path, "s-0.png"), "x");
    const changed = await run("verify", "s.lace");
    expect(changed).toMatchObject({ code: 1, out: expect.stringContaining("was changed since") as string });
    rmSync(join(folder.path, "s-0.png"));
    const gone = await run("verify", "s.lace");
    expect(gone).toMatchObject({ code: 1, out: expect.stringContaining("has gone") as string });
  },
);

test("eval leaves nothing in the working folder, no lock either", { timeout: 300_000 }, async () => {
  const other = folderWith({
    "e.lace": 'lace 1\nmodel avatar from "builtin:avatar"\nsample s from avatar { where glasses }\n',
  });
  try {
    expect(
      (await lacec(["eval", "e.lace", "--count", "2", "--reference", "4", "--engine", "onnx-cpu"], { cwd: other.path }))
        .code,
    ).toBeLessThan(2);
    for (const name of [".lace", "lace.lock", "run.json", ".lacec-lock"])
      expect(existsSync(join(other.path, name))).toBe(false);
  } finally {
    other.remove();
  }
});

describe.skipIf(process.platform === "win32")("a pipe", () => {
  test("that nobody reads is an error, not a wait without end", async () => {
    const pipe = join(folder.path, "pipe.png");
    spawnSync("mkfifo", [pipe]);
    await expect(nodeHost().writeAtomic(pipe, "x")).rejects.toThrow(/L5004.*nothing reads from it/);
  });
});

test.each(["pics\\win.png", "C:\\pics\\x.png", "a\\qb.png"])(
  "the path %s, as Windows writes it, is told",
  async (path) => {
    const script = `lace 1\nmodel avatar from "builtin:avatar"\nsample s from avatar { where glasses }\nsave s to "${path}"\n`;
    const { diagnostics } = await compile({ "main.lace": script }, {});
    expect(diagnostics.map((d) => d.code)).toContain("L1006");
  },
);
