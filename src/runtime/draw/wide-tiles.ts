// A second, higher tile of a gradient, for many samples: the weights of a tile are read once for all of its rows, which is most of the time where these are few.
// In: a gradient's tile and its graph for more rows. Out: the higher tile, if it may be used.
// Invariant: it may where every row has the bits that the low tile gives it, at whatever place of either: tried here on the processor and the network at
// hand, since no library promises it. Else samples keep to the low tile, and to their rows of it.
import type { Arrays, Executable, Graph } from "../../compiler/graph/graph.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import type { Engine } from "../services/engine.js";
import { drawLatents } from "../sample/noise-source.js";
import type { WideTile } from "../sample/field.js";

/** Rows of the higher tile: those of several low ones. */
export const WIDE_ROWS = 128;

/** Fewer samples than this are drawn before the higher tile is compiled. */
export const WORTH_WIDE = 128;

/** Compiles the higher tile of a gradient, whose low one has `rows`; undefined where its bits differ. The caller disposes it. */
export async function openWide(
  gradient: Executable,
  graph: Graph,
  engine: Engine,
  rows: number,
): Promise<WideTile | undefined> {
  const executable = await engine.compile(graph);
  if (await agrees(gradient, rows, executable, graph)) return { gradient: executable, rows: WIDE_ROWS };
  await executable.dispose();
  return undefined;
}

type Rows = Readonly<Record<string, readonly Float32Array[]>>;

/** Whether rows of both tiles have the same bits: in order, and turned round. */
async function agrees(low: Executable, rows: number, wide: Executable, graph: Graph): Promise<boolean> {
  const inputs = inputsOf(graph);
  const order = Array.from({ length: WIDE_ROWS }, (_, k) => k);
  const expected = await outputsOf(wide, inputs, order, WIDE_ROWS);
  if (!expected.every((row) => row.every(Number.isFinite))) return false;
  const turned = [...order].reverse();
  const others = [
    ...(await outputsOf(wide, inputs, turned, WIDE_ROWS)).reverse(),
    ...(await outputsOf(low, inputs, order, rows)),
    ...(await outputsOf(low, inputs, turned, rows)).reverse(),
  ];
  return others.every((row, k) => row.every((x, i) => Object.is(x, expected[k % WIDE_ROWS]?.[i])));
}

/** Rows of each input: latents as they are drawn, other numbers between 0.3 and 1. */
function inputsOf({ inputs, nodes }: Graph): Rows {
  return Object.fromEntries(
    inputs.map(({ name, node }) => {
      const width = sizeOf(nodes[node]?.shape ?? []) / WIDE_ROWS;
      const places = Array.from({ length: WIDE_ROWS }, (_, k) => k);
      const all =
        name === "z"
          ? Float32Array.from(drawLatents(0, places, width))
          : Float32Array.from({ length: WIDE_ROWS * width }, (_, i) => 0.3 + 0.7 * ((i * 0.618034) % 1));
      return [name, places.map((k) => all.subarray(k * width, (k + 1) * width))];
    }),
  );
}

/** log p and gradient of rows in some order, `height` in a run. */
async function outputsOf(
  executable: Executable,
  inputs: Rows,
  order: readonly number[],
  height: number,
): Promise<(readonly number[])[]> {
  const found: (readonly number[])[] = [];
  for (let start = 0; start < order.length; start += height) {
    const taken = order.slice(start, start + height);
    const arrays: Arrays = Object.fromEntries(
      Object.entries(inputs).map(([name, all]) => [name, Float32Array.from(taken.flatMap((k) => [...(all[k] ?? [])]))]),
    );
    const { logp = new Float32Array(0), grad = new Float32Array(0) } = await executable.run(arrays);
    const width = grad.length / height;
    for (let k = 0; k < height; k++) found.push([logp[k] ?? NaN, ...grad.subarray(k * width, (k + 1) * width)]);
  }
  return found;
}
