// What is dropped on the page: a picture opens its recipe, scripts and models join the project. Nothing is sent anywhere.
// In: files. Out: what was done, in sentences. Invariant: a recipe of a stranger is checked field by field before it is opened (runtime/recipe).
import { browserCodec } from "../../../src/browser/codec.js";
import { parseRecipe, type Recipe } from "../../../src/runtime/recipe/recipe.js";
import { LaceError } from "../../../src/source/diagnostic.js";
import { importModelFile } from "../engine/errand.js";
import { compareDropped, type Remake } from "./dropped.js";
import { change, files, isPath, project, projectOf, putFile } from "./project.js";

const PICTURE = /\.(png|webp|jpe?g|gif|avif)$/i;
const SCRIPT = /\.lace$/i;
const MODEL = /\.(safetensors|onnx)$/i;
const DECODER = /\.onnx$/i;
/** Larger files would not fit into the memory of a tab beside a run. */
const LARGEST = 1024 ** 3;

/** Takes the files in. Gives sentences for the person. */
export async function takeFiles(dropped: readonly File[], remake: Remake): Promise<readonly string[]> {
  const said: string[] = [];
  const names = dropped.map((file) => file.name);
  for (const file of dropped) {
    try {
      said.push(...(await takeOne(file, names, remake)));
    } catch (error) {
      const why = error instanceof LaceError ? error.diagnostics.map((d) => d.message).join("; ") : String(error);
      said.push(`${file.name}: ${why}`);
    }
  }
  return said;
}

/** `beside`: names of all that was dropped together. */
async function takeOne(file: File, beside: readonly string[], remake: Remake): Promise<readonly string[]> {
  const { name } = file;
  if (file.size > LARGEST) return [`${name} is too large for a browser: run it with lacec on a machine`];
  if (SCRIPT.test(name)) {
    putFile(free(name), await file.text());
    change({ active: name, entry: name });
    return [`${name} is in the project`];
  }
  if (MODEL.test(name)) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const pack = name.replace(/\.[^.]*$/, ".safetensors");
    // One that comes with its pack is there for it.
    if (DECODER.test(name) && ![...Object.keys(files.value), ...beside].includes(pack))
      return importDecoder(name, bytes);
    putFile(name, bytes);
    const line = DECODER.test(name) ? `${pack} names it` : `a script names it: model mine from "${name}"`;
    return [`${name} is in the project, on this machine alone; ${line}`];
  }
  if (!PICTURE.test(name)) return [`${name} is neither a picture nor a script nor a model`];
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { text } = await browserCodec().inspect(bytes);
  if (text === undefined) return [`${name} carries no recipe`];
  const { said, missing } = openRecipe(parseRecipe(text, name), name);
  if (missing === 0) void compareDropped(name, bytes, remake);
  return said;
}

/** A decoder without a pack is looked at, and gets one. */
async function importDecoder(name: string, bytes: Uint8Array): Promise<readonly string[]> {
  const { files: made, said, trouble } = await importModelFile({ name, bytes });
  const [pack] = made;
  if (pack === undefined) return [`${name}: ${trouble ?? "it is no decoder"}`];
  const added = Object.fromEntries(made.map(({ path, bytes: content }) => [path, content]));
  change({ files: { ...files.value, ...added, [name]: added[name] ?? bytes } });
  return [
    `${name} is imported, on this machine alone; a script names its pack: model mine from "${pack.path}"`,
    ...said,
  ];
}

/** A recipe becomes a project, drawn as the picture was. Says what is missing to make the picture again. */
function openRecipe(recipe: Recipe, name: string): { readonly said: readonly string[]; readonly missing: number } {
  const contents = Object.fromEntries(recipe.files.map((f) => [f.name, f.text]));
  const entry = recipe.files[0]?.name ?? "recipe.lace";
  const { overrides } = recipe;
  project.value = { ...projectOf(name.replace(/\.\w+$/, ""), contents, entry), inputs: recipe.inputs, overrides };
  const models = Object.entries(recipe.lock.models);
  const missing = models.filter(([, m]) => !m.from.startsWith("builtin:") && !Object.hasOwn(files.value, m.from));
  const said = [
    `${name} was made by this script${recipe.index === undefined ? "" : `, as number ${recipe.index} of ${recipe.task}`}`,
    ...missing.map(
      ([alias, m]) => `the model ${alias} is missing: drop ${m.from} (SHA-256 ${m.sha256.slice(0, 12)}...)`,
    ),
    ...(recipe.lacec === LACEC_VERSION ? [] : [`it was made by lacec ${recipe.lacec}, this is ${LACEC_VERSION}`]),
    `it was made on ${recipe.engine}`,
  ];
  return { said, missing: missing.length };
}

function free(name: string): string {
  if (!isPath(name)) return "dropped.lace";
  return name;
}
