// Scripts about a random model in a folder of their own, run through the public library.
// In: what each script begins with. Out: the folder, removed after the tests of the file, and a function that runs a text.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { writePack } from "../../src/models/pack/write-pack.js";
import { run, type RunOptions } from "../../src/node.js";
import type { Results } from "../../src/runtime/record/record.js";
import { folderWith } from "./lacec.js";
import { randomModel } from "./model.js";

/** Few small steps, whose ends differ by no more than the gradients do. */
export const CALM = "sampler langevin { steps 20 step 1e-3 noise 0.01 }";

export interface TinyRuns {
  /** The path of a file in the folder. */
  readonly path: (...parts: string[]) => string;
  /** Runs a script of this name, whose files go into a folder of that name. */
  readonly runText: (name: string, text: string, options?: RunOptions) => Promise<Results>;
}

/** Scripts that begin with the model `tiny` and `head`. */
export function tinyRuns(head = ""): TinyRuns {
  let folder: ReturnType<typeof folderWith>;
  beforeAll(() => {
    folder = folderWith({});
    writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  });
  afterAll(() => folder.remove());
  return {
    path: (...parts) => join(folder.path, ...parts),
    runText: (name, text, options = {}) => {
      writeFileSync(join(folder.path, `${name}.lace`), `lace 1\nmodel tiny from "tiny.safetensors"\n${head}${text}`);
      return run(join(folder.path, `${name}.lace`), { out: join(folder.path, name), engine: "onnx-cpu", ...options });
    },
  };
}
