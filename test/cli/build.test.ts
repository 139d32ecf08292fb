// lacec build: that what it prints is what a run compiles, for every kind of task.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileScript } from "../../src/app/compile-script.js";
import { identifyScript } from "../../src/app/identify-script.js";
import { buildCommand, type BuildFlags } from "../../src/cli/build.js";
import type { Io } from "../../src/cli/io.js";
import { compileTask, graphsOf } from "../../src/compiler/build/compile-task.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { printGraph } from "../../src/compiler/graph/print.js";
import { verify } from "../../src/compiler/graph/verify.js";
import { nodeHost } from "../../src/node/host.js";
import { nodeServices } from "../../src/node/services.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { ENERGY_ROWS } from "../../src/runtime/plan/tiles.js";
import type { World } from "../../src/runtime/services/world.js";
import { execute } from "../../src/runtime/execute.js";
import { SYNTHESIS_ROWS } from "../../src/runtime/show/painter.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const HEAD = `lace 1\nmodel tiny from "tiny.safetensors"\n`;
const SHORT = "sampler langevin { steps 2 step 1e-3 noise 0.01 }";
const ROS2 = "sampler ode { solver ros2 steps 2 }";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({});
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

/** Writes a script; gives its path. */
function scriptOf(name: string, text: string): string {
  const path = join(folder.path, `${name}.lace`);
  writeFileSync(path, HEAD + text);
  return path;
}

/** Runs a script on an engine that records every graph that it compiles. */
async function recordedRun(name: string, script: string): Promise<readonly Graph[]> {
  const host = nodeHost();
  const services = nodeServices(host, "onnx-cpu");
  const recorded: Graph[] = [];
  const { plan, program } = await compileScript(script, host, { inputs: new Map() });
  const recording: World = {
    ...services,
    openEngine: async () => {
      const engine = await services.openEngine();
      return {
        ...engine,
        compile: (graph) => {
          recorded.push(graph);
          return engine.compile(graph);
        },
      };
    },
  };
  const results = await execute(plan!, recording, {
    out: join(folder.path, name),
    script: await identifyScript({ host, version: "0" }, program!),
  });
  expect(results.tasks.flatMap((t) => t.samples).every((s) => s.status === "done")).toBe(true);
  await host.close();
  return recorded;
}

async function built(
  script: string,
  options: Partial<BuildFlags>,
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const colors = pc.createColors(false);
  const io: Io = {
    out: (text) => (out += text),
    err: (text) => (err += text),
    file: (text) => (out += text),
    eraseLine: () => undefined,
    ...{ outColors: colors, errColors: colors, colour: false, live: false, columns: 80 },
  };
  const code = await buildCommand(io, script, { engine: "onnx-cpu", ...options });
  return { code, out, err };
}

/** The graphs of a print by the line above each. */
function sections(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split(/^\/\/ /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf(":")), part.slice(part.indexOf("\n") + 1).trimEnd()]),
  );
}

