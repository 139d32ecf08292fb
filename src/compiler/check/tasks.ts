// Tasks: sample, sweep, traverse and edit, each with its settings read and its energies evaluated.
// In: a TaskDecl. Out: a CheckedTask; after a mistake with stand-in values, since the module then has no value anyway.
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import type { CheckedStep, CheckedTask } from "./checked.js";
import { type Env, type Local, mentions, quote } from "./context.js";
import { evaluateEnergy, evaluateNumber } from "./evaluate.js";
import type { Formula } from "../energy/formula.js";
import type { LatentStart, TaskSource } from "../plan.js";
import { readAccept } from "./accept.js";
import { keepable, readKeep, rowKeep, sourceKeep } from "./keep.js";
import { readSampler } from "./sampler.js";
import { axisValues, MAX_CELLS, unknownLike } from "./axis-values.js";
import { readPlacement } from "./placement.js";
import { readPhoto, readStart } from "./start.js";
import * as settings from "./settings.js";
import { listed, nearest } from "./suggest.js";
import { SETTINGS, WORDS } from "./vocabulary.js";

const DEFAULT_FRAMES = 24;
/** Default psi: what generators with a mapping are shown at; without a mapping truncation means nothing. */
export const DEFAULT_TRUNCATION = 0.7;

/** What an edit's source must be: an earlier task and where it stands. */
export interface EarlierTask {
  readonly task: CheckedTask;
  readonly index: number;
  /** No mistake in it: its image count can be relied on. */
  readonly clean: boolean;
}

/** The images that a task makes, as `save` numbers them: samples, cells times samples, frames times samples. */
export function imageCount(task: CheckedTask): number {
  switch (task.kind) {
    case "sample":
      return task.count;
    case "sweep":
      return task.cells.length * task.count;
    case "traverse":
      return task.frames * task.count;
    case "edit":
      return task.source.kind === "seed" ? task.source.count : task.source.to - task.source.from + 1;
  }
}

/** The most images of one task, the steps of an edit each counted: what a run keeps of them fits into memory. */
const MAX_IMAGES = 1_000_000;

/** Refuses a task that is larger than a run can be (L2004): said here, and not after hours of work. */
export function checkTaskSize({ name }: ast.TaskDecl, task: CheckedTask, env: Env): void {
  const steps = task.kind === "edit" ? task.steps.length : 1;
  const images = imageCount(task) * Math.max(1, steps);
  if (images <= MAX_IMAGES) return;
  env.report.error(
    "L2004",
    name.span,
    `\`${name.text}\` would make ${images} images; one task makes at most ${MAX_IMAGES}`,
    {
      text: "too large",
      hints: ["several tasks with a `seed` each, or several runs, make more"],
    },
  );
}

export function checkTask(decl: ast.TaskDecl, model: number, earlier: EarlierTask | undefined, env: Env): CheckedTask {
  switch (decl.kind) {
    case "SampleDecl":
      return checkSample(decl, model, env);
    case "SweepDecl":
      return checkSweep(decl, model, earlier, env);
    case "TraverseDecl":
      return checkTraverse(decl, model, env);
    case "PhotoDecl":
      return checkPhoto(decl, model, env);
    case "EditDecl":
      return checkEdit(decl, model, earlier, env);
  }
}

function checkSample(decl: ast.SampleDecl, model: number, env: Env): CheckedTask {
  const read = new settings.Settings(decl, "a sample", SETTINGS.sample, env);
  const where = read.get("where", "WhereSetting");
  const energy = where && evaluateEnergy(where.energy, env);
  const start = readStart(read, env);
  const numbers = drawn(read, env, start);
  return {
    kind: "sample",
    ...common(decl, model, read, env),
    energy: energy ?? always(decl.span),
    ...rendering(decl, read, env),
    ...numbers,
    ...startedFrom(start),
    ...readAccept(read, energy === undefined ? [] : [energy], env),
  };
}

/** A photograph is a sample that starts from it. */
function checkPhoto(decl: ast.PhotoDecl, model: number, env: Env): CheckedTask {
  const read = new settings.Settings(decl, "a photo", SETTINGS.photo, env);
  return {
    kind: "sample",
    ...common(decl, model, read, env),
    ...rendering(decl, read, env),
    noise: read.word("noise", PHOTO_NOISE, "none"),
    energy: always(decl.span),
    ...{ count: 1, seed: 0, truncation: 1, shifted: true },
    start: readPhoto(decl, read, env),
  };
}

/** What photographs are compared with, the default first. */
const PHOTO_NOISE = ["none", "const"] as const;

