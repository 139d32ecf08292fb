// A submission: a script to draw or to measure, or latents to label, with all that decides what comes of it, as plain data in a store that many machines share.
// In: bytes of a store. Out: Submission, checked field by field: whoever can write to the store can send anything; its id (a hash of its text), and
// the names of what belongs to it. Invariants: what decides the same results is the same submission wherever it is submitted; no path of a machine is in it.
import * as v from "valibot";
import type { ObjectStore } from "../../ports/object-store.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import type { Shard } from "../../runtime/plan/selection.js";
import type { RunRecipe } from "../../runtime/recipe/recipe.js";
import { runRecipeSchema } from "../../runtime/recipe/recipe-schema.js";
import { ENGINE_NAMES, type Engine, type EngineName } from "../../runtime/services/engine.js";
import { failure } from "../../source/diagnostic.js";
import { MOST_ROWS, MOST_THUMBNAIL } from "../label-limits.js";
import type { Platform } from "../platform.js";

/** A file that travels through the store under its hash. */
export interface StoredFile {
  readonly name: string;
  readonly sha256: string;
}

/** A pack, a file of heads or what a task starts from, by the name that the script declares, and the files that a pack keeps beside it. */
export interface StoredModel extends StoredFile {
  /** What its file is called, where that matters. */
  readonly file?: string | undefined;
  readonly beside: readonly StoredFile[];
}

/** A script whose tasks are drawn. */
export interface ScriptSubmission {
  readonly format: 1;
  readonly kind: "script";
  readonly recipe: RunRecipe;
  /** Models and heads that machines do not have already. */
  readonly models: readonly StoredModel[];
}

/** Latents that are labelled. */
export interface LabelSubmission {
  readonly format: 1;
  readonly kind: "label";
  /** Version of lacec. */
  readonly lacec: string;
  readonly model: { readonly reference: string; readonly sha256: string };
  readonly judge: StoredJudge;
  readonly rows: StoredRows;
  /** The model, where machines do not have it, and a classifier that judges, by the names MODEL and JUDGE. */
  readonly models: readonly StoredModel[];
}

/** Who judges: its identity, and how it is named where no file of it travels. */
export interface StoredJudge {
  readonly name: string;
  readonly sha256: string | null;
  /** Absent: the model's own. */
  readonly choice?: "file" | "faces" | "clip" | undefined;
  readonly findFaces?: boolean | undefined;
  /** Lines of clip, and the name by which every machine has downloaded its model. */
  readonly prompts?: readonly string[] | undefined;
  readonly clipModel?: string | undefined;
}

/** Which rows there are, and how they are drawn. */
export interface StoredRows {
  readonly count: number;
  readonly seed: number;
  readonly truncation: readonly [number, number];
  readonly jitter: number;
  readonly follow: number;
  readonly thumbnails: number;
  readonly class?: number | undefined;
}

/** A script whose sets and edits are measured. */
export interface EvalSubmission {
  readonly format: 1;
  readonly kind: "eval";
  readonly recipe: RunRecipe;
  readonly models: readonly StoredModel[];
  readonly judge: StoredJudge;
  /** A classifier that judges, by the name JUDGE. */
  readonly judges: readonly StoredModel[];
  /** Unconditional images of each model and truncation. */
  readonly reference: number;
}

export type Submission = ScriptSubmission | LabelSubmission | EvalSubmission;

/** Names of the files of a labelling among the models of its submission. */
export const MODEL = "model";
export const JUDGE = "judge";

/** What made results: results of two kinds may differ in their last bits. */
export interface Kind {
  /** Version of lacec. */
  readonly lacec: string;
  readonly engine: EngineName;
  readonly description: string;
  readonly processor: string;
}

/** Whether results of both have the same bits. */
export function sameKind(a: Kind, b: Kind): boolean {
  return a.lacec === b.lacec && a.engine === b.engine && rounding(a) === rounding(b) && a.processor === b.processor;
}

/** What an engine says of itself that may decide about bits: those of onnxruntime on a processor do not depend on threads, of which a machine has its own. */
function rounding({ engine, description }: Kind): string {
  return engine === "onnx-cpu" ? description.replace(/, \d+ threads?\b/, "") : description;
}

/** An engine under the name that results are kept by: that of the machine which began. */
export function renamed(engine: Engine, { engine: name, description }: Kind): Engine {
  return { ...engine, name, description };
}

