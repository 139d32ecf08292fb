// Higher tiles for many samples: used where rows have the bits of low ones, and then nothing shows of them; not where they differ.
import { describe, expect, test } from "vitest";
import type { Arrays, Executable } from "../../src/compiler/graph/graph.js";
import { compileTask, type Condition } from "../../src/compiler/build/compile-task.js";
import type { Sampler, SampleTask } from "../../src/compiler/plan.js";
import { openEngine } from "../../src/node/engines/open.js";
import { disposeStepping, openStepping } from "../../src/runtime/draw/gradients.js";
import { openWide, openWideSteps } from "../../src/runtime/draw/wide-tiles.js";
import { ENERGY_ROWS, WIDE_ROWS } from "../../src/runtime/plan/tiles.js";
import type { DeviceSampler } from "../../src/runtime/sample/device.js";
import { tiledField } from "../../src/runtime/sample/field.js";
import { drawSamples } from "../../src/runtime/sample/index.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { engineOf } from "../support/engines.js";
import { DEFAULT_ODE } from "../support/golden-energy.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
const { zDim } = model.info;
const span = { file: "", start: 0, end: 0 };
const energy = { kind: "class", attribute: 0, values: [1], temperature: 1, span } as const;

function conditionOf(rows: number, sampler: Sampler = DEFAULT_ODE): Condition {
  const task = {
    ...{ kind: "sample", name: "faces", model: 0, logic: "product", noise: "const", span, truncation: 1 },
    ...{ count: 1, seed: 1, energy, sampler },
  } as SampleTask;
  return compileTask(task, model, { rows, layout: "nchw" }).conditions[0]!;
}

function graphOf(rows: number) {
  return conditionOf(rows).gradient.compiled();
}

describe("a higher tile", () => {
  test.each(["onnx-cpu", "tfjs-wasm"] as const)("on %s changes no bit of what is drawn", async (name) => {
    const engine = await engineOf(name);
    const gradient = await engine.compile(graphOf(ENERGY_ROWS));
    const wide = await openWide(gradient, graphOf(WIDE_ROWS.host), engine, ENERGY_ROWS);
    expect(wide?.rows).toBe(WIDE_ROWS.host);
    const samplers: Sampler[] = [DEFAULT_ODE, { kind: "langevin", steps: 5, step: 1e-2, noise: 1 }];
    for (const sampler of samplers) {
      const draw = (first: number, count: number, higher: boolean) =>
        drawSamples({
          ...{ gradient, rows: ENERGY_ROWS, zDim, sampler, seed: 5, ...(higher && { wide: wide! }) },
          samples: Array.from({ length: count }, (_, i) => first + i),
        });
      const [low, high, few] = [await draw(0, 150, false), await draw(0, 150, true), await draw(37, 3, false)];
      expect([...high.z]).toEqual([...low.z]);
      expect([...high.logp]).toEqual([...low.logp]);
      expect(high.samples).toEqual(low.samples);
      expect([...high.z.subarray(37 * zDim, 40 * zDim)]).toEqual([...few.z]);
    }
    await wide?.gradient.dispose();
    await gradient.dispose();
  });

  test("whose bits differ, of any row, is not taken, and released", async () => {
    const engine = await engineOf("onnx-cpu");
    const gradient = await engine.compile(graphOf(ENERGY_ROWS));
    for (const row of [0, WIDE_ROWS.host - 1]) {
      let released = 0;
      const other: Engine = {
        ...engine,
        async compile(graph) {
          const executable = await engine.compile(graph);
          return {
            async run(inputs) {
              const outputs = await executable.run(inputs);
              const grad = outputs["grad"]!;
              grad[row * zDim] = grad[row * zDim]! * (1 + 2e-7);
              return outputs;
            },
            dispose: () => ((released += 1), executable.dispose()),
          };
        },
      };
      expect(await openWide(gradient, graphOf(WIDE_ROWS.host), other, ENERGY_ROWS)).toBeUndefined();
      expect(released).toBe(1);
    }
    await gradient.dispose();
  });
});

