// The command line that makes what the page makes.

/** The command that runs a script with these inputs, for a POSIX shell. */
export function commandLine(entry: string, inputs: Readonly<Record<string, number | string>>): string {
  const sets = Object.entries(inputs).map(([name, value]) => `--set ${quoted(`${name}=${value}`)}`);
  return ["lacec run", quoted(entry), ...sets].join(" ");
}

function quoted(word: string): string {
  return /^[\w./=:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
