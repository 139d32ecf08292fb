// What a sampler follows: the compiled gradient of a condition, and for linearly implicit solvers how log p bends.
// In: an energy task, the sampler that is to follow it, an engine. Out: executables; the caller disposes them.
import { bendOf } from "../../compiler/energy/curvature.js";
import type { Executable } from "../../compiler/graph/graph.js";
import { compileEnergyGradient, type EnergyTask } from "../../compiler/build/gradient.js";
import { compileLeafGradients } from "../../compiler/build/leaf-gradients.js";
import type { Sampler } from "../../compiler/plan.js";
import type { Engine } from "../services/engine.js";
import { TABLEAUS } from "../ode/tableaus.js";
import type { Leaves } from "../sample/index.js";

export interface Slopes {
  readonly gradient: Executable;
  /** Where the sampler asks for them. */
  readonly leaves?: Leaves;
  dispose(): Promise<void>;
}

/** All that a sampler asks for. The caller disposes it. */
export async function compileSlopes(task: EnergyTask, sampler: Sampler, engine: Engine): Promise<Slopes> {
  const gradient = await engine.compile(compileEnergyGradient(task));
  const isImplicit = sampler.kind === "ode" && TABLEAUS[sampler.solver].implicit !== undefined;
  if (!isImplicit) return { gradient, dispose: () => gradient.dispose() };
  const leaves = await compileLeaves(task, engine);
  return {
    gradient,
    leaves,
    async dispose() {
      await gradient.dispose();
      await leaves.gradients?.dispose();
    },
  };
}

/** The leaf gradients of an energy, and how it bends. The caller disposes `gradients`. */
export async function compileLeaves(task: EnergyTask, engine: Engine): Promise<Leaves> {
  const compiled = compileLeafGradients(task);
  const bend = bendOf(task);
  const bendAt: Leaves["bendAt"] = (values, numbers) => bend(values, numbers).bend;
  if (compiled === undefined) return { count: 0, passes: 1, bendAt };
  const { graph, count, passes } = compiled;
  return { gradients: await engine.compile(graph), count, passes, bendAt };
}
