// lacec show: the recipe inside an image.
// Invariant: what a stranger wrote is printed without control characters: a recipe cannot drive the terminal.
import { show, type Recipe } from "../app/show.js";
import { shortHash } from "../source/short-hash.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";
import type { Io } from "./io.js";

/** `lacec show IMAGE` */
export const showCommand = command({}, async ({ io, platform }, image: string, options: Flags) => {
  const recipe = await show(platform, image);
  io.out(options.json === true ? `${printable(JSON.stringify(recipe, null, 2))}\n` : printable(describe(recipe, io)));
  return EXIT.done;
});

function describe(recipe: Recipe, io: Io): string {
  const c = io.outColors;
  const row = (name: string, value: string): string => `${c.dim(name.padEnd(10))} ${value}`;
  const { lock, overrides } = recipe;
  const settings = (values: Readonly<Record<string, number>>): string =>
    Object.entries(values)
      .map(([name, value]) => `${name} = ${value}`)
      .join(", ");
  const which = [
    recipe.index === undefined ? "all images" : `image ${recipe.index}`,
    ...(recipe.step === undefined ? [] : [`step ${recipe.step}`]),
    ...(recipe.seed === undefined ? [] : [`seed ${recipe.seed}`]),
  ];
  const lines = [
    row("task", `${recipe.task}: ${which.join(", ")}`),
    row("made by", `lacec ${recipe.lacec}, engine ${recipe.engine}`),
    ...Object.entries(lock.models).flatMap(([name, model]) => [
      row("model", `${name} from "${model.from}", SHA-256 ${shortHash(model.sha256)}`),
      ...Object.entries(model.heads).map(([attribute, head]) =>
        row("head", `${attribute} from "${head.from}", SHA-256 ${shortHash(head.sha256)}`),
      ),
    ]),
    ...(Object.keys(recipe.inputs).length === 0 ? [] : [row("inputs", settings(recipe.inputs))]),
    ...(Object.keys(overrides).length === 0 ? [] : [row("changed", settings({ ...overrides }))]),
    ...recipe.files.flatMap(({ name, text }) => ["", c.dim(`--- ${name}`), text.trimEnd()]),
  ];
  return `${lines.join("\n")}\n`;
}

/** The text without control characters but newline, tab and the colours of `describe`. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/\u001b(?!\[\d{1,2}m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g, "\ufffd");
}
