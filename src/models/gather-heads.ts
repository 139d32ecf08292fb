// Attribute heads for a pack or a file of heads: those that the user names, and those of the source if it is itself a file of heads.
// In: a Host, a source, what the user says. Out: rows and heads, with where they came from and what was assumed of them.
import type { Attribute } from "../compiler/attribute.js";
import type { HeadSpace, HeadWeights } from "../compiler/weights.js";
import type { Host } from "../ports/host.js";
import { failure } from "../source/diagnostic.js";
import { baseName } from "../source/public-name.js";
import {
  asBinary,
  chosenHeads,
  withActivation,
  withSlope,
  type HeadCheckpoint,
  type NamedHead,
} from "./checkpoints/head-forms.js";
import { nameOfHeadFile, parseHeadTable, rowOfHead, type HeadRequest } from "./checkpoints/head-source.js";
import { openSource, type Source } from "./checkpoints/open-source.js";
import { modelError } from "./model-error.js";
import { readHeadFile } from "./pack/pack.js";

export interface HeadSettings {
  /** Of the model to be; a source that is one head has it too. */
  readonly name?: string;
  /** Of a source that is a network of heads: which of its outputs. */
  readonly output?: string;
  /** LACE heads, head files of ours, packs, JSON tables of heads. */
  readonly heads: readonly HeadRequest[];
  /** What the user says of heads, by name. */
  readonly attributes: readonly Attribute[];
  /** How steep the logits of the imported heads are made: those that are no probabilities are taken times this. Default 1. */
  readonly slope?: number;
  /** Of dense layers of other tools: the slope below 0 of what is between them (0 ReLU, 1 nothing). Default 0.2. */
  readonly activation?: number;
  /** What the heads of other tools take. Default w. */
  readonly space?: HeadSpace;
  /** Fits how sure a head of another tool is to labels, which takes reading data: services bring it. */
  readonly calibrate?: CalibrateHead;
}

/** Fits a head of another tool to labels of its attribute; gives it, and a sentence of what was fitted. */
export type CalibrateHead = (
  layers: HeadWeights["layers"],
  row: Attribute,
) => Promise<{ readonly layers: HeadWeights["layers"]; readonly row: Attribute; readonly said: string }>;

export interface Origin {
  readonly file: string;
  readonly sha256: string;
  readonly format: string;
}
/** Where everything came from, in a sentence for the pack. */
export interface ImportProvenance {
  readonly origins: readonly Origin[];
  readonly assumed: readonly string[];
}
export interface FoundHead {
  readonly row: Attribute;
  readonly head: HeadWeights;
  /** The second one beside it. */
  readonly witness?: HeadWeights;
  /** The row as it is in the file that it comes from: fields that lacec does not use go on into the pack. */
  readonly stored: object;
}

