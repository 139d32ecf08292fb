import { describe, expect, test } from "vitest";
import { runOnSoftwareGpu, SOFTWARE_GPU_PRESENT } from "./software-gpu.js";

const CHILD = new URL("./software-gpu-child.ts", import.meta.url);

interface Line {
  readonly description?: string;
  readonly title?: string;
  readonly error?: string;
  readonly disposed?: boolean;
}

describe.skipIf(!SOFTWARE_GPU_PRESENT)("WebGPU on SwiftShader (needs Debian's chromium)", () => {
  // A software processor compiles shaders slowly, and more so on a busy machine.
  const timeout = 180_000;

  test.each(["tfjs-webgpu", "onnx-webgpu"])(
    "%s computes what the interpreter computes, and its process ends",
    async (name) => {
      const { code, signal, lines, errors } = await runOnSoftwareGpu(CHILD, [name]);
      const parsed = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
      expect(parsed[0]?.description ?? errors).toMatch(/WebGPU on SwiftShader.*a software adapter/);
      const cases = parsed.filter((line) => line.title !== undefined);
      expect(cases.filter((line) => line.error !== "")).toEqual([]);
      expect(cases.length).toBeGreaterThanOrEqual(20);
      expect(parsed.at(-1)?.disposed).toBe(true);
      expect({ code, signal }).toEqual({ code: 0, signal: null });
    },
    timeout,
  );
});
