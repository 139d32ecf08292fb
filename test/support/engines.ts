// Engines that the tests of a file share: each is opened once, and disposed after them.
import { afterAll } from "vitest";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";

const engines = new Map<string, Promise<Engine>>();

export function engineOf(name: "onnx-cpu" | "tfjs-wasm"): Promise<Engine> {
  const open = engines.get(name) ?? openEngine(name);
  engines.set(name, open);
  return open;
}

afterAll(async () => {
  for (const engine of engines.values()) await (await engine).dispose();
});