function checkTraverse(decl: ast.TraverseDecl, model: number, env: Env): CheckedTask {
  const read = new settings.Settings(decl, "a traverse", SETTINGS.traverse, env);
  const where = read.get("where", "WhereSetting");
  const energy = where && evaluateEnergy(where.energy, env);
  const between = read.get("between", "BetweenSetting");
  if (between === undefined && !read.has("between"))
    reportMissing(decl, "between", "write `between seed 1 and seed 2`", env);
  const end = (e: ast.Expr | undefined): number => (e && settings.boundedNumber(e, "a seed", settings.SEED, env)) ?? 0;
  const { count, truncation } = drawn(read, env);
  return {
    kind: "traverse",
    ...common(decl, model, read, env),
    ...rendering(decl, read, env),
    ...rowKeep(decl, read, env),
    energy: energy ?? always(decl.span),
    fromSeed: end(between?.from),
    toSeed: end(between?.to),
    frames: read.number("frames", settings.FRAMES, DEFAULT_FRAMES),
    count,
    truncation,
  };
}

function checkSweep(decl: ast.SweepDecl, model: number, earlier: EarlierTask | undefined, env: Env): CheckedTask {
  const isOf = decl.sourceKind === "of";
  const read = new settings.Settings(
    decl,
    isOf ? "a sweep of samples" : "a sweep",
    isOf ? SETTINGS["sweep of"] : SETTINGS.sweep,
    env,
  );
  const before = env.report.errorCount;
  const axes = decl.axes.map((axis) => ({ name: axis.name.text, values: axisValues(axis, env) }));
  const names = new Map<string, ast.Name>();
  for (const { name } of decl.axes) {
    const first = names.get(name.text);
    if (first === undefined) names.set(name.text, name);
    else
      env.report.error("L2002", name.span, `\`${name.text}\` is swept twice`, {
        text: "swept again here",
        related: [{ span: first.span, text: "first swept here" }],
      });
  }
  const cellCount = axes.reduce((n, a) => n * (a.values?.length ?? 1), 1);
  if (cellCount > MAX_CELLS)
    env.report.error(
      "L2004",
      decl.name.span,
      `this sweep has ${cellCount} combinations; at most ${MAX_CELLS} are allowed`,
    );
  const where = read.get("where", "WhereSetting");
  if (!read.has("where"))
    reportMissing(decl, "where", `write \`where ENERGY\` with ${listed([...names.keys()], "and")} in it`, env);
  const locals = new Map<string, Local>(axes.map((a) => [a.name, unknownLike(a.values?.[0]?.local)]));
  const cells: Formula[] = [];
  const visit = (chosen: readonly Local[]): void => {
    const axis = axes[chosen.length];
    if (axis !== undefined) {
      for (const v of axis.values ?? []) visit([...chosen, v.local]);
      return;
    }
    axes.forEach((a, i) => locals.set(a.name, chosen[i] ?? unknownLike(undefined)));
    cells.push((where && evaluateEnergy(where.energy, { ...env, locals })) ?? always(decl.span));
  };
  if (cellCount <= MAX_CELLS && axes.every((a) => a.values !== undefined)) visit([]);
  else if (where !== undefined) evaluateEnergy(where.energy, { ...env, locals });
  for (const [name, at] of names) {
    // After a mistake the names that would have used it may be misspelt.
    if (where === undefined || env.report.errorCount > before || mentions(where.energy, name) || name.startsWith("_"))
      continue;
    env.report.warning("L2024", at.span, `the sweep over \`${name}\` changes nothing: \`where\` does not use it`, {
      text: "unused",
    });
  }
  const known = axes.map((a) => ({ name: a.name, values: (a.values ?? []).map((v) => v.shown) }));
  const swept = { kind: "sweep" as const, ...common(decl, model, read, env), axes: known, cells };
  if (!isOf) {
    const { count, seed, truncation } = drawn(read, env);
    return {
      ...swept,
      ...rendering(decl, read, env),
      ...rowKeep(decl, read, env),
      ...{ count, seed, truncation },
      ...readAccept(read, cells, env),
    };
  }
  const source = sourceOf(decl, earlier, env);
  const shifted = earlier?.task.shifted;
  return {
    ...swept,
    ...(earlier === undefined ? { noise: "const" as const } : renderingOf(earlier.task)),
    ...(shifted && { shifted }),
    ...sourceKeep(decl, read, env),
    source,
    ...{ count: source.to - source.from + 1, seed: 0, truncation: earlier?.task.truncation ?? DEFAULT_TRUNCATION },
  };
}

