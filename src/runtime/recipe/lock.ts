// The lock: hashes of everything that a script's pictures depend on besides its own text.
// In: a linked program, its plan, the models as loaded. Out: LockEntry, which goes into lace.lock and into images.
// Invariants: plain JSON in a fixed order; names are public (names.ts); the same files give the same entry on any machine.
import { concat } from "../../source/concat.js";
import { shortHash } from "../../source/short-hash.js";
import type { Program } from "../../compiler/link.js";
import { type DefaultsEdition, describeDefaults } from "../../compiler/defaults.js";
import { startOf, type Plan, type PlanHead } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import type { Host } from "../../ports/host.js";
import { labellerFile, type Model } from "../../models/model.js";
import { descriptionBeside } from "../../models/pack/files-beside.js";
import { publicName } from "../../source/public-name.js";
import { publicNames } from "./names.js";

export interface LockedFile {
  /** As the script names it; without its folders where those lie outside the script's. */
  readonly from: string;
  readonly sha256: string;
}
export interface LockedModel extends LockedFile {
  /** SHA-256 of the independent classifier beside the pack. */
  readonly labeller: string | null;
  /** Head files of the script's own attributes, by attribute. */
  readonly heads: Readonly<Record<string, LockedFile>>;
}
export interface LockEntry {
  /** Language edition of the script. */
  readonly edition: number;
  /** Version of lacec. */
  readonly lacec: string;
  /** What settings that the script leaves out get; absent: edition 1, from before there were others. */
  readonly defaults?: DefaultsEdition;
  /** Models that a task uses, by the name that the script gives them. */
  readonly models: Readonly<Record<string, LockedModel>>;
  /** SHA-256 of each file that a task starts from, of each network that identities are kept by and pictures are compared by, of those pictures and masks, and of the JSON beside each network over pictures, by its name; absent: there are none. */
  readonly files?: Readonly<Record<string, string>>;
  /** Embeddings of texts that pictures are compared with, by their rows: float32 numbers in base64, of the other text and of the text; absent: there are none. */
  readonly texts?: Readonly<Record<string, string>>;
  /** SHA-256 of each imported script by its name, dependencies first. */
  readonly imports: Readonly<Record<string, string>>;
}

/** The lock of a program whose models are loaded. Errors: those of the host if a head file has gone. */
export async function makeLock(
  host: Host,
  program: Program,
  plan: Plan,
  models: readonly Model[],
  lacec: string,
): Promise<LockEntry> {
  const { entry, files, sources } = program;
  const names = publicNames(host, program);
  const nameOf = (reference: string): string => names.references.get(reference) ?? publicName(reference);
  const locked: Record<string, LockedModel> = {};
  for (const [i, { alias, reference, heads }] of plan.models.entries()) {
    const model = models[i];
    if (model === undefined) throw new InternalError(`the model ${alias} is not loaded`);
    const headFiles: Record<string, LockedFile> = {};
    for (const head of heads) {
      const { attribute, file } = head;
      // The labeller is locked with its model, and a network that has no row is a file among others.
      if (file === undefined || isNameless(head)) continue;
      headFiles[attribute] = { from: nameOf(file), sha256: await host.sha256(await host.readBytes(file)) };
    }
    const labeller = labellerFile(model)?.sha256 ?? null;
    locked[alias] = { from: nameOf(reference), sha256: model.sha256, labeller, heads: headFiles };
  }
  const imports: Record<string, string> = {};
  for (const file of files.filter((f) => f !== entry)) {
    const text = new TextEncoder().encode(sources.get(file.path) ?? "");
    imports[names.scripts.get(file.path) ?? publicName(file.path)] = await host.sha256(text);
  }
  const started: Record<string, string> = {};
  for (const file of [...startFilesOf(plan), ...networkFilesOf(plan, host)])
    started[nameOf(file)] = await host.sha256(await host.readBytes(file));
  const texts: Record<string, string> = {};
  for (const [i, { heads }] of plan.models.entries()) {
    for (const head of heads) {
      if (!("prompt" in head)) continue;
      const own = models[i]?.weights.heads.find(({ attribute }) => attribute === head.attribute)?.picture;
      if (own?.kind !== "prompt") continue;
      started[nameOf(head.clip)] = own.look.sha256;
      texts[head.attribute] = base64Of(concat(own.texts, Float32Array));
    }
  }
  return {
    ...{ edition: entry.module.edition, lacec, defaults: plan.defaults, models: locked },
    ...(Object.keys(started).length > 0 && { files: started }),
    ...(Object.keys(texts).length > 0 && { texts }),
    imports,
  };
}

