// The models that scripts name, as far as their headers tell: tables, sizes, licence, what was measured. No weights.
// Invariants: a header is parsed once for each hash of its text, however often it is read; a model that cannot be read is a LaceError,
// kept until something of it changes.
import type { HeadTable } from "../compiler/head-table.js";
import type { LatentTable } from "../compiler/latent-table.js";
import { loadLatentTable, lookForPhotograph } from "../models/latents.js";
import { parseModelCard, type ModelCard } from "../models/pack/model-card.js";
import { loadPackMetadata } from "../models/pack/pack.js";
import { loadScriptTable } from "../learn/labellers/picture-table.js";
import type { Host } from "../ports/host.js";

/** Cards of models, by what scripts call them. */
export class ModelShelf {
  private readonly byReference = new Map<string, Promise<ModelCard>>();
  private readonly byFile = new Map<string, Promise<HeadTable>>();
  private readonly byLatents = new Map<string, Promise<LatentTable>>();
  private readonly byHash = new Map<string, ModelCard>();
  private readonly hashes = new Map<string, string>();

  constructor(private readonly host: Host) {}

  /** The card of a model. Errors LaceError L50xx and L51xx, as `loadModelInfo`. */
  card(reference: string): Promise<ModelCard> {
    const known = this.byReference.get(reference);
    if (known !== undefined) return known;
    const card = this.load(reference);
    this.byReference.set(reference, card);
    card.catch(() => undefined); // told where it is used
    return card;
  }

  /** The hash of the header that was last read of a model; undefined if none was. */
  hashOf(reference: string): string | undefined {
    return this.hashes.get(reference);
  }

  /** The table of a file of heads, or of a classifier of pictures. Errors LaceError as `loadScriptTable`. */
  heads(file: string): Promise<HeadTable> {
    const known = this.byFile.get(file);
    if (known !== undefined) return known;
    const table = loadScriptTable(this.host, file);
    this.byFile.set(file, table);
    table.catch(() => undefined); // told where it is used
    return table;
  }

  /** The shapes of a file of latents. Errors LaceError as `loadLatentTable`. */
  latents(file: string): Promise<LatentTable> {
    const known = this.byLatents.get(file);
    if (known !== undefined) return known;
    const table = loadLatentTable(this.host, file);
    this.byLatents.set(file, table);
    table.catch(() => undefined); // told where it is used
    return table;
  }

  /** Whether a photograph is there. Errors LaceError L5001. */
  photograph(file: string): Promise<LatentTable> {
    return lookForPhotograph(this.host, file);
  }

  /** Lets models be read again, after files changed or where there were none. */
  forget(): void {
    this.byReference.clear();
    this.byFile.clear();
    this.byLatents.clear();
  }

  private async load(reference: string): Promise<ModelCard> {
    const { file, metadata } = await loadPackMetadata(this.host, reference);
    const hash = await this.host.sha256(new TextEncoder().encode(metadata ?? ""));
    const card = this.byHash.get(hash) ?? parseModelCard(metadata, file);
    this.byHash.set(hash, card);
    this.hashes.set(reference, hash);
    return card;
  }
}
