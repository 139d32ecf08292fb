// lacec build with --print step and --graph step: a script's sampler as graphs, which any ONNX runtime can run.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SAMPLE_STATUSES } from "../../src/compiler/sampling/status.js";
import { build } from "../../src/app/build.js";
import { run } from "../../src/app/run.js";
import { onThisMachine } from "../../src/node/platform.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { drawLatents } from "../../src/runtime/sample/noise-source.js";
import { expectClose } from "../support/close.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({});
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  for (const [name, sampler] of Object.entries({ flow: "ode { solver bosh3 }", implicit: "ode { solver ros2 }" }))
    writeFileSync(
      join(folder.path, `${name}.lace`),
      `lace 1\nmodel tiny from "tiny.safetensors"\nsample a from tiny { where glasses count 2 seed 3 sampler ${sampler} }\nsave a to "{index}.png"\n`,
    );
});
afterAll(() => folder.remove());

const place = (name: string): string => join(folder.path, name);
const named = <T>(values: Readonly<Record<string, T>>, name: string): T => (values[`${name}_out`] ?? values[name])!;

describe("a sampler's step", () => {
  test("is printed, with its start, where the sampler has one", async () => {
    const { text } = await onThisMachine((platform) =>
      build(platform, place("flow.lace"), { print: "step", engine: "onnx-cpu" }),
    );
    expect(text).toMatch(/^\/\/ start of a: the start of the sampler/m);
    expect(text).toMatch(/^\/\/ step of a: a step of the sampler/m);
    expect(text).toMatch(/= input book/);
    const none = onThisMachine((platform) =>
      build(platform, place("implicit.lace"), { print: "step", engine: "onnx-cpu" }),
    );
    await expect(none).rejects.toThrow("there is no step");
  });

  test("is a whole sampler for onnxruntime: run until no status is 0, it ends where lacec run ends", async () => {
    const expected = await onThisMachine(async (platform) => {
      for (const graph of ["start", "step"])
        await build(platform, place("flow.lace"), {
          ...{ emit: "onnx", graph, rows: 2, output: place(`${graph}.onnx`), engine: "onnx-cpu" },
        });
      const results = await run(platform, place("flow.lace"), { out: place("out"), engine: "onnx-cpu" });
      return results.tasks[0]!.samples;
    });
    const [start, step] = await Promise.all(
      ["start", "step"].map((name) => openOnnxModel(readFileSync(place(`${name}.onnx`)))),
    );
    const dims = new Map(start!.inputs.map((i) => [i.name, i.dims as number[]]));
    const zero = Object.fromEntries(
      [...dims].map(([name, d]) => [name, { data: new Float32Array(d.reduce((a, n) => a * n, 1)), dims: d }]),
    );
    const [, dim = 0] = dims.get("start")!;
    let state = await start!.run({
      ...zero,
      start: { data: Float32Array.from(drawLatents(3, [0, 1], dim)), dims: [2, dim] },
      fresh: { data: Float32Array.of(1, 1), dims: [2, 1] },
    });
    const [, columns = 0] = dims.get("book")!;
    const column = (k: number): number[] => [0, 1].map((row) => named(state, "book").data[row * columns + k]!);
    while (column(0).includes(0)) {
      state = await step!.run(Object.fromEntries(["z", "slope", "book"].map((name) => [name, named(state, name)])));
    }
    expect(column(0).map((status) => SAMPLE_STATUSES[status - 1])).toEqual(["done", "done"]);
    expect(column(1)).toEqual(expected.map((s) => s.accepted));
    expectClose(
      column(4),
      expected.map((s) => s.logp),
      { abs: 1e-4, rel: 1e-4 },
    );
    expectClose(
      named(state, "z").data,
      expected.flatMap((s) => [...s.z]),
      { abs: 1e-3, rel: 1e-3 },
    );
    await Promise.all([start!.dispose(), step!.dispose()]);
  });
});
