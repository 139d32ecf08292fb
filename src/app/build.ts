// What a script compiles to: each stage as text, and a graph as ONNX. Graphs come from the program of a task, as those of a run do.
import { compileTask, graphsOf, steppingOf, type ProgramGraph } from "../compiler/build/compile-task.js";
import { printDot, printGraph } from "../compiler/graph/print.js";
import type { Plan, Task } from "../compiler/plan.js";
import { printChecked, printPlan } from "../compiler/print.js";
import type { Model } from "../models/model.js";
import { ENERGY_ROWS } from "../runtime/plan/tiles.js";
import type { Services } from "../runtime/services/services.js";
import { SYNTHESIS_ROWS } from "../runtime/show/painter.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import { compileScript, ScriptError, wholeOf, type Compilation } from "./compile-script.js";
import type { Platform } from "./platform.js";
import { UsageError, type EngineChoice } from "./verb.js";

const STAGES = ["ast", "checked", "energy", "graph", "optimized", "jacobian", "step", "onnx", "dot"] as const;
export type BuildStage = (typeof STAGES)[number];
/** The stages that show graphs. */
type GraphStage = Exclude<BuildStage, "ast" | "checked" | "energy">;

export interface BuildOptions {
  /** The stage to show. */
  readonly print?: BuildStage;
  /** The target to write a graph for: onnx. */
  readonly emit?: string;
  /** Where `emit` writes; default: the task's name with .onnx. */
  readonly output?: string;
  /** One task of the script; default: all. */
  readonly task?: string;
  /**
   * One graph of a task, by name, such as gradient, synthesis, start or step; default: all but those of the sampler, and of `emit` the
   * gradient.
   */
  readonly graph?: string;
  /** Rows of the graphs; default: as a run has them. */
  readonly rows?: number;
  /** It says how images lie in memory. */
  readonly engine?: EngineChoice;
  /** Values of the script's inputs. */
  readonly inputs?: Readonly<Record<string, number | string>>;
}

/** What a script was built to. */
export interface Built {
  /** Of `print`. */
  readonly text?: string;
  /** Of `emit`: the file, what it is, and the names of its inputs and outputs. */
  readonly wrote?: {
    readonly file: string;
    readonly title: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  };
  readonly diagnostics: readonly Diagnostic[];
  /** Texts to show them with. */
  readonly sources: Compilation["sources"];
}

/** A graph of the script, with the task and the model that it is of. */
interface Found {
  readonly task: Task;
  readonly model: Model;
  readonly graph: ProgramGraph;
  /** The start or the step of the sampler: what an engine that steps on its device has in place of a gradient. */
  readonly ofSampler: boolean;
}

/**
 * Shows or writes what a script compiles to.
 *
 * Errors   UsageError for options that contradict each other, and a task or a graph that is not there; ScriptError for a script that does not get
 *          as far as the stage; LaceError L50xx, L51xx of models, L52xx of the engine.
 */
export async function build(platform: Platform, script: string, options: BuildOptions): Promise<Built> {
  const mistake = usageMistake(options);
  if (mistake !== undefined) throw new UsageError(mistake);
  const { host } = platform;
  const inputs = new Map(Object.entries(options.inputs ?? {}));
  const compilation = await compileScript(script, host, { inputs });
  const { diagnostics, sources, program } = compilation;
  if (options.print === "ast") {
    if (program === undefined) throw new ScriptError(diagnostics, sources);
    return { text: `${JSON.stringify(program.entry.module, null, 2)}\n`, diagnostics, sources };
  }
  const { checked, plan } = wholeOf(compilation);
  if (options.print === "checked") return { text: printChecked(checked), diagnostics, sources };
  if (options.print === "energy") return { text: printPlan(plan), diagnostics, sources };
  const picked = await pickGraphs(platform, plan, options);
  if (options.print !== undefined) return { text: await graphTexts(picked, options.print), diagnostics, sources };
  return { wrote: await writeOnnx(platform, picked, options), diagnostics, sources };
}

/** The graphs that were asked for. */
async function pickGraphs(platform: Platform, plan: Plan, options: BuildOptions): Promise<readonly Found[]> {
  const tasks = plan.tasks.filter((t) => options.task === undefined || t.name === options.task);
  if (tasks.length === 0)
    throw new UsageError(
      `there is no task ${options.task ?? ""}; there are: ${plan.tasks.map((t) => t.name).join(", ")}`,
    );
  const world = platform.world(platform.host, options.engine ?? "auto");
  const graphs = await findGraphs(plan, tasks, options, world);
  const wanted = options.graph ?? (options.emit === undefined ? undefined : "gradient");
  const picked = graphs.filter((found) =>
    wanted === undefined ? isShown(found, options) : found.graph.name === wanted,
  );
  if (picked.length === 0 && wanted === undefined)
    throw new UsageError("there is no step: the solver ros2, and one step size for a batch, step on the host");
  if (picked.length === 0) throw new UsageError(`there is no graph ${wanted ?? ""}; there are: ${namesOf(graphs)}`);
  if (options.emit !== undefined && picked.length > 1)
    throw new UsageError(`choose one graph with --task and --graph; there are: ${namesOf(graphs)}`);
  return picked;
}