/** Whether no attribute of the script stands for what a network says: its file is one of the script's, not one of a head. */
function isNameless(head: PlanHead): boolean {
  return "features" in head || "picture" in head;
}

/** The files that tasks of a plan start from, with those that photographs name besides, without repeats. */
function startFilesOf({ tasks }: Plan): readonly string[] {
  const files = tasks.flatMap((task) => {
    const start = startOf(task);
    if (start?.kind !== "photo") return start?.file ?? [];
    const { file, encoder, landmarks } = start;
    return [file, ...(encoder === undefined ? [] : [encoder]), ...(landmarks?.kind === "file" ? [landmarks.file] : [])];
  });
  return [...new Set(files)];
}

/** The JSON files beside networks over pictures, networks that no attribute is of, pictures and masks, without repeats. */
function networkFilesOf({ models }: Plan, host: Host): readonly string[] {
  const files = models.flatMap(({ heads }) =>
    heads.flatMap((head) => {
      if (head.on === undefined) return [];
      const pictures = "picture" in head ? [head.picture, head.mask].filter((file) => file !== undefined) : [];
      if (head.file === undefined) return pictures;
      return [...pictures, ...(isNameless(head) ? [head.file] : []), descriptionBeside(host, head.file)];
    }),
  );
  return [...new Set(files)];
}

/** Numbers as the bytes of float32, little-endian, in base64. */
function base64Of(numbers: Float32Array): string {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** What differs between two locks, one sentence each; none: they are the same. */
export function lockDifferences(before: LockEntry, now: LockEntry): readonly string[] {
  const found: string[] = [];
  if (before.edition !== now.edition)
    found.push(`the language edition was ${before.edition}, now it is ${now.edition}`);
  if (before.lacec !== now.lacec) found.push(`lacec was ${before.lacec}, now it is ${now.lacec}`);
  const [d0, d1] = [before.defaults ?? 1, now.defaults ?? 1];
  if (d0 !== d1)
    found.push(`settings left out had the defaults of ${describeDefaults(d0)}, now of ${describeDefaults(d1)}`);
  compareNames("model", before.models, now.models, found, (name, was, is) => {
    if (was.from !== is.from) found.push(`model ${name} came from "${was.from}", now from "${is.from}"`);
    compareHash(`model ${name} ("${is.from}")`, was.sha256, is.sha256, found);
    compareHash(`the labeller of ${name}`, was.labeller ?? "none", is.labeller ?? "none", found);
    compareNames(`head of ${name}`, was.heads, is.heads, found, (attribute, h0, h1) => {
      if (h0.from !== h1.from) found.push(`the head of ${attribute} came from "${h0.from}", now from "${h1.from}"`);
      compareHash(`the head of ${attribute} ("${h1.from}")`, h0.sha256, h1.sha256, found);
    });
  });
  compareNames("file", before.files ?? {}, now.files ?? {}, found, (name, was, is) => {
    compareHash(`the file "${name}"`, was, is, found);
  });
  compareNames("text", before.texts ?? {}, now.texts ?? {}, found, (name, was, is) => {
    if (was !== is) found.push(`the embedding of ${name} has changed`);
  });
  compareNames("import", before.imports, now.imports, found, (name, was, is) => {
    compareHash(`the import "${name}"`, was, is, found);
  });
  return found;
}

function compareNames<T>(
  what: string,
  before: Readonly<Record<string, T>>,
  now: Readonly<Record<string, T>>,
  found: string[],
  compare: (name: string, before: T, now: T) => void,
): void {
  const [was, is] = [new Map(Object.entries(before)), new Map(Object.entries(now))];
  for (const [name, value] of is) {
    const earlier = was.get(name);
    if (earlier === undefined) found.push(`${what} ${name} is new`);
    else compare(name, earlier, value);
  }
  for (const name of was.keys()) if (!is.has(name)) found.push(`${what} ${name} is gone`);
}

function compareHash(what: string, before: string, now: string, found: string[]): void {
  if (before !== now) found.push(`${what} has changed: SHA-256 was ${shortHash(before)}, now it is ${shortHash(now)}`);
}
