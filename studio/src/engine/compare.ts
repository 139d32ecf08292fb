// What differs in meaning between two projects, as `lacec diff` says it of two scripts: in the worker's script, loaded when it is asked for.
// In: two projects with the values of their inputs, the address of models. Out: Meaning. Invariant: of a model that ships with lacec, what scripts are compiled against is read; nothing runs.
import { compileWhole } from "../../../src/app/compile-script.js";
import { browserHost } from "../../../src/browser/host.js";
import { diffPlans, type PlanDifference } from "../../../src/compiler/diff-plans.js";
import type { Plan } from "../../../src/compiler/plan.js";
import { LaceError } from "../../../src/source/diagnostic.js";
import type { Project } from "../state/project-values.js";

export type ComparedProject = Pick<Project, "files" | "entry" | "inputs">;

export interface Meaning {
  readonly differences: readonly PlanDifference[];
  /** Why they cannot be compared. */
  readonly trouble?: string;
}

export interface ComparisonAsked {
  readonly before: ComparedProject;
  readonly after: ComparedProject;
  readonly models: string;
}

async function planOf({ files, entry, inputs }: ComparedProject, models: string): Promise<Plan> {
  const host = browserHost({
    read: (path) => Promise.resolve(Object.hasOwn(files, path) ? files[path] : undefined),
    builtin: async (name) => {
      const response = await fetch(`${models}${name}.safetensors`);
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
    },
    write: () => Promise.resolve(),
  });
  return (await compileWhole(entry, host, { inputs: new Map(Object.entries(inputs)) })).plan;
}

/** Compares. What goes wrong is said in the answer. */
export async function compare({ before, after, models }: ComparisonAsked): Promise<Meaning> {
  try {
    return { differences: diffPlans(await planOf(before, models), await planOf(after, models)) };
  } catch (error) {
    const trouble = error instanceof LaceError ? error.diagnostics.map((d) => d.message).join("; ") : String(error);
    return { differences: [], trouble };
  }
}
