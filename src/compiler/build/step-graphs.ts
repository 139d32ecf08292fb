// The start and the step of a task's sampler as graphs: a whole sampler for any runtime, which runs the step until the statuses say that all have ended.
// In: a sampler of the plan, a compiled gradient. Out: Graphs from state to state, and what the columns of their books are.
// Invariant: which samplers have them is said here alone: not the linearly implicit solver, whose systems are solved on the host, and not one step
// size for a whole batch, which no tile of it knows.
import type { Graph } from "../graph/graph.js";
import { optimize } from "../passes/optimize.js";
import { isLinearlyImplicit, type Sampler } from "../plan.js";
import { FIXED_STEPS, TAU_END } from "../sampling/diffusion.js";
import { GAINS } from "../sampling/step-control.js";
import { TABLEAUS, type Tableau } from "../sampling/tableaus.js";
import { buildStart, buildStep, stepColumns, type StepControl } from "./step.js";
import { buildStochasticStart, buildStochasticStep, stochasticColumns, traceLength } from "./step-stochastic.js";

type Ode = Extract<Sampler, { kind: "ode" }>;

/** What a sampler has as graphs. */
export interface StepGraphs {
  /** As buildStart or buildStochasticStart. */
  start(gradient: Graph): Graph;
  /** As buildStep or buildStochasticStep. */
  step(gradient: Graph): Graph;
  /** Columns of the book, in their order. */
  readonly columns: readonly string[];
  /** Columns after those: one number for each state that belongs to a chain. */
  readonly trace: number;
  /** Evaluations of the gradient that a run of each takes. */
  readonly evaluations: { readonly start: number; readonly step: number };
  /** How a row's steps are going, from its columns by name: its share of the way, in [0, 1], and the steps that it will take yet, likely: exactly where they are of one size. */
  outlook(column: (name: string) => number): { readonly share: number; readonly steps: number };
}

/** The graphs of a sampler; undefined where it steps on the host alone. */
export function stepGraphsOf(sampler: Sampler): StepGraphs | undefined {
  if (sampler.kind !== "ode") {
    return {
      start: (gradient) => buildStochasticStart(sampler, gradient),
      step: (gradient) => buildStochasticStep(sampler, gradient),
      columns: stochasticColumns(sampler),
      trace: traceLength(sampler),
      evaluations: { start: 1, step: sampler.kind === "hmc" ? sampler.leaps : 1 },
      outlook: (column) => outlookOf(column("accepted") + column("rejected"), sampler.steps),
    };
  }
  if (isLinearlyImplicit(sampler) || sampler.control === "batch") return undefined;
  const tableau: Tableau = TABLEAUS[sampler.solver];
  const control = controlOf(sampler, tableau);
  return {
    start: (gradient) => buildStart(tableau, gradient, control),
    step: (gradient) => buildStep(tableau, gradient, control),
    columns: stepColumns(control),
    trace: 0,
    evaluations: {
      start: control.kind === "adaptive" ? 2 : 1,
      step: tableau.c.length - (tableau.firstSameAsLast ? 1 : 0),
    },
    outlook: (column) => {
      if (control.kind === "fixed") return outlookOf(column("accepted"), control.steps);
      const [tau, h] = [column("tau"), column("h")];
      // Steps grow on the way, mostly: half of what they would be as they are.
      const steps = Math.ceil((control.span - tau) / (2 * h));
      const left = control.maxSteps - column("accepted") - column("rejected");
      return { share: tau / control.span, steps: steps >= 0 ? Math.min(steps, left) : left };
    },
  };
}

function outlookOf(taken: number, steps: number): { readonly share: number; readonly steps: number } {
  return { share: taken / steps, steps: steps - taken };
}

/** How the steps of a solver are sized. */
function controlOf(sampler: Ode, { error }: Tableau): StepControl {
  const { rtol, atol, stepControl, maxSteps, patient, tau = TAU_END } = sampler;
  const steps = sampler.steps ?? (error === undefined ? FIXED_STEPS : undefined);
  if (steps !== undefined) return { kind: "fixed", span: tau, steps };
  return { kind: "adaptive", span: tau, rtol, atol, gains: GAINS[stepControl], maxSteps, givesUp: patient !== true };
}

/** A start or a step for an engine: the gradient in it has been through all passes already. */
export function compileStepGraph(graph: Graph): Graph {
  return optimize(graph);
}
