// lacec build: each stage as text, and a graph as ONNX. Graphs come from the program of a task, as those of a run do.
import type { Model } from "../models/model.js";
import { compileTask, graphsOf, type ProgramGraph } from "../compiler/build/compile-task.js";
import type { Plan, Task } from "../compiler/plan.js";
import { printChecked, printPlan } from "../compiler/print.js";
import { printDot, printGraph } from "../compiler/graph/print.js";
import { compileScript } from "../app/compile-script.js";
import { InternalError } from "../source/internal-error.js";
import { ENERGY_ROWS } from "../runtime/plan/tiles.js";
import { SYNTHESIS_ROWS } from "../runtime/show/images.js";
import type { Services } from "../runtime/services/services.js";
import { nodeHost } from "../node/host.js";
import { nodeServices } from "../node/services.js";
import { engineName } from "./engine-name.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { printDiagnostics } from "./report.js";

const STAGES = ["ast", "checked", "energy", "graph", "optimized", "jacobian", "onnx", "dot"] as const;
type Stage = (typeof STAGES)[number];
/** The stages that show graphs. */
type GraphStage = Exclude<Stage, "ast" | "checked" | "energy">;

export interface BuildOptions {
  readonly print?: string;
  readonly emit?: string;
  readonly output?: string;
  readonly task?: string;
  /** The graph of the task, by name. */
  readonly graph?: string;
  readonly rows?: number;
  readonly engine: string;
  readonly set?: Readonly<Record<string, number>>;
}

/** A graph of the script, with the task and the model that it is of. */
interface Found {
  readonly task: Task;
  readonly model: Model;
  readonly graph: ProgramGraph;
}

export async function buildVerb(io: Io, script: string, options: BuildOptions): Promise<ExitCode> {
  const usage = (mistake: string): ExitCode => {
    io.err(`error: ${mistake}\n`);
    return EXIT.script;
  };
  const mistake = usageMistake(options);
  if (mistake !== undefined) return usage(mistake);
  const engine = engineName(options.engine, io);
  if (engine === undefined) return EXIT.script;
  const host = nodeHost();
  const compilation = await compileScript(script, host, { inputs: new Map(Object.entries(options.set ?? {})) });
  const { program, checked, plan, diagnostics, sources } = compilation;
  printDiagnostics(diagnostics, sources, io);
  const print = options.print as Stage | undefined;
  if (print === "ast") {
    if (program !== undefined) io.out(`${JSON.stringify(program.entry.module, null, 2)}\n`);
    return exitCodeOf(diagnostics);
  }
  if (checked === undefined || plan === undefined) return exitCodeOf(diagnostics);
  if (print === "checked") io.out(printChecked(checked));
  else if (print === "energy") io.out(printPlan(plan));
  else {
    const tasks = plan.tasks.filter((t) => options.task === undefined || t.name === options.task);
    if (tasks.length === 0)
      return usage(`there is no task ${options.task ?? ""}; there are: ${plan.tasks.map((t) => t.name).join(", ")}`);
    const graphs = await findGraphs(plan, tasks, options, nodeServices(host, engine));
    const names = graphs.map(({ task, graph }) => `${graph.name} of ${task.name}`).join(", ");
    const wanted = options.graph ?? (options.emit === undefined ? undefined : "gradient");
    const picked = graphs.filter(({ graph }) => wanted === undefined || graph.name === wanted);
    if (picked.length === 0) return usage(`there is no graph ${wanted ?? ""}; there are: ${names}`);
    if (print !== undefined) await printGraphs(picked, print, io);
    else {
      const [only, second] = picked;
      if (only === undefined || second !== undefined)
        return usage(`choose one graph with --task and --graph; there are: ${names}`);
      const { emitOnnx } = await import("../compiler/targets/onnx/onnx.js");
      const { task, model, graph } = only;
      const compiled = graph.compiled();
      const metadata = { lace_model: model.sha256, lace_task: task.name };
      const output = options.output ?? `${task.name}.onnx`;
      await host.writeAtomic(output, emitOnnx(compiled, { name: task.name, metadata }));
      const [inputs, outputs] = [compiled.inputs, compiled.outputs].map((l) => l.map((x) => x.name).join(", "));
      io.err(`wrote ${output}: ${graph.title}; inputs ${inputs ?? ""}, outputs ${outputs ?? ""}\n`);
    }
  }
  return exitCodeOf(diagnostics);
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
    found.push(...graphsOf(program, rows ?? SYNTHESIS_ROWS).map((graph) => ({ task, model, graph })));
  }
  return found;
}

/** Graphs one after another, each under a line that says which it is (where there are several). */
async function printGraphs(found: readonly Found[], stage: GraphStage, io: Io): Promise<void> {
  const shown = found.filter(({ graph }) => stage !== "jacobian" || graph.name.startsWith("jacobian"));
  if (shown.length === 0) io.out("no Jacobian: only the solver ros2 asks for one, of conditions that say something\n");
  for (const { task, graph } of shown)
    io.out(`// ${graph.name} of ${task.name}: ${graph.title}\n${await graphText(graph, task, stage)}\n`);
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
