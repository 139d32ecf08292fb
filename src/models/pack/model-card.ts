// What a pack's header tells people of a model, beyond what the compiler needs: licence, origin, how well each attribute is read.
// In: the text under a pack's metadata key. Out: ModelCard. Invariants: nothing is evaluated, and no weights are read.
import type { ModelInfo } from "../../compiler/attribute.js";
import { modelInfo, parsePackMetadata } from "./pack-metadata.js";

/** A model as an editor shows it. */
export interface ModelCard {
  readonly info: ModelInfo;
  readonly architecture: string;
  readonly licence: string;
  readonly source: string;
  /** What was measured of each attribute's head, such as `accuracy` and `samples`, by attribute. */
  readonly measured: ReadonlyMap<string, Readonly<Record<string, number>>>;
  readonly hasLabeller: boolean;
}

/** The card of a pack. Errors LaceError L5108 for metadata that is wrong. */
export function parseModelCard(text: string | undefined, file: string): ModelCard {
  const metadata = parsePackMetadata(text, file);
  const { architecture, licence, source } = metadata;
  const measured = measurements(text === undefined ? undefined : (JSON.parse(text) as unknown));
  return {
    info: modelInfo(metadata),
    architecture,
    licence,
    source,
    measured,
    hasLabeller: metadata.labeller !== undefined,
  };
}

/** The numbers under `validation` of each row; a pack need not have any. */
function measurements(json: unknown): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const found = new Map<string, Readonly<Record<string, number>>>();
  const rows = isRecord(json) && Array.isArray(json["attributes"]) ? (json["attributes"] as readonly unknown[]) : [];
  for (const row of rows) {
    if (!isRecord(row) || typeof row["name"] !== "string" || !isRecord(row["validation"])) continue;
    const numbers = Object.entries(row["validation"]).filter((e): e is [string, number] => typeof e[1] === "number");
    found.set(row["name"], Object.fromEntries(numbers));
  }
  return found;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
