// lacec models: the user's imported models, which scripts name without a path.
import { addModel, listModels, pullModel, removeModel, type AddOptions, type PullOptions } from "../app/models.js";
import { oneLine } from "../source/foreign-text.js";
import { command, sayError, type CommandContext, type Flags } from "./command.js";
import { bytesText } from "./describe.js";
import { EXIT, type ExitCode } from "./exit.js";

const interrupted = "interrupted; the same command goes on with a download where it stopped";

/** `lacec models add FILE`: imports a checkpoint, a decoder or a pack into the folder. */
export const addCommand = command(
  { interrupted },
  async ({ io, platform, watch }, file: string, options: Flags & AddOptions) =>
    added(await addModel(platform, file, { ...options, ...watch }), io),
);

/** `lacec models pull URL --sha256 HASH`: downloads, checks, imports. */
export const pullCommand = command(
  { interrupted },
  async ({ io, platform, watch }, url: string, options: Flags & PullOptions) =>
    added(await pullModel(platform, url, { ...options, ...watch }), io),
);

function added(name: string, io: CommandContext["io"]): ExitCode {
  io.out(`${name} is there: model ${name.replace(/-/g, "_")} from "${name}"\n`);
  return EXIT.done;
}

/** `lacec models list` */
export const listCommand = command<[], Flags>({}, async ({ io, platform }, options) => {
  const { home, models, builtin } = await listModels(platform);
  if (options.json === true) {
    io.out(`${JSON.stringify({ home, models, builtin }, null, 2)}\n`);
    return EXIT.done;
  }
  const all = [...builtin, ...models];
  const width = Math.max(...all.map((m) => m.name.length), 0);
  for (const m of all) {
    const attributes = m.attributes.length === 1 ? "1 attribute" : `${m.attributes.length} attributes`;
    const licence = oneLine(m.licence ?? "");
    const facts = [m.architecture ?? "", `${m.resolution ?? 0} px`, attributes, bytesText(m.bytes), licence];
    io.out(`${m.name.padEnd(width)}  ${facts.join(", ")}\n`);
  }
  const { length } = models;
  io.err(`${length === 0 ? "no models" : length === 1 ? "1 model" : `${length} models`} in ${home}\n`);
  return EXIT.done;
});

/** `lacec models remove NAME...` */
export const removeCommand = command<[names: readonly string[]], Flags>({}, async ({ io, platform }, names) => {
  let exitCode: ExitCode = EXIT.done;
  for (const name of names) {
    try {
      await removeModel(platform, name);
      io.err(`removed ${name}\n`);
    } catch (error) {
      exitCode = sayError(error, io); // the others are removed all the same
    }
  }
  return exitCode;
});
