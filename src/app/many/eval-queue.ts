// Evaluations by many machines: `lacec eval --queue` cuts the drawing of a script's sets, and the looks at their pictures and at unconditional ones, into
// pieces; `lacec eval --store` measures with what they gave. In: the options of `lacec eval`. Out: a submission; or the evaluation of one machine.
// Invariant: what is not in the store is computed here, by the same functions, so that no piece can change a measure.
import type { Plan, Task } from "../../compiler/plan.js";
import { cutEvaluation, evaluatePiece, yardsticksOf, type PieceOptions } from "../../learn/evaluate/evaluate-piece.js";
import type { Model } from "../../models/model.js";
import { rootTasks, type Piece } from "../../runtime/plan/pieces.js";
import { ENERGY_ROWS } from "../../runtime/plan/tiles.js";
import type { LabellerIdentity } from "../../runtime/services/labeller-identity.js";
import { keepingExecutables } from "../../runtime/services/kept-executables.js";
import type { World } from "../../runtime/services/world.js";
import {
  checkEvaluation,
  compileTarget,
  evaluateTarget,
  REFERENCE,
  type CompiledTarget,
  type EvaluatedScript,
  type EvaluateOptions,
} from "../evaluate.js";
import { identifyScript } from "../identify-script.js";
import { judgedBy } from "../labeller-choice.js";
import type { Platform } from "../platform.js";
import { changed } from "../run.js";
import { openBundles, wholeSubmission, type Machines } from "./bundles.js";
import { secondsKey } from "./draw-evaluation.js";
import { mapCache } from "./draw-script.js";
import { packJudge, type Packed } from "./pack-files.js";
import { packScript } from "./pack-script.js";
import { queuePieces, rowsPerPiece, type CutOptions, type Meeting, type Submitted } from "./submit.js";
import { jsonBytes, renamed, type EvalSubmission, type Kind } from "./submission.js";

export interface SubmitEvaluationOptions extends Meeting, Pick<CutOptions, "rows">, EvaluateOptions {}

export interface CollectEvaluationOptions extends EvaluateOptions {
  readonly store: string;
}

/** An evaluation whose pictures many machines have looked at. */
export interface CollectedEvaluation extends EvaluatedScript {
  readonly submission: string;
  readonly machines: Machines;
}

/**
 * Queues what `lacec eval` would draw and look at. Methods of `compare`, real images and labels by hand are left to the end.
 *
 * Errors   UsageError; ScriptError; LaceError L5403, L5404, and those of models and labellers.
 */
export async function submitEvaluation(
  platform: Platform,
  target: string | undefined,
  options: SubmitEvaluationOptions,
): Promise<Submitted> {
  checkEvaluation(target, options);
  const compiled = await compileTarget(platform, target, options);
  const world = judgedBy(platform.world(platform.host, options.engine ?? "auto"), platform, options);
  const judges = await identifyJudges(compiled.compiled.plan, world);
  const packed = await packEvaluation(platform, compiled, options, [...judges.values()]);
  return queuePieces(platform, packed, options, () => cutTarget(platform, world, compiled, judges, options));
}

/**
 * Measures a script that was submitted, from the store, with its options.
 *
 * Errors   LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of an evaluation.
 */
export async function collectEvaluation(
  platform: Platform,
  target: string | undefined,
  options: CollectEvaluationOptions,
): Promise<CollectedEvaluation> {
  checkEvaluation(target, options);
  const store = await platform.openStore(options.store);
  const compiled = await compileTarget(platform, target, options);
  const world = judgedBy(platform.world(platform.host, options.engine ?? "auto"), platform, options);
  const judges = await identifyJudges(compiled.compiled.plan, world);
  const { id } = await packEvaluation(platform, compiled, options, [...judges.values()]);
  const { pieces, kind } = await wholeSubmission(store, id, "lacec eval with --queue");
  const { cache, machines } = await openBundles(platform.host, store, id, pieces);
  const sampleSeconds = async (task: number): Promise<number | undefined> => {
    const took = await Promise.all(pieces.map((piece) => cache.get(secondsKey(task, piece))));
    const known = took.filter((bytes) => bytes?.length === 8);
    return known.length === 0
      ? undefined
      : known.reduce((sum, bytes) => sum + (new Float64Array(Uint8Array.from(bytes ?? []).buffer)[0] ?? 0), 0);
  };
  const evaluated = await evaluateTarget(named(platform, kind), target, options, ({ compiled: { program } }) =>
    Promise.resolve({ cache, source: { program, overrides: changed(options) }, sampleSeconds }),
  );
  return { ...evaluated, submission: id, machines };
}

