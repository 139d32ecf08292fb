// Pictures under version control: what one means as text, how two differ in meaning, and three made one.
// In: files of pictures that carry recipes. Out: text, sentences, the bytes of a picture.
// Invariants: nothing is written; a picture without a recipe is told by its bytes, so that two of them never look the same; a merge is
// remade from the merged recipe, or there is none: pixels are never mixed.
import { diff3Merge } from "node-diff3";
import { diffPlans, type PlanDifference } from "../compiler/diff-plans.js";
import { printPlan } from "../compiler/print.js";
import type { Plan } from "../compiler/plan.js";
import { format } from "../parser/format.js";
import type { Host } from "../ports/host.js";
import { lockDifferences } from "../runtime/recipe/lock.js";
import type { Recipe, RecipeFile } from "../runtime/recipe/recipe.js";
import type { FileFormat } from "../runtime/services/codec.js";
import { LaceError } from "../source/diagnostic.js";
import { oneLine, visible } from "../source/foreign-text.js";
import { shortHash } from "../source/short-hash.js";
import type { Platform } from "./platform.js";
import { worldAsRecorded } from "./recorded-engine.js";
import { openRecipe, reproduce } from "./reproduce.js";
import { readRecipe } from "./show.js";
import type { VerbOptions } from "./verb.js";

export interface PictureOptions extends VerbOptions {
  /** Where models lie, by the name that the recipes' scripts declare. */
  readonly models?: Readonly<Record<string, string>>;
}

/** A picture as it was read: its recipe and what that means, as far as there is one. */
interface Picture {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly format?: FileFormat;
  readonly recipe?: Recipe;
  /** Why there is no recipe. */
  readonly trouble?: string;
  /** Absent if the script does not compile here: a model is missing. */
  readonly plan?: Plan;
}

async function read(platform: Platform, file: string, { models = {} }: PictureOptions): Promise<Picture> {
  const { host } = platform;
  const bytes = await host.readBytes(file);
  const sha256 = await host.sha256(bytes);
  const codec = await platform.world(host, "auto").openCodec();
  try {
    const { format, recipe } = await readRecipe(host, codec, file);
    const { plan } = (await openRecipe(host, recipe, new Map(Object.entries(models)))).compilation;
    return { bytes, sha256, format, recipe, ...(plan !== undefined && { plan }) };
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return { bytes, sha256, trouble: error.diagnostics[0]?.message.replace(file, "it") ?? "" };
  }
}

/** What a picture means, as lines that can be compared. Errors: LaceError L50xx if it cannot be read. */
export async function pictureText(platform: Platform, file: string, options: PictureOptions = {}): Promise<string> {
  return textOf(await read(platform, file, options));
}

function textOf({ bytes, sha256, recipe, trouble = "", plan }: Picture): string {
  if (recipe === undefined) return `no recipe: ${oneLine(trouble)}\n${bytes.length} bytes, SHA-256 ${sha256}\n`;
  const { lock } = recipe;
  const settings = Object.entries({ ...recipe.overrides }).map(([name, value]) => `${name} ${value}`);
  const lines = [
    `picture of ${placeOf(recipe)}`,
    `made by lacec ${recipe.lacec}, engine ${recipe.engine}`,
    ...(settings.length === 0 ? [] : [`drawn with ${settings.join(", ")}`]),
    ...Object.entries(lock.models).map(([name, model]) => `${name} has SHA-256 ${model.sha256}`),
  ].map((line) => oneLine(line));
  const meaning = plan === undefined ? scriptsOf(recipe) : printPlan(plan);
  return `${lines.join("\n")}\n\n${visible(meaning)}`;
}

function scriptsOf({ files }: Recipe): string {
  return files.map(({ name, text }) => `--- ${name}\n${format(text, name).value ?? text}`).join("\n");
}

function placeOf({ task, index, step }: Recipe): string {
  return [
    task,
    ...(index === undefined ? [] : [`image ${index}`]),
    ...(step === undefined ? [] : [`step ${step}`]),
  ].join(", ");
}

/** How two pictures differ in meaning; none: their recipes mean the same. Errors: LaceError L50xx if one cannot be read. */
export async function diffPictures(
  platform: Platform,
  before: string,
  after: string,
  options: PictureOptions = {},
): Promise<readonly PlanDifference[]> {
  const [was, is] = [await read(platform, before, options), await read(platform, after, options)];
  if (was.sha256 === is.sha256) return [];
  if (was.recipe === undefined || is.recipe === undefined)
    return [{ about: "picture", sentences: bareSentences(was, is) }];
  const found: PlanDifference[] = [];
  const add = (about: string, sentences: readonly string[]): void => {
    if (sentences.length > 0) found.push({ about, sentences: sentences.map((s) => oneLine(s)) });
  };
  const [place0, place1] = [placeOf(was.recipe), placeOf(is.recipe)];
  add("picture", place0 === place1 ? [] : [`was of ${place0}, now of ${place1}`]);
  if (was.plan !== undefined && is.plan !== undefined) found.push(...diffPlans(was.plan, is.plan));
  else add("script", lineSentences(scriptsOf(was.recipe), scriptsOf(is.recipe)));
  add("files", lockDifferences({ ...was.recipe.lock, imports: {} }, { ...is.recipe.lock, imports: {} }));
  const [e0, e1] = [was.recipe.engine, is.recipe.engine];
  add("engine", e0 === e1 ? [] : [`was ${e0}, now it is ${e1}`]);
  return found;
}

function bareSentences(was: Picture, is: Picture): readonly string[] {
  const said = ({ recipe, bytes, sha256 }: Picture): string =>
    recipe === undefined
      ? `${bytes.length} bytes without a recipe, SHA-256 ${shortHash(sha256)}`
      : `of ${placeOf(recipe)}`;
  return [`was ${said(was)}, now ${said(is)}`];
}

