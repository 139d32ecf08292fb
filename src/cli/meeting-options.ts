// Options of where many machines meet: the same for `lacec submit`, `worker`, `jobs`, `label` and `eval`.
import { Option, type Command } from "commander";
import { UsageError } from "../app/verb.js";
import type { Machines } from "../app/many/bundles.js";
import type { Submitted } from "../app/many/submit.js";
import { wholeNumber } from "./option-values.js";
import type { CommandContext, Flags } from "./command.js";
import { EXIT, type ExitCode } from "./exit.js";

export const STORE = "--store <place>";
export const ABOUT_STORE = "where machines leave results: a folder that all see, or s3://BUCKET/PREFIX";
export const QUEUE = "--queue <url>";
export const ABOUT_QUEUE = "a Redis: redis://HOST:PORT, or rediss:// over TLS";
export const ROWS = new Option("--rows <n>", "rows of a piece (default: what takes ten seconds here)").argParser(
  wholeNumber(1),
);

/** Adds who is meant among those that share a Redis; `on` says what of a worker that is. */
export function addProject(made: Command, on = "which workers are meant"): Command {
  return made
    .option("--project <name>", "projects of one Redis do not see each other", "lacec")
    .addOption(new Option("--on <kind>", on).choices(["cpu", "gpu"]).default("cpu"));
}

/** Adds the options of a verb that many machines can do: `--queue` and `--store` submit, `--store` alone takes what they gave. */
export function addMeeting(made: Command): Command {
  return addProject(
    made
      .option(QUEUE, `let \`lacec worker\` on many machines do it; ${ABOUT_QUEUE}. It needs --store`)
      .option(STORE, `without --queue: take what workers did. It is ${ABOUT_STORE}`)
      .addOption(ROWS),
  );
}

export interface MeetingFlags {
  readonly queue?: string;
  readonly store?: string;
  readonly project?: string;
  readonly on?: "cpu" | "gpu";
  readonly rows?: number;
}

/** Where a verb is done: here, or by the machines that meet there. Errors: UsageError. */
export function meetingOfFlags({ queue, store, project, on, rows }: MeetingFlags):
  | { readonly kind: "here" }
  | {
      readonly kind: "submit";
      readonly queue: string;
      readonly store: string;
      readonly project?: string;
      readonly on?: "cpu" | "gpu";
      readonly rows?: number;
    }
  | { readonly kind: "collect"; readonly store: string } {
  if (queue === undefined && rows !== undefined) throw new UsageError("--rows is of the pieces of a --queue");
  if (store === undefined) {
    if (queue !== undefined) throw new UsageError("--queue needs --store: results do not go through Redis");
    return { kind: "here" };
  }
  if (queue === undefined) return { kind: "collect", store };
  return {
    ...{ kind: "submit", queue, store },
    ...(project !== undefined && { project }),
    ...(on !== undefined && { on }),
    ...(rows !== undefined && { rows }),
  };
}

/** Says what was queued, and what comes afterwards. */
export function saySubmitted(
  submitted: Submitted,
  afterwards: string,
  { io }: Pick<CommandContext, "io">,
  { json, quiet }: Flags,
): ExitCode {
  const { id, pieces, there, queued } = submitted;
  if (json === true) {
    io.out(`${JSON.stringify(submitted, null, 2)}\n`);
    return EXIT.done;
  }
  const known = there > 0 ? `, ${there} are drawn already` : "";
  io.out(`${id.slice(0, 12)}: ${queued} of ${pieces} pieces queued${known}\n`);
  if (quiet !== true) io.err(io.errColors.dim(`afterwards: ${afterwards}\n`));
  return EXIT.done;
}

/** Who drew, as JSON has it. */
export interface DrawingMachine {
  readonly made: string;
  readonly pieces: number;
  readonly seconds: number;
}

export function machinesOf(machines: Machines): readonly DrawingMachine[] {
  return [...machines].map(([made, { pieces, seconds }]) => ({ made, pieces: pieces.length, seconds }));
}

/** Says who drew how much. */
export function sayMachines(machines: readonly DrawingMachine[], io: CommandContext["io"]): void {
  for (const { made, pieces, seconds } of machines)
    io.err(io.errColors.dim(`${pieces} pieces by ${made}, ${seconds.toFixed(1)} s\n`));
}
