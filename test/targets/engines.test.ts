import { createRequire } from "node:module";
import util from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import { ENGINE_NAMES, type Engine } from "../../src/runtime/services/engine.js";
import { isSoftwareAdapter, mayHaveCuda, mayHaveGpu, type Dawn, type GpuAdapter } from "../../src/node/engines/gpu.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { openEngine, probeEngines, type EngineLoaders } from "../../src/node/engines/open.js";
import { describeSpeed, speedTest } from "../../src/runtime/services/speed.js";
import { supplyRemovedUtil } from "../../src/node/engines/util-shim.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { expectClose } from "../support/close.js";
import { denseCases, imageCases, randomArray } from "./cases.js";

const require = createRequire(import.meta.url);

/** The CPU backend where tfjs-node-gpu would be: the code path of the native packages, without their native code. */
const injected = async (isUsingGpuDevice: boolean) => {
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  Object.assign(tf.backend(), { isUsingGpuDevice });
  return { tf, backend: "cpu" };
};

const yes = () => Promise.resolve(true);
const no = () => Promise.resolve(false);
const BARE: Partial<EngineLoaders> = { mayHaveGpu: no, mayHaveCuda: no, mayHaveVulkan: no };

function adapterOf(info: Partial<GpuAdapter["info"]>): Dawn {
  const adapter: GpuAdapter = {
    features: new Set(),
    limits: {},
    info: { vendor: "", architecture: "", description: "", ...info },
    requestDevice: () => Promise.reject(new Error("not in this test")),
  };
  return { create: () => ({ requestAdapter: () => Promise.resolve(adapter) }), globals: {} };
}

async function reasonOf(promise: Promise<unknown>): Promise<{ message: string; hints: string; code: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof LaceError) {
      const [d] = error.diagnostics;
      return { message: d?.message ?? "", hints: d?.hints.join("; ") ?? "", code: d?.code ?? "" };
    }
    throw error;
  }
  throw new Error("it did not fail");
}

async function nameOfBest(loaders: Partial<EngineLoaders>): Promise<string> {
  const engine = await openEngine("auto", { loaders });
  await engine.dispose();
  return engine.name;
}

describe("the engine auto", () => {
  test("is onnx-cpu on a machine without a GPU, and loads no GPU library there", async () => {
    const loaded: string[] = [];
    const spy = (name: string) => () => {
      loaded.push(name);
      return Promise.reject(new Error("must not be loaded"));
    };
    const loaders = { ...BARE, dawn: spy("webgpu"), tfjsNodeGpu: spy("tfjs-node-gpu"), tfjsNode: spy("tfjs-node") };
    expect(await nameOfBest(loaders)).toBe("onnx-cpu");
    expect(loaded).toEqual([]);
  });

  test("is tfjs-gpu where TensorFlow uses a GPU", async () => {
    expect(await nameOfBest({ ...BARE, mayHaveCuda: yes, tfjsNodeGpu: () => injected(true) })).toBe("tfjs-gpu");
  });

  test("passes over tfjs-gpu when TensorFlow finds no GPU", async () => {
    expect(await nameOfBest({ ...BARE, mayHaveCuda: yes, tfjsNodeGpu: () => injected(false) })).toBe("onnx-cpu");
  });

  test("passes over WebGPU on a software adapter", async () => {
    const dawn = () => Promise.resolve(adapterOf({ architecture: "swiftshader" }));
    expect(await nameOfBest({ mayHaveCuda: no, mayHaveGpu: yes, mayHaveVulkan: yes, dawn })).toBe("onnx-cpu");
  });

  test("falls back to tfjs-wasm where onnxruntime does not load", async () => {
    const ort = () => Promise.reject(new Error("no such library"));
    expect(await nameOfBest({ ...BARE, ort })).toBe("tfjs-wasm");
  });
});

