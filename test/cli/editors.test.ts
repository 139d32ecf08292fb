import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mainFile, requireBuild } from "../support/build.js";
import { folderWith, root } from "../support/lacec.js";

function has(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
let   low=0.2
energy scholar = glasses and light > low
sample s from avatar { where scholar  count 2 }
save s to "s.png" as grid
energy unused = hat and nonsense
`;

interface Seen {
  readonly problem?: string;
  readonly diagnostics: readonly { readonly code: string; readonly line: number; readonly from: number }[];
  readonly hover: string;
  readonly completion: readonly string[];
  readonly text: string;
}

/** Runs an editor over the script in a folder and home of its own; gives what it has written of what it saw. */
async function drive(command: string, args: readonly string[]): Promise<unknown> {
  const folder = folderWith({ "a.lace": SCRIPT, "package.json": "{}" });
  const out = join(folder.path, "seen.json");
  const env = {
    ...process.env,
    LACEC: `${process.execPath} ${mainFile}`,
    LACE_TEST_OUT: out,
    HOME: folder.path,
    XDG_STATE_HOME: folder.path,
  };
  const child = spawn(command, args, { cwd: folder.path, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (t: string) => (said += t));
  const timer = setTimeout(() => child.kill("SIGKILL"), 110_000);
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  expect(existsSync(out) ? "" : said).toBe("");
  const seen: unknown = JSON.parse(readFileSync(out, "utf8"));
  folder.remove();
  return seen;
}

// Debian's neovim 0.7.2 and later.
test.skipIf(!has("nvim"))(
  "Neovim shows mistakes, hover and completion, renames, and formats",
  async () => {
    requireBuild();
    const args = [
      "--headless",
      "-u",
      join(root, "editors/neovim/lace.lua"),
      "a.lace",
      "-c",
      `luafile ${join(root, "test/lsp/neovim.lua")}`,
    ];
    const seen = (await drive("nvim", args)) as Seen;
    expect(seen.problem).toBeUndefined();
    expect(seen.diagnostics).toEqual([{ code: "L2001", line: 6, from: 24 }]);
    expect(seen.hover).toContain("energy scholar");
    expect(seen.completion).toEqual(expect.arrayContaining(["count", "and"]));
    expect(seen.text).toContain("energy reader = glasses");
    expect(seen.text).toContain("where reader");
    expect(seen.text).toContain("let low = 0.2");
  },
  120_000,
);

function hasEglot(): boolean {
  try {
    execFileSync("emacs", ["--batch", "--eval", "(require 'eglot)"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

// Debian's Emacs 28 with its package of eglot, and later ones, which have it built in.
test.skipIf(!hasEglot())(
  "Emacs with eglot shows mistakes, hover and completion, renames, and formats",
  async () => {
    requireBuild();
    const load = ["editors/emacs/lace-mode.el", "test/lsp/emacs.el"].flatMap((f) => ["-l", join(root, f)]);
    const seen = (await drive("emacs", ["--batch", ...load])) as Omit<Seen, "diagnostics"> & {
      readonly diagnostics: string[];
    };
    expect(seen.problem).toBeUndefined();
    expect(seen.diagnostics).toEqual([expect.stringContaining("unknown name `nonsense`")]);
    expect(seen.hover).toContain("energy scholar");
    expect(seen.completion).toContain("scholar");
    expect(seen.text).toContain("energy reader = glasses");
    expect(seen.text).toContain("where reader");
    expect(seen.text).toContain("let low = 0.2");
  },
  120_000,
);
