// How frequent the values of a model's attributes are among unconditional samples, for hover: counted apart, once a model, when nothing else is asked.
// In: models as scripts name them. Out: what is known of them by now, and in words. Invariants: nobody waits for a count; one model is counted at a
// time, for MOST_MS at most; a count that failed is not tried again until the model is another.
import type { ModelAttributes } from "../app/attributes.js";
import { rateText } from "../runtime/draw/base-rates.js";
import type { ScriptRuns } from "./runs.js";

/** The longest that a count may take, in milliseconds. */
const MOST_MS = 120_000;

export class Frequencies {
  private readonly asked = new Set<string>();
  private readonly counted = new Map<string, ModelAttributes>();
  private counting: Promise<void> = Promise.resolve();
  private readonly stop = new AbortController();

  /** `keyOf` tells models apart, the same model at different times too; undefined of one that cannot be read. */
  constructor(
    private readonly runs: ScriptRuns | undefined,
    private readonly keyOf: (reference: string) => string | undefined,
  ) {}

  /** What is known of a model by now. */
  known(reference: string): ModelAttributes | undefined {
    return this.counted.get(this.keyOf(reference) ?? "");
  }

  /** Counts soon, unless that was done. */
  want(reference: string): void {
    const key = this.keyOf(reference);
    const count = this.runs?.attributesOf;
    if (key === undefined || count === undefined || this.asked.has(key)) return;
    this.asked.add(key);
    this.counting = this.counting.then(async () => {
      if (this.stop.signal.aborted) return;
      const found = await count(reference, AbortSignal.any([this.stop.signal, AbortSignal.timeout(MOST_MS)]));
      if (found !== undefined) this.counted.set(key, found);
    });
  }

  /** Ends a count that is going on; none is begun any more. */
  dispose(): void {
    this.stop.abort();
  }
}

/** How frequent the values of an attribute are; undefined if the count does not have it. */
export function frequencyText({ attributes, samples }: ModelAttributes, name: string): string | undefined {
  const found = attributes.find((a) => a.name === name);
  if (found === undefined || samples === 0) return undefined;
  const among = `of ${amount(samples)} unconditional samples`;
  if (found.quantiles !== null) {
    const [low, median, high] = found.quantiles.map((q) => q.toPrecision(2)).map(Number);
    return `${among} half are below ${median}, and nine in ten in ${low}..${high}, by its head`;
  }
  const rates = (found.shares ?? []).map((share) => rateText({ satisfied: share * samples, counted: samples }));
  if (found.type === "binary") return `${among} ${rates[1] ?? ""} have it, by its head`;
  const each = found.type === "category" ? found.classes.map((c, i) => `\`${c}\` ${rates[i] ?? ""}`) : [];
  return `${among}: ${each.join(", ")}, by its head`;
}

/** How frequent one value of an attribute is; undefined as for frequencyText. */
export function valueFrequencyText(
  { attributes, samples }: ModelAttributes,
  name: string,
  value: string,
): string | undefined {
  const found = attributes.find((a) => a.name === name);
  const at = found === undefined || found.type === "scalar" ? -1 : found.classes.indexOf(value);
  const share = found?.shares?.[at];
  if (share === undefined || samples === 0) return undefined;
  return `${rateText({ satisfied: share * samples, counted: samples })} of ${amount(samples)} unconditional samples have it, by the head`;
}

function amount(n: number): string {
  return n.toLocaleString("en-US");
}