describe("an engine that cannot be used", () => {
  const missing = (name: string) => () =>
    Promise.reject(
      Object.assign(new Error(`Cannot find module '${name}' imported from x`), { code: "MODULE_NOT_FOUND" }),
    );

  test("says that its package is not installed, and how to install it", async () => {
    const tfjsNode = missing("@tensorflow/tfjs-node");
    const reason = await reasonOf(openEngine("tfjs-node", { loaders: { tfjsNode } }));
    expect(reason.code).toBe("L5201");
    expect(reason.message).toBe(
      "the engine tfjs-node cannot be used here: the package @tensorflow/tfjs-node is not installed",
    );
    expect(reason.hints).toContain("npm install @tensorflow/tfjs-node");
  });

  test("says that its native library is missing", async () => {
    const tfjsNodeGpu = () => Promise.reject(new Error("The Node.js native addon module can not be found at path: x"));
    const reason = await reasonOf(openEngine("tfjs-gpu", { loaders: { tfjsNodeGpu } }));
    expect(reason.message).toContain("the native library of @tensorflow/tfjs-node-gpu is missing");
    expect(reason.hints).toContain("npm rebuild @tensorflow/tfjs-node-gpu");
  });

  test("says that there is no GPU that TensorFlow can use", async () => {
    const reason = await reasonOf(openEngine("tfjs-gpu", { loaders: { tfjsNodeGpu: () => injected(false) } }));
    expect(reason.message).toContain("TensorFlow found no GPU");
  });

  test("says that there is no Vulkan driver, without waking Dawn", async () => {
    for (const name of ["onnx-webgpu", "tfjs-webgpu"] as const) {
      const reason = await reasonOf(openEngine(name, { loaders: { ...BARE, dawn: missing("webgpu") } }));
      expect(reason.message).toContain("there is no Vulkan driver");
    }
  });

  test("says that the package webgpu is missing, or that there is no adapter", async () => {
    const loaders = { ...BARE, mayHaveVulkan: yes };
    expect(
      (await reasonOf(openEngine("tfjs-webgpu", { loaders: { ...loaders, dawn: missing("webgpu") } }))).hints,
    ).toContain("npm install webgpu");
    const none: Dawn = { create: () => ({ requestAdapter: () => Promise.resolve(null) }), globals: {} };
    const reason = await reasonOf(
      openEngine("tfjs-webgpu", { loaders: { ...loaders, dawn: () => Promise.resolve(none) } }),
    );
    expect(reason.message).toContain("no WebGPU adapter");
  });

  test("is a line of the probe, and the others are tried all the same", async () => {
    const probes = await probeEngines({ loaders: { ...BARE, tfjsNodeGpu: () => injected(true) } });
    expect(probes.map((p) => p.name)).toEqual([...ENGINE_NAMES]);
    const usable = probes.filter((p) => p.usable).map((p) => p.name);
    expect(usable).toEqual(expect.arrayContaining(["onnx-cpu", "tfjs-gpu", "tfjs-wasm", "tfjs-cpu"]));
    for (const p of probes) expect(p.usable ? p.description : p.reason).not.toBe("");
    expect(probes.find((p) => p.name === "onnx-webgpu")?.reason).toContain("Vulkan");
  });
});

describe("the path of tfjs-node, with the CPU backend in its place", () => {
  test.each([
    ["tfjs-gpu", true],
    ["tfjs-node", false],
  ] as const)("%s computes what the interpreter computes", async (name, gpu) => {
    const load = () => injected(gpu);
    const engine = await openEngine(name, { loaders: { tfjsNode: load, tfjsNodeGpu: load } });
    expect(engine.name).toBe(name);
    for (const { graph, inputs } of [...denseCases(), ...imageCases(engine.layout)]) {
      const executable = await engine.compile(graph);
      const { y } = await executable.run(inputs);
      await executable.dispose();
      expectClose(y ?? [], interpret(graph, inputs)["y"] ?? [], { abs: 1e-5, rel: 1e-5 });
    }
    await engine.dispose();
  });

  test("the functions of util that Node 23 removed are supplied before the import", async () => {
    const own = Object.getOwnPropertyDescriptor(util, "isNullOrUndefined");
    Reflect.deleteProperty(util, "isNullOrUndefined");
    try {
      let seen: unknown;
      const tfjsNode = () => {
        // As the package does: through require, on the module's own object.
        seen = (require("node:util") as { isNullOrUndefined?: (x: unknown) => boolean }).isNullOrUndefined?.(null);
        return injected(false);
      };
      await (await openEngine("tfjs-node", { loaders: { tfjsNode } })).dispose();
      expect(seen).toBe(true);
    } finally {
      if (own !== undefined) Object.defineProperty(util, "isNullOrUndefined", own);
    }
  });

  test("only missing functions are supplied, and they do what Node's did", () => {
    const target: Record<string, unknown> = { isArray: "kept" };
    const names = supplyRemovedUtil(target);
    expect(target["isArray"]).toBe("kept");
    expect(names).toContain("isNullOrUndefined");
    expect(names).not.toContain("isArray");
    const f = target as Record<string, (x: unknown) => boolean>;
    const samples = [null, undefined, 0, "", [], {}, () => 1, /x/, new Date(0), new Error("x"), Symbol("s"), true];
    const expected: Record<string, (x: unknown) => boolean> = {
      isNullOrUndefined: (x) => x == null,
      isString: (x) => typeof x === "string",
      isObject: (x) => typeof x === "object" && x !== null,
      isFunction: (x) => typeof x === "function",
      isDate: (x) => x instanceof Date,
      isRegExp: (x) => x instanceof RegExp,
      isPrimitive: (x) => Object(x) !== x,
    };
    for (const [name, same] of Object.entries(expected)) {
      samples.forEach((x, i) => expect([name, i, f[name]?.(x)]).toEqual([name, i, same(x)]));
    }
  });
});

