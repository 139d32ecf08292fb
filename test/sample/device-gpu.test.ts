import { describe, expect, test } from "vitest";
import { GOLDEN_PRESENT } from "../support/golden.js";
import { runOnSoftwareGpu, SOFTWARE_GPU_PRESENT } from "../targets/software-gpu.js";

interface Report {
  readonly description: string;
  readonly reads: number;
  readonly steps: number;
  readonly isSame: readonly boolean[];
  readonly counts: readonly unknown[];
  readonly expected: readonly unknown[];
  readonly distance: number;
  readonly reference: number;
}

describe.skipIf(!SOFTWARE_GPU_PRESENT || !GOLDEN_PRESENT)(
  "steps on a GPU, SwiftShader (needs Debian's chromium and ../shared/golden)",
  () => {
    test.each(["tfjs-webgpu", "onnx-webgpu"])(
      "%s steps on its device by itself, reads seldom, ends as the reference, and gives a sample the same bits alone",
      async (name) => {
        const child = new URL("./device-gpu-child.ts", import.meta.url);
        const { code, signal, lines, errors } = await runOnSoftwareGpu(child, [name]);
        expect({ code, signal }, errors).toEqual({ code: 0, signal: null });
        const report = JSON.parse(lines.find((line) => line.startsWith("{")) ?? "{}") as Report;
        expect(report.description).toMatch(/WebGPU on SwiftShader.*, steps on the device$/);
        expect(report.reads).toBeLessThanOrEqual(report.steps / 8 + 2);
        expect(report.counts).toEqual(report.expected);
        expect(report.distance).toBeLessThanOrEqual(report.reference);
        expect(report.isSame.length).toBeGreaterThan(4);
        expect(report.isSame).not.toContain(false);
        expect(lines.at(-1)).toBe("disposed");
      },
      600_000,
    );
  },
);
