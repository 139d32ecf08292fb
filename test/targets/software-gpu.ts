// WebGPU without a GPU: SwiftShader, which Debian's chromium brings along, in a child process of its own.
// The child is needed because the dynamic linker reads LD_LIBRARY_PATH only at the start of a process, and because a crash in a
// driver must not take the other tests with it.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ICD = ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/lib/chromium-browser/vk_swiftshader_icd.json"].find(
  (path) => existsSync(path),
);

/** False where Debian's chromium is not installed: tests then skip, visibly. */
export const SOFTWARE_GPU_PRESENT = ICD !== undefined;

export interface ChildResult {
  readonly code: number | null;
  readonly signal: string | null;
  /** Lines of its standard output. */
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Runs a TypeScript file with the software driver in its environment. */
export function runOnSoftwareGpu(file: URL, args: readonly string[]): Promise<ChildResult> {
  if (ICD === undefined) throw new Error("there is no software GPU here");
  const load = `import("vite").then((v) => v.runnerImport(${JSON.stringify(fileURLToPath(file))}, { configFile: false, logLevel: "error" }))`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", load, "--", ...args], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: {
      ...process.env,
      VK_ICD_FILENAMES: ICD,
      LD_LIBRARY_PATH: dirname(ICD),
      XDG_RUNTIME_DIR: mkdtempSync(join(tmpdir(), "lacec-gpu-")),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code, signal, lines: output.split("\n").filter((line) => line !== ""), errors });
    });
  });
}
