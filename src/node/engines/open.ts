// Opens engines in Node: by name, or the best that this machine has.
// In: a name, loaders of the libraries (real ones unless a test injects others). Out: an Engine, or a LaceError that says why not.
// Invariants: a library is imported only when an engine that needs it is opened; "auto" loads no GPU library on a machine without a
//   GPU; an engine that is returned has computed something here.
import { readdir } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { setTimeout } from "node:timers/promises";
import process from "node:process";
import { GraphBuilder } from "../../compiler/graph/builder.js";
import type { EngineChoice } from "../../app/verb.js";
import { failure, LaceError } from "../../source/diagnostic.js";
import { unreachable } from "../../source/internal-error.js";
import { ENGINE_NAMES } from "../../runtime/services/engine.js";
import type { Engine, EngineName, EngineProbe, SteppingPlace } from "../../runtime/services/engine.js";
import { describeAdapter, isSoftwareAdapter, loadDawn, mayHaveCuda, mayHaveGpu } from "./gpu.js";
import type { LoadDawn } from "./gpu.js";
import { defaultThreads, loadOrt, ortEngine } from "./ort.js";
import type { Ort } from "./ort.js";
import {
  nativeLoader,
  notLoaded,
  openCpuBackend,
  openNativeBackend,
  openWasmBackend,
  openWebgpuBackend,
  Unusable,
} from "./tfjs-backends.js";
import type { LoadNative } from "./tfjs-backends.js";
import { tfjsEngine, type TfjsBackend } from "../../runtime/services/tfjs-engine.js";

/** How the libraries and the machine are reached. Tests put others in their place. */
export interface EngineLoaders {
  readonly ort: () => Promise<Ort>;
  readonly dawn: LoadDawn;
  readonly tfjsNode: LoadNative;
  readonly tfjsNodeGpu: LoadNative;
  readonly mayHaveGpu: () => Promise<boolean>;
  readonly mayHaveCuda: () => Promise<boolean>;
  readonly mayHaveVulkan: () => Promise<boolean>;
}

export interface EngineOptions {
  /** Threads of one operation on engines that have them; by default one a core, at most 8. */
  readonly threads?: number;
  /** Whether onnxruntime's idle threads spin; by default where other programs leave cores free. Speed only, never results. */
  readonly spinning?: boolean;
  /** Where samplers step; default: on the device where it is a GPU. */
  readonly steps?: SteppingPlace | undefined;
  readonly loaders?: Partial<EngineLoaders>;
}

interface Settings {
  readonly threads: number;
  /** Absent: where other work leaves free cores, which is watched for when onnxruntime is opened. */
  readonly spinning?: boolean | undefined;
  readonly steps?: SteppingPlace | undefined;
}

/** Ten ticks of the clock that cores are counted by, for each core. */
const WATCH_MS = 100;

const REAL: EngineLoaders = {
  ort: loadOrt,
  dawn: loadDawn,
  tfjsNode: nativeLoader("@tensorflow/tfjs-node"),
  tfjsNodeGpu: nativeLoader("@tensorflow/tfjs-node-gpu"),
  mayHaveGpu,
  mayHaveCuda,
  mayHaveVulkan,
};

/**
 * Opens an engine, with `:host` or `:device` behind its name to step there. "auto" takes the first of: tfjs-gpu where there is CUDA, onnx-webgpu on a hardware adapter, onnx-cpu, tfjs-wasm.
 *
 * Errors   LaceError L5201 if the engine cannot be used here, with the reason and a command that may mend it.
 * Owns     the caller disposes the engine.
 */
export async function openEngine(choice: EngineChoice, options: EngineOptions = {}): Promise<Engine> {
  const [name, place] = choice.split(":") as [EngineName | "auto", SteppingPlace?];
  const loaders = { ...REAL, ...options.loaders };
  const settings: Settings = {
    threads: options.threads ?? defaultThreads(),
    spinning: options.spinning,
    steps: place ?? options.steps,
  };
  if (name === "auto") return openBest(loaders, { ...options, steps: settings.steps });
  try {
    return await open(name, loaders, settings);
  } catch (error) {
    if (error instanceof LaceError) throw error;
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    const remedy = error instanceof Unusable ? [`try: ${error.remedy}`] : [];
    throw failure("L5201", `the engine ${name} cannot be used here: ${reason}`, [
      ...remedy,
      "run `lacec doctor` to see the engines of this machine",
    ]);
  }
}

/** Tries every engine. Each is opened, and disposed again. */
export async function probeEngines(options: EngineOptions = {}): Promise<readonly EngineProbe[]> {
  const probes: EngineProbe[] = [];
  for (const name of ENGINE_NAMES) {
    try {
      const engine = await openEngine(name, options);
      probes.push({ name, usable: true, reason: "", description: engine.description });
      await engine.dispose();
    } catch (error) {
      if (!(error instanceof LaceError)) throw error;
      const [first] = error.diagnostics;
      const message = first?.message.replace(/^.*? cannot be used here: /, "") ?? "";
      const remedy = first?.hints.find((hint) => hint.startsWith("try: "));
      const reason = remedy === undefined ? message : `${message} (${remedy})`;
      probes.push({ name, usable: false, reason, description: "" });
    }
  }
  return probes;
}

async function openBest(loaders: EngineLoaders, options: EngineOptions): Promise<Engine> {
  const candidates: EngineName[] = [];
  if (await loaders.mayHaveCuda()) candidates.push("tfjs-gpu");
  if ((await loaders.mayHaveGpu()) && (await hasHardwareAdapter(loaders))) candidates.push("onnx-webgpu");
  candidates.push("onnx-cpu", "tfjs-wasm");
  for (const name of candidates.slice(0, -1)) {
    try {
      return await openEngine(name, { ...options, loaders });
    } catch (error) {
      if (!(error instanceof LaceError)) throw error;
    }
  }
  return openEngine("tfjs-wasm", { ...options, loaders });
}

