// What is wrong is said: outputs that changed, checkpoints with a flipped bit, pipes that nobody reads, paths with escapes that mean nothing.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileScript } from "../../src/app/compile-script.js";
import { sharedOutputs } from "../../src/app/run.js";
import { earlierOfOneName } from "../../src/compiler/check/one-name.js";
import type { Plan } from "../../src/compiler/plan.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { nodeHost } from "../../src/node/host.js";
import { compile } from "../check/support.js";
import { endlessOnnx } from "../support/endless-onnx.js";
import { folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "s.lace":
      'lace 1\nmodel avatar from "builtin:avatar"\nsample s from avatar { where glasses  count 2 }\nsave s to "s-{index}.png"\n',
  });
});
afterAll(() => folder.remove());
const run = (...args: readonly string[]): Promise<Ended> => lacec(args, { cwd: folder.path });

async function planOf(script: string): Promise<Plan> {
  const { plan } = await compile({ "main.lace": script }, {});
  if (plan === undefined) throw new Error("a script of this test is wrong");
  return plan;
}

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

test("two scripts of one command that would write one file are refused before any work, at both places", async () => {
  const draw = (count: number, path: string) =>
    `lace 1\nmodel avatar from "builtin:avatar"\nsample s from avatar { count ${count} }\nsave s to "${path}"\n`;
  const other = folderWith({
    "a.lace": draw(4, "x-{index}.png"),
    "b.lace": draw(1, "x-3.png"),
    "c.lace": draw(1, "y.png"),
  });
  try {
    const both = await lacec(["run", "a.lace", "c.lace", "b.lace"], { cwd: other.path });
    expect(both.code).toBe(2);
    expect(both.err).toMatch(/L2016[^]*two scripts would write one file[^]*b\.lace:4[^]*a\.lace:4/);
    expect(existsSync(join(other.path, "y.png"))).toBe(false);
    expect(sharedOutputs([{ script: "a", plan: await planOf(draw(4, "{index}.png")) }]).size).toBe(0);
  } finally {
    other.remove();
  }
});

test("names with many placeholders are compared in little time", () => {
  const start = performance.now();
  const earlier = earlierOfOneName(["{index}1".repeat(200), "1".repeat(5000), `${"1".repeat(5000)}x`, "a", "a"]);
  expect(earlier).toEqual([Infinity, 0, Infinity, Infinity, 3]);
  expect(performance.now() - start).toBeLessThan(5000);
});

test("random noise of a model without noise is told; of one with noise it is none of our business", async () => {
  const words =
    'lace 1\nmodel avatar from "builtin:avatar"\nsample s from avatar { count 1  noise random }\nsave s to "s.png"\n';
  const other = folderWith({ "n.lace": words });
  try {
    const { diagnostics } = await compileScript(join(other.path, "n.lace"), nodeHost());
    expect(diagnostics.map((d) => d.code)).toEqual(["L2026"]);
    writeFileSync(join(other.path, "m.safetensors"), writePack(randomModel(), { source: "a test" }));
    writeFileSync(join(other.path, "m.lace"), words.replace("builtin:avatar", "m.safetensors"));
    expect((await compileScript(join(other.path, "m.lace"), nodeHost())).diagnostics).toEqual([]);
  } finally {
    other.remove();
  }
});

describe.skipIf(process.platform === "win32")("the second signal ends lacec", () => {
  /** Sends signals one after another until the process has ended, each `everyMs`; gives how many it took, and how it ended. */
  async function signalsFor(args: readonly string[], cwd: string, everyMs: number) {
    let sent = 0;
    let timer: NodeJS.Timeout | undefined;
    const ended = await lacec(args, {
      cwd,
      during: (kill) => {
        timer = setInterval(() => {
          sent += 1;
          kill("SIGINT");
        }, everyMs);
      },
    });
    clearInterval(timer);
    return { ...ended, sent };
  }

  test("a thread that waits for a pipe is not waited for", { timeout: 60_000 }, async () => {
    spawnSync("mkfifo", [join(folder.path, "in.pkl")]);
    const { sent, code, err } = await signalsFor(["import", "in.pkl", "-o", "x.safetensors"], folder.path, 8000);
    expect(sent).toBeLessThanOrEqual(2);
    expect(code).not.toBe(0);
    expect(err).toContain("interrupted");
  });

  test("a network that never ends is not waited for", { timeout: 90_000 }, async () => {
    writeFileSync(join(folder.path, "endless.onnx"), endlessOnnx());
    const { sent, code } = await signalsFor(["import", "endless.onnx", "-o", "x.safetensors"], folder.path, 12_000);
    expect(sent).toBeLessThanOrEqual(2);
    expect(code).toBeNull();
  });
});
