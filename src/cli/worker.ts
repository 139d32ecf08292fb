// lacec worker: draws what is queued, until it is stopped.
// Invariant: when it is told to stop, the piece under way is finished within the grace or handed back by the queue; a second signal ends it at once.
import type { Meeting } from "../app/many/submit.js";
import { work } from "../app/many/work.js";
import { engineChoice, UsageError } from "../app/verb.js";
import { servePieces } from "../node/many/serve-pieces.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

interface WorkerFlags extends Flags, Partial<Meeting> {
  readonly engine: string;
  readonly models?: string;
  readonly maxBytes: number;
  readonly mixed?: boolean;
  readonly once?: boolean;
  /** Seconds for the piece under way when it is told to stop. */
  readonly grace: number;
  /** The process that draws for another one. */
  readonly child?: boolean;
}

/** `lacec worker` */
export const workerCommand = command({ interrupted: "finish" }, async ({ io, platform, watch }, flags: WorkerFlags) => {
  if (flags.child === true) {
    await servePieces();
    return EXIT.done;
  }
  const { queue, store, project, on, models, maxBytes, grace, mixed, once } = flags;
  if (queue === undefined || store === undefined) throw new UsageError("a worker needs --queue and --store");
  const note = (text: string): void => {
    if (flags.quiet !== true) io.err(`${text}\n`);
  };
  const { pieces } = await work(platform, {
    ...watch,
    ...{ queue, store, maxBytes, grace, engine: engineChoice(flags.engine), onNote: note },
    ...(models !== undefined && { models }),
    ...(project !== undefined && { project }),
    ...(on !== undefined && { on }),
    mixed: mixed === true,
    untilEmpty: once === true,
  });
  if (flags.json === true) io.out(`${JSON.stringify({ pieces }, null, 2)}\n`);
  else note(`${pieces} pieces drawn`);
  return EXIT.done;
});
