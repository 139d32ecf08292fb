// TensorFlow.js backends in Node: how each is loaded, initialised and released.
// In: the library's modules, by dynamic import, so that nobody pays for what is not used. Out: TfjsBackend for tfjsEngine.
// Invariants: globals that a library needs (navigator.gpu, util's removed functions) are there before its import; listeners that
//   Emscripten leaves on the process (they would replace every crash report by its own minified source) are taken away again.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type * as TfCore from "@tensorflow/tfjs-core";
import type { Tf } from "../../compiler/targets/tfjs/emitter.js";
import type { TfjsBackend } from "../../runtime/services/tfjs-engine.js";
import { describeAdapter, isSoftwareAdapter } from "./gpu.js";
import type { Gpu, GpuDevice, LoadDawn } from "./gpu.js";
import { supplyRemovedUtil } from "./util-shim.js";

/** Loads a package of TensorFlow with native code and says which backend it registered. */
export type LoadNative = () => Promise<{ readonly tf: typeof TfCore; readonly backend: string }>;

/** A reason for which a backend cannot be used here, in the user's words, and the command that would mend it. */
export class Unusable extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** tfjs-core with the plain JavaScript backend. */
export async function openCpuBackend(): Promise<TfjsBackend> {
  const tf = await loadCore();
  await import("@tensorflow/tfjs-backend-cpu");
  await activate(tf, "cpu");
  return { tf, backend: "cpu", description: `TensorFlow.js ${tf.version_core}, JavaScript`, release: nothing };
}

/** tfjs-core with the WebAssembly backend: one thread, SIMD where the processor has it. */
export async function openWasmBackend(): Promise<TfjsBackend> {
  const tf = await loadCore();
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(wasmFolder());
  // Its threads need a browser's workers.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  await withoutNewListeners(() => activate(tf, "wasm"));
  const simd = (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) === true ? "with" : "without";
  const description = `TensorFlow.js ${tf.version_core}, WebAssembly ${simd} SIMD, 1 thread`;
  return { tf, backend: "wasm", description, release: nothing };
}

/** Where the library's WebAssembly is: dist/wasm of a build, which bundles the library, else the package. Ends in a separator. */
function wasmFolder(): string {
  const built = fileURLToPath(new URL("../wasm/", import.meta.url));
  if (existsSync(built)) return built;
  return join(dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm")), "/");
}

/**
 * tfjs-core with the WebGPU backend on Dawn. A software adapter is taken too (and named in the description).
 *
 * Errors   Unusable if the package or an adapter is missing.
 * Owns     a GPU device, and navigator.gpu while it is open; release() destroys both, after which the process can end.
 *          One at a time.
 */
export async function openWebgpuBackend(loadDawn: LoadDawn): Promise<TfjsBackend> {
  const dawn = await loadDawn().catch((error: unknown) => {
    throw notLoaded("webgpu", error);
  });
  const gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Unusable("there is no WebGPU adapter", "install a Vulkan driver for your GPU");
  Object.assign(globalThis, dawn.globals);
  const restoreNavigator = setNavigatorGpu(gpu);
  let device: GpuDevice | undefined;
  try {
    const tf = await loadCore();
    const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
    // Else small operations on fresh data would be computed in JavaScript: another rounding, depending on sizes.
    tf.env().set("WEBGPU_CPU_FORWARD", false);
    device = await adapter.requestDevice({
      requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
    });
    // The backend that the package registers by itself would ask for an adapter of its own and could not be released.
    tf.removeBackend("webgpu");
    const backend = new WebGPUBackend(device as never, adapter.info as never);
    tf.registerBackend("webgpu", () => backend);
    await activate(tf, "webgpu");
    const software = isSoftwareAdapter(adapter) ? ", a software adapter" : "";
    const description = `TensorFlow.js ${tf.version_core}, WebGPU on ${describeAdapter(adapter)}${software}`;
    const release = (): Promise<void> => {
      tf.removeBackend("webgpu");
      device?.destroy();
      restoreNavigator();
      return Promise.resolve();
    };
    return { tf, backend: "webgpu", description, release };
  } catch (error) {
    device?.destroy();
    restoreNavigator();
    throw error;
  }
}

/**
 * TensorFlow's C library through tfjs-node or tfjs-node-gpu.
 *
 * Errors   Unusable if the package is missing or does not load, or, for `gpu`, if it found no GPU.
 */
export async function openNativeBackend(load: LoadNative, packageName: string, gpu: boolean): Promise<TfjsBackend> {
  supplyRemovedUtil();
  const { tf, backend } = await load().catch((error: unknown) => {
    throw notLoaded(packageName, error);
  });
  quiet(tf);
  await activate(tf, backend);
  if (gpu && !isUsingGpu(tf)) throw new Unusable("TensorFlow found no GPU that it can use", "install CUDA and cuDNN");
  const device = gpu ? "GPU" : "CPU";
  return {
    tf,
    backend,
    description: `TensorFlow.js ${tf.version_core}, ${packageName}, ${device}`,
    release: nothing,
  };
}

/** The real loader of tfjs-node and tfjs-node-gpu. They re-export all of tfjs-core, and register the backend "tensorflow". */
export function nativeLoader(packageName: string): LoadNative {
  return async () => {
    const module = (await import(packageName)) as { readonly default?: unknown };
    return { tf: (module.default ?? module) as typeof TfCore, backend: "tensorflow" };
  };
}

const WANTED_LIMITS = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
];

