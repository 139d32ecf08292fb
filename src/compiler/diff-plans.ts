// What differs in meaning between two plans: models, inputs, tasks, conditions, expectations, outputs. Names of energies, layout and comments
// are gone in a plan, so they make no difference.
// In: two plans. Out: sentences, grouped by what they are about. Invariant: none if and only if the two plans compute the same.
import { unreachable } from "../source/internal-error.js";
import type { Attribute } from "./attribute.js";
import { parts, type Energy, type Logic } from "./energy/energy.js";
import {
  headSourceText,
  identityText,
  type KeptIdentity,
  type Accept,
  type Keep,
  type LatentStart,
  type PhotoStart,
  type Plan,
  type Save,
  type Task,
  type SweepTask,
  type TaskSource,
} from "./plan.js";
import { cellText } from "./print.js";

export interface PlanDifference {
  /** Such as "portraits" (a task), "models", "inputs", "outputs". */
  readonly about: string;
  /** The task, if it is one that both plans have. */
  readonly task?: string;
  readonly sentences: readonly string[];
}

/** The differences from `before` to `after`. */
export function diffPlans(before: Plan, after: Plan): readonly PlanDifference[] {
  const found: PlanDifference[] = [];
  const add = (about: string, sentences: readonly string[], task?: string): void => {
    if (sentences.length > 0) found.push({ about, sentences, ...(task !== undefined && { task }) });
  };
  add(
    "models",
    diffNamed(
      byName(before.models, (m) => m.alias),
      byName(after.models, (m) => m.alias),
      (a, b) => [
        ...changed("from", a.reference, b.reference),
        ...changed("heads", headText(a.heads), headText(b.heads)),
      ],
    ),
  );
  add(
    "inputs",
    diffNamed(
      byName(before.inputs, (i) => i.name),
      byName(after.inputs, (i) => i.name),
      (a, b) => changed("value", a.value, b.value),
    ),
  );
  const [old, now] = [byName(before.tasks, (t) => t.name), byName(after.tasks, (t) => t.name)];
  for (const [name, task] of now) {
    const was = old.get(name);
    if (was === undefined) add(name, [`is new (${task.kind})`]);
    else add(name, diffTasks(was, task, before, after), name);
  }
  for (const name of old.keys()) if (!now.has(name)) add(name, ["is gone"]);
  add(
    "expectations",
    diffNamed(clausesOf(before), clausesOf(after), (a, b) => changed("at least", a, b)),
  );
  add(
    "outputs",
    diffNamed(savesOf(before), savesOf(after), (a, b) => changed("is", a, b)),
  );
  return found;
}

function byName<T>(items: readonly T[], name: (item: T) => string): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [name(item), item]));
}

function diffNamed<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  compare: (a: T, b: T) => readonly string[],
): readonly string[] {
  const sentences: string[] = [];
  for (const [name, b] of after) {
    const a = before.get(name);
    if (a === undefined) sentences.push(`${name}: new`);
    else sentences.push(...compare(a, b).map((s) => `${name}: ${s}`));
  }
  for (const name of before.keys()) if (!after.has(name)) sentences.push(`${name}: gone`);
  return sentences;
}

function changed(what: string, a: unknown, b: unknown): readonly string[] {
  return a === b ? [] : [`${what} ${shown(a)} -> ${shown(b)}`];
}

function shown(value: unknown): string {
  if (value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function headText(heads: Plan["models"][number]["heads"]): string {
  return heads.length === 0
    ? "none"
    : heads.map((h) => `${h.attribute} ${headSourceText(h, (file) => file)}`).join(", ");
}

function clausesOf(plan: Plan): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { task, clauses } of plan.expects) {
    const owner = plan.tasks[task];
    const table = owner === undefined ? [] : tableOf(plan, owner);
    for (const { energy, fraction } of clauses) {
      found.set(`${owner?.name ?? ""}: ${energyText(energy, table, owner?.logic ?? "product")}`, fraction);
    }
  }
  return found;
}

function savesOf(plan: Plan): ReadonlyMap<string, string> {
  const text = ({ tasks, form }: Save): string =>
    `${tasks.map((at) => plan.tasks[at]?.name ?? "").join(", ")} as ${JSON.stringify(form)}`;
  return new Map([
    ...plan.saves.map((save) => [save.path, text(save)] as const),
    ...plan.latentSaves.map(({ task, path }) => [path, `latents of ${plan.tasks[task]?.name ?? ""}`] as const),
  ]);
}

function tableOf(plan: Plan, task: Task): readonly Attribute[] {
  return plan.models[task.model]?.attributes ?? [];
}

