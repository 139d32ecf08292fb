// The checker: a linked program and its models' tables in, a checked module out, or every mistake in it.
// In: link. Out: lower. Order: scopes, numbers, tasks, expectations and saves, then what no task reached, then unused names.
// Energies and attributes are checked against the model of each task that uses them; those that no task uses, against
// the models the entry declares: one that fits is enough.
import type * as ast from "../../parser/ast.js";
import { InternalError } from "../../source/internal-error.js";
import type { Diagnostic, Outcome } from "../../source/diagnostic.js";
import { touchesOne } from "../../source/sorted.js";
import { NOWHERE, type Span } from "../../source/span.js";
import type { ModelInfo } from "../attribute.js";
import { DEFAULTS } from "../defaults.js";
import type { HeadLooks } from "../head-table.js";
import type { LatentLooks } from "../latent-table.js";
import type { LatentSave, PlanModel, Save } from "../plan.js";
import type { Program } from "../link.js";
import type { CheckedExpect, CheckedModule, CheckedTask } from "./checked.js";
import { type Context, type Env, Guesses, markUsed, MAX_EXPANSIONS, type Overrides } from "./context.js";
import { attributeRow, declaredValue, evaluateAlone, isText } from "./declared.js";
import { evaluator } from "./evaluate.js";
import { loosened } from "./looking.js";
import { ModelTable } from "./model-table.js";
import { checkCollisions, checkExpect, checkLatentSave, checkSave, latentFormatOf } from "./outputs.js";
import { Report } from "./report.js";
import { buildScopes, type Declared, type DeclaredOf, kindOf, type Scope } from "./scope.js";
import { COUNT, isWithin, printBounds, SEED } from "./settings.js";
import { soundPart } from "./sound.js";
import { listed, nearest } from "./suggest.js";
import { checkTask, checkTaskSize, type EarlierTask } from "./tasks.js";
import { warnIgnorant } from "./skill.js";
import { warnHidden, warnUnused } from "./unused.js";

export type { Overrides } from "./context.js";

/**
 * Checks names, types and values, and evaluates everything but the logic.
 *
 * `models` has the table of each of `modelsOf(program)`, by alias; one that is missing could not be read, which the caller has
 * reported: its attributes are not judged then. `heads` and `latents` are the files of both that were looked into, by path. `overrides` are the
 * command line's.
 * Errors   L2xxx, and what was wrong with files of heads that are needed (L50xx, L51xx), sorted by file and place; the value is absent if
 *          there is any, or if the program or a model could not be read whole. Consequences of mistakes of grammar are left out. Warnings
 *          travel along.
 */
export function check(
  program: Program,
  models: ReadonlyMap<string, ModelInfo>,
  overrides: Overrides = {},
  heads: HeadLooks = new Map(),
  latents: LatentLooks = new Map(),
): CheckOutcome {
  const checker = new Checker(program, models, overrides, { heads, latents });
  const module = checker.run();
  const diagnostics = checker.report.sorted().filter((d) => !isConsequence(d, program));
  const { numbers } = checker;
  return checker.report.errorCount > 0 || !checker.whole
    ? { diagnostics, numbers, sound: soundPart(module, checker.clean, program) }
    : { value: module, diagnostics, numbers };
}

/** What checking gives, mistakes or none. */
export interface CheckOutcome extends Outcome<CheckedModule> {
  /** The value of each `let` and `input` that has one. */
  readonly numbers: ReadonlyMap<ast.LetDecl | ast.InputDecl, number>;
  /** Without a value: the tasks and expectations that no mistake touches, for whoever looks further. It is no plan's. */
  readonly sound?: CheckedModule;
}

/** Whether a mistake may be only that a unit was cut short, or a setting lost, by a mistake of grammar. */
function isConsequence({ at, code, severity }: Diagnostic, program: Program): boolean {
  const damage = program.files.find((f) => f.path === at.span.file)?.damage;
  if (damage === undefined) return false;
  const inOne = (all: readonly Span[]): boolean => touchesOne(all, at.span.start, at.span.start);
  return inOne(damage.cut) || ((severity === "warning" || code === "L2012") && inOne(damage.statements));
}

class Checker {
  readonly report = new Report();
  /** Nothing of the script or its models was unreadable. */
  readonly whole: boolean;
  private readonly cx: Context;
  private readonly heads: HeadLooks;
  private readonly scope: Scope;
  private readonly tables = new Map<Declared, ModelTable>();
  /** Models in order of first use by a task: indices of CheckedModule.models. */
  private readonly inUse: DeclaredOf<"model">[] = [];
  private readonly cleanExpects: CheckedExpect[] = [];
  private readonly taskNames: readonly string[];
  private readonly tasks = new Map<Declared, EarlierTask & { readonly table: ModelTable }>();

