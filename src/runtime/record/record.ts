// run.json: what was run, on what, and what came of it. Documented for people in docs/run-json.md; a test holds the two together.
// Invariants: plain JSON; no absolute path, no user or host name, no date: two runs of one recipe differ in seconds alone.
import { chainReport, type ChainReport } from "./chain-report.js";
import type { Forecast } from "../draw/results.js";
import { InternalError, unreachable } from "../../source/internal-error.js";
import type { Axis } from "../../compiler/axes.js";
import type { DefaultsEdition } from "../../compiler/defaults.js";
import type { Looking } from "../../compiler/picture-head.js";
import type { Keep, KeptIdentity, Placement, Plan, Sampler, Task, TaskSource } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import type { Engine } from "../services/engine.js";
import { labellerFile, type Model } from "../../models/model.js";
import { fillTemplate } from "../plan/path-template.js";
import { publicName } from "../../source/public-name.js";
import type { Overridden } from "../recipe/recipe.js";
import { partsOf, rowsOf } from "../plan/places.js";
import type { ExpectationResult } from "./results.js";
import type { OutputFile } from "../show/saves.js";
import type { Likeness, AttemptCount, TaskResult } from "../draw/results.js";
import type { JudgedHeads, LabellerIdentity } from "../services/labeller-identity.js";
import type { Shard } from "../plan/selection.js";
import { RECORD_FILE } from "../plan/path-template.js";

export interface FileRecord {
  readonly file: string;
  readonly sha256: string;
}

/** Which script runs, and by which lacec. */
export interface ScriptIdentity {
  /** Version of lacec. */
  readonly lacec: string;
  readonly script: FileRecord;
  readonly imports: readonly FileRecord[];
}

export interface SampleRecord {
  readonly index: number;
  readonly part: number;
  readonly status: string;
  readonly steps: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly evaluations: number;
  /** null where it is not finite. */
  readonly logp: number | null;
  /** Of a slot that tries again: which attempt it is, from 0; null: it does not. */
  readonly attempt: number | null;
  /** Of a chain: its effective sample size; null elsewhere. */
  readonly ess: number | null;
  /** Of a photograph: how like it is what was found, dB, and how far its styles are from the average, nats a layer; what samples have. */
  readonly likeness?: Likeness;
}

export interface TaskRecord {
  readonly name: string;
  readonly kind: string;
  readonly model: string;
  /** null in a traverse and an edit: see `family`. */
  readonly seed: number | null;
  readonly count: number;
  /** What makes parts of a row: of a sample, null. */
  readonly family: FamilyRecord | null;
  /** Of a conditional generator. */
  readonly class: number | null;
  readonly truncation: number;
  /** Layers that truncation changes are those before this; null: all. */
  readonly cutoff: number | null;
  /** Where pictures stand in their images, `from` the first frame of a traverse `to` its last; null: they are not moved. */
  readonly placement: { readonly from: Placement; readonly to: Placement } | null;
  readonly noise: string;
  readonly logic: string;
  readonly sampler: Sampler;
  /** How slots fared that try again; null: they do not, or their attempts were known. */
  readonly accept: AttemptCount | null;
  /** Of a sampler that keeps a target: see ChainReport; null elsewhere. */
  readonly chains: ChainReport | null;
  /** The share expected to satisfy, by the second heads; null where one is missing. */
  readonly forecast: Forecast | null;
  readonly seconds: Readonly<Record<string, number>>;
  readonly samples: readonly SampleRecord[];
}

export type FamilyRecord =
  | ({ readonly axes: readonly Axis[]; readonly source?: SourceRecord } & KeepRecord)
  | ({ readonly fromSeed: number; readonly toSeed: number; readonly frames: number } & KeepRecord)
  | {
      readonly source: SourceRecord | { readonly seed: number; readonly count: number };
      readonly goals: string;
      readonly reweight: boolean;
      readonly keepLatent: number;
      readonly keepAttributes: number;
      /** Absent where pictures are not looked at. */
      readonly keepIdentity?: IdentityRecord;
      readonly steps: readonly { readonly weight: number; readonly layers: readonly [number, number] | null }[];
    };

