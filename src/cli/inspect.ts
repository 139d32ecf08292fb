// lacec inspect: what a model file holds: architecture, sizes, attributes, layer groups, licence, hashes.
import { inspect } from "../app/inspect.js";
import { command, type Flags } from "./command.js";
import { printDescription } from "./describe.js";
import { EXIT } from "./exit.js";

/** `lacec inspect MODEL` */
export const inspectCommand = command({}, async ({ io, platform }, file: string, options: Flags) => {
  const description = await inspect(platform, file);
  if (options.json === true) io.out(`${JSON.stringify(description, null, 2)}\n`);
  else printDescription(description, io);
  return EXIT.done;
});
