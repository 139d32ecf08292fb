// Which lacec an editor starts: that of the setting, that of the workspace, or the one on the path. Invariants: nothing is started here.
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** How a lacec is started: its main.js by Node, or a command. */
export interface FoundLacec {
  readonly command: string;
  readonly args: readonly string[];
}

/** The first lacec that is there. `folders` are those of the workspace. */
export function findLacec(
  setting: string,
  folders: readonly string[],
  path = process.env["PATH"] ?? "",
): FoundLacec | undefined {
  const mains = [
    ...(setting === "" ? [] : [setting]),
    ...folders.flatMap((f) => [
      join(f, "node_modules/lacec/dist/cli/main.js"),
      ...(isLacec(f) ? [join(f, "dist/cli/main.js")] : []),
    ]),
  ];
  const main = mains.find((m) => existsSync(m));
  if (main !== undefined) return { command: "node", args: [main] };
  const names = process.platform === "win32" ? ["lacec.cmd", "lacec.exe"] : ["lacec"];
  for (const folder of path.split(delimiter))
    for (const name of names)
      if (folder !== "" && existsSync(join(folder, name))) return { command: join(folder, name), args: [] };
  return undefined;
}

/** Whether a folder is lacec's own repository. */
function isLacec(folder: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: unknown }).name === "lacec";
  } catch {
    return false;
  }
}