/** The images of an earlier task that a task starts from, as edits number them. */
export interface SourceRecord {
  readonly task: string;
  readonly from: number;
  readonly to: number;
}

/** What a task keeps identities by; `file` null: the labeller of the model. */
export interface IdentityRecord extends Looking {
  readonly weight: number;
  readonly file: string | null;
}

/** Weights of `keep`, 0 where a script has none. */
export interface KeepRecord {
  readonly keepLatent: number;
  readonly keepAttributes: number;
  /** Absent where pictures are not looked at. */
  readonly keepIdentity?: IdentityRecord;
}

export interface JudgeRecord {
  readonly satisfied: number;
  /** Of a labeller that tells what is unclear. */
  readonly unclear?: number;
  readonly counted: number;
}

export interface RunRecord {
  readonly format: 1;
  readonly lacec: string;
  readonly defaults: DefaultsEdition;
  readonly script: FileRecord;
  readonly imports: readonly FileRecord[];
  readonly inputs: Readonly<Record<string, number | string>>;
  /** What `--seed` and `--count` changed. */
  readonly overrides: { readonly seed: number | null; readonly count: number | null };
  /** Which part of the samples, as "2/8"; null: all. */
  readonly shard: string | null;
  readonly models: readonly {
    readonly alias: string;
    readonly reference: string;
    readonly sha256: string;
    readonly labeller: string | null;
    /** Who judged its pictures, and the attributes whose heads labels of this judge made or calibrated; null: nobody did. */
    readonly judge: ({ readonly name: string; readonly sha256: string | null } & JudgedHeads) | null;
    /** What the script adds: `file` is null for the model's labeller; `on`: what it looks at, absent: latents. */
    readonly heads: readonly ({
      readonly attribute: string;
      readonly file: string | null;
      readonly on?: "image";
    } & Looking)[];
  }[];
  readonly engine: { readonly name: string; readonly description: string };
  readonly tasks: readonly TaskRecord[];
  readonly expectations: readonly {
    readonly task: string;
    readonly text: string;
    readonly fraction: number;
    readonly heads: JudgeRecord;
    readonly labeller: JudgeRecord | null;
    readonly passed: boolean;
  }[];
  readonly outputs: readonly {
    /** Relative to run.json. */
    readonly file: string;
    readonly sha256: string;
    readonly bytes: number;
    readonly task: string;
    readonly form: string;
    readonly index: number | null;
    readonly step: number | null;
  }[];
  /** Files of earlier runs of the script that this one did not make, and that are still there: relative to run.json. */
  readonly left: readonly FileRecord[];
  readonly diagnostics: readonly { readonly code: string; readonly severity: string; readonly message: string }[];
  readonly seconds: Readonly<Record<string, number>>;
  /** Of a submission that was collected: who drew which rows of which tasks that start from noise. */
  readonly machines?: readonly MachineRecord[];
}

/** What machines of one kind drew. */
export interface MachineRecord {
  /** Version of lacec, engine, processor. */
  readonly made: string;
  readonly seconds: number;
  /** By task, as "0..15, 32..47". */
  readonly rows: Readonly<Record<string, string>>;
}

/** A judge, and the attributes whose heads are not independent of it. */
export type ModelJudge = LabellerIdentity & JudgedHeads;

/** All that a record is made from. */
export interface RecordParts {
  readonly plan: Plan;
  readonly script: ScriptIdentity;
  readonly overrides: Overridden;
  readonly shard: Shard | undefined;
  readonly engine: Pick<Engine, "name" | "description">;
  readonly models: readonly Model[];
  /** Of each model: who judged its pictures. */
  readonly judges: readonly (ModelJudge | undefined)[];
  readonly tasks: readonly TaskResult[];
  readonly expectations: readonly ExpectationResult[];
  readonly outputs: readonly OutputFile[];
  readonly left: readonly FileRecord[];
  /** Where run.json will lie, relative to the output folder. */
  readonly folder: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly seconds: ReadonlyMap<string, number>;
  readonly machines?: readonly MachineRecord[] | undefined;
}