/** Every head that the user names, and those of the source if it is itself a file of heads. */
export async function gatherHeads(
  host: Host,
  source: Source,
  file: string,
  settings: HeadSettings,
): Promise<ImportProvenance & { readonly heads: readonly FoundHead[] }> {
  const unused = new Set(settings.attributes.map((a) => a.name));
  const declared = (name: string): Attribute | undefined => {
    unused.delete(name);
    return settings.attributes.find((a) => a.name === name);
  };
  const heads: FoundHead[] = [];
  const origins: Origin[] = [];
  const assumed: string[] = [];
  const take = async (opened: Source, request: HeadRequest): Promise<void> => {
    if (!("layers" in opened)) {
      heads.push(...headsOf(opened, request, declared));
      return;
    }
    // Of several heads under names, NAME=FILE is the one of that name, as of our own files of heads.
    const output = request.output ?? (opened.branches?.length ? request.name : undefined);
    for (const chosen of chosenHeads(opened, output, request.file)) {
      const { said, ...head } = await foreignHead(chosen, request, declared, settings);
      assumed.push(...said.map((what) => `of ${baseName(request.file)}, ${what}`));
      heads.push(head);
    }
  };
  if ("layers" in source || source.kind === "heads")
    await take(source, {
      file,
      ...(settings.name !== undefined && { name: settings.name }),
      ...(settings.output !== undefined && { output: settings.output }),
    });
  for (const request of await requests(host, settings.heads)) {
    const { bytes, sha256 } = await readWhole(host, request.file);
    const opened = await openSource(bytes, request.file, { name: "", sha256 });
    await take(opened, request);
    origins.push({ file: baseName(request.file), sha256, format: opened.kind });
  }
  if (unused.size > 0)
    throw failure("L5107", `no head is called ${[...unused].map((n) => `\`${n}\``).join(", ")}`, [
      heads.length === 0
        ? "name the files of heads with --heads"
        : `the heads are ${heads.map((h) => h.row.name).join(", ")}; a file can be renamed: --heads NAME=FILE`,
    ]);
  return { heads, origins, assumed };
}

/** A head of another tool, as the user says that it is, and as steep; and what was assumed of it. */
async function foreignHead(
  source: NamedHead,
  request: HeadRequest,
  declared: (name: string) => Attribute | undefined,
  { slope = 1, activation, space = "w", calibrate }: HeadSettings,
): Promise<FoundHead & { readonly said: readonly string[] }> {
  const { file } = request;
  const name = request.name ?? source.name ?? nameOfHeadFile(file);
  const given = request.row ?? declared(name);
  const isBinary = given === undefined ? source.isLogit : given.type === "binary";
  const whole = isBinary ? asBinary(source.head) : source.head;
  // A network object says itself what is between its layers.
  const between = whole.slope ?? activation;
  const { layers, classes, assumed } = withSlope(between === undefined ? whole : withActivation(whole, between), slope);
  const head = { attribute: name, layers, ...(space === "z" && { space }) };
  const row = alone(rowOfHead(head, given, file, classes));
  if (calibrate === undefined) return { row, head, stored: {}, said: assumed };
  const fitted = await calibrate(layers, row);
  const said = [...assumed.filter((what) => !what.includes("--slope")), fitted.said];
  return { row: fitted.row, head: { ...head, layers: fitted.layers }, stored: {}, said };
}

/** Requests with the tables among them replaced by what they list. */
async function requests(host: Host, heads: readonly HeadRequest[]): Promise<readonly HeadRequest[]> {
  const lists = await Promise.all(
    heads.map(async (request) => {
      if (!request.file.endsWith(".json")) return [request];
      const entries = parseHeadTable(await host.readText(request.file), request.file);
      return entries.map((entry) => ({ ...entry, file: host.resolve(request.file, entry.file) }));
    }),
  );
  return Promise.all(lists.flat().map(async (request) => ({ ...request, ...(await outputOf(host, request.file)) })));
}

/** FILE#OUTPUT: a file, and which of its outputs; a file that is called so is one. */
export async function outputOf(host: Host, file: string): Promise<{ readonly file: string; readonly output?: string }> {
  const [, own, output] = /^(.+)#([A-Za-z0-9_:-]+)$/.exec(file) ?? [];
  if (own === undefined || output === undefined || (await host.exists(file))) return { file };
  return { file: own, output };
}

function headsOf(
  source: Exclude<Source, HeadCheckpoint>,
  request: HeadRequest,
  declared: (name: string) => Attribute | undefined,
): readonly FoundHead[] {
  const { file } = request;
  if (source.kind !== "heads" && source.kind !== "pack")
    throw modelError("L5107", file, "it holds no attribute heads, but a model");
  const found = readHeadFile(source.stored, file);
  const chosen = found.attributes.flatMap((row, i) => {
    const head = found.heads[i];
    if (head === undefined || (request.name !== undefined && row.name !== request.name)) return [];
    const stored = listOf(source.metadata["attributes"])[i];
    const witness = found.witnesses?.[i];
    const wanted = rowOfHead(head, request.row ?? declared(row.name) ?? row, file);
    const isWitnessed = witness !== undefined && wanted.witness !== undefined;
    return [
      {
        ...(isWitnessed ? { row: wanted, witness } : { row: alone(wanted) }),
        head,
        stored: typeof stored === "object" && stored !== null ? stored : {},
      },
    ];
  });
  if (chosen.length === 0)
    throw modelError("L5107", file, `it has no head${request.name === undefined ? "" : ` for \`${request.name}\``}`, [
      `it has heads for: ${found.attributes.map((a) => a.name).join(", ") || "nothing"}`,
    ]);
  return chosen;
}

/** The row of a head that comes without a second one. */
function alone(row: Attribute): Attribute {
  const { witness, ...rest } = row;
  return witness === undefined ? row : rest;
}

export async function readWhole(host: Host, file: string): Promise<{ bytes: Uint8Array; sha256: string }> {
  const bytes = await host.readBytes(file);
  return { bytes, sha256: await host.sha256(bytes) };
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
