// A short speed test of an engine, for `lacec doctor`: the two kinds of work that a run consists of, and what steps cost in either place.
// In: an Engine. Out: median milliseconds.
// Invariants: the graphs go the usual way (built, differentiated, optimised, compiled); weights are arbitrary but fixed, of a scale
//   that keeps all numbers ordinary (denormals would slow the arithmetic down).
import { GraphBuilder } from "../../compiler/graph/builder.js";
import type { Graph, ImageLayout, Shape } from "../../compiler/graph/graph.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { optimize } from "../../compiler/passes/optimize.js";
import { stepGraphsOf } from "../../compiler/build/step-graphs.js";
import type { Sampler } from "../../compiler/plan.js";
import { drawSamples } from "../sample/index.js";
import type { Engine, SteppingPlace } from "./engine.js";

export interface Speed {
  /** Value and gradient of an 8 x 512 leaky-ReLU network on 16 rows, ms. */
  readonly gradientMs: number;
  /** A 3x3 convolution of 64 channels to 64 at 64 x 64 pixels, one image, ms. */
  readonly convolutionMs: number;
  /** Where the engine steps. */
  readonly steps: SteppingPlace;
  /** A step of dopri5 on that gradient, six evaluations, by the host and on the engine's device, ms; null where that would take seconds, or the engine keeps no values. */
  readonly stepMs: Readonly<Record<SteppingPlace, number>> | null;
}

const ROWS = 16;
const WIDTH = 512;
const LAYERS = 8;
const CHANNELS = 64;
const PIXELS = 64;
/** Rounds before the clock starts, in which engines allocate and compile. */
const WARM_UP = 2;
/** Steps that are timed together: what is queued on a device before the host looks. */
const STEPS = 8;
const STEPPER: Extract<Sampler, { kind: "ode" }> = {
  ...{ kind: "ode", solver: "dopri5", steps: STEPS, rtol: 1e-3, atol: 1e-3 },
  ...{ control: "sample", stepControl: "pi", maxSteps: STEPS },
};
/** Of dopri5, whose last evaluation is the next step's first. */
const EVALUATIONS_A_STEP = 6;
/** Of a round of steps, ms. */
const LONGEST_STEPS = 3000;
/** What is faster by this is worth a word. */
const WORTH_A_WORD = 1.2;

interface SpeedTestOptions {
  readonly seconds?: number;
  /** A round of steps that would take longer is left out, ms. */
  readonly longestSteps?: number;
}

/**
 * Times an engine for about `seconds` (1 by default), after warming up. At least one round is timed, however slow the engine is.
 *
 * Units    milliseconds, medians.
 */
export async function speedTest(
  engine: Engine,
  { seconds = 1, longestSteps = LONGEST_STEPS }: SpeedTestOptions = {},
): Promise<Speed> {
  const milliseconds = (seconds * 1000) / 3;
  const gradientMs = await time(engine, gradientGraph(), milliseconds);
  const convolutionMs = await time(engine, convolutionGraph(engine.layout), milliseconds);
  const { steps } = engine;
  const isShort = 2 * STEPS * EVALUATIONS_A_STEP * gradientMs <= longestSteps;
  const stepMs = isShort ? await timeSteps(engine, milliseconds) : null;
  return { gradientMs, convolutionMs, steps, stepMs };
}

/** For people: "gradient 0.8 ms, convolution 3.1 ms, step 5.1 ms (7.0 ms on the device)". `engine`: its name. */
export function describeSpeed({ gradientMs, convolutionMs, steps, stepMs }: Speed, engine: string): string {
  const works = `gradient ${rounded(gradientMs)} ms, convolution ${rounded(convolutionMs)} ms`;
  if (stepMs === null) return works;
  const other = steps === "host" ? "device" : "host";
  const places = { host: "by the host", device: "on the device" };
  const gain = stepMs[steps] / stepMs[other];
  // Bits of processors are those of the host.
  const advice =
    steps === "host" || gain < WORTH_A_WORD ? "" : `: --engine ${engine}:${other} is ${gain.toFixed(1)} times as fast`;
  return `${works}, step ${rounded(stepMs[steps])} ms (${rounded(stepMs[other])} ms ${places[other]}${advice})`;
}

