// What a sampler follows: the compiled gradient of a condition, and for linearly implicit solvers what makes the Gauss-Newton matrix.
// In: a condition of a task's program, an engine. Out: executables; the caller disposes them.
import type { ArgumentJacobian, Condition } from "../../compiler/build/compile-task.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { JacobianTerm } from "../sample/index.js";
import type { Engine } from "../services/engine.js";

export interface Gradients {
  readonly gradient: Executable;
  /** Where the sampler asks for it. */
  readonly jacobian?: JacobianTerm;
  dispose(): Promise<void>;
}

/** All that a sampler asks for. The caller disposes it. */
export async function openGradients({ gradient, jacobian }: Condition, engine: Engine): Promise<Gradients> {
  const executable = await engine.compile(gradient.compiled());
  if (jacobian === undefined) return { gradient: executable, dispose: () => executable.dispose() };
  const term = await openJacobian(jacobian, engine);
  return {
    gradient: executable,
    jacobian: term,
    async dispose() {
      await executable.dispose();
      await term.executable?.dispose();
    },
  };
}

/** The Jacobian of an energy's arguments on an engine. The caller disposes `executable`. */
export async function openJacobian(jacobian: ArgumentJacobian, engine: Engine): Promise<JacobianTerm> {
  const { graph, count, passes } = jacobian;
  const hessianAt: JacobianTerm["hessianAt"] = (values, numbers) => jacobian.hessianAt(values, numbers);
  if (graph === undefined) return { count, passes, hessianAt };
  return { executable: await engine.compile(graph.compiled()), count, passes, hessianAt };
}
