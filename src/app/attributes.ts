// What can be asked of a model: its attributes, what their heads are worth, and how frequent each value is.
// In: a model that scripts can name. Out: its table with shares among unconditional samples, which are drawn once and kept.
import { DEFAULT_TRUNCATION } from "../compiler/check/tasks.js";
import type { HeadOutputs } from "../compiler/energy/interpret.js";
import { describeFile, type DescribedAttribute } from "../models/describe-model.js";
import type { Model } from "../models/model.js";
import { addHeads, loadHeads, loadPack, packFile } from "../models/pack/pack.js";
import type { Cache } from "../ports/cache.js";
import { PhaseClock } from "../ports/events.js";
import type { Host } from "../ports/host.js";
import { drawBase } from "../runtime/draw/base-rates.js";
import { ResultCache, scopeOf } from "../runtime/draw/result-cache.js";
import type { Platform } from "./platform.js";
import type { EngineChoice, VerbOptions } from "./verb.js";

export interface AttributesOptions extends VerbOptions {
  /** psi of the samples that are counted; default: that of scripts that name none. */
  readonly truncation?: number;
  /** Files of heads beside the model: what a script names by `attribute NAME: TYPE from "FILE"`. */
  readonly heads?: readonly string[];
  readonly engine?: EngineChoice;
  /** Where results are kept between calls; default: nowhere. */
  readonly cache?: Cache | undefined;
}

/** An attribute of a model. */
export type AttributeFacts = DescribedAttribute & {
  /** The file of its head, as it was named; null: the model's own. */
  readonly from: string | null;
  /** Of classes: the share of the samples that the head puts into each, in their order; null for a scalar. */
  readonly shares: readonly number[] | null;
  /** Of a scalar: the values that 5%, half and 95% of the samples stay below; null for classes. */
  readonly quantiles: readonly [low: number, median: number, high: number] | null;
};

export interface ModelAttributes {
  /** As it was named. */
  readonly model: string;
  readonly sha256: string;
  readonly engine: string;
  readonly truncation: number;
  /** Unconditional samples that were counted. */
  readonly samples: number;
  readonly attributes: readonly AttributeFacts[];
}

/**
 * The attributes of a model: a pack's path, `builtin:NAME`, or the name of an imported one.
 *
 * Errors   LaceError L50xx, L51xx of what cannot be read, L52xx of engines, L4106 if `signal` aborts.
 */
export async function attributes(
  platform: Platform,
  model: string,
  options: AttributesOptions = {},
): Promise<ModelAttributes> {
  const { host, version: lacec } = platform;
  const { cache, signal, onEvent = () => undefined } = options;
  const pack = await loadPack(host, model);
  const { attributes: rows } = await describeFile(host, await packFile(host, model));
  const others = await Promise.all((options.heads ?? []).map((file) => headsIn(host, file, pack)));
  const added = others.flatMap((o) => o.rows.map((row) => ({ ...row, from: o.file })));
  const wanted = added.map(({ name, from }) => ({ attribute: name, file: from }));
  const loaded = await addHeads(host, pack, wanted);
  const described = [...rows.map((row) => ({ ...row, from: null })), ...added];
  const own = others.flatMap((o) => o.rows.map(({ name }) => [name, o.sha256] as const));
  const truncation =
    options.truncation ??
    (loaded.weights.mapping === undefined && loaded.info.truncates !== true ? 1 : DEFAULT_TRUNCATION);
  const engine = await platform.world(host, options.engine ?? "auto").openEngine();
  try {
    const resultCache = cache && new ResultCache(cache, host, scopeOf({ lacec, engine }, loaded.sha256, own));
    const clock = new PhaseClock(() => host.now(), onEvent);
    const base = await clock.run("measure", { task: model }, () =>
      drawBase({ model: loaded, engine, truncation, resultCache, signal }),
    );
    return {
      ...{ model, sha256: loaded.sha256, engine: engine.name, truncation, samples: base.length },
      attributes: described.map((row, a) => ({ ...row, ...frequencies(row, a, base) })),
    };
  } finally {
    await engine.dispose();
  }
}

/** The rows of a file of heads that fit the model, and the hash of the file. Errors as loadHeads. */
async function headsIn(
  host: Host,
  file: string,
  { info }: Model,
): Promise<{ readonly file: string; readonly sha256: string; readonly rows: readonly DescribedAttribute[] }> {
  await loadHeads(host, file, info);
  const { sha256, attributes: rows } = await describeFile(host, file);
  return { file, sha256, rows };
}

function frequencies(
  row: DescribedAttribute,
  attribute: number,
  base: readonly HeadOutputs[],
): Pick<AttributeFacts, "shares" | "quantiles"> {
  const outputs = base.map((heads) => heads[attribute] ?? []);
  if (row.type === "scalar") {
    const sorted = Float64Array.from(outputs, ([value = NaN]) => value).sort();
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
    return { shares: null, quantiles: [at(0.05), at(0.5), at(0.95)] };
  }
  const counts = row.classes.map(() => 0);
  for (const logits of outputs) {
    const best = logits.indexOf(Math.max(...logits));
    counts[best] = (counts[best] ?? 0) + 1;
  }
  return { shares: counts.map((n) => n / Math.max(1, base.length)), quantiles: null };
}
