// Engines of a browser: TensorFlow.js on WebGPU, on WebAssembly with threads, on WebAssembly with one.
// In: where the WebAssembly lies, what is wanted. Out: an Engine, and in words why it is this one.
// Invariants: the best that works is taken; each that is not taken says why; a software adapter of WebGPU is taken only if it is asked for.
import type { Tf } from "../compiler/targets/tfjs/emitter.js";
import { failure } from "../source/diagnostic.js";
import { tfjsEngine } from "../runtime/services/tfjs-engine.js";
import type { Engine } from "../runtime/services/engine.js";

/** Engines that can be asked for; `auto`: the best that works. */
export type BrowserEngineName = "auto" | "tfjs-webgpu" | "tfjs-wasm" | "tfjs-wasm-1";

export interface BrowserEngineOptions {
  readonly engine: BrowserEngineName;
  /** Addresses of the builds of TensorFlow.js's WebAssembly: with SIMD, which every browser of today has, and with threads besides. */
  readonly wasm: { readonly simd: string; readonly threaded: string };
}

export interface BrowserEngine {
  readonly engine: Engine;
  /** Why it is this one: what is better and cannot be had. */
  readonly why: readonly string[];
}

interface Gpu {
  requestAdapter(options?: object): Promise<GpuAdapter | null>;
}
interface GpuAdapter {
  readonly info: {
    readonly vendor?: string;
    readonly architecture?: string;
    readonly description?: string;
    readonly isFallbackAdapter?: boolean;
  };
  readonly isFallbackAdapter?: boolean;
}

/** Opens an engine. Errors: LaceError L5201 if the one that was asked for cannot be had. */
export async function openBrowserEngine(options: BrowserEngineOptions): Promise<BrowserEngine> {
  const why: string[] = [];
  const { engine } = options;
  if (engine === "auto" || engine === "tfjs-webgpu") {
    const found = await lookForWebgpu();
    if (typeof found === "string") why.push(found);
    else if (found.isSoftware && engine === "auto")
      why.push(`WebGPU would run in software here (${found.name}), which is slower than WebAssembly`);
    else {
      try {
        const opened = await openWebgpu(found.name);
        if (found.isSoftware) why.push(`in software: WebAssembly is faster here`);
        return { engine: opened, why };
      } catch (error) {
        why.push(`WebGPU did not start: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (engine === "tfjs-webgpu") throw failure("L5201", `this browser has no WebGPU for lacec: ${why.join("; ")}`);
  }
  return { engine: await openWasm(options, why), why };
}

/** The adapter that WebGPU would take, or why there is none. */
async function lookForWebgpu(): Promise<{ readonly name: string; readonly isSoftware: boolean } | string> {
  const gpu = (navigator as { readonly gpu?: Gpu }).gpu;
  if (gpu === undefined) return "this browser has no WebGPU";
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (adapter === null) return "there is no graphics card that WebGPU can use";
  const { vendor = "", architecture = "", description = "" } = adapter.info;
  const isSoftware =
    adapter.isFallbackAdapter === true ||
    adapter.info.isFallbackAdapter === true ||
    /swiftshader|llvmpipe|lavapipe/i.test([vendor, architecture, description].join(" "));
  const name = description === "" ? [vendor, architecture].filter((w) => w !== "").join(" ") : description;
  return { name: name === "" ? "an adapter without a name" : name, isSoftware };
}

async function openWebgpu(adapter: string): Promise<Engine> {
  const tf = await loadCore();
  await import("@tensorflow/tfjs-backend-webgpu");
  // Else small operations on fresh data would be computed in JavaScript: another rounding, depending on sizes.
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  await activate(tf, "webgpu");
  return tfjsEngine("tfjs-webgpu", {
    ...{ tf, backend: "webgpu", description: `TensorFlow.js ${tf.version_core}, WebGPU, ${adapter}` },
    release: nothing,
  });
}

async function openWasm({ engine, wasm: files }: BrowserEngineOptions, why: string[]): Promise<Engine> {
  const tf = await loadCore();
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths({
    "tfjs-backend-wasm.wasm": files.simd, // asked for by name, and not loaded
    "tfjs-backend-wasm-simd.wasm": files.simd,
    "tfjs-backend-wasm-threaded-simd.wasm": files.threaded,
  });
  if ((await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) !== true)
    throw failure("L5201", "this browser's WebAssembly has no SIMD: a newer browser has");
  // TensorFlow.js takes no more than half of the cores, whatever it is asked for: of three it would load eight workers for one thread.
  const most = Math.min(Math.floor(navigator.hardwareConcurrency / 2), MOST_THREADS);
  const isolated = (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated === true;
  if (!isolated) why.push("one thread: this page is not isolated from others, so browsers give it no shared memory");
  else if (most < 2) why.push("one thread: TensorFlow.js takes no more than half of the cores");
  const threaded = isolated && engine !== "tfjs-wasm-1" && most > 1;
  if (!threaded) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  else wasm.setThreadsCount(most);
  await activate(tf, "wasm");
  const threads = threaded ? wasm.getThreadsCount() : 1;
  const count = `${threads} thread${threads === 1 ? "" : "s"}`;
  const description = `TensorFlow.js ${tf.version_core}, WebAssembly with SIMD, ${count}`;
  return tfjsEngine("tfjs-wasm", { tf, backend: "wasm", description, release: nothing });
}

/** More share so little work that they wait for each other. */
const MOST_THREADS = 8;

async function loadCore(): Promise<Tf> {
  const tf = await import("./tf-core.js");
  tf.env().set("PROD", true);
  return tf;
}

async function activate(tf: Tf, backend: string): Promise<void> {
  if (!(await tf.setBackend(backend)))
    throw failure("L5201", `TensorFlow.js could not start its backend ${backend} in this browser`);
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
