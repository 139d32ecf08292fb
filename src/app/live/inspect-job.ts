// How a picture of a run came about: its row is drawn once more and looked at, step by step; and what was compiled for it.
// In: the job of the run, which picture. Out: a PictureInspection, or in words why there is none. Invariants: the same samples as in the run, for they do not depend on their batch; nothing is
// kept or written.
import { compileTask, graphsOf } from "../../compiler/build/compile-task.js";
import type { Graph, Node } from "../../compiler/graph/graph.js";
import { countOps, printGraph } from "../../compiler/graph/print.js";
import type { Plan, Task } from "../../compiler/plan.js";
import { printEnergy } from "../../compiler/print.js";
import type { Model } from "../../models/model.js";
import type { Request } from "../../runtime/run/request.js";
import type { TakenStep } from "../../runtime/ode/solution.js";
import { execute } from "../../runtime/execute.js";
import { ENERGY_ROWS } from "../../runtime/plan/tiles.js";
import { rootTasks } from "../../runtime/plan/pieces.js";
import { modelForClass } from "../../runtime/show/synthesis-inputs.js";
import { dryWorld, type DryWorld } from "../../runtime/services/world.js";
import { LaceError } from "../../source/diagnostic.js";
import { compileWhole } from "../compile-script.js";
import { identifyScript } from "../identify-script.js";
import type { DrawnNode, PictureInspection, PicturePlace, RunJob } from "./messages.js";
import { overridesOfJob, type RunSurroundings } from "./run-job.js";

/** Of a graph's text, which may have thousands of lines. */
const MOST_TEXT = 40_000;

/** Looks at a picture, and tells. Never throws what is the script's fault or the environment's. */
export async function inspectJob(job: RunJob, picture: PicturePlace, around: RunSurroundings): Promise<void> {
  const tell = (found: PictureInspection | string): void => around.tell({ kind: "inspected", id: job.id, found });
  try {
    tell(await inspect(job, picture, around));
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    tell(error.diagnostics.map((d) => d.message).join("\n"));
  }
}

async function inspect(job: RunJob, picture: PicturePlace, around: RunSurroundings): Promise<PictureInspection> {
  const { host, version, signal, opening } = around;
  const { plan, program } = await compileWhole(job.entry, host, overridesOfJob(job));
  const at = plan.tasks.findIndex((t) => t.name === picture.task);
  const task = plan.tasks[at];
  if (task === undefined) return { steps: [], energy: "", graphs: [] };
  const world = dryWorld((await opening).world(host));
  const [loaded, engine] = await Promise.all([modelOf(plan, task, world), world.openEngine()]);
  const compiled = compileTask(task, modelForClass(loaded, task.class), { rows: ENERGY_ROWS, layout: engine.layout });
  const steps: TakenStep[] = [];
  await execute({ ...plan, saves: [], latentSaves: [], expects: [] }, world, {
    out: ".",
    script: await identifyScript({ host, version }, program),
    ...rowsOfPicture(plan, at, picture),
    ...(picture.attempt !== undefined && {
      attempts: new Map([[task.name, new Map([[picture.index, picture.attempt]])]]),
    }),
    onStep: (of, step) => {
      const isIt = of.task === task.name && of.index === picture.index && of.part === picture.part;
      if (isIt && of.attempt === (picture.attempt ?? 0)) steps.push(step);
    },
    signal,
  });
  return {
    steps,
    energy: energyText(task, picture.part, loaded.info.attributes),
    graphs: graphsOf(compiled, 1).map((found) => {
      const graph = found.compiled();
      const text = printGraph(graph);
      return {
        ...{ name: found.name, title: found.title, nodes: graph.nodes.length },
        drawn: drawnNodes(graph),
        operations: Object.entries(countOps(graph)).sort(([, a], [, b]) => b - a),
        text: text.length > MOST_TEXT ? `${text.slice(0, text.lastIndexOf("\n", MOST_TEXT))}\n...` : text,
      };
    }),
  };
}

/** Nodes of a graph that is drawn, at most: StyleGAN2 at 1024 px has 400. */
const MOST_DRAWN = 600;

/** What of a graph is drawn: all but its constants. */
function drawnNodes({ nodes, outputs }: Graph): readonly DrawnNode[] {
  const shown = nodes.flatMap(({ op }, id) => (op.kind === "constant" ? [] : [id]));
  if (shown.length > MOST_DRAWN) return [];
  const places = new Map(shown.map((id, at) => [id, at]));
  const ends = new Set(outputs.map((o) => o.node));
  return shown.flatMap((id) => {
    const node = nodes[id];
    if (node === undefined) return [];
    const inputs = node.inputs.flatMap((from) => places.get(from) ?? []);
    return [{ operation: operationOf(node), shape: node.shape, inputs, isOutput: ends.has(id) }];
  });
}

function operationOf({ op }: Node): string {
  if (op.kind === "input") return op.name;
  return op.kind === "unary" || op.kind === "binary" || op.kind === "reduce" ? op.fn : op.kind;
}

/** The row alone where its task starts from noise; else all that may lead to it. */
function rowsOfPicture(plan: Plan, task: number, { index }: PicturePlace): Pick<Request, "piece"> {
  return rootTasks(plan).includes(task) ? { piece: { task, first: index, last: index } } : {};
}

async function modelOf(plan: Plan, task: Task, world: DryWorld): Promise<Model> {
  const model = plan.models[task.model];
  if (model === undefined) throw new RangeError("a task without a model");
  return world.loadModel(model);
}

function energyText(task: Task, part: number, table: Parameters<typeof printEnergy>[1]): string {
  switch (task.kind) {
    case "sample":
    case "traverse":
      return printEnergy(task.energy, table);
    case "sweep":
      return task.cells[part] === undefined ? "" : printEnergy(task.cells[part], table);
    case "edit":
      return task.steps[part] === undefined ? "" : printEnergy(task.steps[part].energy, table);
  }
}
