// lacec import: a checkpoint, a decoder or attribute heads -> a pack (or a file of heads) that scripts can name.
import { importFile, type ImportOptions } from "../app/import-file.js";
import { command, type Flags } from "./command.js";
import { printDescription } from "./describe.js";
import { EXIT } from "./exit.js";

/** `lacec import FILE` */
export const importCommand = command(
  { interrupted: "interrupted; what is there is whole" },
  async ({ io, platform, watch }, file: string, options: Flags & ImportOptions) => {
    const { wrote, assumed, description } = await importFile(platform, file, { ...options, ...watch });
    if (options.json === true) io.out(`${JSON.stringify({ wrote, assumed, ...description }, null, 2)}\n`);
    else if (options.quiet !== true) {
      printDescription(description, io);
      io.out(assumed.map((what) => `\nassumed: ${what}`).join(""));
      io.out(`\n${wrote.map((path) => `wrote ${path}`).join("\n")}\n`);
    }
    return EXIT.done;
  },
);
