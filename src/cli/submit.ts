// lacec submit: a script for the workers of a queue.
import { submit, type SubmitOptions } from "../app/many/submit.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

interface SubmitFlags extends Flags, Omit<SubmitOptions, "engine" | "inputs"> {
  readonly engine: string;
  readonly set?: Readonly<Record<string, number | string>>;
}

/** `lacec submit SCRIPT` */
export const submitCommand = command({}, async ({ io, platform, watch }, script: string, flags: SubmitFlags) => {
  const { queue, store, project, on, rows, count, seed, set: inputs, engine, json, quiet } = flags;
  const submitted = await submit(platform, script, {
    ...watch,
    ...{ queue, store, count, seed, engine: engineChoice(engine) },
    ...(project !== undefined && { project }),
    ...(on !== undefined && { on }),
    ...(rows !== undefined && { rows }),
    ...(inputs !== undefined && { inputs }),
  });
  const { id, pieces, there, queued } = submitted;
  if (json === true) io.out(`${JSON.stringify(submitted, null, 2)}\n`);
  else {
    io.out(
      `${id.slice(0, 12)}: ${queued} of ${pieces} pieces queued${there > 0 ? `, ${there} are drawn already` : ""}\n`,
    );
    if (quiet !== true) io.err(io.errColors.dim(`afterwards: lacec collect ${script} --store ${store}\n`));
  }
  return EXIT.done;
});
