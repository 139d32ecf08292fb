// The child of webgpu.test.ts: runs cases on one engine and says, a JSON line each, how far they are from the interpreter.
// Argument: the engine's name. One case for each kind of operation, since shaders take long to compile in software.
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { EngineName } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { expectClose } from "../support/close.js";
import { denseCases, imageCases, type Case } from "./cases.js";

const name = process.argv.at(-1);
const engine = await openEngine(name as EngineName);
console.log(JSON.stringify({ description: engine.description }));
const cases = [...denseCases(), ...imageCases(engine.layout)];
for (const { name: title, graph, inputs } of onePerKind(cases)) {
  let error = "";
  try {
    const executable = await engine.compile(graph);
    const actual = await executable.run(inputs);
    await executable.dispose();
    expectClose(actual["y"] ?? [], interpret(graph, inputs)["y"] ?? [], { abs: 1e-5, rel: 1e-5 });
  } catch (caught) {
    error = caught instanceof Error ? caught.message : String(caught);
  }
  console.log(JSON.stringify({ title, error }));
}
await engine.dispose();
console.log(JSON.stringify({ disposed: true }));

function onePerKind(all: readonly Case[]): Case[] {
  const seen = new Set<string>(["input", "constant"]);
  // Composed functions have forms of their own for WebGPU.
  const composed = new Set(["log1p", "expm1", "softplus", "log1mexp", "sigmoid"]);
  return all.filter(({ graph }) => {
    const kinds = graph.nodes.map(({ op }) => (op.kind === "unary" && composed.has(op.fn) ? op.fn : op.kind));
    const isNew = kinds.some((kind) => !seen.has(kind));
    for (const kind of kinds) seen.add(kind);
    return isNew;
  });
}
