// Shell completion and the manual page, which are made from the program.
import { execFile, execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { folderWith, lacec, type Ended } from "../support/lacec.js";

vi.setConfig({ testTimeout: 120_000 });

let folder: ReturnType<typeof folderWith>;
const verb = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
/** Whether a program is on this machine. */
const has = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
};
beforeAll(() => {
  folder = folderWith({});
});
afterAll(() => folder.remove());

describe("lacec completion", () => {
  test("of bash completes verbs, verbs below verbs, options and their words", async () => {
    const { code, out } = await verb("completion", "bash");
    expect(code).toBe(0);
    writeFileSync(join(folder.path, "lacec.bash"), out);
    const complete = async (...words: string[]): Promise<string[]> => {
      const line = words.map((w) => `'${w}'`).join(" ");
      const asked = `set -eu; source ./lacec.bash; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _lacec; echo "\${COMPREPLY[*]:-}"`;
      const { stdout } = await promisify(execFile)("bash", ["-c", asked], { cwd: folder.path });
      return stdout.trim().split(/\s+/);
    };
    expect(await complete("lacec", "re")).toEqual(["reproduce"]);
    expect(await complete("lacec", "c")).toEqual(expect.arrayContaining(["check", "clean", "cache", "completion"]));
    expect(await complete("lacec", "models", "p")).toEqual(["pull"]);
    expect(await complete("lacec", "models", "pull", "--sh")).toEqual(["--sha256"]);
    expect(await complete("lacec", "run", "--no-")).toEqual(["--no-cache", "--no-provenance"]);
    expect(await complete("lacec", "train", "--space", "")).toEqual(["w", "z"]);
  });

  test("of the other shells names every verb and option, and is a script for them", async () => {
    const [help, zsh, fish, none] = await Promise.all([
      verb("--help"),
      verb("completion", "zsh"),
      verb("completion", "fish"),
      verb("completion", "tcsh"),
    ]);
    const verbs = [...help.out.matchAll(/^ {2}([a-z]+)[ |]/gm)]
      .map(([, name = ""]) => name)
      .filter((n) => n !== "help");
    expect(verbs.length).toBeGreaterThan(20);
    for (const name of verbs) {
      expect(zsh.out).toContain(`'${name}:`);
      expect(fish.out).toMatch(new RegExp(`^complete -c lacec -n '__fish_use_subcommand' -a ${name} -d '`, "m"));
    }
    expect([
      zsh.out.includes("--provenance") || zsh.out.includes("--no-provenance"),
      fish.out.includes("-l no-provenance"),
    ]).toEqual([true, true]);
    expect([none.code, none.err]).toEqual([
      2,
      "error: lacec completes for bash, zsh, fish, and tcsh is none of them\n",
    ]);
    for (const [shell, { out }] of [
      ["zsh", zsh],
      ["fish", fish],
    ] as const) {
      if (!has(shell)) continue;
      writeFileSync(join(folder.path, `lacec.${shell}`), out);
      execFileSync(shell, ["-n", `lacec.${shell}`], { cwd: folder.path });
    }
  });
});

describe("lacec manual", () => {
  test("is a page that names every verb and option", async () => {
    const [{ code, out }, help] = await Promise.all([verb("manual"), verb("run", "--help")]);
    expect([code, out.startsWith(".TH LACEC 1")]).toEqual([0, true]);
    const options = [...help.out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag = ""]) => flag);
    expect(options.length).toBeGreaterThan(10);
    for (const flag of options.filter((f) => f !== "--help")) expect(out).toContain(flag.replaceAll("-", "\\-"));
    expect(out).toContain('.SS "models pull"');
    if (!has("man")) return;
    writeFileSync(join(folder.path, "lacec.1"), out);
    const warned = execFileSync("sh", ["-c", "man --warnings -l ./lacec.1 2>&1 >/dev/null"], { cwd: folder.path });
    expect(warned.toString()).toBe("");
  });
});
