// Everything that changes while a training goes on, and its form on disk: the checkpoint.
// In: a plan. Out: arrays by name; bytes and back. Invariants: a training that goes on from a checkpoint has the bits it would have had; a
// checkpoint says of which data and settings it is, and is refused for any other.
import * as v from "valibot";
import { parametersOf } from "../../compiler/build/training.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import { momentNames } from "../../compiler/build/training-step.js";
import { InternalError } from "../../source/internal-error.js";
import type { Tensor } from "../../compiler/weights.js";
import type { EngineName } from "../../runtime/services/engine.js";
import { modelError } from "../../models/model-error.js";
import { crc32 } from "../../models/formats/zip.js";
import { readSafetensors, writeSafetensors } from "../../models/formats/safetensors.js";
import type { TrainingData } from "./data.js";
import { initialWeights, type TrainingPlan } from "./plan.js";
import type { TrainSettings } from "./settings.js";

/** Mean loss of each head in one epoch. */
export interface EpochRecord {
  readonly train: readonly number[];
  readonly validation: readonly number[];
}

export interface TrainingState {
  /** Next step: minibatch `step` of `epoch`. */
  epoch: number;
  step: number;
  /** Of the epoch under way: sum over its steps of each head's loss. */
  sums: number[];
  readonly history: EpochRecord[];
  /** For each head: its least validation loss, and the epoch (from 0) after which it had it; -1 before the first. */
  readonly best: { loss: number; epoch: number }[];
  /** Weights and moments, by name. */
  current: Record<string, Float32Array>;
  /** Each head's weights after its best epoch. */
  readonly bestWeights: Record<string, Float32Array>;
}

/** What a checkpoint must have been made with. */
export interface TrainingIdentity {
  readonly data: string;
  readonly attributes: readonly string[];
  readonly settings: TrainSettings;
  readonly engine: EngineName;
}

export function identityOf(data: TrainingData, settings: TrainSettings, engine: EngineName): TrainingIdentity {
  return { data: data.sha256, attributes: data.columns.map((c) => c.attribute.name), settings, engine };
}

/** The state before the first step. */
export function initialState(plan: TrainingPlan, seed: number): TrainingState {
  const weights = initialWeights(plan, seed);
  const current: Record<string, Float32Array> = {};
  const bestWeights: Record<string, Float32Array> = {};
  for (const { name, shape } of parametersOf(plan.network)) {
    const first = weights.get(name) ?? new Float32Array(sizeOf(shape));
    current[name] = first;
    bestWeights[name] = first.slice();
    for (const moment of Object.values(momentNames(name))) current[moment] = new Float32Array(sizeOf(shape));
  }
  const sums = plan.heads.map(() => 0);
  const best = plan.heads.map(() => ({ loss: Infinity, epoch: -1 }));
  return { epoch: 0, step: 0, sums, history: [], best, current, bestWeights };
}

const KEY = "lace-checkpoint";
/** 2: with checksums. */
const FORMAT = 2;
/** Checksums (CRC-32) of the JSON, under the empty name, and of each tensor: a flipped bit must not go on into a head. */
const SUMS_KEY = "lace-checksums";
const BEST = "best:";

/** The bytes of a checkpoint. */
export function writeCheckpoint(state: TrainingState, identity: TrainingIdentity): Uint8Array {
  const tensors = new Map<string, Tensor>();
  for (const [name, data] of Object.entries(state.current)) tensors.set(name, { shape: [data.length], data });
  for (const [name, data] of Object.entries(state.bestWeights))
    tensors.set(BEST + name, { shape: [data.length], data });
  const { epoch, step, sums, history } = state;
  // JSON has no Infinity: a head without a best epoch has none here.
  const best = state.best.map((b) => (b.epoch < 0 ? null : b));
  const json = JSON.stringify({ format: FORMAT, identity, epoch, step, sums, history, best });
  const sums32 = checksums(json, new Map([...tensors].map(([name, { data }]) => [name, data])));
  return writeSafetensors(tensors, { [KEY]: json, [SUMS_KEY]: JSON.stringify(sums32) });
}

function checksums(json: string, tensors: ReadonlyMap<string, ArrayBufferView>): Record<string, number> {
  const of = [...tensors].map(([name, { buffer, byteOffset, byteLength }]) => {
    return [name, crc32(new Uint8Array(buffer, byteOffset, byteLength))] as const;
  });
  return { "": crc32(new TextEncoder().encode(json)), ...Object.fromEntries(of) };
}