/** Steps of 16 samples on the gradient that `speedTest` times, in both places. */
async function timeSteps(engine: Engine, milliseconds: number): Promise<Speed["stepMs"]> {
  const graphs = stepGraphsOf(STEPPER);
  if (graphs === undefined) return null;
  const graph = gradientGraph({ of: "logp", in: "z", as: "grad" });
  const gradient = await engine.compile(graph);
  const [start, step] = await Promise.all(
    [graphs.start(graph), graphs.step(graph)].map((g) => engine.compile(optimize(g), { keeps: true })),
  );
  try {
    if (start?.queue === undefined || step?.queue === undefined) return null;
    const drawing = { rows: ROWS, zDim: WIDTH, sampler: STEPPER, seed: 0, samples: Array.from(Array(ROWS).keys()) };
    const draws = { host: { gradient }, device: { device: { ...graphs, start, step, rows: ROWS } } };
    const works = [draws.host, draws.device].map((draw) => () => drawSamples({ ...drawing, ...draw }));
    const [host = NaN, device = NaN] = await medians(works, milliseconds);
    return { host: host / STEPS, device: device / STEPS };
  } finally {
    for (const executable of [gradient, start, step]) await executable?.dispose();
  }
}

/** The gradient evaluation that `speedTest` times: also the subject of bench/engines.ts. */
export function gradientGraph(names = { of: "y", in: "x", as: "gradient" }): Graph {
  const b = new GraphBuilder();
  let x = b.input(names.in, [ROWS, WIDTH]);
  for (let i = 0; i < LAYERS; i++) {
    const weight = b.constant(weights(WIDTH * WIDTH, i, Math.sqrt(3 / WIDTH)), [WIDTH, WIDTH]);
    const bias = b.constant(weights(WIDTH, LAYERS + i, 0.1), [WIDTH]);
    x = b.leakyRelu(b.add(b.matmul(x, weight), bias), 0.2, Math.SQRT2);
  }
  const y = b.sum(x, [1]);
  const graph = b.finish({ outputs: { [names.of]: y } });
  return optimize(differentiate(graph, { of: names.of, wrt: { [names.in]: names.as } }));
}

function convolutionGraph(layout: ImageLayout): Graph {
  const b = new GraphBuilder();
  const shape: Shape = layout === "nchw" ? [1, CHANNELS, PIXELS, PIXELS] : [1, PIXELS, PIXELS, CHANNELS];
  const x = b.input("x", shape);
  const weight = b.constant(weights(CHANNELS * CHANNELS * 9, 1, Math.sqrt(3 / (9 * CHANNELS))), [
    CHANNELS,
    CHANNELS,
    3,
    3,
  ]);
  return b.finish({ outputs: { y: b.conv2d(x, weight, { pad: 1, layout }) } });
}

async function time(engine: Engine, graph: Graph, milliseconds: number): Promise<number> {
  const executable = await engine.compile(graph);
  const size = graph.inputs.flatMap(({ node }) => graph.nodes[node]?.shape ?? []).reduce((a, n) => a * n, 1);
  const inputs = { x: weights(size, 99, 1) };
  const [ms = NaN] = await medians([() => executable.run(inputs)], milliseconds);
  await executable.dispose();
  return ms;
}

/** The median time of each work, which take turns, ms. */
async function medians(works: readonly (() => Promise<unknown>)[], milliseconds: number): Promise<readonly number[]> {
  const times = works.map((): number[] => []);
  const round = async (): Promise<void> => {
    for (const [k, work] of works.entries()) {
      const start = performance.now();
      await work();
      times[k]?.push(performance.now() - start);
    }
  };
  const begun = performance.now();
  for (let i = 0; i < WARM_UP && performance.now() - begun < milliseconds; i++) await round();
  for (const all of times) all.length = 0;
  const end = performance.now() + milliseconds;
  do await round();
  while (performance.now() < end);
  return times.map((all) => all.sort((a, b) => a - b)[all.length >> 1] ?? NaN);
}

/** Numbers spread evenly over -scale .. scale (multiples of the golden ratio, modulo 1). */
function weights(length: number, seed: number, scale: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => scale * (2 * (((i + 1) * 0.6180339887 + seed * 0.414) % 1) - 1));
}

function rounded(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(0);
}