describe("what the machine has", () => {
  test("software adapters are told from hardware", () => {
    const is = (info: Partial<GpuAdapter["info"]>): boolean => {
      const base = { vendor: "", architecture: "", description: "" };
      return isSoftwareAdapter({ info: { ...base, ...info } } as GpuAdapter);
    };
    expect(is({ architecture: "swiftshader" })).toBe(true);
    expect(is({ description: "llvmpipe (LLVM 15.0.6, 256 bits)" })).toBe(true);
    expect(is({ description: "Microsoft Basic Render Driver" })).toBe(true);
    expect(is({ isFallbackAdapter: true, description: "anything" })).toBe(true);
    expect(is({ vendor: "nvidia", architecture: "turing", description: "NVIDIA GeForce RTX 2070" })).toBe(false);
  });

  test("every Mac and Windows machine may have a GPU, and no Mac has CUDA", async () => {
    expect(await mayHaveGpu("darwin")).toBe(true);
    expect(await mayHaveGpu("win32")).toBe(true);
    expect(await mayHaveCuda("darwin")).toBe(false);
  });
});

describe("any ONNX model", () => {
  const graph = () => {
    const b = new GraphBuilder();
    const x = b.input("image", [2, 3]);
    return b.finish({ outputs: { logits: b.mul(x, { scalar: 2 }) } });
  };

  test("opens from bytes, names its inputs and outputs, and runs", async () => {
    const model = await openOnnxModel(emitOnnx(graph()));
    expect(model.inputs).toEqual([{ name: "image", dims: [2, 3], type: "float32" }]);
    expect(model.outputs).toEqual([{ name: "logits", dims: [2, 3], type: "float32" }]);
    const data = randomArray(6, 1);
    const { logits } = await model.run({ image: { data, dims: [2, 3] } });
    expect(logits?.dims).toEqual([2, 3]);
    expectClose(
      logits?.data ?? [],
      data.map((v) => 2 * v),
      { abs: 0, rel: 0 },
    );
    await model.dispose();
  });

  test("that is damaged or lacks an input is an error of the environment, with a code", async () => {
    expect((await reasonOf(openOnnxModel(Uint8Array.of(1, 2, 3)))).code).toBe("L5202");
    const model = await openOnnxModel(emitOnnx(graph()));
    expect((await reasonOf(model.run({}))).code).toBe("L5203");
    await model.dispose();
  });
});

test("the speed test times both graphs, steps in both places, and takes about the time it is given", async () => {
  const engine: Engine = await openEngine("tfjs-wasm");
  const speed = await speedTest(engine, { seconds: 0.1, longestSteps: Infinity });
  await engine.dispose();
  expect(speed.gradientMs).toBeGreaterThan(0);
  expect(speed.convolutionMs).toBeGreaterThan(0);
  expect(speed.stepMs?.host).toBeGreaterThan(speed.gradientMs);
  expect(speed.stepMs?.device).toBeGreaterThan(0);
  expect(describeSpeed(speed, "tfjs-wasm")).toMatch(
    /^gradient [\d.]+ ms, convolution [\d.]+ ms, step [\d.]+ ms \([\d.]+ ms on the device[^)]*\)$/,
  );
  const told = { ...speed, steps: "device", stepMs: { host: 2, device: 3 } } as const;
  expect(describeSpeed(told, "tfjs-wasm")).toMatch(
    /step 3.00 ms \(2.00 ms by the host: --engine tfjs-wasm:host is 1.5 times as fast\)$/,
  );
  expect(describeSpeed({ ...speed, stepMs: null }, "tfjs-wasm")).toMatch(/convolution [\d.]+ ms$/);
});
