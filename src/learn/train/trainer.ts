// Trains attribute heads: the training step again and again, validation after each epoch, each head's best weights kept.
// In: data, settings, an engine. Out: outputs and weights of every head at its best epoch.
// Invariants: nothing is computed before data, settings and checkpoint are known to fit; an abort is answered at the next step, after the
// checkpoint is written.
import { DIRECT, latentInputs, parametersOf, sharedNames, stackNames } from "../../compiler/build/training.js";
import type { Executable } from "../../compiler/graph/graph.js";
import { compileHeadOutputs, compileTrainingGradient, stepScalars } from "../../compiler/build/training-step.js";
import { failure } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { Host } from "../../ports/host.js";
import type { TrainingData } from "./data.js";
import { Minibatches, fillLatents, fillTargets } from "./minibatch.js";
import { logisticLayers } from "./shared-layer.js";
import { checkSize, openOptimizer, type Optimizer } from "./optimizer.js";
import { planTraining, type PlannedHead, type TrainingPlan } from "./plan.js";
import { countPlateaus, epochsAtRest, rateAt, type TrainSettings } from "./settings.js";
import {
  identityOf,
  initialState,
  partOf,
  readCheckpoint,
  writeCheckpoint,
  type EpochRecord,
  type TrainingState,
} from "./state.js";

/** What training tells while it goes. `epochs` done is a fraction within an epoch. */
export interface TrainProgress {
  readonly epochs: number;
  readonly of: number;
  /** Mean over heads. */
  readonly loss: number;
  readonly validation: number | undefined;
}

export interface TrainerOptions {
  readonly host: Host;
  readonly engine: Engine;
  /** Where the checkpoint goes; undefined: none is written. */
  readonly checkpoint?: string;
  /** Go on from the checkpoint. */
  readonly resume?: boolean;
  readonly onProgress?: (progress: TrainProgress) => void;
  readonly signal?: AbortSignal;
}

/** A head as trained, in the units of the plan. */
export interface TrainedHead {
  readonly planned: PlannedHead;
  /** Layers in order: weight [in, out], bias [out]. */
  readonly layers: readonly { readonly weight: Float32Array; readonly bias: Float32Array }[];
  /** [in, out]; of a head on a shared layer, whose layers have the logistic function between them: what it takes of the latent beside them. */
  readonly direct?: Float32Array;
  /** Epoch, from 1, that the weights are of. */
  readonly bestEpoch: number;
  /** Hidden layers of its own; one that all heads share, and the latent beside it; none. */
  readonly kind: "network" | "shared" | "linear";
  /** Mean loss by epoch. */
  readonly losses: { readonly train: readonly number[]; readonly validation: readonly number[] };
  /** Outputs [rows, outputs] for the rows of each part. */
  readonly outputs: { readonly validation: Float32Array; readonly test: Float32Array };
}

export interface Trained {
  readonly plan: TrainingPlan;
  readonly heads: readonly TrainedHead[];
  readonly history: readonly EpochRecord[];
  /** Seconds of this run, and epochs it did. */
  readonly seconds: number;
  readonly epochsDone: number;
}

/** Rows of one tile when outputs are asked for. */
const TILE_ROWS = 256;
/** A checkpoint is written no oftener than this, but for an abort. */
const CHECKPOINT_MS = 30_000;

/**
 * Trains all heads of `data`.
 *
 * Errors   LaceError L5321 (nothing to learn from), L4107 (too many weights), L5322 (checkpoint), L4121 if the loss is not finite, L4106 if `signal` aborts.
 */
