// lacec show: the recipe inside an image.
// Invariant: what a stranger wrote is printed without control characters: a recipe cannot drive the terminal.
import { nodeHost } from "../node/host.js";
import type { Host } from "../ports/host.js";
import type { ImageCodec } from "../runtime/services/codec.js";
import type { FileFormat } from "../runtime/services/codec.js";
import { short } from "../runtime/recipe/lock.js";
import { parseRecipe, type Recipe } from "../runtime/recipe/recipe.js";
import { failure } from "../source/diagnostic.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

export async function showVerb(io: Io, image: string, options: { readonly json?: boolean }): Promise<ExitCode> {
  const { sharpCodec } = await import("../node/codec.js");
  const { recipe } = await readRecipe(nodeHost(), sharpCodec(), image);
  io.out(options.json === true ? `${printable(JSON.stringify(recipe, null, 2))}\n` : printable(describe(recipe, io)));
  return EXIT.done;
}

/** The bytes of an image and the recipe inside. Errors: LaceError L5301, L5302, L5303, and L50xx if it cannot be read. */
export async function readRecipe(
  host: Host,
  codec: ImageCodec,
  image: string,
): Promise<{ readonly bytes: Uint8Array; readonly format: FileFormat; readonly recipe: Recipe }> {
  const bytes = await host.readBytes(image);
  const { format, text } = await codec.inspect(bytes);
  if (text === undefined) {
    throw failure("L5302", `${image} carries no recipe`, [
      "lacec did not make it, made it with --no-provenance, or a program that wrote it again left the recipe out",
    ]);
  }
  return { bytes, format, recipe: parseRecipe(text, image) };
}

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
      row("model", `${name} from "${model.from}", SHA-256 ${short(model.sha256)}`),
      ...Object.entries(model.heads).map(([attribute, head]) =>
        row("head", `${attribute} from "${head.from}", SHA-256 ${short(head.sha256)}`),
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
