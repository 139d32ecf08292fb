// The plan executor: a plan, the world around it and what is asked of this run -> samples, images, files and run.json.
// In: lower's Plan. Out: Results. Invariants: files appear whole, one by
// one, run.json last; user-visible trouble is a diagnostic in the results, the environment's is a thrown LaceError.
import { imageSizeOf } from "../compiler/attribute.js";
import type { Plan } from "../compiler/plan.js";
import { PhaseClock } from "../ports/events.js";
import { stopIfAborted } from "../ports/stop.js";
import type { Diagnostic } from "../source/diagnostic.js";
import type { TaskResult } from "./draw/results.js";
import { checkSizes } from "./plan/sizes.js";
import {
  makeRecord,
  outputFolders,
  printRecord,
  recordFolder,
  recordName,
  relativeTo,
  type Results,
} from "./record/record.js";
import { leftOutputs } from "./record/left-outputs.js";
import { chooseRecord } from "./record/record-file.js";
import type { ExpectationResult } from "./record/results.js";
import { openJudges } from "./run/judges.js";
import { Photographs } from "./run/photographs.js";
import { openProvenance } from "./run/provenance.js";
import { select, type Request } from "./run/request.js";
import { openResources, type Resources, type Say } from "./run/resources.js";
import { runTask, tasksOf } from "./run/run-task.js";
import { identityOf, judgedHeads } from "./services/labeller-identity.js";
import type { World } from "./services/world.js";
import { outputPath, type OutputFile } from "./show/saves.js";

/**
 * Runs a plan in a world: as it is, or `dryWorld` of it to write nothing.
 *
 * Errors   LaceError: L4106 if `signal` aborts, L5xxx of the environment.
 *          Samples that fail and expectations that are missed are diagnostics of the results.
 */
export async function execute(plan: Plan, world: World, request: Request): Promise<Results> {
  const { host } = world;
  const { out, shard, script } = request;
  await world.prepareOutput(out);
  const folder = recordFolder(plan);
  const fileOf = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
  const pathOf = (name: string): string => outputPath(host, out, fileOf(name));
  // Scripts that share a folder take turns, though each has a record of its own.
  const release = await world.claimOutputs(
    pathOf(recordName(shard)),
    outputFolders(plan).map((f) => outputPath(host, out, f)),
  );
  try {
    const recordFile = fileOf(await chooseRecord({ host, script: script.script.file, shard, pathOf }));
    return await runTasks(plan, world, request, { folder, recordFile });
  } finally {
    await release();
  }
}

/** Where run.json goes. */
interface RecordPlace {
  readonly folder: string;
  readonly recordFile: string;
}

async function runTasks(plan: Plan, world: World, request: Request, place: RecordPlace): Promise<Results> {
  const { host } = world;
  const { onEvent = () => undefined, signal } = request;
  const start = host.now();
  const clock = new PhaseClock(() => host.now(), onEvent);
  const selection = select(plan, request);
  const done: Done = { tasks: [], expectations: [], outputs: [], diagnostics: [] };
  const say: Say = (diagnostics) => {
    done.diagnostics.push(...diagnostics);
    for (const diagnostic of diagnostics) onEvent({ kind: "diagnostic", diagnostic });
  };
  const open = (): Promise<Resources> => openResources(plan, world, say);
  const resources = await clock.run("load", {}, open, ({ engine }) => engine.name);
  try {
    checkSizes(
      plan.saves.flatMap((save) => (selection.hasSave(save) ? [{ save, tasks: tasksOf(plan, save) }] : [])),
      ({ model }) => imageSizeOf(resources.models[model]?.info ?? { resolution: 0 }),
    );
    await openJudges(plan, selection, request, resources);
    const provenance = await openProvenance(plan, world, request, resources, say);
    const photographs = new Photographs({ plan, world, resources, provenance, signal });
    const cx = { plan, world, request, selection, resources, provenance, photographs, sheets: new Map(), say };
    for (const index of plan.tasks.keys()) {
      stopIfAborted(signal);
      const { result, expectations, outputs } = await runTask(index, done.tasks, cx);
      done.tasks.push(result);
      done.expectations.push(...expectations);
      done.outputs.push(...outputs);
    }
    const seconds = (): ReadonlyMap<string, number> =>
      new Map([...secondsOf(clock, done.tasks), ["total", (host.now() - start) / 1000]]);
    return await clock.run("save", {}, () => writeRecord(plan, world, request, { ...place, done, resources, seconds }));
  } finally {
    await resources.dispose();
  }
}

/** What the tasks of a run have given so far. */
interface Done {
  readonly tasks: TaskResult[];
  readonly expectations: ExpectationResult[];
  readonly outputs: OutputFile[];
  readonly diagnostics: Diagnostic[];
}

/** Seconds of each phase, those of the tasks summed. */
function secondsOf(clock: PhaseClock, tasks: readonly TaskResult[]): ReadonlyMap<string, number> {
  const sum = new Map<string, number>(clock.seconds);
  for (const task of tasks)
    for (const [phase, seconds] of task.seconds) sum.set(phase, (sum.get(phase) ?? 0) + seconds);
  return sum;
}

interface ToRecord extends RecordPlace {
  readonly done: Done;
  readonly resources: Resources;
  readonly seconds: () => ReadonlyMap<string, number>;
}

async function writeRecord(
  plan: Plan,
  { host }: World,
  { script, source, shard, out, only, first, machines }: Request,
  { folder, recordFile, done, resources, seconds }: ToRecord,
): Promise<Results> {
  const { engine, models } = resources;
  const judges = models.map((model) => {
    const labeller = resources.openedLabeller(model);
    return labeller && { ...identityOf(labeller), ...judgedHeads(labeller, model.info.attributes) };
  });
  const overrides = source?.overrides ?? {};
  const path = outputPath(host, out, recordFile);
  const isWhole = only === undefined && first === undefined;
  const names = done.outputs.map((o) => ({ file: relativeTo(folder, o.file) }));
  const record = makeRecord({
    ...{ plan, script, overrides, shard, engine, models, judges, folder, ...done },
    left: isWhole ? await leftOutputs(host, path, names) : [],
    ...{ seconds: seconds(), machines },
  });
  await host.writeAtomic(path, printRecord(record));
  return { ...done, models, record, recordFile };
}
