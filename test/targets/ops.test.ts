import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Engine, EngineName } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { expectClose } from "../support/close.js";
import { denseCases, imageCases, type Case } from "./cases.js";

const ENGINES: readonly EngineName[] = ["onnx-cpu", "tfjs-cpu", "tfjs-wasm"];

describe.each(ENGINES)("%s computes what the interpreter computes", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(name);
  });
  afterAll(() => engine.dispose());

  async function compare({ graph, inputs }: Case): Promise<void> {
    const executable = await engine.compile(graph);
    try {
      const expected = interpret(graph, inputs);
      const actual = await executable.run(inputs);
      expect(Object.keys(actual)).toEqual(Object.keys(expected));
      for (const [output, values] of Object.entries(expected)) {
        expectClose(actual[output] ?? [], values, { abs: 1e-6, rel: 2e-6 });
      }
    } finally {
      await executable.dispose();
    }
  }

  test.each(denseCases())("$name", compare);
  test.each(imageCases("nchw"))("$name (nchw)", compare);
  test.each(imageCases("nhwc"))("$name (nhwc)", compare);
});