export async function trainHeads(
  data: TrainingData,
  settings: TrainSettings,
  options: TrainerOptions,
): Promise<Trained> {
  const { host, engine } = options;
  const start = host.now();
  const plan = planTraining(data, settings);
  checkSize(plan.network);
  const identity = identityOf(data, settings, engine.name);
  let state = initialState(plan, settings.seed);
  if (options.resume === true) {
    if (options.checkpoint === undefined || !(await host.exists(options.checkpoint)))
      throw failure("L5322", `there is no checkpoint ${options.checkpoint ?? ""} to go on from`, [
        "leave out --resume to begin anew",
      ]);
    state = readCheckpoint(await host.readBytes(options.checkpoint), options.checkpoint, plan, identity);
  }
  const first = state.epoch;
  const { network, batch: rows } = plan;
  const { adam, scalarLoss } = settings;
  const optimizer = openOptimizer(network, adam, state.current);
  state.current = optimizer.state;
  const gradient = await engine.compile(compileTrainingGradient({ network, rows, scalarLoss }));
  const tile = Math.min(TILE_ROWS, Math.max(plan.split.validation.length, plan.split.test.length, 1));
  const outputs = await engine.compile(compileHeadOutputs(network, tile));
  const evaluate = (weights: Record<string, Float32Array>, part: Uint32Array): Promise<Float32Array[]> =>
    headOutputs(outputs, weights, data, plan, part, tile);
  const save = async (): Promise<void> => {
    if (options.checkpoint !== undefined) await host.writeAtomic(options.checkpoint, writeCheckpoint(state, identity));
  };
  try {
    const loop = new Loop(data, plan, settings, options, { gradient, optimizer, evaluate, save });
    await loop.run(state);
    const [validation, test] = [
      await evaluate(state.bestWeights, plan.split.validation),
      await evaluate(state.bestWeights, plan.split.test),
    ];
    const heads = plan.heads.map((planned, h): TrainedHead => {
      const [v, t] = [validation[h], test[h]];
      if (v === undefined || t === undefined) throw new InternalError("a head has no outputs");
      return {
        planned,
        ...layersOf(state.bestWeights, plan, planned),
        bestEpoch: (state.best[h]?.epoch ?? 0) + 1,
        kind: plan.network.shared !== undefined ? "shared" : plan.network.hidden.length === 0 ? "linear" : "network",
        losses: {
          train: state.history.map((e) => e.train[h] ?? NaN),
          validation: state.history.map((e) => e.validation[h] ?? NaN),
        },
        outputs: { validation: v, test: t },
      };
    });
    const seconds = (host.now() - start) / 1000;
    return { plan, heads, history: state.history, seconds, epochsDone: state.epoch - first };
  } finally {
    await gradient.dispose();
    await outputs.dispose();
  }
}

class Loop {
  readonly #minibatches: Minibatches;
  #saved: number;

  constructor(
    private readonly data: TrainingData,
    private readonly plan: TrainingPlan,
    private readonly settings: TrainSettings,
    private readonly options: TrainerOptions,
    private readonly tools: {
      readonly gradient: Executable;
      readonly optimizer: Optimizer;
      readonly evaluate: (weights: Record<string, Float32Array>, part: Uint32Array) => Promise<Float32Array[]>;
      readonly save: () => Promise<void>;
    },
  ) {
    this.#minibatches = new Minibatches(data, plan, settings);
    this.#saved = options.host.now();
  }

  async run(state: TrainingState): Promise<void> {
    const { settings, options, plan } = this;
    while (state.epoch < settings.epochs && !this.#isAtRest(state)) {
      while (state.step < plan.stepsPerEpoch) {
        if (options.signal?.aborted === true) await this.#interrupt(state);
        await this.#runStep(state);
      }
      await this.#endEpoch(state);
      if (options.host.now() - this.#saved > CHECKPOINT_MS) {
        await this.tools.save();
        this.#saved = options.host.now();
      }
    }
  }

