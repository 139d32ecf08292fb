import { describe, expect, test } from "vitest";
import { GOLDEN_PRESENT } from "../support/golden.js";
import { runOnSoftwareGpu, SOFTWARE_GPU_PRESENT } from "../targets/software-gpu.js";

const CHILD = new URL("./synthesis-gpu-child.ts", import.meta.url);

describe.skipIf(!SOFTWARE_GPU_PRESENT || !GOLDEN_PRESENT)(
  "golden images on SwiftShader (needs Debian's chromium and ../shared/golden)",
  () => {
    test.each([
      ["tfjs-webgpu", "stylegan2-ada/skip32_conditional"],
      ["onnx-webgpu", "stylegan2-ada/skip32_conditional"],
      ["tfjs-webgpu", "stylegan3/t32_conditional"],
      ["onnx-webgpu", "stylegan3/t32_conditional"],
    ])(
      "%s draws the reference's image of %s",
      async (name, checkpoint) => {
        const { code, lines, errors } = await runOnSoftwareGpu(CHILD, [name, checkpoint]);
        const line = lines.findLast((l) => l.startsWith("{")) ?? JSON.stringify({ description: errors });
        const result = JSON.parse(line) as { description: string; error?: number };
        expect(result.description).toMatch(/WebGPU on SwiftShader/);
        expect(result.error).toBeLessThan(2e-4);
        expect(code).toBe(0);
      },
      300_000,
    );
  },
);