/** Whether a graph is shown where none is asked for by name. */
const isShown = ({ ofSampler }: Found, { print }: BuildOptions): boolean => ofSampler === (print === "step");

const namesOf = (graphs: readonly Found[]): string =>
  graphs.map(({ task, graph }) => `${graph.name} of ${task.name}`).join(", ");

async function writeOnnx(
  { host }: Platform,
  [only]: readonly Found[],
  options: BuildOptions,
): Promise<NonNullable<Built["wrote"]>> {
  if (only === undefined) throw new InternalError("no graph was picked");
  const { emitOnnx } = await import("../compiler/targets/onnx/onnx.js");
  const { task, model, graph } = only;
  const compiled = graph.compiled();
  const file = options.output ?? `${task.name}.onnx`;
  const metadata = { lace_model: model.sha256, lace_task: task.name };
  await host.writeAtomic(file, emitOnnx(compiled, { name: task.name, metadata }));
  const [inputs, outputs] = [compiled.inputs.map((i) => i.name), compiled.outputs.map((o) => o.name)];
  return { file, title: graph.title, inputs, outputs };
}

/** All graphs of some tasks, for the engine that a run with the same `--engine` opens. */
async function findGraphs(
  plan: Plan,
  tasks: readonly Task[],
  { rows }: BuildOptions,
  services: Pick<Services, "openEngine" | "loadModel">,
): Promise<readonly Found[]> {
  const engine = await services.openEngine();
  const { layout } = engine;
  await engine.dispose();
  const models = new Map<number, Model>();
  const found: Found[] = [];
  for (const task of tasks) {
    const planModel = plan.models[task.model];
    if (planModel === undefined) throw new InternalError(`the task ${task.name} has no model`);
    const model = models.get(task.model) ?? (await services.loadModel(planModel));
    models.set(task.model, model);
    const program = compileTask(task, model, { rows: rows ?? ENERGY_ROWS, layout });
    const graphs = graphsOf(program, rows ?? SYNTHESIS_ROWS);
    found.push(...graphs.map((graph) => ({ task, model, graph, ofSampler: false })));
    found.push(...steppingOf(program).map((graph) => ({ task, model, graph, ofSampler: true })));
  }
  return found;
}

/** Graphs one after another, each under a line that says which it is. */
async function graphTexts(found: readonly Found[], stage: GraphStage): Promise<string> {
  const shown = found.filter(({ graph }) => stage !== "jacobian" || graph.name.startsWith("jacobian"));
  if (shown.length === 0) return "no Jacobian: only the solver ros2 asks for one, of conditions that say something\n";
  const texts: string[] = [];
  for (const { task, graph } of shown)
    texts.push(`// ${graph.name} of ${task.name}: ${graph.title}\n${await graphText(graph, task, stage)}\n`);
  return texts.join("");
}

async function graphText(graph: ProgramGraph, task: Task, stage: GraphStage): Promise<string> {
  if (stage === "graph") return printGraph(graph.built());
  if (stage === "dot") return printDot(graph.compiled());
  if (stage !== "onnx") return printGraph(graph.compiled());
  const [{ lowerOnnx }, { printOnnx }] = await Promise.all([
    import("../compiler/targets/onnx/onnx.js"),
    import("../compiler/targets/onnx/print.js"),
  ]);
  return printOnnx(lowerOnnx(graph.compiled(), { name: task.name }));
}

function usageMistake({ print, emit, output }: BuildOptions): string | undefined {
  if (print === undefined && emit === undefined)
    return `say what to show (--print ${STAGES.join("|")}) or to write (--emit onnx)`;
  if (print !== undefined && !STAGES.some((s) => s === print))
    return `there is no stage ${print}; there are ${STAGES.join(", ")}`;
  if (print !== undefined && emit !== undefined) return "--print and --emit are two things: ask for one of them";
  if (emit !== undefined && emit !== "onnx") return `there is no target ${emit}; there is onnx`;
  if (emit === undefined && output !== undefined) return "--output goes with --emit";
  return undefined;
}