/**
 * The state that a checkpoint holds.
 *
 * Errors   LaceError L5102 (damaged), L5322 if it is no checkpoint, or one of another training.
 */
export function readCheckpoint(
  bytes: Uint8Array,
  file: string,
  plan: TrainingPlan,
  identity: TrainingIdentity,
): TrainingState {
  const stored = readSafetensors(bytes, file);
  const text = stored.metadata.get(KEY);
  if (text === undefined) throw modelError("L5322", file, "not the checkpoint of a training");
  const data = new Map(
    [...stored.tensors.keys()].map((name) => [name, stored.tensor(name)?.data ?? new Float32Array(0)]),
  );
  const sums32 = JSON.stringify(checksums(text, data));
  if (stored.metadata.get(SUMS_KEY) !== sums32)
    throw modelError("L5322", file, "the checkpoint is damaged: its checksums do not match", [
      "leave out --resume to begin anew; nothing of it can be trusted",
    ]);
  const saved = parseSaved(text, file);
  const heads = plan.heads.length;
  const differs =
    saved.sums.length !== heads || saved.best.length !== heads
      ? `it has other heads than these ${heads}`
      : differenceOf(saved.identity, identity);
  if (differs !== undefined)
    throw modelError("L5322", file, `the checkpoint is of another training: ${differs}`, [
      "give the options it was started with, or leave out --resume to begin anew",
    ]);
  const read = (name: string, size: number): Float32Array => {
    const data = stored.tensor(name)?.data;
    if (data?.length !== size) throw modelError("L5322", file, `the tensor '${name}' is missing or of another size`);
    return data.slice();
  };
  const start = initialState(plan, 0);
  const all = (group: Record<string, Float32Array>, prefix: string): Record<string, Float32Array> =>
    Object.fromEntries(Object.entries(group).map(([name, { length }]) => [name, read(prefix + name, length)]));
  return {
    epoch: saved.epoch,
    step: saved.step,
    sums: [...saved.sums],
    history: [...saved.history],
    best: saved.best.map((b) => b ?? { loss: Infinity, epoch: -1 }),
    current: all(start.current, ""),
    bestWeights: all(start.bestWeights, BEST),
  };
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A loss that was not finite is null in JSON. */
const losses = v.array(
  v.pipe(
    v.nullable(v.number()),
    v.transform((x) => x ?? NaN),
  ),
);
const savedState = v.object({
  format: v.literal(FORMAT),
  identity: v.object({
    data: v.string(),
    attributes: v.array(v.string()),
    settings: v.record(v.string(), v.unknown()),
    engine: v.string(),
  }),
  epoch: count,
  step: count,
  sums: losses,
  history: v.array(v.object({ train: losses, validation: losses })),
  best: v.array(v.nullable(v.object({ loss: v.number(), epoch: count }))),
});
type SavedState = v.InferOutput<typeof savedState>;

function parseSaved(text: string, file: string): SavedState {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw modelError("L5322", file, "what the checkpoint says of the training is not JSON");
  }
  const result = v.safeParse(savedState, json);
  if (result.success) return result.output;
  const shown = result.issues.slice(0, 4).map((issue) => `${v.getDotPath(issue) ?? ""}: ${issue.message}`);
  throw modelError("L5322", file, `not the checkpoint of a training, or of another lacec: ${shown.join("; ")}`);
}

/** The first thing in which two trainings differ, for people; undefined if they are one. */
function differenceOf(saved: SavedState["identity"], now: TrainingIdentity): string | undefined {
  if (saved.data !== now.data) return "the data file has changed";
  if (saved.attributes.join() !== now.attributes.join()) return `it trains ${saved.attributes.join(", ")}`;
  if (saved.engine !== now.engine) return `it was made on ${saved.engine}, which rounds otherwise than ${now.engine}`;
  for (const key of Object.keys(now.settings) as (keyof TrainSettings)[]) {
    const [a, b] = [saved.settings[key], now.settings[key]].map((value) => JSON.stringify(value));
    if (a !== b) return `${key} was ${a ?? "not set"} and is ${b ?? "not set"}`;
  }
  return undefined;
}

/** A head's part of a tensor whose first dimension is heads. */
export function partOf(data: Float32Array, heads: number, place: number): Float32Array {
  const size = data.length / heads;
  if (!Number.isInteger(size)) throw new InternalError(`${data.length} numbers of ${heads} heads`);
  return data.subarray(place * size, (place + 1) * size);
}