  async #runStep(state: TrainingState): Promise<void> {
    const { plan, settings } = this;
    const done = state.epoch * plan.stepsPerEpoch + state.step;
    const total = settings.epochs * plan.stepsPerEpoch;
    const wait = Math.max(1, Math.floor(settings.patience / 3));
    const rate = rateAt(
      settings,
      done,
      total,
      countPlateaus(
        state.history.map((e) => mean(e.validation)),
        wait,
      ),
    );
    const { gradient, optimizer } = this.tools;
    const minibatch = this.#minibatches.fill(state.epoch, state.step);
    const results = await gradient.run({ ...minibatch, ...state.current }, optimizer.gradients);
    optimizer.step(stepScalars(settings.adam, done + 1, rate));
    plan.heads.forEach((head, h) => {
      const loss = results[stackNames(head.stack).losses]?.[head.place] ?? NaN;
      state.sums[h] = (state.sums[h] ?? 0) + loss;
    });
    state.step++;
    this.#report(state);
  }

  async #endEpoch(state: TrainingState): Promise<void> {
    const { plan } = this;
    const train = state.sums.map((sum) => sum / plan.stepsPerEpoch);
    const bad = train.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0)
      throw failure(
        "L4121",
        `the loss of '${plan.heads[bad]?.column.attribute.name ?? ""}' is not a finite number in epoch ${state.epoch + 1}`,
        [`a smaller learning rate than ${this.settings.rate} may help: --lr`],
      );
    const outputs = await this.tools.evaluate(state.current, plan.split.validation);
    const validation = plan.heads.map((head, h) =>
      meanLoss(outputs[h] ?? new Float32Array(0), plan.split.validation, head, this.settings),
    );
    if (plan.network.shared !== undefined) keepTogether(state, validation);
    else
      plan.heads.forEach((head, h) => {
        const [loss = Infinity, best] = [validation[h], state.best[h]];
        if (best === undefined || !(loss < best.loss)) return;
        best.loss = loss;
        best.epoch = state.epoch;
        keepWeights(state, plan, head);
      });
    state.history.push({ train, validation });
    state.epoch++;
    state.step = 0;
    state.sums = plan.heads.map(() => 0);
    this.#report(state);
  }

  /** Whether no head has improved for as long as the patience lasts. */
  #isAtRest({ history }: TrainingState): boolean {
    const { patience } = this.settings;
    if (patience === 0 || history.length === 0) return false;
    return this.plan.heads.every((_, h) => epochsAtRest(history.map((e) => e.validation[h] ?? NaN)) >= patience);
  }

  async #interrupt(state: TrainingState): Promise<never> {
    await this.tools.save();
    const { checkpoint } = this.options;
    const place = `in epoch ${state.epoch + 1} of ${this.settings.epochs}`;
    throw failure(
      "L4106",
      `training was interrupted ${place}`,
      checkpoint === undefined
        ? []
        : [`what it had is in ${checkpoint}; the same command with --resume goes on from there`],
    );
  }

  #report({ epoch, step, sums, history }: TrainingState): void {
    const last = history.at(-1);
    const loss = step > 0 ? mean(sums) / step : last === undefined ? NaN : mean(last.train);
    this.options.onProgress?.({
      epochs: epoch + step / this.plan.stepsPerEpoch,
      of: this.settings.epochs,
      loss,
      validation: last === undefined ? undefined : mean(last.validation),
    });
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Heads that share a layer keep the weights of one epoch: of the least sum of losses. */
function keepTogether({ best, current, bestWeights, epoch }: TrainingState, losses: readonly number[]): void {
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  if (!(sum(losses) < sum(best.map((b) => b.loss)))) return;
  best.forEach((b, h) => {
    b.loss = losses[h] ?? Infinity;
    b.epoch = epoch;
  });
  for (const [name, kept] of Object.entries(bestWeights)) kept.set(current[name] ?? []);
}

function keepWeights({ current, bestWeights }: TrainingState, plan: TrainingPlan, { stack, place }: PlannedHead): void {
  for (const { name } of parametersOf(plan.network).filter((p) => p.stack === stack)) {
    const [from, to] = [current[name], bestWeights[name]];
    const heads = plan.network.stacks[stack]?.heads ?? 0;
    if (from !== undefined && to !== undefined) partOf(to, heads, place).set(partOf(from, heads, place));
  }
}

