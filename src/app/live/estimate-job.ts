// How long a run of a project would take on an engine, before it is run: by what earlier runs took, or by a trial of its first picture.
// In: a job. Out: an `estimated` message. Invariants: nothing is told or kept of the trial; a script with mistakes takes no time, for its run ends at once.
import { execute } from "../../runtime/execute.js";
import { isPart } from "../../runtime/plan/places.js";
import { dryWorld } from "../../runtime/services/world.js";
import { keepingSink } from "../../runtime/show/saves.js";
import { LaceError } from "../../source/diagnostic.js";
import { compileScript } from "../compile-script.js";
import { identifyScript } from "../identify-script.js";
import type { RunJob } from "./messages.js";
import { overridesOfJob, type RunSurroundings } from "./run-job.js";

/** Estimates, and tells. Never throws what is the script's fault or the environment's: its run will say it. */
export async function estimateJob(job: RunJob, around: RunSurroundings): Promise<void> {
  const tell = (seconds: number): void => around.tell({ kind: "estimated", id: job.id, found: seconds });
  try {
    tell(await estimate(job, around));
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    tell(0);
  }
}

async function estimate(job: RunJob, { host, version, opening, signal, paces }: RunSurroundings): Promise<number> {
  const { plan, program, diagnostics } = await compileScript(job.entry, host, overridesOfJob(job));
  if (plan === undefined || program === undefined || diagnostics.some((d) => d.severity === "error")) return 0;
  const known = paces.expected(plan);
  if (known !== undefined) return known;
  const first = 1;
  const { tasks } = await execute(
    { ...plan, saves: [], latentSaves: [], expects: [] },
    dryWorld((await opening).world(host)),
    {
      out: ".",
      script: await identifyScript({ host, version }, program),
      first,
      watch: () => keepingSink(isPart),
      signal,
    },
  );
  paces.learn(plan, tasks, () => first);
  return paces.expected(plan) ?? 0;
}