/** What the hub calls a model: OWNER/NAME. It leads to no folder but the hub's own. */
export const CLIP_NAME = /^[A-Za-z0-9_][\w-]*\/[A-Za-z0-9_][\w.-]*$/;

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a SHA-256"));
const word = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
/** A name that stays in its folder, on any system. */
const fileName = v.pipe(
  word,
  v.check((name) => isPlainName(name), "not the name of a file in one folder"),
);
const row = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

const models = v.array(
  v.object({
    name: word,
    file: v.optional(fileName),
    sha256: hash,
    beside: v.array(v.object({ name: fileName, sha256: hash })),
  }),
);
/** A line of prompts, which no reader takes for a file of them. */
const prompt = v.pipe(v.string(), v.maxLength(10_000), v.includes("|"));
const judge: v.GenericSchema<unknown, StoredJudge> = v.object({
  name: word,
  sha256: v.nullable(hash),
  choice: v.optional(v.picklist(["file", "faces", "clip"])),
  findFaces: v.optional(v.boolean()),
  prompts: v.optional(v.pipe(v.array(prompt), v.maxLength(1_000))),
  clipModel: v.optional(v.pipe(v.string(), v.regex(CLIP_NAME, "not the name of a model of the hub"))),
});
const finite = v.pipe(v.number(), v.finite());
const rows: v.GenericSchema<unknown, StoredRows> = v.object({
  count: v.pipe(row, v.minValue(1), v.maxValue(MOST_ROWS)),
  seed: row,
  truncation: v.tuple([finite, finite]),
  jitter: v.pipe(finite, v.minValue(0)),
  follow: v.pipe(finite, v.minValue(0), v.maxValue(1)),
  thumbnails: v.pipe(row, v.maxValue(MOST_THUMBNAIL)),
  class: v.optional(row),
});
const submissionSchema: v.GenericSchema<unknown, Submission> = v.variant("kind", [
  v.object({ format: v.literal(1), kind: v.literal("script"), recipe: runRecipeSchema, models }),
  v.object({
    ...{ format: v.literal(1), kind: v.literal("eval"), recipe: runRecipeSchema, models, judge, judges: models },
    reference: v.pipe(row, v.maxValue(MOST_ROWS)),
  }),
  v.object({
    ...{ format: v.literal(1), kind: v.literal("label"), lacec: word, judge, rows, models },
    model: v.object({ reference: v.pipe(v.string(), v.regex(/^(pack|builtin:[a-z0-9-]+)$/)), sha256: hash }),
  }),
]);
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

/** A file that a part of a collection wrote. */
export interface CollectedFile {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

const collectedSchema: v.GenericSchema<unknown, readonly CollectedFile[]> = v.pipe(
  v.array(v.object({ file: v.pipe(v.string(), v.maxLength(4096)), sha256: hash, bytes: row })),
  v.maxLength(1e7),
);

/** Bytes of a list of files. */
const LIST_BYTES = 2 ** 31;

/** Bytes that a submission and the list of its pieces may have. */
const TEXT_BYTES = 64 << 20;

/** Names of objects in the store. */
export const objects = {
  submission: (id: string) => `submissions/${id}/recipe.json`,
  pieces: (id: string) => `submissions/${id}/pieces.json`,
  kind: (id: string) => `submissions/${id}/kind.json`,
  results: (id: string) => `submissions/${id}/results/`,
  piece: (id: string, { task, first, last }: Piece) => `submissions/${id}/results/${task}-${first}-${last}.bundle`,
  /** What a part of a collection wrote. */
  collected: (id: string, { number, of }: Shard) => `submissions/${id}/collected/${number}-of-${of}.json`,
  collections: (id: string) => `submissions/${id}/collected/`,
  model: (sha256: string) => `models/${sha256}`,
};

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

/** What parts of a collection have written, by file. A list that is damaged counts for nothing: its files are written again. */
export async function readCollected(store: ObjectStore, id: string): Promise<ReadonlyMap<string, CollectedFile>> {
  const files = new Map<string, CollectedFile>();
  for await (const name of store.list(objects.collections(id))) {
    const bytes = await store.get(name, LIST_BYTES);
    try {
      for (const own of bytes === undefined ? [] : parsed(collectedSchema, bytes, (why) => new Error(why)))
        files.set(own.file, own);
    } catch {
      continue;
    }
  }
  return files;
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
