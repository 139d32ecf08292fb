// lacec manual: the manual page, made from the program itself. `lacec manual | man -l -` shows it.
// In: the program. Out: a page in the man macros of troff on standard output.
import type { Command } from "commander";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

/** `lacec manual` of a program. */
export function manualCommand(program: Command): (io: Io) => Promise<ExitCode> {
  return (io) => {
    io.file(manualPage(program));
    return Promise.resolve(EXIT.done);
  };
}

/** The page of a program: its verbs with their arguments and options. */
function manualPage(program: Command): string {
  const lines = [
    `.TH LACEC 1 "" "lacec ${escaped(program.version() ?? "")}" "User Commands"`,
    ".SH NAME",
    `lacec \\- ${escaped(program.description())}`,
    ".SH SYNOPSIS",
    ".B lacec",
    "\\fIVERB\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]",
    ".SH VERBS",
    ...program.commands.flatMap((command) => verbLines(command, "")),
    ".SH EXIT STATUS",
    "0 done, 1 expectations failed, 2 the script is wrong, 3 the environment, 70 a bug, 130 interrupted.",
  ];
  return `${lines.join("\n")}\n`;
}

function verbLines(command: Command, above: string): readonly string[] {
  const name = `${above}${command.name()}`;
  const words = command.registeredArguments.map((a) => {
    const word = a.variadic ? `${a.name()}...` : a.name();
    return a.required ? ` \\fI${escaped(word)}\\fR` : ` [\\fI${escaped(word)}\\fR]`;
  });
  const options = command.options.filter((o) => !o.hidden);
  return [
    `.SS "${escaped(name)}"`,
    `\\fBlacec ${escaped(name)}\\fR${words.join("")}`,
    ".br",
    escaped(command.description()),
    ...command.registeredArguments.flatMap((a) =>
      a.description === "" ? [] : [".TP", `\\fI${escaped(a.name())}\\fR`, escaped(a.description)],
    ),
    ...options.flatMap((o) => [".TP", `\\fB${escaped(o.flags)}\\fR`, escaped(o.description)]),
    ...command.commands.flatMap((below) => verbLines(below, `${name} `)),
  ];
}

/** Text as troff takes it: backslashes and hyphens named, no line that begins as a request. */
function escaped(text: string): string {
  const named = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq").replace(/\s+/g, " ");
  return /^[.']/.test(named) ? `\\&${named}` : named;
}
