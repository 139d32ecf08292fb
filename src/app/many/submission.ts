// A submission: a script with all that decides its pictures, as plain data in a store that many machines share.
// In: a compiled script. Out: Submission, its id (a hash of its text), the names of what belongs to it, and back from bytes, checked field by
// field: whoever can write to the store can send anything.
// Invariants: the same script with the same settings and models is the same submission wherever it is submitted; no path of a machine is in it.
import { baseName } from "../../source/public-name.js";
import * as v from "valibot";
import { startOf } from "../../compiler/plan.js";
import { labellerFile, type Model } from "../../models/model.js";
import { descriptionBeside } from "../../models/pack/files-beside.js";
import { isModelName, MODEL_PREFIX } from "../../models/model-name.js";
import type { ObjectStore } from "../../ports/object-store.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import { embedProgram } from "../../runtime/recipe/embed.js";
import { makeLock } from "../../runtime/recipe/lock.js";
import type { Overridden, RunRecipe } from "../../runtime/recipe/recipe.js";
import { runRecipeSchema } from "../../runtime/recipe/recipe-schema.js";
import { ENGINE_NAMES, type Engine, type EngineName } from "../../runtime/services/engine.js";
import { failure } from "../../source/diagnostic.js";
import type { Compiled } from "../compile-script.js";
import type { Platform } from "../platform.js";

/** A file that travels through the store under its hash. */
export interface StoredFile {
  readonly name: string;
  readonly sha256: string;
}

/** A pack, a file of heads or what a task starts from, by the name that the script declares, and the files that a pack keeps beside it. */
export interface StoredModel extends StoredFile {
  readonly beside: readonly StoredFile[];
}

export interface Submission {
  readonly format: 1;
  readonly recipe: RunRecipe;
  /** Models and heads that machines do not have already. */
  readonly models: readonly StoredModel[];
}

/** What made results: results of two kinds may differ in their last bits. */
export interface Kind {
  /** Version of lacec. */
  readonly lacec: string;
  readonly engine: EngineName;
  readonly description: string;
  readonly processor: string;
}

export function sameKind(a: Kind, b: Kind): boolean {
  return a.lacec === b.lacec && a.engine === b.engine && a.description === b.description && a.processor === b.processor;
}

/** An engine under the name that results are kept by: that of the machine which began. */
export function renamed(engine: Engine, { engine: name, description }: Kind): Engine {
  return { ...engine, name, description };
}

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a SHA-256"));
const word = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
/** A name that stays in its folder, on any system. */
const fileName = v.pipe(
  word,
  v.check((name) => isPlainName(name), "not the name of a file in one folder"),
);
const row = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

const submissionSchema: v.GenericSchema<unknown, Submission> = v.object({
  format: v.literal(1),
  recipe: runRecipeSchema,
  models: v.array(v.object({ name: word, sha256: hash, beside: v.array(v.object({ name: fileName, sha256: hash })) })),
});
const piecesSchema: v.GenericSchema<unknown, readonly Piece[]> = v.pipe(
  v.array(v.object({ task: row, first: row, last: row })),
  v.maxLength(1e6),
);
const kindSchema: v.GenericSchema<unknown, Kind> = v.object({
  lacec: word,
  engine: v.picklist(ENGINE_NAMES),
  description: word,
  processor: word,
});

/** Bytes that a submission and the list of its pieces may have. */
const TEXT_BYTES = 64 << 20;

/** Names of objects in the store. */
export const objects = {
  submission: (id: string) => `submissions/${id}/recipe.json`,
  pieces: (id: string) => `submissions/${id}/pieces.json`,
  kind: (id: string) => `submissions/${id}/kind.json`,
  results: (id: string) => `submissions/${id}/results/`,
  piece: (id: string, { task, first, last }: Piece) => `submissions/${id}/results/${task}-${first}-${last}.gz`,
  model: (sha256: string) => `models/${sha256}`,
};

/** A submission and the files that it needs, read when they are asked for. */
export interface Packed {
  readonly id: string;
  readonly submission: Submission;
  readonly files: ReadonlyMap<string, () => Promise<Uint8Array>>;
}

/**
 * Packs a compiled script. Errors   LaceError of models that cannot be read.
 *
 * `changed`   what the command line changed besides inputs.
 */
