// What a sampler follows: the compiled gradient of a condition, and for linearly implicit solvers what makes the Gauss-Newton matrix; or its start and
// step, where the engine steps on its device.
// In: a condition of a task's program, an engine. Out: executables; the caller disposes them.
import type { ArgumentJacobian, Condition, Stepping } from "../../compiler/build/compile-task.js";
import type { DeviceSampler } from "../sample/device.js";
import type { CompiledSampler, EarlyStretch, JacobianTerm } from "../sample/index.js";
import { compileProgramGraph, type Engine } from "../services/engine.js";

export interface Gradients extends CompiledSampler {
  dispose(): Promise<void>;
}

/**
 * All that a sampler asks for, of a tile of `rows`. The caller disposes it. `hasWays`: states on the samples' ways are wanted, which a step on the device does not give.
 */
export async function openGradients(
  { early, stepping, ...followed }: Condition,
  { engine, rows, hasWays }: { readonly engine: Engine; readonly rows: number; readonly hasWays: boolean },
): Promise<Gradients> {
  if (engine.steps === "device" && stepping !== undefined && !hasWays) {
    const device = await openStepping(stepping, engine, rows);
    return { device, dispose: () => disposeStepping(device) };
  }
  const stretches: EarlyStretch[] = [];
  for (const { until, ...terms } of early) {
    const inputs = terms.gradient.built().inputs.map((input) => input.name);
    stretches.push({ until, inputs, ...(await openFollowed(terms, engine)) });
  }
  const last = await openFollowed(followed, engine);
  return {
    ...last,
    ...(stretches.length > 0 && { early: stretches }),
    async dispose() {
      for (const { gradient, jacobian } of [...stretches, last]) {
        await gradient.dispose();
        await jacobian?.executable?.dispose();
      }
    },
  };
}

async function openFollowed(
  { gradient, jacobian }: Pick<Condition, "gradient" | "jacobian">,
  engine: Engine,
): Promise<Pick<EarlyStretch, "gradient" | "jacobian">> {
  const executable = await compileProgramGraph(engine, gradient);
  return { gradient: executable, ...(jacobian && { jacobian: await openJacobian(jacobian, engine) }) };
}

/** A sampler on an engine that steps on its device, of a tile of `rows`. The caller disposes it (disposeStepping). */
export async function openStepping(stepping: Stepping, engine: Engine, rows: number): Promise<DeviceSampler> {
  const graphs = stepping.compiled();
  const start = await engine.compile(graphs.start, { keeps: true });
  const step = await engine.compile(graphs.step, { keeps: true });
  return { ...stepping, start, step, rows };
}

export async function disposeStepping({ start, step }: DeviceSampler): Promise<void> {
  await start.dispose();
  await step.dispose();
}

/** The Jacobian of an energy's arguments on an engine. The caller disposes `executable`. */
export async function openJacobian(jacobian: ArgumentJacobian, engine: Engine): Promise<JacobianTerm> {
  const { graph, count, passes } = jacobian;
  const hessianAt: JacobianTerm["hessianAt"] = (values, numbers) => jacobian.hessianAt(values, numbers);
  if (graph === undefined) return { count, passes, hessianAt };
  return { executable: await compileProgramGraph(engine, graph), count, passes, hessianAt };
}