  constructor(
    program: Program,
    models: ReadonlyMap<string, ModelInfo>,
    overrides: Overrides,
    { heads, latents }: { readonly heads: HeadLooks; readonly latents: LatentLooks },
  ) {
    this.heads = heads;
    const scopes = buildScopes(program, this.report);
    const scope = scopes.get(program.entry);
    if (scope === undefined) throw new InternalError("the entry is not among the program's files");
    this.scope = scope;
    this.taskNames = scope.own.filter((d) => d.kind === "task").map((d) => d.decl.name.text);
    this.cx = {
      program,
      scopes,
      overrides,
      latents,
      values: new Map(),
      open: [],
      used: new Set(),
      usedByEntry: new Set(),
      evaluated: new Set(),
      expansions: { left: MAX_EXPANSIONS },
      nesting: { level: 0, reported: false },
      guesses: new Guesses(),
    };
    for (const d of scope.names.values()) {
      if (d.kind !== "model") continue;
      const info = models.get(d.decl.name.text);
      this.tables.set(d, new ModelTable(d.decl.name.text, info, info === undefined, heads));
    }
    this.whole = program.complete && ![...this.tables.values()].some((t) => t.unread);
  }

  run(): CheckedModule {
    this.checkOverrides();
    this.checkDeclarations();
    for (const d of this.scope.own) if (d.kind === "task") this.checkTask(d);
    const { expects, saves, latentSaves } = this.checkOutputs();
    this.checkUnreached();
    const tables = [...this.tables.values()];
    warnHidden(this.scope, tables, this.report);
    warnIgnorant(
      [...this.tasks.values()].map(({ task, table }) => ({ task, rows: table.rows })),
      this.report,
    );
    // A misspelt use leaves its declaration unused: one mistake, so unused names wait until the others are mended.
    if (this.whole && this.report.errorCount === 0 && this.tasks.size > 0) warnUnused(this.scope, this.cx, this.report);
    return {
      defaults: this.cx.overrides.defaults ?? DEFAULTS,
      models: this.inUse.map((d) => this.planModel(d)),
      inputs: [...this.scope.names.values()]
        .filter((d) => d.kind === "input")
        .map((d) => ({ name: d.decl.name.text, value: this.cx.values.get(d) ?? 0 })),
      tasks: this.checkedTasks,
      expects,
      saves,
      latentSaves,
    };
  }

  get numbers(): CheckOutcome["numbers"] {
    const found = new Map<ast.LetDecl | ast.InputDecl, number>();
    for (const [d, value] of this.cx.values)
      if (typeof value === "number" && (d.kind === "let" || d.kind === "input")) found.set(d.decl, value);
    return found;
  }

  /** What no mistake was found in. */
  get clean(): Parameters<typeof soundPart>[1] {
    return { tasks: [...this.tasks.values()].filter((t) => t.clean).map((t) => t.task), expects: this.cleanExpects };
  }

  private get checkedTasks(): readonly CheckedTask[] {
    return [...this.tasks.values()].map((t) => t.task);
  }

  private env(model: ModelTable, scope = this.scope, report = this.report): Env {
    return { evaluator, cx: this.cx, report, scope, model, locals: new Map(), temperature: 1, calls: [] };
  }

  private planModel(d: DeclaredOf<"model">): PlanModel {
    const table = this.tables.get(d);
    const reference = d.file.references.get(d.decl.path.value) ?? d.decl.path.value;
    const { name, span } = d.decl;
    return { alias: name.text, reference, heads: table?.heads ?? [], attributes: table?.rows ?? [], span };
  }

  private checkOverrides(): void {
    const { inputs = new Map<string, number | string>(), count, seed } = this.cx.overrides;
    const declared = [...this.scope.names.values()].filter((d) => d.kind === "input");
    const known = declared.map((d) => d.decl.name.text);
    for (const [name, value] of inputs) {
      if (!known.includes(name)) {
        const guess = nearest(name, known);
        const there = known.length === 0 ? "it has no inputs" : `its inputs are ${listed(known, "and")}`;
        this.report.error("L2023", NOWHERE, `the script has no input \`${name}\` to set`, {
          hints: [guess === undefined ? there : `did you mean \`${guess}\`?`],
        });
      } else if (!Number.isFinite(Number(value)) && !declared.some((d) => d.decl.name.text === name && isText(d))) {
        this.report.error("L2014", NOWHERE, `the input \`${name}\` must be set to a finite number`);
      }
    }
    for (const [option, value, bounds] of [
      ["--count", count, COUNT],
      ["--seed", seed, SEED],
    ] as const) {
      if (value !== undefined && !isWithin(value, bounds))
        this.report.error("L2004", NOWHERE, `\`${option}\` must be ${printBounds(bounds)}, and this is ${value}`);
    }
  }

