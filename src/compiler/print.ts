// Checked modules and plans as text: `lacec build --print checked` and `--print energy`.
// In: CheckedModule or Plan. Out: text, one line for each node of an energy, indented; stable, so tests and people can compare it.
import { unreachable } from "../source/internal-error.js";
import { axisTexts, type Axis } from "./axes.js";
import type { Attribute } from "./attribute.js";
import { type CheckedModule, type CheckedTask, tableOf } from "./check/checked.js";
import type { Formula } from "./energy/formula.js";
import type { Energy } from "./energy/energy.js";
import type {
  Accept,
  LatentStart,
  PhotoStart,
  Placement,
  Plan,
  Sampler,
  Save,
  SaveForm,
  SheetForm,
  Task,
  TaskSource,
} from "./plan.js";
import { headSourceText, identityText } from "./plan.js";

type Node = Energy | Formula;

/** Everything resolved, energies as they were written. */
export function printChecked(module: CheckedModule): string {
  return print(module);
}

/** Everything resolved, energies as the task's logic has them: what a run computes. */
export function printPlan(plan: Plan): string {
  return print(plan);
}

/** One energy, a line for each node. */
export function printEnergy(energy: Energy, table: readonly Attribute[]): string {
  return treeLines(energy, table).join("\n");
}

/** The energies of a task, with a line before each where there are several. */
function energiesOf(task: Task | CheckedTask): readonly { readonly title?: string; readonly energy: Node }[] {
  switch (task.kind) {
    case "sample":
    case "traverse":
      return [{ energy: task.energy }];
    case "sweep":
      return task.cells.map((energy, i) => ({ title: `at ${cellText(task.axes, i)}`, energy }));
    case "edit":
      return task.steps.map((step, i) => {
        const layers = step.layers === undefined ? "" : `, layers ${step.layers.join("..")}`;
        return { title: `step ${i}: weight ${step.weight}${layers}`, energy: step.energy };
      });
    default:
      return unreachable(task);
  }
}

function print(module: Plan | CheckedModule): string {
  const lines: string[] = [];
  for (const m of module.models) {
    lines.push(`model ${m.alias} from ${JSON.stringify(m.reference)}`);
    for (const h of m.heads) lines.push(`  head ${h.attribute} ${headSourceText(h)}`);
  }
  for (const input of module.inputs) lines.push(`input ${input.name} = ${input.value}`);
  for (const task of module.tasks) {
    const table = tableOf(module.models, task);
    lines.push("", `${task.kind} ${task.name} from ${module.models[task.model]?.alias ?? ""}`);
    lines.push(...taskLines(task, module).map((l) => `  ${l}`));
    for (const { title, energy } of energiesOf(task)) {
      if (title !== undefined) lines.push(`  ${title}`);
      for (const line of treeLines(energy, table)) lines.push(`    ${line}`);
    }
  }
  for (const expect of module.expects) {
    const task = module.tasks[expect.task];
    lines.push("", `expect ${task?.name ?? ""}`);
    for (const { energy, fraction } of expect.clauses) {
      lines.push(`  at least ${fraction} of the images:`);
      const table = task === undefined ? [] : tableOf(module.models, task);
      for (const line of treeLines(energy, table)) lines.push(`    ${line}`);
    }
  }
  if (module.saves.length + module.latentSaves.length > 0) lines.push("");
  for (const save of module.saves)
    lines.push(`save ${namesOf(save, module)} to ${JSON.stringify(save.path)} as ${formText(save.form)}`);
  for (const { task, path } of module.latentSaves)
    lines.push(`save ${module.tasks[task]?.name ?? ""} to ${JSON.stringify(path)} as latents`);
  return `${lines.join("\n")}\n`;
}

function namesOf({ tasks }: Save, module: Plan | CheckedModule): string {
  return tasks.map((at) => module.tasks[at]?.name ?? "").join(", ");
}

function taskLines(task: Task | CheckedTask, module: Plan | CheckedModule): readonly string[] {
  const { sampler, logic, truncation, cutoff, noise } = task;
  const upTo = cutoff === undefined ? "" : ` cutoff ${cutoff}`;
  const drawn = task.class === undefined ? "" : `class ${task.class}, `;
  const noisy = `${noise === "const" ? "" : `, noise ${noise}`}${placementText(task.placement)}`;
  const accepted = "accept" in task ? [acceptText(task.accept)] : [];
  const kept =
    "keep" in task
      ? [`keep latent ${task.keep.latent}, attributes ${task.keep.attributes}${identityText(task.keep.identity)}`]
      : [];
  const tail = [`${drawn}truncation ${truncation}${upTo}, logic ${logic}${noisy}`, samplerText(sampler), ...accepted];
  switch (task.kind) {
    case "sample":
    case "sweep":
      return [
        ...("start" in task ? startText(task.start) : []),
        `${"source" in task ? sourceText(task.source, module) : `count ${task.count}, seed ${task.seed}`}, ${tail[0] ?? ""}`,
        ...kept,
        ...tail.slice(1),
      ];
    case "traverse": {
      const { frames, fromSeed, toSeed, count } = task;
      return [
        `${frames} frames between seeds ${fromSeed} and ${toSeed}, count ${count}, ${tail[0] ?? ""}`,
        ...kept,
        ...tail.slice(1),
      ];
    }
    case "edit": {
      const { source } = task;
      const from =
        source.kind === "task"
          ? sourceText(source, module)
          : `of fresh noise, count ${source.count}, seed ${source.seed}`;
      const keep = `goals ${task.goals}${task.reweight ? ", reweight" : ""}, keep latent ${task.keepLatent}, attributes ${task.keepAttributes}${identityText(task.keepIdentity)}`;
      const started = source.kind === "seed" ? startText(source.start) : [];
      return [...started, `${from}, ${tail[0] ?? ""}`, keep, ...tail.slice(1)];
    }
    default:
      return unreachable(task);
  }
}