/** Name of the record: a shard's own, beside that of the whole. */
export function recordName(shard: Shard | undefined): string {
  return shard === undefined ? RECORD_FILE : `run.shard-${shard.number}-of-${shard.of}.json`;
}

/** The folder that holds all outputs of a plan, known before there are any; "" for the output folder itself. */
export function recordFolder(plan: Plan): string {
  const paths = [...plan.saves, ...plan.latentSaves].flatMap(({ path }) =>
    [0, 1].map((k) => fillTemplate(path, { index: k, part: k })),
  );
  return commonFolder(paths);
}

/** The folders that images of a plan go to, as they are below the output folder. */
export function outputFolders(plan: Plan): readonly string[] {
  const folders = new Set<string>();
  for (const { path, ...of } of [...plan.saves, ...plan.latentSaves]) {
    const task = plan.tasks[("tasks" in of ? of.tasks[0] : of.task) ?? 0];
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    const images = task === undefined || !/[{]/.test(folder) ? 1 : rowsOf(task) * partsOf(task);
    for (let k = 0; k < images; k++) {
      folders.add(fillTemplate(folder, { index: k, part: k }) || ".");
    }
  }
  return [...folders];
}

/** The record of a finished run. */
export function makeRecord(parts: RecordParts): RunRecord {
  const { plan, script, overrides, shard } = parts;
  return {
    format: 1,
    lacec: script.lacec,
    defaults: plan.defaults,
    script: publicFile(script.script),
    imports: script.imports.map(publicFile),
    inputs: Object.fromEntries(plan.inputs.map((i) => [i.name, i.value])),
    overrides: { seed: overrides.seed ?? null, count: overrides.count ?? null },
    shard: shard === undefined ? null : `${shard.number}/${shard.of}`,
    models: plan.models.map((m, i) => ({
      alias: m.alias,
      reference: publicName(m.reference),
      sha256: parts.models[i]?.sha256 ?? "",
      labeller: hashOfLabeller(parts.models[i]),
      judge: judgeRecord(parts.judges[i]),
      heads: m.heads.map((head) => ({
        ...{ attribute: head.attribute, file: head.file === undefined ? null : publicName(head.file) },
        ...(head.on && { on: head.on }),
        ...(head.on && lookingRecord(head)),
      })),
    })),
    engine: { name: parts.engine.name, description: parts.engine.description },
    tasks: parts.tasks.map((t) => taskRecord(t, plan)),
    expectations: parts.expectations.map(({ task, text, fraction, heads, labeller, passed }) => {
      return { task, text, fraction, heads, labeller: labeller ?? null, passed };
    }),
    outputs: parts.outputs.map(({ file, sha256, bytes, task, form, index, step }) => {
      return {
        file: relativeTo(parts.folder, file),
        sha256,
        bytes,
        task,
        form,
        index: index ?? null,
        step: step ?? null,
      };
    }),
    left: parts.left,
    diagnostics: parts.diagnostics.map(({ code, severity, message }) => ({ code, severity, message })),
    seconds: secondsRecord(parts.seconds),
    ...(parts.machines !== undefined && { machines: parts.machines }),
  };
}

function lookingRecord({ pixels, tau }: Looking): Looking {
  return { ...(pixels !== undefined && { pixels }), ...(tau !== undefined && { tau }) };
}

function judgeRecord(judge: ModelJudge | undefined): RunRecord["models"][number]["judge"] {
  if (judge === undefined) return null;
  const { name, sha256, labelled, calibrated } = judge;
  return { name, sha256, labelled, calibrated };
}

function taskRecord({ task, samples, attempts, forecast, seconds }: TaskResult, plan: Plan): TaskRecord {
  const { name, kind, truncation, noise, logic, sampler } = task;
  const model = plan.models[task.model]?.alias ?? "";
  return {
    name,
    kind,
    model,
    seed: "seed" in task ? task.seed : null,
    count: rowsOf(task),
    family: familyRecord(task, plan),
    class: task.class ?? null,
    truncation,
    cutoff: task.cutoff ?? null,
    placement: task.placement ? { from: task.placement.from, to: task.placement.to ?? task.placement.from } : null,
    noise,
    logic,
    sampler,
    accept: attempts ?? null,
    chains: chainReport(task, samples) ?? null,
    forecast: forecast ?? null,
    seconds: secondsRecord(seconds),
    samples: samples.map((s) => ({
      index: s.index,
      part: s.part,
      status: s.status,
      steps: s.steps,
      accepted: s.accepted,
      rejected: s.rejected,
      evaluations: s.evaluations,
      logp: Number.isFinite(s.logp) ? s.logp : null,
      attempt: s.attempt ?? null,
      ess: s.chain?.ess ?? null,
      ...(s.likeness && { likeness: s.likeness }),
    })),
  };
}

function familyRecord(task: Task, plan: Plan): FamilyRecord | null {
  switch (task.kind) {
    case "sample":
      return null;
    case "sweep":
      return {
        axes: task.axes,
        ...(task.source && { source: sourceRecord(task.source, plan) }),
        ...keepRecord(task.keep),
      };
    case "traverse":
      return { fromSeed: task.fromSeed, toSeed: task.toSeed, frames: task.frames, ...keepRecord(task.keep) };
    case "edit": {
      const { source, goals, reweight, keepLatent, keepAttributes, keepIdentity: identity } = task;
      const steps = task.steps.map(({ weight, layers }) => ({ weight, layers: layers ?? null }));
      const from = source.kind === "task" ? sourceRecord(source, plan) : { seed: source.seed, count: source.count };
      return { source: from, goals, reweight, keepLatent, keepAttributes, ...identityRecord(identity), steps };
    }
    default:
      return unreachable(task);
  }
}

function sourceRecord({ task, from, to }: TaskSource, plan: Plan): SourceRecord {
  return { task: plan.tasks[task]?.name ?? "", from, to };
}

function identityRecord(identity: KeptIdentity | undefined): Pick<KeepRecord, "keepIdentity"> {
  if (identity === undefined) return {};
  const { file, ...rest } = identity;
  return { keepIdentity: { ...rest, file: file === undefined ? null : publicName(file) } };
}

function keepRecord(keep: Keep | undefined): KeepRecord {
  return {
    ...{ keepLatent: keep?.latent ?? 0, keepAttributes: keep?.attributes ?? 0 },
    ...identityRecord(keep?.identity),
  };
}

function publicFile({ file, sha256 }: FileRecord): FileRecord {
  return { file: publicName(file), sha256 };
}

/** The deepest folder that holds all of these relative paths; "" if that is the output folder itself. */
export function commonFolder(paths: readonly string[]): string {
  const folders = paths.map((p) => p.split("/").slice(0, -1));
  const [first] = folders;
  if (first === undefined) return "";
  let depth = 0;
  while (depth < first.length && folders.every((f) => f[depth] === first[depth])) depth += 1;
  return first.slice(0, depth).join("/");
}

/** `path` as seen from `folder`, which must be above it. */
export function relativeTo(folder: string, path: string): string {
  if (folder === "") return path;
  if (!path.startsWith(`${folder}/`)) throw new InternalError(`${path} is not below ${folder}`);
  return path.slice(folder.length + 1);
}

/** Seconds of phases, to the millisecond. */
function secondsRecord(seconds: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...seconds].map(([phase, value]) => [phase, Math.round(value * 1000) / 1000]));
}

/** run.json as text: two spaces, a newline at the end. */
export function printRecord(record: RunRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

export interface Results {
  readonly tasks: readonly TaskResult[];
  readonly expectations: readonly ExpectationResult[];
  readonly outputs: readonly OutputFile[];
  /** Warnings and errors of the run: failed samples, missed expectations. */
  readonly diagnostics: readonly Diagnostic[];
  readonly models: readonly Model[];
  readonly record: RunRecord;
  /** Path of run.json, relative to the output folder. */
  readonly recordFile: string;
}

function hashOfLabeller(model: Model | undefined): string | null {
  return (model && labellerFile(model)?.sha256) ?? null;
}
