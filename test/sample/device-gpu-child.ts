// The child of device-gpu.test.ts: a golden case on one engine that steps on its device; samples of a batch, and some of them alone.
// Argument: the engine's name. Out: a line of JSON.
import { openEngine } from "../../src/node/engines/open.js";
import type { EngineName } from "../../src/runtime/services/engine.js";
import { drawLatents } from "../../src/runtime/sample/noise-source.js";
import { drawSteps, openSteps } from "../support/device-steps.js";
import {
  DEFAULT_ODE,
  goldenGradient,
  interpretedField,
  rms,
  rowDistances,
  solveGolden,
} from "../support/golden-energy.js";
import { loadGoldenLace } from "../support/golden.js";

const engine = await openEngine((process.argv.at(-1) ?? "") as EngineName);
const golden = await loadGoldenLace("lace-tiny");
const c = golden.cases.find(({ name }) => name === "or") ?? golden.cases[0]!;
const dim = golden.weights.zDim;
const sampler = DEFAULT_ODE;
const opened = await openSteps(engine, sampler, goldenGradient(golden, c, c.batch));
const z0 = golden.expected(`${c.name}.z0`).data;
const all = Array.from({ length: c.batch }, (_, i) => i);
const drawn = await drawSteps(opened, { sampler, z0, lanes: all });
const [reads, steps] = [engine.reads(), opened.steps()];

const lanes = [...all, c.batch, c.batch + 2]; // two more, in rows that are packed anew
const starts = Float64Array.from([...z0, ...drawLatents(9, lanes.slice(c.batch), dim)]);
const together = await drawSteps(opened, { sampler, z0: starts, lanes });
const rowsOf = (z: Float64Array, i: number): number[] => [...z.subarray(i * dim, (i + 1) * dim)];
const isSame: boolean[] = all.map((i) => String(rowsOf(together.z, i)) === String(rowsOf(drawn.z, i)));
for (const i of [1, c.batch + 1]) {
  const alone = await drawSteps(opened, {
    ...{ sampler, z0: starts.slice(i * dim, (i + 1) * dim), lanes: [lanes[i]!] },
  });
  isSame.push(String([...alone.z]) === String(rowsOf(together.z, i)));
}
const host = await solveGolden(interpretedField(golden, c), z0, sampler);
const distance = (z: Float64Array, key: string): number =>
  rms(rowDistances(z, golden.expected(`${c.name}.${key}`).data, dim));
console.log(
  JSON.stringify({
    ...{ description: engine.description, reads, steps, isSame },
    counts: drawn.samples.map((s) => [s.status, s.accepted, s.rejected]),
    expected: host.samples.map((s) => [s.status, s.accepted, s.rejected]),
    distance: distance(drawn.z, "z_exact"),
    reference: rms(
      rowDistances(
        golden.expected(`${c.name}.z_dopri5_batch_1e-3`).data,
        golden.expected(`${c.name}.z_exact`).data,
        dim,
      ),
    ),
  }),
);
await opened.dispose();
await engine.dispose();
console.log("disposed");
