// From a script's path to its plan: link, the tables of its models, check, lower. The one place where the stages meet.
// In: a Host and a path. Out: each stage's value as far as it got, all diagnostics, and the texts to show them with.
import { analyse } from "../compiler/analyse.js";
import type { CheckedModule } from "../compiler/check/checked.js";
import type { Overrides } from "../compiler/check/context.js";
import {
  headFilesOf,
  startFilesOf,
  link,
  modelsOf,
  type ModelReference,
  type Program,
  type SourceReader,
} from "../compiler/link.js";
import type { ModelInfo } from "../compiler/attribute.js";
import { loadLatentTable, lookForPhotograph } from "../models/latents.js";
import type { Plan } from "../compiler/plan.js";
import { LaceError, type Diagnostic } from "../source/diagnostic.js";
import type { Host } from "../ports/host.js";
import { isModelName } from "../models/model-name.js";
import { loadModelInfo } from "../models/pack/pack.js";
import { loadScriptTable } from "../learn/labellers/picture-table.js";

/** A stage's value is there unless an error stopped it or one before it. */
export interface Compilation {
  readonly program?: Program;
  readonly checked?: CheckedModule;
  readonly plan?: Plan;
  /** What is known of the models, by alias. */
  readonly models?: ReadonlyMap<string, ModelInfo>;
  readonly diagnostics: readonly Diagnostic[];
  /** The text of each file by the name that spans give it. */
  readonly sources: ReadonlyMap<string, string>;
}

/** A compilation that got through. */
export interface Compiled extends Compilation {
  readonly program: Program;
  readonly checked: CheckedModule;
  readonly plan: Plan;
}

/** A script that does not compile, with the texts that its mistakes are shown with. */
export class ScriptError extends LaceError {
  constructor(
    diagnostics: readonly Diagnostic[],
    readonly sources: Compilation["sources"],
  ) {
    super(diagnostics);
  }
}

/** As compileScript, for whoever needs the plan. Errors: ScriptError with all mistakes of a script that has none; LaceError as there. */
export async function compileWhole(file: string, host: Host, overrides: Overrides = {}): Promise<Compiled> {
  return wholeOf(await compileScript(file, host, overrides));
}

/** The compilation, if it got through. Errors: ScriptError if not. */
export function wholeOf(compilation: Compilation): Compiled {
  const { program, checked, plan, diagnostics, sources } = compilation;
  if (program === undefined || checked === undefined || plan === undefined) throw new ScriptError(diagnostics, sources);
  return { program, checked, plan, diagnostics, sources };
}

/**
 * Compiles a script, or says all that is wrong with it: `overrides` are the command line's (`--set`, `--count`, `--seed`).
 *
 * Errors   mistakes of the script are diagnostics of the result, and so is a model that cannot be read (L50xx, L51xx, at the
 *          declaration that names it), or a file of heads that is needed. LaceError for a script that exists and cannot be read.
 */
export async function compileScript(file: string, host: Host, overrides: Overrides = {}): Promise<Compilation> {
  const linked = await link(file, sourceReader(host));
  const { sources } = linked;
  const program = linked.value;
  if (program === undefined) return { diagnostics: linked.diagnostics, sources };
  const models = await loadTables(modelsOf(program), (reference) => loadModelInfo(host, reference));
  const heads = await lookInto(headFilesOf(program), (path) => loadScriptTable(host, path));
  const starts = startFilesOf(program);
  const latents = new Map([
    ...(await lookInto(starts.latents, (path) => loadLatentTable(host, path))),
    ...(await lookInto(starts.photo, (path) => lookForPhotograph(host, path))),
  ]);
  const { checked, plan, diagnostics } = analyse(program, models.tables, overrides, heads, latents);
  return {
    // Of a script that could not be read whole there is none: what packs, locks or runs it would leave something out.
    ...(program.complete && { program }),
    ...(checked !== undefined && { checked }),
    ...(plan !== undefined && { plan }),
    models: models.tables,
    diagnostics: [...linked.diagnostics, ...models.diagnostics, ...diagnostics],
    sources,
  };
}

/** A host as the linker reads scripts from it. Built-in and imported models keep their name: a plan is then the same on every machine. */
export function sourceReader(host: Host): Required<Omit<SourceReader, "parse">> {
  return {
    readText: (path) => host.readText(path),
    exists: (path) => host.exists(path),
    resolve: (from, reference) => (reference.startsWith("builtin:") ? reference : host.resolve(from, reference)),
    resolveModel: (from, reference) =>
      reference.startsWith("builtin:") || isModelName(reference) ? reference : host.resolve(from, reference),
  };
}

/** The tables of a program's models, by alias. One that cannot be read is missing, and said at its declaration (L50xx, L51xx). */
export async function loadTables(
  references: readonly ModelReference[],
  load: (reference: string) => Promise<ModelInfo>,
): Promise<{ readonly tables: ReadonlyMap<string, ModelInfo>; readonly diagnostics: readonly Diagnostic[] }> {
  const tables = new Map<string, ModelInfo>();
  const diagnostics: Diagnostic[] = [];
  for (const { alias, reference, span } of references) {
    try {
      tables.set(alias, await load(reference));
    } catch (error) {
      if (!(error instanceof LaceError)) throw error;
      diagnostics.push(...error.diagnostics.map((d) => ({ ...d, at: { span, text: "this model is needed" } })));
    }
  }
  return { tables, diagnostics };
}

/** What is in files that a script names, by path, or why it cannot be had. */
export async function lookInto<T>(
  paths: readonly string[],
  load: (path: string) => Promise<T>,
): Promise<ReadonlyMap<string, T | { readonly trouble: readonly Diagnostic[] }>> {
  const looks = new Map<string, T | { readonly trouble: readonly Diagnostic[] }>();
  for (const path of paths) {
    try {
      looks.set(path, await load(path));
    } catch (error) {
      if (!(error instanceof LaceError)) throw error;
      looks.set(path, { trouble: error.diagnostics });
    }
  }
  return looks;
}