function checkEdit(decl: ast.EditDecl, model: number, earlier: EarlierTask | undefined, env: Env): CheckedTask {
  const what = decl.sourceKind === "of" ? "an edit of samples" : "an edit from a model";
  const read = new settings.Settings(decl, what, SETTINGS[`edit ${decl.sourceKind}`], env);
  const { latent, attributes, identity } = readKeep(decl, read, env);
  if (read.steps.length === 0) reportMissing(decl, "step", "write `step ENERGY`, once for each change", env);
  const goals = read.word("goals", WORDS.goals, "all");
  if (goals === "last" && read.has("reweight")) {
    const span = read.get("reweight", "FlagSetting")?.span ?? decl.span;
    env.report.warning("L2026", span, "`reweight` changes nothing: with `goals last` there are no earlier goals", {
      text: "no effect",
    });
  }
  const start = readStart(read, env);
  const { count, seed, truncation } = drawn(read, env, start);
  const inherited = earlier?.task.truncation;
  const { shifted } = earlier?.task ?? startedFrom(start);
  return {
    kind: "edit",
    ...common(decl, model, read, env),
    ...(earlier === undefined ? rendering(decl, read, env) : renderingOf(earlier.task)),
    ...(shifted && { shifted }),
    source:
      decl.sourceKind === "of"
        ? { kind: "task", ...sourceOf(decl, earlier, env) }
        : { kind: "seed", seed, count, ...(start && { start }) },
    truncation: inherited ?? truncation,
    goals,
    reweight: read.has("reweight"),
    keepLatent: latent,
    keepAttributes: attributes,
    ...(identity && { keepIdentity: identity }),
    steps: read.steps.map((s) => checkStep(s, env)),
    keepable: attributes > 0 ? keepable(env) : [],
  };
}

function sourceOf(decl: ast.EditDecl | ast.SweepDecl, earlier: EarlierTask | undefined, env: Env): TaskSource {
  const count = earlier?.clean === true ? imageCount(earlier.task) : undefined;
  const task = earlier?.index ?? 0;
  const { index } = decl;
  if (index === undefined) return { task, from: 0, to: Math.max(0, (count ?? 1) - 1) };
  const bounds = { min: 0, integer: true, ...(count !== undefined && { max: count - 1 }) };
  const one = (e: ast.Expr): number | undefined =>
    settings.boundedNumber(e, `an index of \`${decl.source.text}\``, bounds, env);
  if (index.kind !== "RangeExpr") {
    const at = one(index) ?? 0;
    return { task, from: at, to: at };
  }
  const from = one(index.from);
  const to = one(index.to);
  if (from !== undefined && to !== undefined && from > to)
    env.report.error("L2004", index.span, `the range ${from}..${to} is empty`, { text: `${from} is above ${to}` });
  return { task, from: from ?? 0, to: Math.max(from ?? 0, to ?? 0) };
}

function checkStep(step: ast.StepSetting, env: Env): CheckedStep {
  const energy = evaluateEnergy(step.energy, env) ?? always(step.span);
  const weight = (step.weight && settings.boundedNumber(step.weight, "`weight`", settings.POSITIVE, env)) ?? 1;
  const layers = step.layers && readLayers(step.layers, env);
  return {
    energy,
    weight,
    text: quote(step.energy.span, env),
    ...(layers !== undefined && { layers }),
    span: step.span,
  };
}

/** Inclusive w indices. Reports L2015 (out of range, unknown group). */
function readLayers(layers: ast.RangeExpr | ast.Name, env: Env): readonly [number, number] | undefined {
  const { info } = env.model;
  if ("text" in layers) {
    if (info === undefined) return undefined;
    if (Object.hasOwn(info.layerGroups, layers.text)) return info.layerGroups[layers.text];
    const groups = Object.keys(info.layerGroups);
    const guess = nearest(layers.text, groups);
    const there =
      groups.length === 0 ? "it names no groups; write a range: `layers 0..3`" : `it has ${listed(groups, "and")}`;
    env.report.error(
      "L2015",
      layers.span,
      `the model \`${env.model.alias ?? ""}\` has no layer group \`${layers.text}\``,
      {
        text: "unknown group",
        hints: [guess === undefined ? there : `did you mean \`${guess}\`?`],
      },
    );
    return undefined;
  }
  const ends = [layers.from, layers.to].map((e) => ({ value: evaluateNumber(e, env), span: e.span }));
  for (const { value, span } of ends) {
    if (value === undefined || info === undefined) continue;
    if (Number.isInteger(value) && value >= 0 && value < info.numWs) continue;
    env.report.error("L2015", span, `the model \`${env.model.alias ?? ""}\` has no layer ${value}`, {
      text: "out of range",
      hints: [`its layers are 0..${info.numWs - 1}`],
      related: env.calls,
    });
    return undefined;
  }
  const [from, to] = ends.map((e) => e.value);
  if (from === undefined || to === undefined) return undefined;
  if (from <= to) return [from, to];
  env.report.error("L2015", layers.span, `the range ${from}..${to} is empty`, { text: `${from} is above ${to}` });
  return undefined;
}

function common(decl: ast.TaskDecl, model: number, read: settings.Settings, env: Env) {
  const logic = read.word("logic", WORDS.logic, "product");
  return { name: decl.name.text, model, logic, sampler: readSampler(read, env), span: decl.span };
}

