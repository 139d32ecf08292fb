// Step graphs by the float64 interpreter: the whole solve, a graph a step.
// In: start and step graphs, starts [rows, dim]. Out: ends, statuses and counts as the host's solver gives them.
import { prepare, type InterpreterInputs, type InterpreterOutputs } from "../../src/compiler/graph/interpret.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { SAMPLE_STATUSES } from "../../src/compiler/sampling/status.js";

export interface InterpretedSteps {
  readonly z: Float64Array;
  readonly logp: readonly number[];
  readonly samples: readonly {
    readonly status: string;
    readonly accepted: number;
    readonly rejected: number;
    readonly evaluations: number;
  }[];
  /** Runs of the step graph. */
  readonly runs: number;
}

/** Sizes of a start graph's inputs, by name. */
function sizes(graph: Graph): ReadonlyMap<string, number> {
  return new Map(graph.inputs.map(({ name, node }) => [name, graph.nodes[node]!.shape.reduce((a, n) => a * n, 1)]));
}

/** Runs the graphs until every row has ended, at most `most` steps. `each` gives further inputs of step k, and is told its outputs. */
export function interpretSteps(
  start: Graph,
  step: Graph,
  z0: Float64Array,
  options: {
    readonly rows: number;
    readonly more?: InterpreterInputs;
    readonly inputs?: (k: number) => InterpreterInputs;
    readonly onStep?: (outputs: InterpreterOutputs) => void;
    readonly most?: number;
  },
): InterpretedSteps {
  const { rows, more = {}, inputs = () => ({}), onStep, most = 100_000 } = options;
  const zero = Object.fromEntries([...sizes(start)].map(([name, size]) => [name, new Float64Array(size)]));
  const fresh = new Float64Array(rows).fill(1);
  let state = prepare(start)({ ...zero, ...more, start: z0, fresh });
  const run = prepare(step);
  const columns = state["book"]!.length / rows;
  const statusOf = (row: number): number => state["book"]![row * columns]!;
  let runs = 0;
  onStep?.(state);
  while (runs < most && Array.from({ length: rows }, (_, i) => statusOf(i)).includes(0)) {
    state = run({ ...more, ...state, ...inputs(runs) });
    runs += 1;
    onStep?.(state);
  }
  const column = (row: number, c: number): number => state["book"]![row * columns + c]!;
  return {
    z: state["z"]!,
    logp: Array.from({ length: rows }, (_, i) => column(i, 4)),
    samples: Array.from({ length: rows }, (_, i) => ({
      status: SAMPLE_STATUSES[column(i, 0) - 1] ?? "running",
      accepted: column(i, 1),
      rejected: column(i, 2),
      evaluations: column(i, 3),
    })),
    runs,
  };
}
