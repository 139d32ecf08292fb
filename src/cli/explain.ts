// lacec explain CODE: what a code is about, from the table and its page in docs/errors.md.
import { explain } from "../app/explain.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

/** `lacec explain CODE` */
export const explainCommand = command<[code: string], Flags>({}, async ({ io, platform }, code) => {
  io.out(await explain(platform, code));
  return EXIT.done;
});
