// lacec build: each stage as text, and a graph as ONNX.
import { build, type BuildOptions, type BuildStage } from "../app/build.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { exitCodeOf } from "./exit.js";
import { printDiagnostics } from "./report.js";

export interface BuildFlags extends Flags, Omit<BuildOptions, "print" | "engine" | "inputs"> {
  readonly print?: string;
  readonly engine: string;
  readonly set?: Readonly<Record<string, number | string>>;
}

/** `lacec build SCRIPT` */
export const buildCommand = command({}, async ({ io, platform }, script: string, options: BuildFlags) => {
  const { print, emit, engine, set: inputs = {}, ...rest } = options;
  const { text, wrote, diagnostics, sources } = await build(platform, script, {
    ...rest,
    ...(print !== undefined && { print: print as BuildStage }), // build names those that there are
    ...(emit !== undefined && { emit }),
    ...{ engine: engineChoice(engine), inputs },
  });
  printDiagnostics(diagnostics, sources, io);
  if (text !== undefined) io.out(text);
  if (wrote !== undefined) {
    const [from, to] = [wrote.inputs.join(", "), wrote.outputs.join(", ")];
    io.err(`wrote ${wrote.file}: ${wrote.title}; inputs ${from}, outputs ${to}\n`);
  }
  return exitCodeOf(diagnostics);
});
