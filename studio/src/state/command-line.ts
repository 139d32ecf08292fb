// The command line that makes what the page makes.
import type { Project } from "./project-values.js";

/** The command that runs a script with these inputs, for a POSIX shell. */
export function commandLine(
  entry: string,
  inputs: Readonly<Record<string, number | string>>,
  { seed, count }: NonNullable<Project["overrides"]> = {},
): string {
  const sets = Object.entries(inputs).map(([name, value]) => `--set ${quoted(`${name}=${value}`)}`);
  const drawn = [
    ...(seed === undefined ? [] : [`--seed ${seed}`]),
    ...(count === undefined ? [] : [`--count ${count}`]),
  ];
  return ["lacec run", quoted(entry), ...sets, ...drawn].join(" ");
}

function quoted(word: string): string {
  return /^[\w./=:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