export async function packSubmission(
  platform: Platform,
  { plan, program }: Compiled,
  changed: Overridden,
): Promise<Packed> {
  const { host, version } = platform;
  const world = platform.world(host, "auto");
  const models = await Promise.all(plan.models.map((m) => world.loadModel(m)));
  const lock = await makeLock(host, program, plan, models, version);
  const files = new Map<string, () => Promise<Uint8Array>>();
  const stored: StoredModel[] = [];
  for (const [at, { alias, reference, heads }] of plan.models.entries()) {
    const [model, locked] = [models[at], lock.models[alias]];
    if (model === undefined || locked === undefined) continue;
    for (const { attribute, file, on } of heads) {
      if (file === undefined) continue;
      const sha256 = locked.heads[attribute]?.sha256 ?? (await host.sha256(await host.readBytes(file)));
      const beside = on === undefined ? [] : [await companionOf(host, file)];
      stored.push({ name: attribute, sha256, beside: beside.map(({ name, sha256: own }) => ({ name, sha256: own })) });
      files.set(sha256, () => host.readBytes(file));
      for (const { path, sha256: own } of beside) files.set(own, () => host.readBytes(path));
    }
    if (reference.startsWith("builtin:")) continue;
    const path = isModelName(reference) ? host.resolve("", `${MODEL_PREFIX}${reference}`) : reference;
    const beside = companionsOf(model);
    stored.push({ name: alias, sha256: locked.sha256, beside: beside.map(({ name, sha256 }) => ({ name, sha256 })) });
    files.set(locked.sha256, () => host.readBytes(path));
    for (const { path: companion, sha256 } of beside) files.set(sha256, () => host.readBytes(companion));
  }
  for (const task of plan.tasks) {
    const start = startOf(task);
    if (start === undefined) continue;
    const bytes = await host.readBytes(start.file);
    const sha256 = await host.sha256(bytes);
    stored.push({ name: task.name, sha256, beside: [] });
    files.set(sha256, () => Promise.resolve(bytes));
  }
  const recipe: RunRecipe = {
    format: 1,
    lacec: version,
    engine: "any",
    files: embedProgram(host, program),
    inputs: Object.fromEntries(plan.inputs.map((i) => [i.name, i.value])),
    overrides: changed,
    lock,
  };
  const submission: Submission = { format: 1, recipe, models: stored };
  const id = await host.sha256(new TextEncoder().encode(JSON.stringify(submission)));
  return { id, submission, files };
}

/** The JSON beside a classifier of pictures. */
async function companionOf(host: Platform["host"], file: string): Promise<StoredFile & { readonly path: string }> {
  const path = descriptionBeside(host, file);
  return { name: baseName(path), sha256: await host.sha256(await host.readBytes(path)), path };
}

/** The files that a pack keeps beside it: its decoder and its labeller. */
function companionsOf(model: Model): readonly (StoredFile & { readonly path: string })[] {
  return [labellerFile(model), model.decoder].flatMap((file) =>
    file === undefined ? [] : [{ name: baseName(file.file), sha256: file.sha256, path: file.file }],
  );
}

function isPlainName(name: string): boolean {
  return !/[/\\\0]/.test(name) && name !== "." && name !== "..";
}

/** The submission of that id. Errors: LaceError L5405 if it is not there, damaged or another one. */
export async function readSubmission(platform: Platform, store: ObjectStore, id: string): Promise<Submission> {
  const bytes = await store.get(objects.submission(id), TEXT_BYTES);
  if (bytes === undefined) throw damaged(id, store, "it is not in the store");
  if ((await platform.host.sha256(bytes)) !== id) throw damaged(id, store, "its text has another hash");
  return parsed(submissionSchema, bytes, (why) => damaged(id, store, why));
}

/** How a submission was cut; undefined: it has not been. Errors: LaceError L5405 for a list that is damaged. */
export async function readPieces(store: ObjectStore, id: string): Promise<readonly Piece[] | undefined> {
  const bytes = await store.get(objects.pieces(id), TEXT_BYTES);
  return bytes && parsed(piecesSchema, bytes, (why) => damaged(id, store, why));
}

/** The pieces whose results the store does not have. */
export async function missingPieces(
  store: ObjectStore,
  id: string,
  pieces: readonly Piece[],
): Promise<readonly Piece[]> {
  const there = new Set<string>();
  for await (const name of store.list(objects.results(id))) there.add(name);
  return pieces.filter((piece) => !there.has(objects.piece(id, piece)));
}

/** The kind of machine that a submission is drawn by; undefined: none has begun. Errors: LaceError L5405. */
export async function readKind(store: ObjectStore, id: string): Promise<Kind | undefined> {
  const bytes = await store.get(objects.kind(id), TEXT_BYTES);
  return bytes && parsed(kindSchema, bytes, (why) => damaged(id, store, why));
}

/** The bytes of what goes into the store as text. */
export function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function parsed<T>(schema: v.GenericSchema<unknown, T>, bytes: Uint8Array, wrong: (why: string) => Error): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw wrong("it is not JSON");
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw wrong(`${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`);
}

function damaged(id: string, store: ObjectStore, why: string): Error {
  return failure("L5405", `the submission ${id.slice(0, 12)} in ${store.place} cannot be read: ${why}`, [
    "submit the script again",
  ]);
}