/** Lines that only one of two texts has, in order: what is left to say where a script does not compile here. */
function lineSentences(before: string, after: string): readonly string[] {
  const [was, is] = [before.split("\n"), after.split("\n")];
  return [
    ...was.filter((line) => !is.includes(line)).map((line) => `- ${line}`),
    ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** A merge: the bytes of a picture that both sides' changes made, or sentences on why there is none. */
export type MergedPicture = { readonly bytes: Uint8Array } | { readonly conflicts: readonly string[] };

/**
 * Merges two pictures that came of one: the texts of their scripts line by line, their inputs and what the command line changed by name; then
 * the picture is made again of the merged recipe. `base` may be a file without a recipe, or an empty one: then both sides are new.
 *
 * Errors   LaceError of the host and of the run that makes the picture.
 */
export async function mergePictures(
  platform: Platform,
  { base, ours, theirs }: { readonly base: string; readonly ours: string; readonly theirs: string },
  options: PictureOptions = {},
): Promise<MergedPicture> {
  const { onEvent, signal, models = {} } = options;
  const [o, a, b] = [
    await read(platform, base, options),
    await read(platform, ours, options),
    await read(platform, theirs, options),
  ];
  if (a.recipe === undefined || a.format === undefined || b.recipe === undefined)
    return { conflicts: bareSentences(a, b) };
  const conflicts: string[] = [];
  if (placeOf(a.recipe) !== placeOf(b.recipe) || a.recipe.save !== b.recipe.save)
    conflicts.push(
      `ours is of ${placeOf(a.recipe)} (save ${a.recipe.save}), theirs of ${placeOf(b.recipe)} (save ${b.recipe.save})`,
    );
  if (a.format !== b.format) conflicts.push(`ours is a ${a.format}, theirs a ${b.format ?? ""}`);
  const inputs = mergeNamed("input", o.recipe?.inputs ?? {}, a.recipe.inputs, b.recipe.inputs, conflicts);
  const changed = (recipe: Recipe | undefined): Readonly<Record<string, number>> => ({ ...recipe?.overrides });
  const overrides = mergeNamed("option", changed(o.recipe), changed(a.recipe), changed(b.recipe), conflicts);
  const files = mergeFiles(o.recipe?.files ?? [], a.recipe.files, b.recipe.files, conflicts);
  if (conflicts.length > 0) return { conflicts };
  const merged: Recipe = { ...a.recipe, files, inputs, overrides };
  const opened = await openRecipe(platform.host, merged, new Map(Object.entries(models)));
  const errors = opened.compilation.diagnostics.filter((d) => d.severity === "error");
  if (errors.length > 0) return { conflicts: errors.map((d) => `the merged script: ${oneLine(d.message)}`) };
  const { bytes } = await reproduce(opened, a.format, {
    world: (confined: Host) => worldAsRecorded(platform, confined, merged.engine),
    lacec: platform.version,
    rejudge: true,
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  });
  return { bytes };
}

/** Values by name: of each the one that a side changed. */
function mergeNamed<T extends number | string>(
  what: string,
  base: Readonly<Record<string, T>>,
  ours: Readonly<Record<string, T>>,
  theirs: Readonly<Record<string, T>>,
  conflicts: string[],
): Readonly<Record<string, T>> {
  const [o, a, b] = [base, ours, theirs].map((values) => new Map(Object.entries(values)));
  const merged = new Map<string, T>();
  for (const name of new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])) {
    const [was, left, right] = [o?.get(name), a?.get(name), b?.get(name)];
    const value = left === right || right === was ? left : left === was ? right : undefined;
    if (value !== undefined) merged.set(name, value);
    else if (left !== undefined && right !== undefined && left !== right)
      conflicts.push(
        `${what} ${oneLine(name)} is ${oneLine(String(left))} in ours, ${oneLine(String(right))} in theirs`,
      );
  }
  return Object.fromEntries(merged);
}

function mergeFiles(
  base: readonly RecipeFile[],
  ours: readonly RecipeFile[],
  theirs: readonly RecipeFile[],
  conflicts: string[],
): readonly RecipeFile[] {
  const [o, a, b] = [base, ours, theirs].map((files) => new Map(files.map((f) => [f.name, f.text])));
  const entry = ours[0]?.name ?? "";
  if (theirs[0]?.name !== entry)
    conflicts.push(`the script is ${oneLine(entry)} in ours, ${oneLine(theirs[0]?.name ?? "")} in theirs`);
  const merged: RecipeFile[] = [];
  for (const name of new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])) {
    const [was, left, right] = [o?.get(name), a?.get(name), b?.get(name)];
    if (left === undefined || right === undefined) {
      // One side has it alone: it added the file, or the other one removed it and the text is as it was.
      const text = left ?? right ?? "";
      if (was === undefined) merged.push({ name, text });
      else if (text !== was) conflicts.push(`${oneLine(name)} was changed by one side and removed by the other`);
      continue;
    }
    const regions = diff3Merge(left, was ?? "", right, { stringSeparator: "\n" });
    const lines: string[] = [];
    for (const { ok, conflict } of regions) {
      if (ok !== undefined) lines.push(...ok);
      if (conflict !== undefined)
        conflicts.push(`${oneLine(name)}: ours has ${quoted(conflict.a)}, theirs ${quoted(conflict.b)}`);
    }
    merged.push({ name, text: lines.join("\n") });
  }
  return merged;
}

function quoted(lines: readonly string[]): string {
  return lines.length === 0 ? "nothing" : `"${oneLine(lines.map((l) => l.trim()).join(" "))}"`;
}
