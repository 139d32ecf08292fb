// `lacec eval --baseline FILE.json`: what an earlier `lacec eval --json` measured, set by set.
import * as v from "valibot";
import { failure } from "../../source/diagnostic.js";
import type { SetMeasure } from "./evaluation.js";

/** What is shown beside a set. */
export type BaselineSet = Omit<SetMeasure, "accepted" | "methods">;
export type Baseline = ReadonlyMap<string, BaselineSet>;

const number = v.nullable(v.number());
const estimateOf = { mean: v.number(), low: v.number(), high: v.number(), count: v.number() };
const estimate = v.nullable(v.object(estimateOf));
const set = v.object({
  name: v.string(),
  kind: v.picklist(["sample", "edit", "traverse", "sweep"]),
  ...{ model: v.string(), sampler: v.string(), truncation: v.number(), images: v.number(), failed: v.number() },
  clauses: v.array(
    v.object({
      text: v.string(),
      labeller: estimate,
      unclear: v.optional(number, null),
      heads: estimate,
      hand: v.optional(v.nullable(v.object({ ...estimateOf, unclear: v.number() })), null),
      prior: number,
    }),
  ),
  frechet: v.object({ unconditional: number, real: number, floor: number }),
  edit: v.nullable(
    v.object({
      steps: v.array(
        v.object({
          ...{ text: v.string(), before: estimate, after: estimate, score: number, identity: estimate },
          drift: v.nullable(v.object({ attribute: v.string(), share: v.number() })),
        }),
      ),
      ...{ des: number, identity: estimate, strangers: number },
    }),
  ),
  typicality: v.optional(number, null),
  evaluations: v.number(),
  secondsPerImage: v.object({ sample: v.number(), synthesis: v.number() }),
});
const document = v.object({ evaluation: v.object({ sets: v.array(set) }) });

/** Reads a baseline. Errors LaceError L5315. */
export function readBaseline(text: string, file: string): Baseline {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw failure("L5315", `${file} is not JSON`, ["a baseline is what `lacec eval --json` prints"]);
  }
  const result = v.safeParse(document, json);
  if (result.success) return new Map(result.output.evaluation.sets.map((s) => [s.name, s]));
  const [issue] = result.issues;
  throw failure("L5315", `${file} is no evaluation: ${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`, [
    "a baseline is what `lacec eval --json` prints",
  ]);
}
