// What this machine has for a graphics processor, found without loading a driver where that can be avoided.
// In: the file system; the optional `webgpu` package (Dawn). Out: a guess, or an adapter's description.
// Invariants: nothing here stays alive: Dawn's handle is dropped (and would keep the process running otherwise).
import { readdir } from "node:fs/promises";
import process from "node:process";

/** Device files that a GPU's kernel driver makes on Linux: DRM render nodes, NVIDIA, WSL, Mali, Adreno. */
const DEVICE_FILES = [
  { folder: "/dev/dri", pattern: /^renderD\d+$/ },
  { folder: "/dev", pattern: /^(nvidiactl|dxg|mali\d+|kgsl-3d\d+)$/ },
];

/** Whether there may be a GPU at all. Cheap: on Linux by device files; elsewhere every machine has one. */
export async function mayHaveGpu(platform: NodeJS.Platform = process.platform): Promise<boolean> {
  if (platform !== "linux") return true;
  const found = await Promise.all(
    DEVICE_FILES.map(async ({ folder, pattern }) => (await listing(folder)).some((name) => pattern.test(name))),
  );
  return found.includes(true);
}

/** Whether an NVIDIA driver is loaded, as CUDA needs. On Windows this is left to CUDA to say. */
export async function mayHaveCuda(platform: NodeJS.Platform = process.platform): Promise<boolean> {
  if (platform === "darwin") return false;
  if (platform !== "linux") return true;
  return (await listing("/dev")).some((name) => name === "nvidiactl" || name === "dxg");
}

async function listing(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** The part of WebGPU's API that we call: TypeScript's DOM library and Dawn's types disagree on the rest. */
export interface GpuAdapter {
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  readonly info: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
  requestDevice(descriptor: object): Promise<GpuDevice>;
}
export interface GpuDevice {
  destroy(): void;
}
export interface Gpu {
  requestAdapter(options?: object): Promise<GpuAdapter | null>;
}
/** The `webgpu` package. */
export interface Dawn {
  create(options: readonly string[]): Gpu;
  readonly globals: Readonly<Record<string, unknown>>;
}

export type LoadDawn = () => Promise<Dawn>;

/** The `webgpu` package, if it is installed. Rejects if not, or if its native part does not load. */
export const loadDawn: LoadDawn = async () => (await import("webgpu")) as unknown as Dawn;

/** "SwiftShader driver 5.0.0 (swiftshader)", say. */
export function describeAdapter({ info }: GpuAdapter): string {
  const kind = [info.vendor, info.architecture].filter((part) => part !== "").join(" ");
  return info.description === "" ? kind : `${info.description} (${kind})`;
}

/** Whether an adapter computes on the CPU: SwiftShader, llvmpipe (lavapipe), WARP. */
export function isSoftwareAdapter({ info }: GpuAdapter): boolean {
  if (info.isFallbackAdapter === true) return true;
  return /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i.test(
    `${info.architecture} ${info.description}`,
  );
}
