// The checked module: every name resolved, every number evaluated, every default filled in; energies still as written
// (formulas), without a logic's meaning. In: check. Out: lower and --print checked. Plain data.
import type { Attribute } from "../attribute.js";
import type { DefaultsEdition } from "../defaults.js";
import type {
  EditStep,
  EditTask,
  Keep,
  LatentSave,
  PlanModel,
  SampleTask,
  Save,
  SweepTask,
  TraverseTask,
} from "../plan.js";
import type { Span } from "../../source/span.js";
import type { Formula } from "../energy/formula.js";

export interface CheckedStep extends Omit<EditStep, "energy" | "names" | "held"> {
  readonly energy: Formula;
}

/** `keepable`: attributes that `keep attributes` holds where no cell names them. */
export interface CheckedKeep extends Omit<Keep, "held"> {
  readonly keepable: readonly number[];
}

export type CheckedTask =
  | (Omit<SampleTask, "energy"> & { readonly energy: Formula })
  | (Omit<TraverseTask, "energy" | "keep"> & { readonly energy: Formula; readonly keep?: CheckedKeep })
  | (Omit<SweepTask, "cells" | "keep"> & { readonly cells: readonly Formula[]; readonly keep?: CheckedKeep })
  | (Omit<EditTask, "steps"> & {
      readonly steps: readonly CheckedStep[];
      /** Attributes that `keep attributes` holds until a step names them. */
      readonly keepable: readonly number[];
    });

export interface CheckedExpect {
  readonly task: number;
  readonly clauses: readonly {
    readonly energy: Formula;
    readonly fraction: number;
    readonly text: string;
    readonly span: Span;
  }[];
  readonly span: Span;
}

export interface CheckedModule {
  /** What settings that the script leaves out got. */
  readonly defaults: DefaultsEdition;
  /** The models that tasks use, in order of first use. */
  readonly models: readonly PlanModel[];
  readonly inputs: readonly { readonly name: string; readonly value: number | string }[];
  readonly tasks: readonly CheckedTask[];
  readonly expects: readonly CheckedExpect[];
  readonly saves: readonly Save[];
  readonly latentSaves: readonly LatentSave[];
}

/** The attribute table of a task's model. */
export function tableOf(models: readonly PlanModel[], task: { readonly model: number }): readonly Attribute[] {
  return models[task.model]?.attributes ?? [];
}

/** The energies of a task: one, a sweep's one a cell, an edit's one a step. */
export function energiesOf(task: CheckedTask): readonly Formula[] {
  if (task.kind === "edit") return task.steps.map((s) => s.energy);
  return task.kind === "sweep" ? task.cells : [task.energy];
}