describe("a higher tile of steps on a device", () => {
  const samplers: Sampler[] = [DEFAULT_ODE, { kind: "hmc", steps: 6, leaps: 2, temper: 0.25 }];
  const openTiles = async (engine: Engine, sampler: Sampler): Promise<readonly (DeviceSampler | undefined)[]> => {
    const low = await openStepping(conditionOf(ENERGY_ROWS, sampler).stepping!, engine, ENERGY_ROWS);
    const graphs = conditionOf(WIDE_ROWS.device, sampler).stepping!;
    return [low, await openWideSteps(low, graphs, { engine, sampler })];
  };

  test.each(samplers)("changes no bit of what $kind draws, where rows are the same", async (sampler) => {
    const engine = await openEngine("tfjs-wasm:device");
    const [low, wide] = await openTiles(engine, sampler);
    expect(wide?.rows).toBe(WIDE_ROWS.device);
    const draw = (device: DeviceSampler | undefined, count: number) =>
      drawSamples({
        ...{ device: device!, rows: ENERGY_ROWS, zDim, sampler, seed: 5 },
        samples: Array.from({ length: count }, (_, i) => i),
      });
    const [few, many] = [await draw(low, 20), await draw(wide, 300)];
    expect([...many.z.subarray(0, 20 * zDim)]).toEqual([...few.z]);
    expect(many.samples.slice(0, 20)).toEqual(few.samples);
    for (const device of [low, wide]) await disposeStepping(device!);
    await engine.dispose();
  });

  test("is not taken where a row differs, and released", async () => {
    const engine = await openEngine("tfjs-wasm:device");
    let open = 0;
    const other: Engine = {
      ...engine,
      async compile(graph, options) {
        const executable = await engine.compile(graph, options);
        open += 1;
        const height = graph.nodes[graph.inputs.find(({ name }) => name === "z")!.node]!.shape[0]!;
        const queue: Executable["queue"] = async (inputs) => {
          const outputs = await executable.queue!(inputs);
          const { look } = outputs;
          const read = async (): Promise<Float32Array> => {
            const seen = await look!.read();
            if (height === WIDE_ROWS.device) seen[seen.length - 1]! *= 1 + 2e-7;
            return seen;
          };
          return { ...outputs, look: { read, dispose: () => look!.dispose() } };
        };
        return { ...executable, queue, dispose: () => ((open -= 1), executable.dispose()) };
      },
    };
    const [low, wide] = await openTiles(other, DEFAULT_ODE);
    expect(wide).toBeUndefined();
    expect(open).toBe(2);
    await disposeStepping(low!);
    await engine.dispose();
  });
});

test("active samples fill tiles without gaps: high ones while these are more than half full", async () => {
  const ran: number[] = [];
  /** log p = z, whose gradient is 1; the anchor says which sample sits there. */
  const countedTile = (rows: number): Executable => ({
    run({ z, who }: Arrays) {
      ran.push(rows);
      expect(z!.map((x, r) => (Number.isNaN(x) ? 0 : x - who![r]!)).every((x) => x === 0)).toBe(true);
      return Promise.resolve({ logp: Float32Array.from(z!), grad: new Float32Array(rows).fill(1) });
    },
    dispose: () => Promise.resolve(),
  });
  const count = 200;
  const lanes = Array.from({ length: count }, (_, i) => i * 16); // all of one row, where they have to sit by their lanes
  const options = {
    ...{ gradient: countedTile(4), rows: 4, zDim: 1, lanes },
    anchors: { who: Float32Array.from(lanes, (_, i) => i) },
  };
  const z = Float64Array.from(lanes, (_, i) => i);
  const active = Uint8Array.from(lanes, (_, i) => (i % 3 === 0 ? 1 : 0)); // 67
  const evaluate = async (field: ReturnType<typeof tiledField>): Promise<Float64Array> => {
    const logp = new Float64Array(count).fill(-1);
    await field.evaluate(z, active, new Float64Array(count), logp);
    return logp;
  };
  const seated = await evaluate(tiledField(options));
  expect(ran.splice(0)).toEqual(Array.from({ length: 67 }, () => 4));
  const packed = await evaluate(tiledField({ ...options, wide: { gradient: countedTile(16), rows: 16 } }));
  expect(ran).toEqual([16, 16, 16, 16, 4]);
  expect([...packed]).toEqual([...seated]);
  expect([...packed]).toEqual(Array.from(lanes, (_, i) => (i % 3 === 0 ? i : -1)));
});