/** The same machine, whose engine goes by the name that results are kept by. */
function named(platform: Platform, kind: Kind): Platform {
  return {
    ...platform,
    world: (host, engine) => {
      const world = platform.world(host, engine);
      return { ...world, openEngine: async () => renamed(await world.openEngine(), kind) };
    },
  };
}

/** Who judges the pictures of each task's model: opened once, to see that it can be. */
async function identifyJudges(plan: Plan, world: World): Promise<ReadonlyMap<number, LabellerIdentity>> {
  const found = new Map<number, LabellerIdentity>();
  for (const at of new Set(plan.tasks.map((t) => t.model))) {
    const planModel = plan.models[at];
    const model: Model | undefined = planModel && (await world.loadModel(planModel));
    const labeller = model && (await world.openLabeller(model));
    if (labeller === undefined) continue;
    const { name, sha256, prompts } = labeller;
    found.set(at, { name, sha256, ...(prompts !== undefined && { prompts }) });
    await labeller.dispose();
  }
  return found;
}

async function packEvaluation(
  platform: Platform,
  { compiled }: CompiledTarget,
  options: EvaluateOptions,
  [first = { name: "none", sha256: null }]: readonly LabellerIdentity[],
): Promise<Packed<EvalSubmission>> {
  const { submission: script, files } = await packScript(platform, compiled, changed(options));
  const own = { name: "the model's own", sha256: null };
  const packed = await packJudge(platform, options, options.labeller === undefined ? own : first);
  const submission: EvalSubmission = {
    ...{ format: 1, kind: "eval", recipe: script.recipe, models: script.models },
    ...{ judge: packed.judge, judges: packed.models, reference: options.reference ?? REFERENCE },
  };
  const id = await platform.host.sha256(jsonBytes(submission));
  return { id, submission, files: new Map([...files, ...packed.files]) };
}

/** Pieces of `rows`, or of what takes so long as a first piece of each task, and of each yardstick, took here. */
async function cutTarget(
  platform: Platform,
  world: World,
  { compiled: { plan, program } }: CompiledTarget,
  judges: ReadonlyMap<number, LabellerIdentity>,
  options: SubmitEvaluationOptions,
): Promise<readonly Piece[]> {
  const { reference = REFERENCE, rows, onEvent, signal } = options;
  const referenceOf = (task: Task): number => (judges.has(task.model) ? reference : 0);
  const smallest = cutEvaluation(plan, { rows: () => ENERGY_ROWS, reference: referenceOf });
  const starts = [...rootTasks(plan), ...yardsticksOf(plan).map((_, k) => plan.tasks.length + k)];
  const perTask = new Map<number, number>();
  const isMeasured = rows === undefined && starts.some((task) => smallest.filter((p) => p.task === task).length > 1);
  const engine = isMeasured
    ? keepingExecutables(await world.openEngine(), (bytes) => platform.host.sha256(bytes))
    : undefined;
  const services =
    engine === undefined
      ? world
      : { ...world, openEngine: () => Promise.resolve({ ...engine, dispose: () => Promise.resolve() }) };
  const about: PieceOptions = {
    ...{ services, reference, openLabeller: (model) => world.openLabeller(model) },
    script: await identifyScript(platform, program),
    kept: {
      cache: mapCache(new Map()),
      source: { program, overrides: changed(options) },
      sampleSeconds: () => Promise.resolve(undefined),
    },
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  };
  for (const task of isMeasured ? starts : []) {
    const [first, second] = smallest.filter((piece) => piece.task === task);
    if (first === undefined || second === undefined) continue;
    await evaluatePiece(plan, about, first); // compiles
    const start = platform.host.now();
    await evaluatePiece(plan, about, second);
    const size = second.last - second.first + 1;
    perTask.set(task, rowsPerPiece(size, (platform.host.now() - start) / 1000));
  }
  await engine?.dispose();
  return cutEvaluation(plan, { rows: (task) => rows ?? perTask.get(task) ?? ENERGY_ROWS, reference: referenceOf });
}