type Rendering = Pick<CheckedTask, "class" | "cutoff" | "noise" | "placement">;

/** What an edit takes over from the task whose samples it edits; of a traverse that moves its pictures, where the first frame has them. */
function renderingOf({ class: index, cutoff, noise, placement }: Rendering): Rendering {
  return {
    ...(index !== undefined && { class: index }),
    ...(cutoff !== undefined && { cutoff }),
    noise,
    ...(placement !== undefined && { placement: { from: placement.from } }),
  };
}

/** Class, cutoff, noise and placement. Reports what the model has no use for (L2026), and a class that is missing or out of range. */
function rendering(decl: ast.TaskDecl, read: settings.Settings, env: Env): Rendering {
  const { info, alias = "" } = env.model;
  const noise = read.word("noise", WORDS.noise, "const");
  const useless = (key: "class" | "cutoff" | "noise" | "translate" | "rotate", why: string): void => {
    const span = (read.get(key, "NumberSetting") ?? read.get(key, "WordSetting") ?? read.get(key, "PlaceSetting"))
      ?.span;
    if (span !== undefined)
      env.report.warning("L2026", span, `\`${key}\` changes nothing: the model \`${alias}\` ${why}`, {
        text: "no effect",
      });
  };
  const placement = readPlacement(decl, read, env);
  if (info !== undefined && info.movable !== true)
    for (const key of ["translate", "rotate"] as const) useless(key, "cannot move its pictures: StyleGAN3 can");
  const classes = info?.classes;
  let index: number | undefined;
  if (classes !== undefined) {
    if (!read.has("class"))
      reportMissing(
        decl,
        "class",
        `the model \`${alias}\` draws ${classes} classes: write \`class 0\` to \`class ${classes - 1}\``,
        env,
      );
    index = read.number("class", { min: 0, max: classes - 1, integer: true }, 0);
  } else if (info !== undefined) useless("class", "has no classes");
  if (info?.numWs === 1) {
    useless("cutoff", "has no layers");
    useless("noise", "has no layers to add noise to");
    return { noise: "const", ...(index !== undefined && { class: index }) };
  }
  if (info?.noise === false) useless("noise", "adds no noise");
  const bounds = { min: 0, integer: true, ...(info !== undefined && { max: info.numWs }) };
  const cutoff = read.has("cutoff") ? read.number("cutoff", bounds, info?.numWs ?? 0) : undefined;
  return {
    noise,
    ...(index !== undefined && { class: index }),
    ...(cutoff !== undefined && { cutoff }),
    ...(info?.movable === true && placement !== undefined && { placement }),
  };
}

/** What a task has of its start: styles that came from elsewhere are kept beside the mapping's. */
function startedFrom(start: LatentStart | undefined): Pick<CheckedTask, "shifted"> & { readonly start?: LatentStart } {
  if (start === undefined) return {};
  return { start, ...(start.form.space === "w" && { shifted: true }) };
}

/**
 * How many, of which seed, how far from the average. Of a file of latents all are taken if nothing is said; the mapping is not truncated where nothing
 * but w is known, since w may be any.
 */
function drawn(
  read: settings.Settings,
  env: Env,
  start?: LatentStart,
): { count: number; seed: number; truncation: number } {
  const { info } = env.model;
  const hasMapping = info === undefined || info.numWs > 1 || info.truncates === true;
  const { overrides } = env.cx;
  const plain = start === undefined || start.form.space === "z" || start.form.hasZ;
  const usual = hasMapping && plain ? DEFAULT_TRUNCATION : 1;
  const truncation = read.number("truncation", settings.TRUNCATION, usual);
  if (!hasMapping && truncation !== 1) {
    const span = read.get("truncation", "NumberSetting")?.span;
    if (span !== undefined)
      env.report.warning(
        "L2026",
        span,
        `\`truncation\` changes nothing: the model \`${env.model.alias ?? ""}\` has no mapping`,
        {
          text: "no effect",
        },
      );
  }
  const rows = start?.form.rows;
  const bounds = { ...settings.COUNT, ...(rows !== undefined && { max: rows }) };
  const count = read.number("count", bounds, rows ?? 1);
  const seed = read.number("seed", settings.SEED, 0);
  return {
    count: Math.min(overrides.count ?? count, rows ?? Infinity),
    seed: overrides.seed ?? seed,
    truncation: hasMapping ? truncation : 1,
  };
}

function reportMissing(decl: ast.TaskDecl, key: string, hint: string, env: Env): void {
  env.report.error("L2012", decl.name.span, `\`${decl.name.text}\` has no \`${key}\``, {
    text: "a setting is missing",
    hints: [hint],
  });
}

function always(span: Span): Formula {
  return { kind: "always", span };
}
