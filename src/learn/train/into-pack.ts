// Heads into a pack: those of new attributes are added at the end, those of attributes that it has are replaced.
// In: a pack, Heads, a path. Out: a new pack there, and beside it the files that it names. Invariants: everything else of the pack is kept, the
// fields of its metadata that lacec does not use among it; a labeller whose columns would no longer be those of the table is left out.
import type { Attribute } from "../../compiler/attribute.js";
import type { Host } from "../../ports/host.js";
import { labellerFile, type Model } from "../../models/model.js";
import { loadDecoder, loadLabeller, METADATA_KEY, readPack, type Heads } from "../../models/pack/pack.js";
import { writePack } from "../../models/pack/write-pack.js";
import { readSafetensors, type Safetensors } from "../../models/formats/safetensors.js";

/** A pack that heads can go into: its model, and the file as it is stored. */
export interface OpenPack {
  readonly model: Model;
  readonly stored: Safetensors;
}

/** Opens a pack: a path or "builtin:NAME". Errors as loadPack. */
export async function openPack(host: Host, path: string): Promise<OpenPack> {
  const file = path.startsWith("builtin:") ? host.resolve("", path) : path;
  const bytes = await host.readBytes(file);
  const stored = readSafetensors(bytes, file);
  const sha256 = await host.sha256(bytes);
  return { model: readPack(stored, file, { resolve: (name) => host.resolve(file, name), sha256 }), stored };
}

export interface Merged {
  readonly model: Model;
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  /** Whether the pack had a labeller that does not fit the new table. */
  readonly labellerDropped: boolean;
}

/** The model with these heads. */
export function mergeHeads(model: Model, { attributes, heads, witnesses: second }: Heads): Merged {
  const table = [...model.info.attributes];
  const weights = [...model.weights.heads];
  const witnesses = table.map((_, i) => model.weights.witnesses?.[i]);
  const [added, replaced]: [string[], string[]] = [[], []];
  let fits = true;
  attributes.forEach((attribute, k) => {
    const head = heads[k];
    if (head === undefined) return;
    const known = table.findIndex((a) => a.name === attribute.name);
    const old = table.at(known < 0 ? table.length : known);
    if (old === undefined) {
      table.push(attribute);
      weights.push(head);
      witnesses.push(second?.[k]);
      added.push(attribute.name);
      fits = false;
      return;
    }
    if (columnsOf(old) !== columnsOf(attribute)) fits = false;
    table[known] = attribute;
    weights[known] = head;
    witnesses[known] = second?.[k];
    replaced.push(attribute.name);
  });
  const { labeller, ...rest } = model;
  const isKept = labeller !== undefined && (labeller === "faces" || labeller.description !== undefined || fits);
  return {
    model: {
      ...rest,
      ...(isKept && { labeller }),
      info: { ...model.info, attributes: table },
      weights: { ...model.weights, heads: weights, witnesses },
    },
    added,
    replaced,
    labellerDropped: labeller !== undefined && !isKept,
  };
}

/** What a labeller's columns mean. */
function columnsOf(a: Attribute): string {
  return a.type === "scalar" ? "scalar" : a.classes.join();
}

/**
 * Writes a pack with the heads of `merged`, in the precision of the one it was made from, and what it names beside it where that is another
 * folder.
 *
 * Out      the files written.
 */
export async function writeMerged(
  host: Host,
  { stored }: OpenPack,
  { model }: Merged,
  output: string,
  source: string,
): Promise<readonly string[]> {
  const original = JSON.parse(stored.metadata.get(METADATA_KEY) ?? "{}") as Record<string, unknown>;
  delete original["labeller"]; // the model says whether there is one
  const dtype = [...stored.tensors.values()].some((t) => t.dtype === "F16") ? "F16" : "F32";
  await host.writeAtomic(output, writePack(model, { source, dtype, original }));
  const written = [output];
  const beside = async (file: string, bytes: Uint8Array | undefined): Promise<void> => {
    const path = host.resolve(output, file.replace(/^.*[/\\]/, ""));
    if (bytes === undefined || (await host.exists(path))) return;
    await host.writeAtomic(path, bytes);
    written.push(path);
  };
  const own = labellerFile(model);
  if (own !== undefined) await beside(own.file, await loadLabeller(host, model));
  if (model.decoder !== undefined) await beside(model.decoder.file, await loadDecoder(host, model));
  return written;
}
