// lacec verify: a script run again, and compared with the hashes in its run.json.
import { verify, type VerifyOptions } from "../app/verify.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

interface VerifyFlags extends Flags, Omit<VerifyOptions, "engine"> {
  readonly engine?: string;
}

/** `lacec verify SCRIPT` */
export const verifyCommand = command({}, async ({ io, platform, watch }, script: string, options: VerifyFlags) => {
  const { out, record, engine, json } = options;
  const verified = await verify(platform, script, {
    ...watch,
    ...(out !== undefined && { out }),
    ...(record !== undefined && { record }),
    ...(engine !== undefined && { engine: engineChoice(engine) }),
  });
  const exitCode = verified.ok ? EXIT.done : EXIT.missed;
  if (json === true) {
    io.out(`${JSON.stringify(verified, null, 2)}\n`);
    return exitCode;
  }
  const c = io.outColors;
  for (const sentence of verified.differences) io.out(`  ${sentence}\n`);
  for (const { file, same, note } of verified.outputs)
    io.out(`${same ? c.green("✓") : c.red("✗")} ${file}${note === "" ? "" : `  ${c.dim(note)}`}\n`);
  for (const file of verified.new) io.out(`${c.red("✗")} ${file}  ${c.dim("not in the record")}\n`);
  return exitCode;
});
