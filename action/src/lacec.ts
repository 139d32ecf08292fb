// lacec and git as programs that the action calls.
// In: a command and its words. Out: what they printed and how they ended. Invariant: no word passes through a shell.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program; what it prints is also shown in the log if `shown`. */
export function call(command: readonly string[], words: readonly string[], shown = false): Promise<Ended> {
  const [program = "", ...first] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    const said = { out: "", err: "" };
    for (const [stream, name] of [
      [child.stdout, "out"],
      [child.stderr, "err"],
    ] as const)
      stream.setEncoding("utf8").on("data", (text: string) => {
        said[name] += text;
        if (shown) process.stdout.write(text);
      });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, ...said }));
  });
}

/** The command that runs lacec: the one that was given, or that of the package, which is installed first unless a cache brought it. */
export async function installLacec(given: string, spec: string, folder: string): Promise<readonly string[]> {
  if (given !== "") return given.split(/\s+/);
  const main = join(folder, "node_modules/lacec/dist/cli/main.js");
  if (!existsSync(main)) {
    mkdirSync(folder, { recursive: true });
    const flags = ["--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"];
    const { code } = await call(["npm", "install"], [...flags, spec], true);
    if (code !== 0) throw new Error(`npm cannot install ${spec}`);
  }
  return [process.execPath, main];
}
