// Where samplers step, as a user sees it: --engine NAME:device, the same pictures to rounding, and what run.json says.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/app/run.js";
import { engineChoice, UsageError, type EngineChoice } from "../../src/app/verb.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { onThisMachine } from "../../src/node/platform.js";
import { expectClose } from "../support/close.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

/** Anchors of an edit, numbers of a sweep, noise, rows that are packed anew, and a solver that steps on the host. (Row 17 slides along a kink, and ends 4e-3 apart.) */
const SCRIPT = `lace 1
model tiny from "tiny.safetensors"
sample a from tiny { where glasses and tilt is 0.4 +- 1 count 17 seed 3 }
edit b of a { keep latent 0.1, attributes 0.1
  step tilt is 0.6
  step not glasses sampler langevin { steps 8 step 1e-3 noise 0.01 } }
sweep c over t in 0.2..0.8 by 0.3 from tiny { where tilt is t count 3 seed 3 sampler hmc { steps 12 leaps 2 } }
sample d from tiny { where glasses count 2 seed 4 sampler ode { solver ros2 } }
traverse e from tiny { where glasses between seed 1 and seed 2 frames 3 sampler langevin { steps 5 step 1e-2 noise 0.1 } }
save b to "b-{index}-{step}.png"
`;

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({ "all.lace": SCRIPT });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

const drawn = (engine: EngineChoice, script = "all.lace") =>
  onThisMachine((platform) =>
    run(platform, join(folder.path, script), { out: join(folder.path, engine.replace(":", "-")), engine }),
  );

test("every kind of task gives the samples of the host, to rounding, and run.json says where they were made", async () => {
  const [host, device] = [await drawn("onnx-cpu"), await drawn("onnx-cpu:device")];
  const descriptionOf = (out: string): string => {
    const record = JSON.parse(readFileSync(join(folder.path, out, "run.json"), "utf8")) as {
      readonly engine: { readonly description: string };
    };
    return record.engine.description;
  };
  expect(descriptionOf("onnx-cpu")).not.toContain("device");
  expect(descriptionOf("onnx-cpu-device")).toBe(`${descriptionOf("onnx-cpu")}, steps on the device`);
  device.tasks.forEach((task, t) => {
    const expected = host.tasks[t]!.samples;
    expect(task.samples.length).toBe(expected.length);
    task.samples.forEach((s, i) => {
      const what = expected[i]!;
      expect([s.status, s.index, s.part]).toEqual([what.status, what.index, what.part]);
      expectClose(s.z, what.z, { abs: 2e-2, rel: 2e-2 });
      expectClose(s.logp, what.logp, { abs: 2e-2, rel: 2e-2 });
    });
  });
}, 300_000);

test("where states on the way are shown, one step size serves a batch or the solver is implicit, steps are the host's, to the bit", async () => {
  const sampler = (settings: string): string => `sampler ode { ${settings} }`;
  writeFileSync(
    join(folder.path, "hosted.lace"),
    `lace 1
model tiny from "tiny.safetensors"
sample a from tiny { where glasses count 2 seed 3 ${sampler("solver ros2")} }
sample b from tiny { where glasses count 3 seed 3 ${sampler("control batch")} }
edit c of a { step tilt is 0.6 ${sampler("tau 0.3")} }
save c to "c.webp" as animation { fps 4 tween 1 }
`,
  );
  const [host, device] = [await drawn("onnx-cpu", "hosted.lace"), await drawn("onnx-cpu:device", "hosted.lace")];
  device.tasks.forEach((task, t) => {
    expect(task.samples.map((s) => [...s.z])).toEqual(host.tasks[t]!.samples.map((s) => [...s.z]));
  });
}, 300_000);

test("what lies between two parts is solved for, and steps on the device as they do", async () => {
  writeFileSync(
    join(folder.path, "between.lace"),
    `lace 1
model tiny from "tiny.safetensors"
sweep a over t in 0.3..0.6 by 0.3 from tiny { where tilt is t count 2 seed 3 sampler ode { tau 0.3 } }
traverse b from tiny { where glasses between seed 1 and seed 2 frames 2 sampler ode { tau 0.3 } }
save a to "a.webp" as animation { fps 4 tween 1 }
save b to "b.webp" as animation { fps 4 tween 2 }
`,
  );
  const [host, device] = [await drawn("onnx-cpu", "between.lace"), await drawn("onnx-cpu:device", "between.lace")];
  const hasFloat32 = (z: Float64Array): boolean => z.every((x) => Math.fround(x) === x);
  for (const [t, { samples, between = [] }] of device.tasks.entries()) {
    const expected = host.tasks[t]!;
    expect(between.length).toBe(2);
    expect([...samples, ...between].every((s) => hasFloat32(s.z))).toBe(true);
    between.forEach((s, i) => {
      const what = expected.between![i]!;
      expect(hasFloat32(what.z)).toBe(false);
      expect([s.status, s.index, s.part]).toEqual([what.status, what.index, what.part]);
      expectClose(s.z, what.z, { abs: 2e-2, rel: 2e-2 });
    });
  }
}, 300_000);

test("a place that is none is a mistake that names those that there are", () => {
  expect(engineChoice("tfjs-wasm:device")).toBe("tfjs-wasm:device");
  expect(engineChoice("auto:host")).toBe("auto:host");
  expect(() => engineChoice("tfjs-wasm:moon")).toThrow(UsageError);
  expect(() => engineChoice("tfjs-wasm:moon")).toThrow(":host or :device");
});
