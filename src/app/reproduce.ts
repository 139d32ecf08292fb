// Making an image again from the recipe inside it.
// In: a recipe, services, files for the models that it names. Out: the bytes of the image, and what differs from the recipe's lock.
// Invariants: nothing is written but the bytes handed back; only the image's task, what it builds on and its own sample are computed.
import { failure, LaceError, type Diagnostic } from "../source/diagnostic.js";
import { compileScript, type Compilation } from "./compile-script.js";
import { execute } from "../runtime/execute.js";
import { imagePlace, rowsOf } from "../runtime/plan/places.js";
import { dryWorld, type World } from "../runtime/services/world.js";
import type { OnEvent } from "../ports/events.js";
import type { Host } from "../ports/host.js";
import { outputPath } from "../runtime/show/saves.js";
import { fileFormat } from "../runtime/plan/path-template.js";
import { type FileFormat } from "../runtime/services/codec.js";
import { lockDifferences } from "../runtime/recipe/lock.js";
import type { Recipe, RunRecipe } from "../runtime/recipe/recipe.js";
import { recipeHost } from "../runtime/recipe/recipe-host.js";

/** A recipe whose script has been compiled, and where it is confined to. */
export interface OpenRecipe {
  readonly recipe: Recipe;
  readonly host: Host;
  /** Its plan is absent if the script does not compile here. */
  readonly compilation: Compilation;
}

export interface ReproduceOptions {
  /** This machine, as far as the host lets it be seen. */
  readonly world: (host: Host) => World;
  /** Version of the lacec that runs. */
  readonly lacec: string;
  /** Slots that try again are judged anew: for a row that the recipe does not speak of. Else they are the attempts that it names. */
  readonly rejudge?: boolean;
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
}

export interface Reproduction {
  readonly bytes: Uint8Array;
  /** Sentences: what the image was made with that is not the same here. */
  readonly differences: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/**
 * Compiles the script of a recipe. `files`: paths by the name of the model (or of the attribute, for a head) that the script declares.
 * Errors   LaceError of the host; mistakes of the script and files that are not given (L5304) are diagnostics of the compilation.
 */
export async function openRecipe(real: Host, recipe: Recipe, files: ReadonlyMap<string, string>): Promise<OpenRecipe> {
  const host = recipeHost(real, recipe, files);
  const { count } = recipe.overrides;
  const compilation = await compileRecipe(host, recipe, count);
  const task = compilation.plan?.tasks.find((t) => t.name === recipe.task);
  // One sample of more than the script asks for: its text does not say how many there were.
  if (count !== undefined || recipe.index === undefined || task === undefined) return { recipe, host, compilation };
  const rows = imagePlace(task, recipe.index).index + 1;
  return { recipe, host, compilation: rows <= rowsOf(task) ? compilation : await compileRecipe(host, recipe, rows) };
}

/** Compiles a recipe's script on its host (recipeHost), with what the command line changed; `count`: so many samples. */
export function compileRecipe(host: Host, recipe: RunRecipe, count: number | undefined): Promise<Compilation> {
  const { seed } = recipe.overrides;
  return compileScript(recipe.files[0]?.name ?? "", host, {
    inputs: new Map(Object.entries(recipe.inputs)),
    defaults: recipe.lock.defaults ?? 1,
    ...(seed !== undefined && { seed }),
    ...(count !== undefined && { count }),
  });
}

/**
 * Makes the image of a recipe again, in `format`.
 *
 * Errors   LaceError: L5303 for a recipe that does not fit together (or to the format), and what a run throws.
 */
export async function reproduce(
  { recipe, host, compilation }: OpenRecipe,
  format: FileFormat,
  options: ReproduceOptions,
): Promise<Reproduction> {
  const { plan, program, diagnostics } = compilation;
  if (plan === undefined || program === undefined) throw new LaceError(diagnostics);
  const save = plan.saves[recipe.save];
  if (save === undefined || plan.tasks[save.tasks[0] ?? 0]?.name !== recipe.task) {
    throw misfit(`its script has no save ${recipe.save} of a task ${recipe.task}`);
  }
  const [path] = [save.path, `${save.path}.${format}`].filter((p) => fileFormat(p, save.form) === format);
  if (path === undefined) throw misfit(`it is that of ${save.path}, and the file is a ${format}`);
  const differences: string[] = [];
  const world = dryWorld(options.world(host));
  const results = await execute(
    { ...plan, expects: [], saves: plan.saves.map((s) => (s === save ? { ...s, path } : s)) },
    world,
    {
      out: "",
      script: { lacec: options.lacec, script: { file: recipe.files[0]?.name ?? "", sha256: "" }, imports: [] },
      source: { program, overrides: recipe.overrides },
      only: {
        save: recipe.save,
        ...(recipe.index !== undefined && { index: recipe.index }),
        ...(recipe.step !== undefined && { step: recipe.step }),
      },
      ...(options.rejudge !== true && { attempts: attemptsIn(recipe) }),
      onLock: (lock) => {
        differences.push(...lockDifferences(recipe.lock, lock));
        return Promise.resolve([]);
      },
      ...(options.onEvent !== undefined && { onEvent: options.onEvent }),
      ...(options.signal !== undefined && { signal: options.signal }),
    },
  );
  const { engine } = results.record;
  if (engine.name !== recipe.engine) differences.push(`the engine was ${recipe.engine}, now it is ${engine.name}`);
  const output = results.outputs.find((o) => o.index === recipe.index && o.step === recipe.step);
  const bytes = output === undefined ? undefined : world.host.written.get(outputPath(host, "", output.file));
  if (bytes === undefined) throw misfit(`its script makes no image ${recipe.index ?? ""} of ${recipe.task}`);
  return { bytes, differences, warnings: results.diagnostics };
}

function attemptsIn({ attempts = {} }: Recipe): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const rows = (of: Readonly<Record<string, number>>) =>
    new Map(Object.entries(of).map(([row, a]) => [Number(row), a]));
  return new Map(Object.entries(attempts).map(([task, of]) => [task, rows(of)]));
}

function misfit(why: string): LaceError {
  return failure("L5303", `the recipe does not fit together: ${why}`, ["it was changed after lacec wrote it"]);
}
