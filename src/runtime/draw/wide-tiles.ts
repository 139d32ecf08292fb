// A second, higher tile of what samples follow, for many of them: the weights of a tile are read once for all of its rows, which is most of the time where
// these are few, and a device that queues steps has more to do in each.
// In: what is compiled for the low tile, its graphs for more rows. Out: the higher tile, if it may be used.
// Invariant: it may where every row has the bits that the low tile gives it, at whatever place of either: tried here on the processor and the network at
// hand, since no library promises it. Else samples keep to the low tile, and to their rows of it.
import { STATE } from "../../compiler/build/step-state.js";
import type { Stepping } from "../../compiler/build/compile-task.js";
import type { Arrays, Executable, Graph } from "../../compiler/graph/graph.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import type { Sampler } from "../../compiler/plan.js";
import { concat } from "../../source/concat.js";
import { WIDE_ROWS } from "../plan/tiles.js";
import type { Engine } from "../services/engine.js";
import { sampleOnDevice, type DeviceSampler } from "../sample/device.js";
import { drawLatents, seededNoise } from "../sample/noise-source.js";
import type { WideTile } from "../sample/field.js";
import { disposeStepping, openStepping } from "./gradients.js";

/** Fewer samples than this are drawn before the higher tile is compiled. */
export const WORTH_WIDE = WIDE_ROWS;

/** Compiles the higher tile of a gradient, whose low one has `rows`; undefined where its bits differ. The caller disposes it. */
export async function openWide(
  gradient: Executable,
  graph: Graph,
  engine: Engine,
  rows: number,
): Promise<WideTile | undefined> {
  const executable = await engine.compile(graph);
  const inputs = inputsOf(graph, WIDE_ROWS.host);
  const tried = await agree(
    [rows, (order) => outputsOf(gradient, inputs, order)],
    [WIDE_ROWS.host, (order) => outputsOf(executable, inputs, order)],
  );
  if (tried) return { gradient: executable, rows: WIDE_ROWS.host };
  await executable.dispose();
  return undefined;
}

/** The same of a sampler that steps on the engine's device: a start, and the first steps before the host looks. The caller disposes it. */
export async function openWideSteps(
  low: DeviceSampler,
  stepping: Stepping,
  { engine, sampler }: { readonly engine: Engine; readonly sampler: Sampler },
): Promise<DeviceSampler | undefined> {
  const graphs = stepping.compiled();
  const wide = await openStepping({ ...stepping, compiled: () => graphs }, engine, WIDE_ROWS.device);
  const given = inputsOf(graphs.start, WIDE_ROWS.device);
  const firstSteps =
    (device: DeviceSampler): Rows =>
    (order) =>
      stepsOf(device, sampler, given, order);
  if (await agree([low.rows, firstSteps(low)], [wide.rows, firstSteps(wide)])) return wide;
  await disposeStepping(wide);
  return undefined;
}

/** What a tile gives for rows in some order, as many as it has. */
type Rows = (order: readonly number[]) => Promise<readonly (readonly number[])[]>;

/** Whether rows of both tiles, which have so many, have the same bits: in order, and turned round. */
async function agree([few, low]: readonly [number, Rows], [many, wide]: readonly [number, Rows]): Promise<boolean> {
  const order = Array.from({ length: many }, (_, k) => k);
  const turned = [...order].reverse();
  const expected = await wide(order);
  if (!expected.every((row) => row.every(Number.isFinite))) return false;
  const inLow = async (places: readonly number[]): Promise<(readonly number[])[]> => {
    const found: (readonly number[])[] = [];
    for (let at = 0; at < many; at += few) found.push(...(await low(places.slice(at, at + few))));
    return found;
  };
  const others = [...[...(await wide(turned))].reverse(), ...(await inLow(order)), ...(await inLow(turned)).reverse()];
  return others.every((row, k) => row.every((x, i) => Object.is(x, expected[k % many]?.[i])));
}

type Inputs = Readonly<Record<string, readonly Float32Array[]>>;

/** Rows of each input of a graph of `height` rows: latents as they are drawn, other numbers between 0.3 and 1. */
function inputsOf({ inputs, nodes }: Graph, height: number): Inputs {
  return Object.fromEntries(
    inputs.map(({ name, node }) => {
      const width = sizeOf(nodes[node]?.shape ?? []) / height;
      const places = Array.from({ length: height }, (_, k) => k);
      const all =
        name === "z"
          ? Float32Array.from(drawLatents(0, places, width))
          : Float32Array.from({ length: height * width }, (_, i) => 0.3 + 0.7 * ((i * 0.618034) % 1));
      return [name, places.map((k) => all.subarray(k * width, (k + 1) * width))];
    }),
  );
}

function rowsOf(inputs: Inputs, order: readonly number[]): Record<string, Float32Array> {
  const taken = (all: readonly Float32Array[]): readonly Float32Array[] => order.flatMap((k) => all[k] ?? []);
  return Object.fromEntries(Object.entries(inputs).map(([name, all]) => [name, concat(taken(all), Float32Array)]));
}

/** log p and gradient of rows. */
async function outputsOf(executable: Executable, inputs: Inputs, order: readonly number[]): ReturnType<Rows> {
  const arrays: Arrays = rowsOf(inputs, order);
  const { logp = new Float32Array(0), grad = new Float32Array(0) } = await executable.run(arrays);
  const width = grad.length / order.length;
  return order.map((_, k) => [logp[k] ?? NaN, ...grad.subarray(k * width, (k + 1) * width)]);
}

/** log p, states and counts of rows after the steps that are queued before the first look. */
async function stepsOf(
  device: DeviceSampler,
  sampler: Sampler,
  given: Inputs,
  order: readonly number[],
): ReturnType<Rows> {
  const own = new Set<string>([...STATE, "start", "fresh"]);
  const anchors = rowsOf(Object.fromEntries(Object.entries(given).filter(([name]) => !own.has(name))), order);
  const zDim = given["z"]?.[0]?.length ?? 0;
  const looked = new AbortController();
  const { z, logp, samples } = await sampleOnDevice({
    ...{ device, sampler, zDim, anchors, signal: looked.signal },
    lanes: order.map((_, k) => k),
    z0: drawLatents(0, order, zDim),
    noise: seededNoise(0, order, zDim, 0, 0),
    onProgress: () => looked.abort(),
  });
  return order.map((_, k) => [
    logp[k] ?? NaN,
    samples[k]?.accepted ?? NaN,
    samples[k]?.rejected ?? NaN,
    ...z.subarray(k * zDim, (k + 1) * zDim),
  ]);
}
