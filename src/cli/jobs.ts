// lacec jobs: what the queue holds; watched, cancelled, tried again.
import { setTimeout } from "node:timers/promises";
import { jobs, type Jobs, type JobsOptions } from "../app/many/jobs.js";
import { UsageError } from "../app/verb.js";
import { oneLine } from "../source/foreign-text.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";
import type { Io } from "./io.js";

interface JobsFlags extends Flags, Omit<JobsOptions, "submission" | "action"> {
  readonly watch?: boolean;
}

const ACTIONS = ["cancel", "retry"] as const;
const WATCH_MS = 1000;
const BAR = 30;

/** `lacec jobs [SUBMISSION] [cancel|retry]` */
export const jobsCommand = command(
  {},
  async ({ io, platform, watch }, submission: string | undefined, word: string | undefined, flags: JobsFlags) => {
    const action = ACTIONS.find((a) => a === word);
    if (word !== undefined && action === undefined) throw new UsageError(`there is no ${word}: cancel or retry`);
    const { queue, project, on, json } = flags;
    const about = {
      queue,
      ...(project !== undefined && { project }),
      ...(on !== undefined && { on }),
      ...(submission !== undefined && { submission }),
    };
    let state = await jobs(platform, { ...about, ...(action !== undefined && { action }) });
    const total = state.waiting + state.active;
    while (flags.watch === true && state.waiting + state.active > 0 && watch.signal?.aborted !== true) {
      if (io.live) {
        const done = total - state.waiting - state.active;
        const full = Math.round((BAR * done) / Math.max(1, total));
        io.eraseLine();
        io.err(`${"█".repeat(full)}${"░".repeat(BAR - full)} ${done} of ${total} pieces, ${state.workers} workers`);
      }
      await setTimeout(WATCH_MS);
      state = await jobs(platform, about);
    }
    if (io.live && flags.watch === true) io.eraseLine();
    io.out(json === true ? `${JSON.stringify(state, null, 2)}\n` : describe(state, action, io));
    return state.failed > 0 ? EXIT.missed : EXIT.done;
  },
);

function describe(state: Jobs, action: "cancel" | "retry" | undefined, io: Io): string {
  const c = io.outColors;
  const { waiting, active, failed, failures, workers, changed } = state;
  const done = action === undefined ? [] : [`${changed} ${action === "cancel" ? "cancelled" : "queued again"}`];
  return [
    ...done,
    `${waiting} waiting, ${active} under way, ${failed > 0 ? c.red(`${failed} failed`) : "none failed"}; ${workers} workers`,
    ...failures.map(
      ({ id, reason }) => `  ${c.dim(oneLine(id.slice(0, 12)))} ${oneLine(id.slice(65))}: ${oneLine(reason)}`,
    ),
    "",
  ].join("\n");
}
