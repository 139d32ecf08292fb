// Expectations of a task, judged by heads and labeller: while pictures come, and in the end.
// In: a task's expectations, its pictures, what was seen in them. Out: results, and what there is to say of them.
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import type { Expect, Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { hintsOfRarity } from "../draw/base-rates.js";
import type { ResultCache } from "../draw/result-cache.js";
import type { SampleResult } from "../draw/results.js";
import { isOutcome } from "../plan/places.js";
import { byHeadsAlone, byTheFollowed, judge, missed, type Judged } from "../record/expectations.js";
import type { ExpectationResult } from "../record/results.js";
import type { Engine } from "../services/engine.js";
import { isNetworkOf } from "../services/labeller-identity.js";
import type { Labeller } from "../services/services.js";
import type { SeenPictures } from "../show/images.js";
import type { Request } from "./request.js";
import type { Say } from "./resources.js";

interface JudgedTask {
  readonly task: Task;
  readonly model: Model;
  readonly resultCache: ResultCache | undefined;
}

/** How often it is told how expectations stand, in milliseconds: judging all pictures so far costs more the more there are. */
const EXPECT_MS = 150;

/** Tells how expectations stand by the pictures so far; undefined where nobody asks. */
export function soFar(
  own: JudgedTask,
  { expects, labeller }: { readonly expects: readonly Expect[]; readonly labeller: Labeller | undefined },
  { onExpect }: Pick<Request, "onExpect">,
): ((seen: SeenPictures) => void) | undefined {
  if (onExpect === undefined || expects.length === 0) return undefined;
  let last = -Infinity;
  return (looked) => {
    const now = performance.now();
    if (now - last < EXPECT_MS) return;
    const judged = [...looked.keys()].filter((s) => isOutcome(own.task, s));
    onExpect(expects.flatMap((e) => judgeExpect(e, own, { judged, seen: labeller && looked, labeller })));
    last = performance.now();
  };
}

/** Pictures, and who has seen them. */
interface Witnesses {
  readonly judged: readonly SampleResult[];
  /** What the labeller saw in each picture; absent: nothing was looked at. */
  readonly seen: SeenPictures | undefined;
  readonly labeller: Labeller | undefined;
}

/** Judges expectations by heads and labeller; says what was missed, what would help, and what heads alone judged. */
export async function judgeExpects(
  expects: readonly Expect[],
  { task, model, resultCache }: JudgedTask,
  { judged, seen, labeller }: Witnesses,
  { engine, signal, say }: { readonly engine: Engine; readonly signal: AbortSignal | undefined; readonly say: Say },
): Promise<readonly ExpectationResult[]> {
  const all: ExpectationResult[] = [];
  let hints: readonly string[] | undefined;
  for (const expect of expects) {
    const results = judgeExpect(expect, { task, model }, { judged, seen, labeller });
    all.push(...results);
    const short = results.filter((r) => !r.passed);
    if (short.length > 0) hints ??= await hintsOfRarity(task, { model, engine, resultCache, signal });
    say(short.map((r) => missed(r, hints)));
    const alone = results.filter((r) => r.labeller === undefined);
    say(alone.map((r) => (r.followed ? byTheFollowed : byHeadsAlone)(task.name, [`\`${r.text}\``], r.span)));
  }
  return all;
}

/** One expectation by heads and labeller, of the pictures that are there. */
function judgeExpect(
  expect: Expect,
  { task, model }: Pick<JudgedTask, "task" | "model">,
  { judged, seen, labeller }: Witnesses,
): readonly ExpectationResult[] {
  const heads: Judged = judged.map((s) => (s.heads.length === 0 ? undefined : s.heads));
  const isFollowed = (energy: Energy): boolean => followsNetwork(energy, model, labeller);
  const labels = seen && {
    ...{ seen: judged.map((s) => seen.get(s)), tellsUnclear: labeller?.tellsUnclear, isFollowed },
  };
  return judge(expect, task.name, heads, labels);
}

/** Whether an energy is followed through the network of a labeller, which is no other judge of it then. */
export function followsNetwork(energy: Energy, model: Model, labeller: Labeller | undefined): boolean {
  return [...attributesNamed(energy)].some((a) => isNetworkOf(labeller, model, a));
}
