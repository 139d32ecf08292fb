// lacec show: the recipe inside an image.
import { show, type Recipe } from "../app/show.js";
import { oneLine } from "../source/foreign-text.js";
import { shortHash } from "../source/short-hash.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";
import type { Io } from "./io.js";

/** `lacec show IMAGE` */
export const showCommand = command({}, async ({ io, platform }, image: string, options: Flags) => {
  const recipe = await show(platform, image);
  io.out(options.json === true ? `${JSON.stringify(recipe, null, 2)}\n` : describe(recipe, io));
  return EXIT.done;
});

function describe(recipe: Recipe, io: Io): string {
  const c = io.outColors;
  const row = (name: string, value: string): string => `${c.dim(name.padEnd(10))} ${oneLine(value)}`;
  const { lock, overrides } = recipe;
  const settings = (values: Readonly<Record<string, number | string>>): string =>
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
    ...recipe.files.flatMap(({ name, text }) => ["", c.dim(`--- ${oneLine(name)}`), text.trimEnd()]),
  ];
  return `${lines.join("\n")}\n`;
}
