// Adds the native engine, onnxruntime-node, to the installation that runs: by npm, in the folder that lacec is installed in, without scripts.
// In: where lacec lies. Out: the command, as it is shown before anything is done; running it.
// Invariant: the version is the one that this lacec is tested with; no script of any package runs.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { EngineInstall } from "../app/platform.js";
import { failure } from "../source/diagnostic.js";

/** The engine's package. */
const ENGINE = "onnxruntime-node";

/** Folder of this lacec, as built or as installed. */
const HERE = fileURLToPath(new URL("../../", import.meta.url));

/**
 * How the engine is added to an installation in `here`.
 * Errors   LaceError L5205 where npm cannot: lacec is not in a node_modules folder (a clone, a standalone executable).
 */
export function engineInstall(here: string = HERE): EngineInstall {
  const own = here.replace(/[/\\]$/, "");
  const modules = dirname(own);
  if (basename(modules) !== "node_modules" || basename(dirname(modules)).startsWith("standalone-")) {
    throw failure("L5205", `lacec in ${own} was not installed by npm, so npm cannot add an engine to it`, [
      "in a clone, npm ci brings onnxruntime-node; beside a standalone lacec, npm install lacec onnxruntime-node",
    ]);
  }
  const { peerDependencies = {} } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as {
    readonly peerDependencies?: Readonly<Record<string, string>>;
  };
  const wanted = `${ENGINE}@${peerDependencies[ENGINE] ?? "latest"}`;
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
  // A global installation is PREFIX/lib/node_modules with a command in PREFIX/bin; on Windows both are in PREFIX itself.
  const folder = dirname(modules);
  const prefix = [dirname(folder), folder].find((at, k) => existsSync(join(at, k === 0 ? "bin/lacec" : "lacec.cmd")));
  const where = prefix === undefined ? ["--prefix", folder] : ["--global", "--prefix", prefix];
  return { command: ["npm", "install", ...where, ...flags, wanted], folder: modules };
}

/** Runs the command; what it prints goes to `say`. Errors: LaceError L5205 if it fails. */
export async function runEngineInstall({ command }: EngineInstall, say: (text: string) => void): Promise<void> {
  const [program = "", ...words] = command;
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], shell: process.platform === "win32" });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", say);
    child.on("error", reject);
    child.on("close", resolve);
  }).catch((error: unknown) => {
    throw failure("L5205", `npm cannot be started: ${error instanceof Error ? error.message : String(error)}`, [
      `run it where npm is: ${command.join(" ")}`,
    ]);
  });
  if (code !== 0) throw failure("L5205", `npm did not install ${ENGINE} (exit code ${code ?? "none"})`);
}