function layersOf(
  weights: Readonly<Record<string, Float32Array>>,
  plan: TrainingPlan,
  { stack, place }: PlannedHead,
): Pick<TrainedHead, "layers" | "direct"> {
  const heads = plan.network.stacks[stack]?.heads ?? 0;
  const own = parametersOf(plan.network).filter((p) => p.stack === stack);
  const part = (role: "weight" | "bias", layer: number): Float32Array => {
    const name = own.find((p) => p.role === role && p.layer === layer)?.name ?? "";
    const data = weights[name];
    if (data === undefined) throw new InternalError(`no weights ${name}`);
    return partOf(data, heads, place).slice();
  };
  if (plan.network.shared !== undefined) {
    const of = (name: string): Float32Array => weights[name] ?? new Float32Array(0);
    const units = { weight: of(sharedNames.weight), bias: of(sharedNames.bias) };
    const last = { weight: part("weight", 0), bias: part("bias", 0) };
    return { layers: logisticLayers(units, last), direct: part("weight", DIRECT) };
  }
  const layers = [...plan.network.hidden, 0].map((_, l) => ({ weight: part("weight", l), bias: part("bias", l) }));
  return { layers };
}

/** Outputs of every head for some rows, tile by tile: [rows, outputs] each, in the units of the plan. */
async function headOutputs(
  executable: Executable,
  weights: Readonly<Record<string, Float32Array>>,
  data: TrainingData,
  plan: TrainingPlan,
  part: Uint32Array,
  tile: number,
): Promise<Float32Array[]> {
  const parameters = Object.fromEntries(
    parametersOf(plan.network).map(({ name }) => [name, weights[name] ?? new Float32Array(0)] as const),
  );
  const results = plan.heads.map(({ outputs }) => new Float32Array(part.length * outputs));
  const x = new Float32Array(tile * data.width);
  for (let start = 0; start < part.length; start += tile) {
    const rows = part.subarray(start, start + tile);
    fillLatents(x, data, plan, rows);
    const values = await executable.run({ ...latentInputs(plan.network, () => x), ...parameters });
    plan.heads.forEach(({ stack, place, outputs }, h) => {
      const from = place * tile * outputs;
      const own = values[stackNames(stack).outputs]?.subarray(from, from + rows.length * outputs);
      results[h]?.set(own ?? [], start * outputs);
    });
  }
  return results;
}

/** A head's weighted mean loss over some rows, in float64. Outputs [rows, outputs]. */
function meanLoss(f: Float32Array, rows: Uint32Array, head: PlannedHead, settings: TrainSettings): number {
  const { outputs, column } = head;
  const target = new Float32Array(rows.length * outputs);
  const weight = new Float32Array(rows.length);
  fillTargets(target, weight, rows, head, settings.soft);
  let loss = 0;
  for (let k = 0; k < rows.length; k++) {
    const share = weight[k] ?? 0;
    if (share === 0) continue;
    const out = f.subarray(k * outputs, (k + 1) * outputs);
    if (column.attribute.type === "scalar") {
      const distance = Math.abs((out[0] ?? 0) - (target[k] ?? 0));
      const near = settings.scalarLoss.kind === "smooth-l1" ? Math.min(distance, settings.scalarLoss.beta) : distance;
      const unit = settings.scalarLoss.kind === "smooth-l1" ? settings.scalarLoss.beta : 1;
      loss += (share * near * (distance - near / 2)) / unit;
    } else {
      const top = Math.max(...out);
      const partition = top + Math.log(out.reduce((sum, v) => sum + Math.exp(v - top), 0));
      loss += share * partition;
      for (let c = 0; c < outputs; c++) loss -= (target[k * outputs + c] ?? 0) * (out[c] ?? 0);
    }
  }
  return loss;
}
