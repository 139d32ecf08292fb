// Commands that look before and after a run: what it would take, what can be asked for, what earlier ones left.
// In: the program and how a verb is run. Out: their options, in the program.
import type { Command } from "commander";
import type { ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { numberIn, setting, wholeNumber } from "./option-values.js";

/** Makes an action of a verb that is loaded when it is called. */
export type RunVerb = <A extends unknown[]>(
  load: () => Promise<(io: Io, ...args: A) => Promise<ExitCode>>,
) => (...args: [...A, Command]) => Promise<void>;

/** Adds `completion` and `manual`, which are made from the program with all its verbs. */
export function addProgramCommands(lacec: Command, verb: RunVerb): void {
  lacec
    .command("completion")
    .description("print what a shell needs to complete verbs and options")
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText(
      "after",
      "\nExample: echo 'eval \"$(lacec completion bash)\"' >> ~/.bashrc\n" +
        "         lacec completion fish > ~/.config/fish/completions/lacec.fish",
    )
    .action(verb(async () => (await import("./completion.js")).completionCommand(lacec)));

  lacec
    .command("manual")
    .description("print the manual page")
    .addHelpText("after", "\nExample: lacec manual | man -l -")
    .action(verb(async () => (await import("./manual.js")).manualCommand(lacec)));
}

/** Adds `plan`, `attributes` and `clean`. */
export function addLookingCommands(lacec: Command, verb: RunVerb): void {
  lacec
    .command("plan")
    .description(
      "say what a run would take: samples, pictures, bytes, evaluations, seconds, and how rare what it asks for is",
    )
    .argument("<script...>", ".lace files or patterns")
    .option("--set <name=value>", "set an input of the script (repeatable)", setting)
    .option("--count <n>", "as for run", wholeNumber(1))
    .option("--seed <n>", "as for run", wholeNumber(0))
    .option("--engine <name>", "as for run", "auto")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe first samples are drawn to tell; nothing is written.\nExample: lacec plan portraits.lace",
    )
    .action(verb(async () => (await import("./plan.js")).planCommand));

  lacec
    .command("attributes")
    .description("what can be asked of a model: attributes, classes, ranges, accuracy, how frequent each value is")
    .argument("<model>", "a pack: its path, builtin:NAME, or the name of an imported model")
    .option("--heads <file...>", "files of heads beside the model, as `attribute ... from` of a script names them")
    .option("--truncation <psi>", "of the samples that are counted (default: as scripts have it)", numberIn(0, 2))
    .option("--engine <name>", "as for run", "auto")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample: lacec attributes builtin:avatar")
    .action(verb(async () => (await import("./attributes.js")).attributesCommand));

  lacec
    .command("clean")
    .description("remove files of earlier runs that the last run of a script did not make any more")
    .argument("<script...>", ".lace files or patterns")
    .option("-o, --out <dir>", "folder that its outputs went to", ".")
    .option("--dry-run", "remove nothing, only say what would go")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nOnly what lacec wrote is removed: a file that was changed since stays.\nExample: lacec clean portraits.lace --dry-run",
    )
    .action(verb(async () => (await import("./clean.js")).cleanCommand));
}