function sourceText({ task, from, to }: TaskSource, module: Plan | CheckedModule): string {
  return `of ${module.tasks[task]?.name ?? ""}[${from}..${to}]`;
}

function startText(start: LatentStart | PhotoStart | undefined): readonly string[] {
  if (start === undefined) return [];
  if (start.kind === "photo")
    return [
      [
        `photograph ${JSON.stringify(start.file)}, space ${start.space}, prior ${start.prior}, tries ${start.tries}`,
        ...(start.tune === 0 ? [] : [`tune ${start.tune}`]),
        ...(start.compare === undefined ? [] : [`compare by ${JSON.stringify(start.compare)}`]),
        ...(start.encoder === undefined ? [] : [`encoder ${JSON.stringify(start.encoder)}`]),
        ...(start.landmarks === undefined ? [] : [`landmarks ${JSON.stringify(start.landmarks)}`]),
      ].join(", "),
    ];
  const { space, layered, rows } = start.form;
  return [`start from ${rows} ${space}${layered ? " a layer" : ""} of ${JSON.stringify(start.file)}`];
}

function acceptText({ by, tries }: Accept): string {
  return `accept by ${by}, ${tries} tries`;
}

function samplerText(s: Sampler): string {
  switch (s.kind) {
    case "ode":
      if (s.steps !== undefined) return `sampler ode, ${s.solver}, ${s.steps} equal steps${tauOf(s)}`;
      return `sampler ode, ${s.solver}, rtol ${s.rtol}, atol ${s.atol}, control ${s.control} ${s.stepControl}, at most ${s.maxSteps} steps${tauOf(s)}${s.within === undefined ? "" : `, gains within ${s.within} of their slopes`}`;
    case "langevin":
      return `sampler langevin, ${s.steps} steps of ${s.step}, noise ${s.noise}`;
    case "hmc":
      return `sampler hmc, ${s.steps} steps of ${s.leaps} leaps, the condition growing for ${s.temper} of them`;
    case "pc":
      return `sampler pc, ${s.steps} steps, ${s.corrector} corrections, snr ${s.snr}`;
    default:
      return unreachable(s);
  }
}

function tauOf({ tau }: { readonly tau?: number }): string {
  return tau === undefined ? "" : `, tau ${tau}`;
}

function formText(form: SaveForm): string {
  switch (form.kind) {
    case "grid":
      return `grid${form.columns === undefined ? "" : ` of ${form.columns} columns`}${form.marks === true ? ", misses marked" : ""}${sheetText(form)}`;
    case "animation":
      return `animation of ${form.fps} frames a second${form.tween === 0 ? "" : `, ${form.tween} between neighbours`}`;
    case "strip":
      return `strip${sheetText(form)}`;
    case "each":
      if (form.paste !== undefined) return `paste, feather ${form.paste.feather}`;
      return "one file for each image";
    default:
      return unreachable(form);
  }
}

function sheetText({ labels, gap, caption }: SheetForm): string {
  const said = [
    ...(labels === undefined ? [] : [labels ? "labelled" : "without labels"]),
    ...(gap === undefined ? [] : [`${gap} pixels apart`]),
    ...(caption === undefined ? [] : [`under it ${JSON.stringify(caption)}`]),
  ];
  return said.map((s) => `, ${s}`).join("");
}

/** The values of a sweep's cell, such as "t = 0.25, red". */
export function cellText(axes: readonly Axis[], cell: number): string {
  return axisTexts(axes, cell).join(", ");
}

function treeLines(e: Node, table: readonly Attribute[]): readonly string[] {
  return [label(e, table), ...childrenOf(e).flatMap((c) => treeLines(c, table).map((line) => `  ${line}`))];
}

function childrenOf(e: Node): readonly Node[] {
  if ("parts" in e) return e.parts;
  if ("left" in e) return [e.left, e.right];
  return "part" in e ? [e.part] : [];
}

function label(e: Node, table: readonly Attribute[]): string {
  switch (e.kind) {
    case "class": {
      const row = table[e.attribute];
      const classes = row === undefined || row.type === "scalar" ? [] : row.classes;
      const words = e.values.map((v) => classes[v] ?? String(v));
      const said = words.length === 1 ? `is ${words.join("")}` : `in {${words.join(", ")}}`;
      return `${nameOf(e.attribute, table)} ${said}${e.temperature === 1 ? "" : ` at temperature ${e.temperature}`}`;
    }
    case "near":
      return `${nameOf(e.attribute, table)} is ${e.target} +- ${e.sigma}`;
    case "above":
    case "below":
      return `${nameOf(e.attribute, table)} ${e.kind === "above" ? ">" : "<"} ${e.threshold} (sigma ${e.sigma})`;
    case "weight":
      return `${e.factor} *`;
    case "count":
      return e.min === e.max ? `exactly ${e.min} of` : `${e.min} to ${e.max} of`;
    default:
      return e.kind;
  }
}

function nameOf(attribute: number, table: readonly Attribute[]): string {
  return table[attribute]?.name ?? `#${attribute}`;
}

function placementText(placement: Task["placement"]): string {
  if (placement === undefined) return "";
  const text = ({ right, down, rotate }: Placement): string => `right ${right} down ${down} rotated ${rotate}`;
  const { from, to } = placement;
  return `, ${text(from)}${to === undefined ? "" : ` to ${text(to)}`}`;
}