/** Settings of a task that are compared as they stand; conditions and sources have their own comparison. */
function settingsOf(task: Task, plan: Plan): Readonly<Record<string, unknown>> {
  const { truncation, cutoff, noise, placement, logic, sampler } = task;
  const placed = {
    ...(placement && { placement: JSON.stringify(placement) }),
    model: plan.models[task.model]?.alias,
    class: task.class,
  };
  const shared = { ...placed, truncation, cutoff, noise, logic };
  const { kind, ...rest } = sampler;
  const samplers = Object.fromEntries(Object.entries(rest).map(([key, value]) => [`sampler ${key}`, value as unknown]));
  const all = { ...shared, sampler: kind, ...samplers };
  switch (task.kind) {
    case "sample":
      return { count: task.count, seed: task.seed, ...startOf(task.start), ...all, ...acceptOf(task) };
    case "sweep":
      return { ...sweptOf(task, plan), ...axesOf(task), ...keptOf(task), ...all, ...acceptOf(task) };
    case "traverse":
      return { count: task.count, frames: task.frames, from: task.fromSeed, to: task.toSeed, ...keptOf(task), ...all };
    case "edit": {
      const { source, goals, reweight, keepLatent, keepAttributes, keepIdentity } = task;
      const kept = { "keep latent": keepLatent, "keep attributes": keepAttributes, ...keptIdentity(keepIdentity) };
      const of =
        source.kind === "task"
          ? ofTask(source, plan)
          : { kind: source.kind, seed: source.seed, count: source.count, ...startOf(source.start) };
      return { ...of, goals, reweight, ...kept, ...all };
    }
    default:
      return unreachable(task);
  }
}

function ofTask({ task, from, to }: TaskSource, plan: Plan): Readonly<Record<string, unknown>> {
  return { of: plan.tasks[task]?.name, from, to };
}

function sweptOf({ source, count, seed }: SweepTask, plan: Plan): Readonly<Record<string, unknown>> {
  return source === undefined ? { count, seed } : ofTask(source, plan);
}

function startOf(start: LatentStart | PhotoStart | undefined): Readonly<Record<string, unknown>> {
  if (start === undefined) return {};
  if (start.kind === "photo")
    return {
      ...{ photograph: start.file, space: start.space, prior: start.prior, "tries of the photograph": start.tries },
      tune: start.tune,
      "compare by": start.compare,
      ...(start.encoder !== undefined && { encoder: start.encoder }),
      ...(start.landmarks && { landmarks: JSON.stringify(start.landmarks) }),
    };
  return { "start from": start.file, "latents as": start.form.space };
}

function acceptOf({ accept }: { readonly accept?: Accept }): Readonly<Record<string, unknown>> {
  return { "accept by": accept?.by, tries: accept?.tries };
}

function keptIdentity(identity: KeptIdentity | undefined): Readonly<Record<string, unknown>> {
  return identity === undefined ? {} : { "keep identity": identityText(identity).replace(", identity ", "") };
}

function keptOf({ keep }: { readonly keep?: Keep }): Readonly<Record<string, unknown>> {
  const { latent = 0, attributes = 0, held, identity } = keep ?? {};
  return { "keep latent": latent, "keep attributes": attributes, held: held?.join(" "), ...keptIdentity(identity) };
}

function axesOf(task: Extract<Task, { kind: "sweep" }>): Readonly<Record<string, string>> {
  return Object.fromEntries(task.axes.map((a) => [`values of ${a.name}`, a.values.join(", ")]));
}

function diffTasks(a: Task, b: Task, before: Plan, after: Plan): readonly string[] {
  if (a.kind !== b.kind) return [`was a ${a.kind}, is a ${b.kind}`];
  const [was, is] = [settingsOf(a, before), settingsOf(b, after)];
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const settings = keys.flatMap((key) => changed(key, was[key], is[key]));
  return [...settings, ...diffConditions(a, b, { a: tableOf(before, a), b: tableOf(after, b) })];
}

interface Tables {
  readonly a: readonly Attribute[];
  readonly b: readonly Attribute[];
}

function diffConditions(a: Task, b: Task, tables: Tables): readonly string[] {
  if (a.kind === "sweep" && b.kind === "sweep") {
    const cells = b.cells.map((cell, i) => {
      const was = a.cells[i];
      return was === undefined
        ? []
        : diffEnergies(was, cell, a.logic, tables).map((s) => `at ${cellText(b.axes, i)}: ${s}`);
    });
    return cells.find((sentences) => sentences.length > 0) ?? []; // one stands for all
  }
  if (a.kind === "edit" && b.kind === "edit") {
    const steps = b.steps.flatMap((step, i): readonly string[] => {
      const was = a.steps[i];
      if (was === undefined) return [`step ${i}: new: ${energyText(step.energy, tables.b, b.logic)}`];
      return [
        ...diffEnergies(was.energy, step.energy, a.logic, tables),
        ...changed("weight", was.weight, step.weight),
        ...changed("layers", was.layers?.join(".."), step.layers?.join("..")),
      ].map((s) => `step ${i}: ${s}`);
    });
    return [...steps, ...a.steps.slice(b.steps.length).map((_, i) => `step ${b.steps.length + i}: gone`)];
  }
  if ("energy" in a && "energy" in b) return diffEnergies(a.energy, b.energy, a.logic, tables);
  return [];
}

