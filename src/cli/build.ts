// lacec build: each stage as text, and the gradient graph as ONNX.
import type { SampleTask, Task } from "../compiler/plan.js";
import { printChecked, printPlan } from "../compiler/print.js";
import { printDot, printGraph } from "../compiler/graph/print.js";
import { buildEnergyGraph, compileEnergyGradient, type EnergyTask } from "../compiler/build/gradient.js";
import { compileLeafGradients } from "../compiler/build/leaf-gradients.js";
import { compileScript } from "../app/compile-script.js";
import { ENERGY_ROWS } from "../runtime/draw/batch.js";
import { modelForClass } from "../runtime/show/synthesis-inputs.js";
import { nodeHost } from "../node/host.js";
import { nodeServices } from "../node/services.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { printDiagnostics } from "./report.js";

const STAGES = ["ast", "checked", "energy", "graph", "optimized", "leaves", "onnx", "dot"] as const;

export interface BuildOptions {
  readonly print?: string;
  readonly emit?: string;
  readonly output?: string;
  readonly task?: string;
  readonly rows?: number;
  readonly set?: Readonly<Record<string, number>>;
}

export async function buildVerb(io: Io, script: string, options: BuildOptions): Promise<ExitCode> {
  const usage = usageMistake(options);
  if (usage !== undefined) {
    io.err(`error: ${usage}\n`);
    return EXIT.script;
  }
  const host = nodeHost();
  const compilation = await compileScript(script, host, { inputs: new Map(Object.entries(options.set ?? {})) });
  const { program, checked, plan, diagnostics, sources } = compilation;
  printDiagnostics(diagnostics, sources, io);
  const { print } = options;
  if (print === "ast" && program !== undefined) {
    io.out(`${JSON.stringify(program.entry.module, null, 2)}\n`);
    return exitCodeOf(diagnostics);
  }
  if (checked === undefined || plan === undefined) return exitCodeOf(diagnostics);
  if (print === "checked") io.out(printChecked(checked));
  else if (print === "energy") io.out(printPlan(plan));
  else {
    const task = pickTask(plan.tasks, options.task);
    if (typeof task === "string") {
      io.err(`error: ${task}\n`);
      return EXIT.script;
    }
    const planModel = plan.models[task.model];
    if (planModel === undefined) return EXIT.bug;
    const model = await nodeServices(host, "auto").loadModel(planModel);
    const energyTask: EnergyTask = {
      weights: modelForClass(model, task.class).weights,
      attributes: model.info.attributes,
      energy: task.energy,
      logic: task.logic,
      truncation: task.truncation,
      rows: options.rows ?? ENERGY_ROWS,
    };
    if (print === "graph") io.out(`${printGraph(buildEnergyGraph(energyTask))}\n`);
    else if (print === "optimized") io.out(`${printGraph(compileEnergyGradient(energyTask))}\n`);
    else if (print === "leaves") {
      // What ros2 evaluates beside the gradient.
      const leaves = compileLeafGradients(energyTask);
      io.out(leaves === undefined ? "no condition: no leaves\n" : `${printGraph(leaves.graph)}\n`);
    } else if (print === "dot") io.out(`${printDot(compileEnergyGradient(energyTask))}\n`);
    else if (print === "onnx") {
      const [{ lowerOnnx }, { printOnnx }] = await Promise.all([
        import("../compiler/targets/onnx/onnx.js"),
        import("../compiler/targets/onnx/print.js"),
      ]);
      io.out(printOnnx(lowerOnnx(compileEnergyGradient(energyTask), { name: task.name })));
    }
    if (options.emit !== undefined) {
      const { emitOnnx } = await import("../compiler/targets/onnx/onnx.js");
      const metadata = { lace_model: model.sha256, lace_task: task.name };
      const bytes = emitOnnx(compileEnergyGradient(energyTask), { name: task.name, metadata });
      const output = options.output ?? `${task.name}.onnx`;
      await host.writeAtomic(output, bytes);
      io.err(`wrote ${output}: input z, outputs logp and grad, ${energyTask.rows} rows\n`);
    }
  }
  return exitCodeOf(diagnostics);
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

/** The sample task to build; a sentence if it cannot be told which. */
function pickTask(tasks: readonly Task[], name: string | undefined): SampleTask | string {
  const samples = tasks.filter((t) => t.kind === "sample");
  const names = samples.map((t) => t.name).join(", ");
  if (name !== undefined)
    return samples.find((t) => t.name === name) ?? `there is no sample ${name}; there are: ${names}`;
  const [first, second] = samples;
  if (first === undefined) return "the script has no sample to build";
  return second === undefined ? first : `the script has several samples, choose one with --task: ${names}`;
}
