// lacec submit: a script for the workers of a queue.
import { submit, type SubmitOptions } from "../app/many/submit.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { saySubmitted } from "./meeting-options.js";

interface SubmitFlags extends Flags, Omit<SubmitOptions, "engine" | "inputs"> {
  readonly engine: string;
  readonly set?: Readonly<Record<string, number | string>>;
}

/** `lacec submit SCRIPT` */
export const submitCommand = command({}, async ({ io, platform, watch }, script: string, flags: SubmitFlags) => {
  const { queue, store, project, on, rows, count, seed, set: inputs, engine } = flags;
  const submitted = await submit(platform, script, {
    ...watch,
    ...{ queue, store, count, seed, engine: engineChoice(engine) },
    ...(project !== undefined && { project }),
    ...(on !== undefined && { on }),
    ...(rows !== undefined && { rows }),
    ...(inputs !== undefined && { inputs }),
  });
  return saySubmitted(submitted, `lacec collect ${script} --store ${store}`, { io }, flags);
});
