// A short speed test of an engine, for `lacec doctor`: the two kinds of work that a run consists of.
// In: an Engine. Out: median milliseconds.
// Invariants: the graphs go the usual way (built, differentiated, optimised, compiled); weights are arbitrary but fixed, of a scale
//   that keeps all numbers ordinary (denormals would slow the arithmetic down).
import { GraphBuilder } from "../../compiler/graph/builder.js";
import type { Graph, ImageLayout, Shape } from "../../compiler/graph/graph.js";
import { differentiate } from "../../compiler/passes/differentiate.js";
import { optimize } from "../../compiler/passes/optimize.js";
import type { Engine } from "./engine.js";

export interface Speed {
  /** Value and gradient of an 8 x 512 leaky-ReLU network on 16 rows, ms. */
  readonly gradientMs: number;
  /** A 3x3 convolution of 64 channels to 64 at 64 x 64 pixels, one image, ms. */
  readonly convolutionMs: number;
}

const ROWS = 16;
const WIDTH = 512;
const LAYERS = 8;
const CHANNELS = 64;
const PIXELS = 64;
/** Rounds before the clock starts, in which engines allocate and compile. */
const WARM_UP = 2;

/**
 * Times an engine for about `seconds` (1 by default), after warming up. At least one round is timed, however slow the engine is.
 *
 * Units    milliseconds, medians.
 */
export async function speedTest(engine: Engine, { seconds = 1 }: { readonly seconds?: number } = {}): Promise<Speed> {
  const milliseconds = (seconds * 1000) / 2;
  return {
    gradientMs: await time(engine, gradientGraph(), milliseconds),
    convolutionMs: await time(engine, convolutionGraph(engine.layout), milliseconds),
  };
}

/** For people: "gradient 0.8 ms, convolution 3.1 ms". */
export function describeSpeed({ gradientMs, convolutionMs }: Speed): string {
  return `gradient ${rounded(gradientMs)} ms, convolution ${rounded(convolutionMs)} ms`;
}

/** The gradient evaluation that `speedTest` times: also the subject of bench/engines.ts. */
export function gradientGraph(): Graph {
  const b = new GraphBuilder();
  let x = b.input("x", [ROWS, WIDTH]);
  for (let i = 0; i < LAYERS; i++) {
    const weight = b.constant(weights(WIDTH * WIDTH, i, Math.sqrt(3 / WIDTH)), [WIDTH, WIDTH]);
    const bias = b.constant(weights(WIDTH, LAYERS + i, 0.1), [WIDTH]);
    x = b.leakyRelu(b.add(b.matmul(x, weight), bias), 0.2, Math.SQRT2);
  }
  const y = b.sum(x, [1]);
  const graph = b.finish({ outputs: { y } });
  return optimize(differentiate(graph, { of: "y", wrt: { x: "gradient" } }));
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
  const round = async (): Promise<number> => {
    const start = performance.now();
    await executable.run(inputs);
    return performance.now() - start;
  };
  const begun = performance.now();
  for (let i = 0; i < WARM_UP && performance.now() - begun < milliseconds; i++) await round();
  const end = performance.now() + milliseconds;
  const times = [await round()];
  while (performance.now() < end) times.push(await round());
  await executable.dispose();
  return times.sort((a, b) => a - b)[times.length >> 1] ?? NaN;
}

/** Numbers spread evenly over -scale .. scale (multiples of the golden ratio, modulo 1). */
function weights(length: number, seed: number, scale: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => scale * (2 * (((i + 1) * 0.6180339887 + seed * 0.414) % 1) - 1));
}

function rounded(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(0);
}
