// How the native engine is added: the command for each way of installing, and that nothing is done unasked. The real installation is measured
// in docs/install.md; here npm is a program that writes down what it is asked.
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { homeFolder } from "../../src/node/home.js";
import { modelsHome } from "../../src/node/model-store.js";
import { engineInstall } from "../../src/node/native-engine.js";
import { folderWith, lacec, root } from "../support/lacec.js";

vi.setConfig({ testTimeout: 60_000 });

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);
const wanted = (
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { peerDependencies: Record<string, string> }
).peerDependencies["onnxruntime-node"]!;

/** A package folder of lacec, as an installation has it. */
function installedIn(...path: string[]): string {
  const own = at(...path, "node_modules/lacec");
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "package.json"), JSON.stringify({ peerDependencies: { "onnxruntime-node": wanted } }));
  return `${own}/`;
}

beforeAll(() => {
  folder = folderWith({});
});
afterAll(() => folder.remove());

describe("the engine's installation", () => {
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];

  test("goes into the project, without scripts, in the version that lacec is tested with", () => {
    expect(engineInstall(installedIn("project"))).toEqual({
      command: ["npm", "install", "--prefix", at("project"), ...flags, `onnxruntime-node@${wanted}`],
      folder: at("project/node_modules"),
    });
  });

  test("goes beside a global lacec", () => {
    const own = installedIn("global/lib");
    mkdirSync(at("global/bin"));
    symlinkSync(own, at("global/bin/lacec"));
    expect(engineInstall(own).command.slice(0, 5)).toEqual(["npm", "install", "--global", "--prefix", at("global")]);
  });

  test("is refused for a clone and for what a standalone lacec unpacked", () => {
    for (const own of [`${root}/`, installedIn("cache", "standalone-0123456789abcdef")])
      expect(() => engineInstall(own)).toThrow(/L5205.*was not installed by npm/);
  });
});

describe("lacec doctor --install", () => {
  test("says what it would run, and does nothing unasked; --yes runs it", async () => {
    // An installation whose files are those of this build.
    const own = at("real/node_modules/lacec");
    mkdirSync(dirname(own), { recursive: true });
    mkdirSync(own);
    for (const name of ["dist", "models", "docs"]) symlinkSync(join(root, name), join(own, name));
    writeFileSync(join(own, "package.json"), readFileSync(join(root, "package.json")));
    mkdirSync(at("bin"));
    writeFileSync(at("bin/npm"), `#!/bin/sh\necho "$@" > '${at("asked")}'\necho added\n`);
    chmodSync(at("bin/npm"), 0o755);
    const env = {
      PATH: `${at("bin")}:${process.env["PATH"] ?? ""}`,
      NODE_OPTIONS: "--preserve-symlinks --preserve-symlinks-main",
    };
    const run = (...words: string[]) => lacec(words, { cwd: folder.path, env, main: join(own, "dist/cli/main.js") });

    const unasked = await run("doctor", "--install", "--no-speed");
    expect([unasked.code, unasked.out]).toEqual([2, ""]);
    expect(unasked.err).toContain(`npm install --prefix ${at("real")} --ignore-scripts`);
    expect(unasked.err).toContain("nothing was installed");
    expect(existsSync(at("asked"))).toBe(false);

    const sure = await run("doctor", "--install", "--yes", "--no-speed");
    expect([sure.code, sure.err]).toEqual([0, expect.stringContaining("added\n")]);
    expect(readFileSync(at("asked"), "utf8")).toContain(`onnxruntime-node@${wanted}`);
    expect(sure.out).toContain("--engine auto takes");
  });

  test("in a clone is an error", async () => {
    const { code, err } = await lacec(["doctor", "--install", "--yes"], { cwd: folder.path });
    expect([code, err]).toEqual([3, expect.stringContaining("error[L5205]")]);
  });
});

describe("a user without a home folder", () => {
  test("has one of temporary files, and models in it", () => {
    const home = homeFolder(() => {
      throw new Error("uv_os_homedir returned ENOENT");
    });
    expect(home.startsWith(join(tmpdir(), "lacec-home-"))).toBe(true);
    expect(homeFolder(() => "/home/x")).toBe("/home/x");
    expect(modelsHome({ LACE_MODELS: "/m" })).toBe("/m");
  });
});