  /** Numbers, and the types after colons. */
  private checkDeclarations(): void {
    const [first] = this.tables.values();
    for (const scope of this.cx.scopes.values()) {
      // The model's attributes have no place here; knowing them makes for better messages.
      const env = this.env(new ModelTable(first?.alias, first?.info, first?.unread), scope);
      for (const d of scope.own) {
        if (d.kind === "input") this.checkType(d.decl.type);
        if (d.kind === "input" || d.kind === "let") declaredValue(d, env);
        if (d.kind === "energy") this.checkParams(d.decl);
      }
    }
  }

  private checkParams(decl: ast.EnergyDecl): void {
    decl.params.forEach((p, i) => {
      const before = decl.params.slice(0, i).find((q) => q.value !== undefined);
      if (before !== undefined && p.value === undefined)
        this.report.error("L2006", p.span, `\`${p.name.text}\` has no default, and a parameter before it has one`, {
          text: "it could never be left out",
          related: [{ span: before.span, text: "this one has a default" }],
          hints: ["put parameters with defaults last"],
        });
      const first = decl.params.slice(0, i).find((q) => q.name.text === p.name.text);
      if (first === undefined) return;
      this.report.error("L2002", p.name.span, `\`${p.name.text}\` is a parameter twice`, {
        text: "declared again here",
        related: [{ span: first.name.span, text: "first declared here" }],
      });
    });
  }

  private checkType(type: ast.Name): void {
    if (type.text === "number" || type.text === "text") return;
    this.report.error("L2001", type.span, `unknown type \`${type.text}\``, {
      text: "not a type of inputs",
      hints: ["an input is a `number`, or a `text` for paths"],
      fix: { span: type.span, replacement: "number" },
    });
  }

  private checkTask(d: DeclaredOf<"task">): void {
    const before = this.report.mistakeCount;
    const { decl } = d;
    const source = "source" in decl && decl.sourceKind === "of" ? this.editSource(decl) : undefined;
    const fromModel = "source" in decl ? (decl.sourceKind === "from" ? decl.source : undefined) : decl.model;
    const model = fromModel && this.model(fromModel);
    const known = source?.table ?? (model && this.tables.get(model));
    // Without its model a task's attributes are unknown: that has been reported, and asking about each would repeat it.
    const table = known ?? new ModelTable(undefined, undefined, true);
    const index = source?.task.model ?? (model === undefined ? 0 : this.indexOf(model));
    const env = this.env(table);
    const task = loosened(checkTask(decl, index, source, env), decl, table, env.report);
    checkTaskSize(decl, task, this.env(table));
    const { start } = decl.span;
    const damaged = touchesOne(d.file.damage.statements, start, start);
    const clean = this.report.mistakeCount === before && known !== undefined && !known.unread && !damaged;
    this.tasks.set(d, { task, index: this.tasks.size, clean, table });
  }

  private indexOf(model: DeclaredOf<"model">): number {
    if (!this.inUse.includes(model)) this.inUse.push(model);
    return this.inUse.indexOf(model);
  }

  private model(name: ast.Name): DeclaredOf<"model"> | undefined {
    const d = this.scope.names.get(name.text);
    if (d !== undefined) markUsed(d, this.scope, this.cx);
    if (d?.kind === "model") return d;
    if (d === undefined && this.isUnread(name)) return undefined;
    const models = [...this.tables.keys()].map((m) => m.decl.name.text);
    const guess = this.cx.guesses.nearest(name.text, () => models);
    const hint =
      guess !== undefined
        ? `did you mean \`${guess}\`?`
        : models.length > 0
          ? `the models are ${listed(models, "and")}`
          : 'declare it: `model NAME from "builtin:avatar"`';
    const hints = d?.kind === "task" ? ["results are edited with `of`: `edit NAME of SAMPLES { ... }`"] : [hint];
    if (d === undefined)
      this.report.error("L2001", name.span, `unknown model \`${name.text}\``, {
        text: "no model has this name",
        hints,
      });
    else
      this.report.error("L2003", name.span, `\`${name.text}\` is ${kindOf(d)}, not a model`, {
        text: kindOf(d),
        hints,
      });
    return undefined;
  }

  /** A name that could not be read, or that something unread may declare. */
  private isUnread({ text }: ast.Name): boolean {
    return text === "" || this.scope.ambiguous.has(text) || this.scope.open;
  }

  private editSource(decl: ast.EditDecl | ast.SweepDecl) {
    return this.task(decl.source, decl);
  }