async function open(name: EngineName, loaders: EngineLoaders, settings: Settings): Promise<Engine> {
  const { steps } = settings;
  const onTfjs = async (backend: Promise<TfjsBackend>): Promise<Engine> =>
    checked(tfjsEngine(name, await backend, { steps }));
  switch (name) {
    case "onnx-cpu": {
      const ort = await ortOf(loaders);
      const { threads } = settings;
      const description = `onnxruntime ${versionOf(ort)}, CPU, ${threads} ${threads === 1 ? "thread" : "threads"}`;
      return checked(ortEngine(ort, { provider: "cpu", steps, ...(await settled(settings)), description }));
    }
    case "onnx-webgpu": {
      await requireVulkan(loaders);
      const ort = await ortOf(loaders);
      const adapter = await adapterName(loaders);
      const description = `onnxruntime ${versionOf(ort)}, WebGPU${adapter}`;
      return checked(ortEngine(ort, { provider: "webgpu", steps, ...(await settled(settings)), description }));
    }
    case "tfjs-gpu":
      return onTfjs(openNativeBackend(loaders.tfjsNodeGpu, "@tensorflow/tfjs-node-gpu", true));
    case "tfjs-node":
      return onTfjs(openNativeBackend(loaders.tfjsNode, "@tensorflow/tfjs-node", false));
    case "tfjs-webgpu":
      await requireVulkan(loaders);
      return onTfjs(openWebgpuBackend(loaders.dawn));
    case "tfjs-wasm":
      return onTfjs(openWasmBackend());
    case "tfjs-cpu":
      return onTfjs(openCpuBackend());
    default:
      return unreachable(name);
  }
}

async function settled({ threads, spinning }: Settings): Promise<{ threads: number; spinning: boolean }> {
  return { threads, spinning: spinning ?? (await hasFreeCores(threads)) };
}

/** Whether other work leaves the cores that `threads` would spin on. */
async function hasFreeCores(threads: number): Promise<boolean> {
  return (await coresOfOthers()) + threads <= availableParallelism() + 0.5;
}

/** How many cores other processes keep busy, watched for a moment. (The load average remembers a minute: too long after `npm ci`.) */
async function coresOfOthers(): Promise<number> {
  const own = process.cpuUsage();
  const [busy, idle] = coreTimes();
  await setTimeout(WATCH_MS);
  const [busyLater, idleLater] = coreTimes();
  const { user, system } = process.cpuUsage(own);
  const [used, rest] = [busyLater - busy, idleLater - idle];
  const total = used + rest;
  return total === 0 ? 0 : (Math.max(0, used - (user + system) / 1000) / total) * cpus().length;
}

/** Milliseconds that the cores together have been busy and idle. */
function coreTimes(): [number, number] {
  let [busy, idle] = [0, 0];
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return [busy, idle];
}

/** Lets an engine compute 1 + 1, so that one whose driver does not work is found out here. */
async function checked(engine: Engine): Promise<Engine> {
  const b = new GraphBuilder();
  const x = b.input("x", [1]);
  try {
    const executable = await engine.compile(b.finish({ outputs: { y: b.add(x, x) } }));
    const { y } = await executable.run({ x: Float32Array.of(1) });
    await executable.dispose();
    if (y?.[0] !== 2) throw new Error(`it computes that 1 + 1 is ${String(y?.[0])}`);
    return engine;
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

async function ortOf(loaders: EngineLoaders): Promise<Ort> {
  return loaders.ort().catch((error: unknown) => {
    throw notLoaded("onnxruntime-node", error);
  });
}

function versionOf(ort: Ort): string {
  return ort.env.versions.node ?? ort.env.versions.common;
}

/** onnxruntime does not say which adapter it takes; Dawn, asked in the same way, does. */
async function adapterName(loaders: EngineLoaders): Promise<string> {
  const adapter = await findAdapter(loaders);
  if (adapter === undefined) return "";
  return ` on ${describeAdapter(adapter)}${isSoftwareAdapter(adapter) ? ", a software adapter" : ""}`;
}

/**
 * Whether onnxruntime's WebGPU would run on hardware. Without the package webgpu, which can tell, the device files have to do: then
 * only an explicit choice of a software driver is recognised.
 */
async function hasHardwareAdapter(loaders: EngineLoaders): Promise<boolean> {
  if (!(await loaders.mayHaveVulkan())) return false;
  const adapter = await findAdapter(loaders);
  if (adapter !== undefined) return !isSoftwareAdapter(adapter);
  return !/swiftshader|lvp|llvmpipe|lavapipe/i.test(chosenDrivers());
}

async function findAdapter(loaders: EngineLoaders) {
  try {
    const dawn = await loaders.dawn();
    return (await dawn.create([]).requestAdapter({ powerPreference: "high-performance" })) ?? undefined;
  } catch {
    return undefined; // the package is optional
  }
}

async function requireVulkan(loaders: EngineLoaders): Promise<void> {
  if (await loaders.mayHaveVulkan()) return;
  throw new Unusable("there is no Vulkan driver", "install the driver of your GPU");
}

/** Whether Dawn would find a driver. On Linux it prints a warning if it does not, so it is not even asked then. */
async function mayHaveVulkan(): Promise<boolean> {
  if (process.platform !== "linux") return true;
  if (chosenDrivers() !== "") return true;
  const folders = ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
  const files = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  return files.flat().length > 0;
}

/** Vulkan drivers named in the environment. */
function chosenDrivers(): string {
  return `${process.env["VK_DRIVER_FILES"] ?? ""}${process.env["VK_ICD_FILENAMES"] ?? ""}`;
}
