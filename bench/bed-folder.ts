// A bed of test/bed in a folder, for benchmarks of heads: the model, and rows that its exact judge has labelled.
// In: a folder, the settings of the bed. Out: the name of the data file in it, and lacec as a command that runs there. What is there is kept.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeBed, type BedOptions } from "../test/bed/bed.js";
import { photographJudge } from "../test/bed/photographs.js";

export interface BedFolder {
  /** Labelled rows of `bed.safetensors`. */
  readonly data: string;
  /** Runs the built lacec in the folder; gives what it prints. */
  readonly lacec: (...args: readonly string[]) => string;
}

/** A bed that is made, or a generator of photographs in an ONNX file, which the judge of test/bed/photographs.ts looks at. */
export type BedChoice = BedOptions | { readonly generator: string };

/** Makes the bed and labels `rows` of it, as far as they are not there. Needs `npm run build`. */
export function bedFolder(folder: string, options: BedChoice, rows: string): BedFolder {
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const lacec = (...args: readonly string[]): string =>
    execFileSync(process.execPath, [main, ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 2 ** 28,
    });
  if (!existsSync(join(folder, "bed.safetensors"))) {
    const bed =
      "generator" in options ? { decoder: readFileSync(options.generator), ...photographJudge() } : makeBed(options);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "decoder.onnx"), bed.decoder);
    writeFileSync(join(folder, "judge.onnx"), bed.judge);
    writeFileSync(join(folder, "judge.json"), JSON.stringify(bed.description));
    lacec("import", "decoder.onnx", "-o", "bed.safetensors");
  }
  const data = `rows-${rows}.safetensors`;
  if (!existsSync(join(folder, data)))
    lacec("label", "bed.safetensors", "--labeller", "judge.onnx", "-n", rows, "--seed", "1", "-o", data, "-q");
  return { data, lacec };
}