describe("the graphs printed are those that the run compiles, of", () => {
  test.each([
    ["a sample", `sample a from tiny { where glasses count 2 seed 3 ${SHORT} }`, ["gradient", "readout", "synthesis"]],
    [
      "a sample that ros2 follows",
      `sample a from tiny { where 0.1 * (glasses or tilt is 0.4 +- 2) count 2 seed 3 ${ROS2} }`,
      ["gradient", "jacobian", "readout", "synthesis"],
    ],
    [
      "an edit, each step",
      `edit a from tiny { keep latent 0.1, attributes 0.1\n  step tilt is 0.6\n  step not glasses\n  count 2 seed 3 ${SHORT} }`,
      ["gradient-0", "gradient-1", "readout", "synthesis"],
    ],
    [
      "a sweep of one form, whose numbers vary",
      `sweep a over t in 0.2..0.8 by 0.3 from tiny { where tilt is t count 2 seed 3 ${SHORT} }`,
      ["gradient", "readout", "synthesis"],
    ],
    [
      "a sweep of two forms, with numbers that vary and without, followed by ros2",
      `sweep a over t in 0..1 by 0.5 from tiny { where 0.1 * t * glasses count 2 seed 3 ${ROS2} }`,
      ["gradient-0", "gradient-1", "jacobian-1", "readout", "synthesis"],
    ],
    [
      "a traverse",
      `traverse a from tiny { where glasses between seed 1 and seed 2 frames 3 ${SHORT} }`,
      ["gradient", "readout", "synthesis"],
    ],
    [
      "a sample with fresh noise",
      `sample a from tiny { where glasses count 2 seed 3 noise random ${SHORT} }`,
      ["gradient", "readout", "synthesis"],
    ],
  ])("%s", async (what, task, names) => {
    const name = what.replaceAll(/\W/g, "-");
    const script = scriptOf(name, `${task}\nsave a to "a-{index}.png"\n`);
    const recorded = await recordedRun(name, script);
    const { code, out } = await built(script, { print: "optimized" });
    expect(code).toBe(0);
    const printed = sections(out);
    expect([...printed.keys()]).toEqual(names.map((n) => `${n} of a`));
    expect(recorded.map((g) => printGraph(g).trimEnd()).sort()).toEqual([...printed.values()].sort());
    // To the last bit of every constant, which a print rounds.
    const { plan } = await compileScript(script, nodeHost(), { inputs: new Map() });
    const model = await nodeServices(nodeHost(), "onnx-cpu").loadModel(plan!.models[0]!);
    const program = compileTask(plan!.tasks[0]!, model, { rows: ENERGY_ROWS, layout: "nchw" });
    const compiled = graphsOf(program, SYNTHESIS_ROWS).map((g) => g.compiled());
    for (const graph of compiled) {
      expect(verify(graph)).toEqual([]);
      expect(recorded).toContainEqual(graph);
    }
    expect(compiled).toHaveLength(recorded.length);
  });
});

test("numbers that vary are an input of the graph, before the passes and after", async () => {
  const script = scriptOf(
    "varying",
    `sweep a over t in 0.2..0.8 by 0.3 from tiny { where tilt is t count 2 seed 3 ${SHORT} }\nsave a to "a-{index}.png"\n`,
  );
  for (const print of ["graph", "optimized"]) {
    const { out } = await built(script, { print, graph: "gradient" });
    expect(out).toMatch(/= input numbers/);
  }
});

describe("--graph and --task choose", () => {
  const two = `sample a from tiny { where glasses count 2 seed 3 ${ROS2} }
edit b of a { step tilt is 0.6\n  step not glasses ${SHORT} }\nsave b to "{index}-{step}.png"\n`;

  test("one graph of one task, in every stage that shows graphs", async () => {
    const script = scriptOf("two", two);
    for (const print of ["graph", "optimized", "onnx", "dot"]) {
      const { code, out } = await built(script, { print, task: "b", graph: "gradient-1" });
      expect([code, [...sections(out).keys()]]).toEqual([0, ["gradient-1 of b"]]);
    }
    const all = await built(script, { print: "jacobian" });
    expect([...sections(all.out).keys()]).toEqual(["jacobian of a"]);
  });

  test("what is not there, and what is more than one graph to write, are usage errors that list the graphs", async () => {
    const script = scriptOf("two", two);
    for (const options of [
      { print: "graph", task: "c" },
      { print: "graph", graph: "gradient-7" },
      { emit: "onnx", graph: "readout" },
      { emit: "onnx", task: "b" },
      { print: "graph", engine: "steam" },
    ]) {
      const { code, err } = await built(script, options);
      expect(code).toBe(2);
      expect(err).toMatch(/there (is|are)/);
    }
    const { err } = await built(script, { emit: "onnx", task: "b" });
    expect(err).toContain("gradient-0 of b, gradient-1 of b, readout of b, synthesis of b");
  });
});
