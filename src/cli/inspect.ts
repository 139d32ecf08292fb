// lacec inspect: what a model file holds: architecture, sizes, attributes, layer groups, licence, hashes.
import { nodeHost } from "../node/host.js";
import { describeFile } from "../models/describe-model.js";
import { printDescription } from "./describe.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

export async function inspectVerb(io: Io, file: string, options: { readonly json?: boolean }): Promise<ExitCode> {
  const description = await describeFile(nodeHost(), file);
  if (options.json === true) io.out(`${JSON.stringify(description, null, 2)}\n`);
  else printDescription(description, io);
  return EXIT.done;
}
