// One sample task up to its latents: compile the gradient, follow the flow, read the ends out.
// Invariants: tiles have ENERGY_ROWS rows whatever the count, so a sample's bits depend on seed, index and energy alone.
import { compileEnergyGradient, compileReadout } from "../../compiler/passes/compile-energy.js";
import type { SampleTask } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import type { Engine } from "../engine/engine.js";
import type { PhaseClock } from "../events.js";
import type { Model } from "../model/model.js";
import { drawSamples } from "../sample/index.js";
import { describeFailures } from "./failures.js";
import { readOut } from "./readout.js";
import type { SampleResult } from "./results.js";
import { stopIfAborted } from "./stop.js";

/** Rows of the gradient's tile. */
export const ENERGY_ROWS = 16;

export interface Drawing {
  readonly samples: readonly SampleResult[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Draws all samples of a task. A sample that fails has its status; the others go on. */
export async function drawTask(
  task: SampleTask,
  model: Model,
  engine: Engine,
  clock: PhaseClock,
  signal: AbortSignal | undefined,
): Promise<Drawing> {
  const rows = ENERGY_ROWS;
  const { zDim } = model.info;
  const indices = Array.from({ length: task.count }, (_, i) => i);
  const compiled = await clock.run("compile", { task: task.name }, async () => {
    const { energy, logic, truncation } = task;
    const { weights, info } = model;
    const graph = compileEnergyGradient({ energy, logic, weights, attributes: info.attributes, truncation, rows });
    const gradient = await engine.compile(graph);
    const readout = await engine.compile(compileReadout({ weights, truncation, rows }));
    return { gradient, readout };
  });
  stopIfAborted(signal);
  try {
    const drawn = await clock.run(
      "sample",
      { task: task.name, total: task.count },
      async () => {
        const { gradient } = compiled;
        const result = await drawSamples({
          gradient,
          rows,
          zDim,
          sampler: task.sampler,
          seed: task.seed,
          samples: indices,
          onProgress: ({ fraction, evaluations }) => {
            clock.progress("sample", task.name, fraction * task.count, task.count, `${evaluations} evaluations`);
          },
          ...(signal === undefined ? {} : { signal }),
        });
        stopIfAborted(signal);
        const wanted = result.samples.map((s) => s.status !== "non-finite");
        const read = await readOut(compiled.readout, model, { rows, z: result.z, samples: indices, wanted });
        return { ...result, read };
      },
      (result) => `${result.evaluations} evaluations`,
    );
    const samples = drawn.samples.map((stats, i): SampleResult => {
      const row = drawn.read[i];
      return {
        ...stats,
        index: i,
        seed: task.seed,
        logp: drawn.logp[i] ?? NaN,
        z: drawn.z.slice(i * zDim, (i + 1) * zDim),
        w: row?.w ?? new Float32Array(0),
        heads: row?.heads ?? [],
      };
    });
    return { samples, diagnostics: await describeFailures(task, samples, model, engine) };
  } finally {
    await compiled.gradient.dispose();
    await compiled.readout.dispose();
  }
}
