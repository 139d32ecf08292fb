// Lowering: a checked module to a plan. The task's logic gives each energy its meaning; edits learn what each step names and holds.
// In: check. Out: execute, and --print energy. Reports what depends on the logic or on the whole energy (L3xxx).
import type { Outcome } from "../source/diagnostic.js";
import { unreachable } from "../source/internal-error.js";
import type { CheckedExpect, CheckedKeep, CheckedModule, CheckedTask } from "./check/checked.js";
import { attributesOf, type Formula, formulaParts } from "./energy/formula.js";
import { Report } from "./check/report.js";
import { type Budget, canHoldTogether, checkBudget, findFixed } from "./check/satisfiable.js";
import type { Energy, Logic } from "./energy/energy.js";
import { isDerived, lowerFormula } from "./energy/lower-formula.js";
import type { EditStep, Expect, Keep, Plan, Task } from "./plan.js";

/** Where the warnings go, and how long they may be looked for. */
interface Judge {
  readonly report: Report;
  readonly budget: Budget;
}

type CheckedEdit = Extract<CheckedTask, { kind: "edit" }>;

/**
 * The plan of a checked module.
 *
 * Errors   L3001: a connective that logic lace does not have. Warnings: L3002 contradictions, L3003 conditions that always hold.
 */
export function lower(checked: CheckedModule): Outcome<Plan> {
  const report = new Report();
  const judge: Judge = { report, budget: checkBudget() };
  const tasks = checked.tasks.map((task) => lowerTask(task, judge));
  const expects = checked.expects.map((expect) => lowerExpect(expect, judge));
  const diagnostics = report.sorted();
  if (report.errorCount > 0) return { diagnostics };
  const { defaults, models, inputs, saves, latentSaves } = checked;
  return { value: { defaults, models, inputs, tasks, expects, saves, latentSaves }, diagnostics };
}

function lowerTask(task: CheckedTask, judge: Judge): Task {
  switch (task.kind) {
    case "sample":
      return { ...task, energy: lowerEnergy(task.energy, task.logic, judge) };
    case "traverse": {
      const { keep, ...rest } = task;
      const energy = lowerEnergy(task.energy, task.logic, judge);
      return { ...rest, energy, ...lowerKeep(keep, [task.energy]) };
    }
    case "sweep": {
      const { keep, ...rest } = task;
      const cells = task.cells.map((c) => lowerEnergy(c, task.logic, judge));
      return { ...rest, cells, ...lowerKeep(keep, task.cells) };
    }
    case "edit": {
      const { keepable, steps, ...rest } = task;
      warnClashingSteps(task, judge);
      return { ...rest, steps: lowerSteps(steps, keepable, task.logic, judge) };
    }
    default:
      return unreachable(task);
  }
}

/** What holds the parts of a row near its first: the keepable attributes that none of them asks for. */
function lowerKeep(keep: CheckedKeep | undefined, energies: readonly Formula[]): { readonly keep?: Keep } {
  if (keep === undefined) return {};
  const { keepable, ...weights } = keep;
  const named = new Set(energies.flatMap(attributesOf));
  return { keep: { ...weights, held: keepable.filter((k) => !named.has(k)) } };
}

/** Each step holds the keepable attributes that neither it nor an earlier step names. */
function lowerSteps(steps: CheckedEdit["steps"], keepable: readonly number[], logic: Logic, judge: Judge): EditStep[] {
  const named = new Set<number>();
  return steps.map((step) => {
    const names = attributesOf(step.energy);
    names.forEach((n) => named.add(n));
    const energy = lowerEnergy(step.energy, logic, judge);
    return { ...step, energy, names, held: keepable.filter((k) => !named.has(k)) };
  });
}

/** With `goals all` a step that undoes an earlier one asks for both. */
function warnClashingSteps(task: CheckedEdit, { report, budget }: Judge): void {
  if (task.goals === "last") return;
  task.steps.forEach((step, i) => {
    if (canHoldTogether([step.energy], budget) === false) return;
    const earlier = task.steps.slice(0, i).find((s) => {
      return (
        canHoldTogether([s.energy], budget) !== false && canHoldTogether([s.energy, step.energy], budget) === false
      );
    });
    if (earlier === undefined) return;
    report.warning("L3002", step.energy.span, "this step contradicts an earlier one, which is still a goal", {
      text: "this step",
      related: [{ span: earlier.energy.span, text: "the earlier step" }],
      hints: ["write `goals last` to ask for the newest step only"],
    });
  });
}

/** An expectation is read as a predicate: no logic's numbers, so all connectives are there. */
function lowerExpect(expect: CheckedExpect, judge: Judge): Expect {
  const clauses = expect.clauses.map((c) => ({ ...c, energy: lowerEnergy(c.energy, "product", judge) }));
  return { ...expect, clauses };
}

function lowerEnergy(f: Formula, logic: Logic, { report, budget }: Judge): Energy {
  for (const { kind, span, clash } of findFixed(f, budget)) {
    if (kind === "always") {
      report.warning("L3003", span, "this always holds: it asks for nothing", { text: "true of every image" });
      continue;
    }
    report.warning("L3002", span, "this contradicts itself: no image can satisfy it", {
      text: "never true",
      related: (clash ?? []).map((s, i) => ({ span: s, text: i === 0 ? "this excludes" : "this" })),
    });
  }
  const derived = logic === "lace" ? findDerived(f) : [];
  for (const part of derived) {
    const shown = part.kind === "count" ? part.word : part.kind;
    report.error("L3001", part.span, `\`logic lace\` has no \`${shown}\``, {
      text: "not in this logic",
      hints: ["it has `and`, `or` and `not`; `logic product`, the default, has all connectives"],
    });
  }
  return derived.length > 0 ? { kind: "always", span: f.span } : lowerFormula(f, logic);
}

function findDerived(f: Formula): readonly Formula[] {
  const inner = formulaParts(f).flatMap(findDerived);
  return isDerived(f) ? [f, ...inner] : inner;
}
