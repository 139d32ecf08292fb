// The Host that a recipe out of an image runs on: it sees the recipe's own scripts, built-in and imported models, and the files that the user points at,
// and nothing else of this machine.
// In: a recipe (of a stranger, perhaps), files by name. Out: a Host.
// Invariants: no path that the recipe names is ever opened, and nothing is written: its runs are dry.
import { networksOf, startsOf } from "../../compiler/link.js";
import { parse } from "../../parser/parse.js";
import { failure } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import { isModelName, MODEL_PREFIX } from "../../models/model-name.js";
import type { Host } from "../../ports/host.js";
import { beside } from "./embed.js";
import type { RunRecipe } from "./recipe.js";

/**
 * Opens the host of a recipe. `files`: paths on `real` by the name of the model (of the attribute, for a head; of the task, for what it starts from) that
 * the script declares.
 * Errors of what it gives   L5304 for a model or another file that is not among them.
 */
export function recipeHost(real: Host, recipe: RunRecipe, files: ReadonlyMap<string, string>): Host {
  const scripts = new Map(recipe.files.map((f) => [f.name, f]));
  const declared = declaredFiles(recipe);

  /** Real paths of packs that have been opened, by this host's; and of files that those keep beside them: the pack names these, not the recipe. */
  const opened = new Map<string, string>();
  const companions = new Map<string, string>();

  /** The real path behind one of this host. */
  async function open(path: string): Promise<string> {
    const companion = companions.get(path);
    if (companion !== undefined) return companion;
    const found = await find(path);
    opened.set(path, found);
    return found;
  }

  async function find(path: string): Promise<string> {
    if (path.startsWith("builtin:")) return real.resolve("", path);
    const names = declared.get(path) ?? [];
    const given = names.map((n) => files.get(n)).find((f) => f !== undefined);
    if (given !== undefined) return given;
    if (isModelName(path)) {
      const stored = real.resolve("", `${MODEL_PREFIX}${path}`);
      if (await real.exists(stored)) return stored;
    }
    const [name = path] = names;
    const hashes = hashesOf(recipe, name) ?? new Map(Object.entries(recipe.lock.files ?? {})).get(path);
    const which = hashes === undefined ? "" : `, SHA-256 ${hashes}`;
    throw failure("L5304", `the recipe needs the file of \`${name}\`: it was called "${path}"${which}`, [
      `say where you have it: --model ${name}=PATH`,
    ]);
  }
  const later = <T>(work: () => T | Promise<T>): Promise<T> => Promise.resolve().then(work);

  return {
    readText: (path) =>
      later(() => {
        const script = scripts.get(path);
        if (script === undefined) throw failure("L5303", `the recipe has no script "${path}"`);
        return script.text;
      }),
    exists: async (path) => {
      const companion = companions.get(path);
      return companion === undefined ? scripts.has(path) || declared.has(path) : real.exists(companion);
    },
    realPath: (path) => later(() => open(path)),
    readBytes: (path) => later(async () => real.readBytes(await open(path))),
    ...(real.readRange && {
      readRange: (path: string, start: number, length: number) =>
        later(async () => real.readRange?.(await open(path), start, length) ?? new Uint8Array()),
    }),
    writeAtomic: (path) => Promise.reject(new InternalError(`${path} is not written: the run of a recipe is dry`)),
    resolve: (fromFile, reference) => {
      if (reference.startsWith("builtin:")) return reference;
      if (reference.startsWith(MODEL_PREFIX)) return reference.slice(MODEL_PREFIX.length);
      const path = beside(fromFile, reference);
      const pack = scripts.has(fromFile) ? undefined : opened.get(fromFile);
      if (pack !== undefined && isPlainName(reference)) companions.set(path, real.resolve(pack, reference));
      return path;
    },
    sha256: (bytes) => real.sha256(bytes),
    now: () => real.now(),
  };
}

/** Whether a reference stays in the folder of the file that makes it. */
function isPlainName(reference: string): boolean {
  return !/[/\\]/.test(reference) && reference !== "..";
}

/** Names of the models, attributes and tasks that a recipe's scripts declare with a file, by this host's path of the file. */
function declaredFiles(recipe: RunRecipe): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { name: script, text } of recipe.files) {
    const module = parse(text, script).value;
    for (const item of module?.items ?? []) {
      for (const { path: literal } of startsOf({ items: [item] })) {
        const path = beside(script, literal.value);
        if ("name" in item) found.set(path, [...(found.get(path) ?? []), item.name.text]);
      }
      for (const { name, path: literal } of networksOf({ items: [item] })) {
        const path = beside(script, literal.value);
        found.set(path, [...(found.get(path) ?? []), name]);
      }
      const literal = item.kind === "ModelDecl" ? item.path : item.kind === "AttributeDecl" ? item.from : undefined;
      if (literal === undefined || !("name" in item)) continue;
      const path = isModelName(literal.value) ? literal.value : beside(script, literal.value);
      found.set(path, [...(found.get(path) ?? []), item.name.text]);
    }
  }
  return found;
}

function hashesOf(recipe: RunRecipe, name: string): string | undefined {
  const models = new Map(Object.entries(recipe.lock.models));
  const model = models.get(name);
  if (model !== undefined) return model.sha256;
  const heads = [...models.values()].map((m) => new Map(Object.entries(m.heads)).get(name)?.sha256);
  return heads.find((h) => h !== undefined);
}