/** A part of a conjunction, its weights multiplied. */
interface Term {
  readonly energy: Energy;
  readonly weight: number;
  readonly text: string;
}

function diffEnergies(a: Energy, b: Energy, logic: Logic, tables: Tables): readonly string[] {
  const left = [...termsOf(a, 1, tables.a, logic)];
  const sentences: string[] = [];
  const unmatched: Term[] = [];
  const take = (fits: (term: Term) => boolean): Term | undefined => {
    const at = left.findIndex(fits);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  };
  for (const term of termsOf(b, 1, tables.b, logic)) {
    const same = take((t) => t.text === term.text && t.weight === term.weight) ?? take((t) => t.text === term.text);
    if (same === undefined) unmatched.push(term);
    else sentences.push(...changed(`weight of \`${term.text}\``, same.weight, term.weight));
  }
  for (const term of unmatched) {
    const similar = take((t) => shapeOf(t.energy, tables.a) === shapeOf(term.energy, tables.b));
    if (similar === undefined) sentences.push(`added: ${weighted(term)}`);
    else sentences.push(`\`${weighted(similar)}\` -> \`${weighted(term)}\``);
  }
  return [...sentences, ...left.map((t) => `removed: ${weighted(t)}`)];
}

function weighted({ weight, text }: Term): string {
  return weight === 1 ? text : `${weight} * (${text})`;
}

/** The terms that are added up: a weight of a conjunction is one of each of its parts. */
function termsOf(e: Energy, weight: number, table: readonly Attribute[], logic: Logic): readonly Term[] {
  if (e.kind === "always") return [];
  if (e.kind === "weight") return termsOf(e.part, weight * e.factor, table, logic);
  if (e.kind === "and") return e.parts.flatMap((p) => termsOf(p, weight, table, logic));
  return [{ energy: e, weight, text: energyText(e, table, logic) }];
}

/** What a term is about: its kinds and attributes, without its values. */
function shapeOf(e: Energy, table: readonly Attribute[]): string {
  if ("attribute" in e) return `about ${nameOf(e.attribute, table)}`;
  return `${e.kind}(${parts(e)
    .map((p) => shapeOf(p, table))
    .join()})`;
}

/** An energy on one line; the parts of `and` and `or` in alphabetical order where their order means nothing. */
export function energyText(e: Energy, table: readonly Attribute[], logic: Logic): string {
  switch (e.kind) {
    case "always":
      return "always";
    case "class":
      return classText(e, table);
    case "near":
      return `${nameOf(e.attribute, table)} is ${e.target} +- ${e.sigma}`;
    case "above":
    case "below":
      return `${nameOf(e.attribute, table)} ${e.kind === "above" ? ">" : "<"} ${e.threshold} +- ${e.sigma}`;
    case "not":
      return `not (${energyText(e.part, table, logic)})`;
    case "and":
    case "or": {
      const texts = e.parts.map((p) => energyText(p, table, logic));
      return `(${(logic === "product" ? texts.sort() : texts).join(` ${e.kind} `)})`;
    }
    case "weight":
      return `${e.factor} * (${energyText(e.part, table, logic)})`;
    case "count": {
      const texts = e.parts.map((p) => energyText(p, table, logic)).sort();
      return `${e.min} to ${e.max} of (${texts.join(", ")})`;
    }
    default:
      return unreachable(e);
  }
}

function classText(e: Extract<Energy, { kind: "class" }>, table: readonly Attribute[]): string {
  const row = table[e.attribute];
  const name = nameOf(e.attribute, table);
  const heat =
    e.temperature === (row?.type === "scalar" ? 1 : (row?.temperature ?? 1)) ? "" : ` at temperature ${e.temperature}`;
  if (row?.type === "binary" && e.values.length === 1) return `${e.values[0] === 1 ? name : `not ${name}`}${heat}`;
  const classes = row === undefined || row.type === "scalar" ? [] : row.classes;
  const words = e.values.map((value) => classes[value] ?? String(value));
  return `${name} ${words.length === 1 ? `is ${words.join("")}` : `in {${words.join(", ")}}`}${heat}`;
}

function nameOf(attribute: number, table: readonly Attribute[]): string {
  return table[attribute]?.name ?? `#${attribute}`;
}