  /** The task that an edit, an expectation or a save names; it must come earlier. `by`: the task that asks. */
  private task(name: ast.Name, by?: ast.EditDecl | ast.SweepDecl) {
    const d = this.scope.names.get(name.text);
    if (d !== undefined) markUsed(d, this.scope, this.cx);
    const found = d && this.tasks.get(d);
    if (found !== undefined) return found;
    if (d?.kind === "task") {
      const itself = name.text === by?.name.text;
      this.report.error(
        "L2001",
        name.span,
        itself
          ? `\`${name.text}\` ${by.kind === "SweepDecl" ? "sweeps" : "edits"} itself`
          : `\`${name.text}\` comes later than this`,
        {
          text: itself ? "its own name" : "not made yet",
          related: [{ span: d.decl.name.span, text: "declared here" }],
          hints: ["tasks run in the order in which they are written: put this one after it"],
        },
      );
      return undefined;
    }
    if (d === undefined && this.isUnread(name)) return undefined;
    const tasks = this.taskNames;
    const guess = this.cx.guesses.nearest(name.text, () => tasks);
    const hints =
      d?.kind === "model" && by !== undefined
        ? [
            by.kind === "SweepDecl"
              ? "a model is swept with `from`: `sweep NAME over AXIS from MODEL { ... }`"
              : "a model is edited with `from`: `edit NAME from MODEL { ... }`",
          ]
        : guess !== undefined
          ? [`did you mean \`${guess}\`?`]
          : tasks.length > 0
            ? [`the tasks are ${listed(tasks, "and")}`]
            : ["declare one: `sample NAME from MODEL { ... }`"];
    if (d === undefined)
      this.report.error("L2001", name.span, `unknown task \`${name.text}\``, {
        text: "no sample, edit, traverse or sweep has this name",
        hints,
        ...(guess !== undefined && { fix: { span: name.span, replacement: guess } }),
      });
    else
      this.report.error("L2003", name.span, `\`${name.text}\` is ${kindOf(d)}, not a task with images`, {
        text: kindOf(d),
        hints,
      });
    return undefined;
  }

  private checkOutputs(): Pick<CheckedModule, "expects" | "saves" | "latentSaves"> {
    const expects: CheckedExpect[] = [];
    const saves: Save[] = [];
    const latentSaves: LatentSave[] = [];
    for (const item of this.cx.program.entry.module.items) {
      if (item.kind !== "ExpectStmt" && item.kind !== "SaveStmt") continue;
      if (item.kind === "ExpectStmt") {
        const target = this.task(item.target);
        if (target === undefined) continue;
        const before = this.report.mistakeCount;
        const expect = checkExpect(item, target.index, this.env(target.table));
        expects.push(expect);
        if (this.report.mistakeCount === before && !target.table.unread) this.cleanExpects.push(expect);
        continue;
      }
      const targets = item.targets.map((name) => this.task(name)).filter((t) => t !== undefined);
      const [first] = targets;
      if (first === undefined || targets.length < item.targets.length) continue;
      const format = latentFormatOf(item);
      if (format !== undefined) {
        const save = checkLatentSave(item, format, targets, this.env(first.table));
        if (save !== undefined) latentSaves.push(save);
        continue;
      }
      const save = checkSave(item, targets, this.checkedTasks, this.env(first.table));
      if (save !== undefined) saves.push(save);
    }
    checkCollisions([...saves, ...latentSaves], this.checkedTasks, this.env(new ModelTable(undefined, undefined)));
    return { expects, saves, latentSaves };
  }

  /** Energies and attributes that no task uses: each must fit one of the models, or be sound without one. */
  private checkUnreached(): void {
    const infos = [...this.tables].map(([d, { info, unread }]) => ({ alias: d.decl.name.text, info, unread }));
    const candidates = infos.length > 0 ? infos : [{ alias: undefined, info: undefined, unread: false }];
    const tryEach = (heads: HeadLooks, visit: (model: ModelTable, report: Report) => void): void => {
      let first: Report | undefined;
      for (const { alias, info, unread } of candidates) {
        const report = new Report();
        visit(new ModelTable(alias, info, unread, heads), report);
        first ??= report;
        if (report.errorCount > 0) continue;
        this.report.addAll(report);
        return;
      }
      if (first !== undefined) this.report.addAll(first);
    };
    for (const scope of this.cx.scopes.values()) {
      // A file may be imported for a part of it: heads that it declares for others need not be there.
      const heads = scope === this.scope ? this.heads : new Map<string, never>();
      for (const d of scope.own) {
        // Of a chain that is too deep each energy would be expanded again, with all that are below it.
        if (d.kind === "energy" && !this.cx.evaluated.has(d) && !this.cx.nesting.reported) {
          tryEach(heads, (model, report) => evaluateAlone(d, this.env(model, scope, report)));
        }
        if (d.kind === "attribute" && ![...this.tables.values()].some((t) => t.hasSeen(d.decl)))
          tryEach(heads, (model, report) => attributeRow(d, this.env(model, scope, report)));
      }
    }
  }
}