async function loadCore(): Promise<typeof TfCore> {
  const tf = await import("@tensorflow/tfjs-core");
  quiet(tf);
  return tf;
}

/** Production mode, in which tfjs does not advertise its Node package on every start. */
function quiet(tf: Tf): void {
  tf.env().set("PROD", true);
}

async function activate(tf: Tf, backend: string): Promise<void> {
  if (!(await tf.setBackend(backend))) {
    throw new Unusable(`TensorFlow.js could not start its backend ${backend}`, "npm install lacec");
  }
}

function isUsingGpu(tf: typeof TfCore): boolean {
  const backend = tf.backend() as { readonly isUsingGpuDevice?: boolean };
  return backend.isUsingGpuDevice === true;
}

/** Puts `gpu` where browsers have it. Returns the way back. */
function setNavigatorGpu(gpu: Gpu): () => void {
  const holder = globalThis as { navigator?: object };
  if (holder.navigator === undefined) {
    // Node 20 has no navigator; tfjs reads its userAgent to recognise telephones.
    Object.defineProperty(globalThis, "navigator", { value: { userAgent: "Node.js", gpu }, configurable: true });
    return () => {
      delete holder.navigator;
    };
  }
  const { navigator } = holder;
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  return () => {
    Reflect.deleteProperty(navigator, "gpu");
  };
}

async function withoutNewListeners(action: () => Promise<void>): Promise<void> {
  const events = ["uncaughtException", "unhandledRejection"];
  const before = new Map(events.map((event) => [event, new Set(process.listeners(event as "exit"))] as const));
  try {
    await action();
  } finally {
    for (const [event, known] of before) {
      for (const listener of process.listeners(event as "exit")) {
        if (!known.has(listener)) process.removeListener(event, listener);
      }
    }
  }
}

/** Why a package could not be imported, without the paths that Node and node-pre-gyp put into their messages. */
export function notLoaded(packageName: string, error: unknown): Unusable {
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if ((code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && message.includes(`'${packageName}'`)) {
    return new Unusable(`the package ${packageName} is not installed`, `npm install ${packageName}`);
  }
  if (/native addon|\.node\b/.test(message)) {
    return new Unusable(`the native library of ${packageName} is missing`, `npm rebuild ${packageName}`);
  }
  return new Unusable(`the package ${packageName} does not load: ${message}`, `npm install ${packageName}`);
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
