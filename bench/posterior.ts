// How near samples are to what they are samples of: those of each sampler against unconditional images that the labeller accepts.
// Run: node scripts/bench.js posterior [--count 256] [--free 20000]
// In: how many to draw. Out: a line for each condition and sampler: satisfied, Frechet distance and its floor, |z|^2 / d, evaluations, effective size, R-hat.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileScript } from "../src/app/compile-script.js";
import { verdict, type HeadOutputs } from "../src/compiler/energy/interpret.js";
import { frechetDistance, momentsOf, type Moments } from "../src/learn/evaluate/frechet.js";
import { nodeHost } from "../src/node/host.js";
import { nodeServices } from "../src/node/services.js";
import { outputsOf } from "../src/runtime/draw/columns.js";
import type { SampleResult } from "../src/runtime/draw/results.js";
import { stylesOf } from "../src/runtime/draw/styles.js";
import { execute } from "../src/runtime/execute.js";
import { dryWorld } from "../src/runtime/services/world.js";
import { translate } from "../src/runtime/services/translation.js";
import { openPainter } from "../src/runtime/show/painter.js";

const CONDITIONS = ["glasses", "glasses and smile", "glasses and smile and beard"];
const WAYS = ["", "accept by labeller tries 8", "sampler hmc", "sampler hmc  accept by labeller tries 8"];
/** Images that are looked at together. */
const LOOK = 64;

const { values } = parseArgs({
  options: { count: { type: "string", default: "256" }, free: { type: "string", default: "20000" } },
});
const count = Number(values.count);
const folder = mkdtempSync(join(tmpdir(), "posterior-"));
const script = join(folder, "posterior.lace");
const wishes = CONDITIONS.flatMap((where) => WAYS.map((way) => ({ where, way })));
const tasks = wishes.map(
  ({ where, way }, n) => `sample s${n} from avatar { where ${where}  count ${count}  seed 9  ${way} }`,
);
writeFileSync(
  script,
  `lace 1\nmodel avatar from "builtin:avatar"\nsample free from avatar { count ${values.free}  seed 77 }\n${tasks.join("\n")}\n`,
);
const host = nodeHost();
const { plan, diagnostics } = await compileScript(script, host);
rmSync(folder, { recursive: true });
if (plan === undefined) throw new Error(diagnostics.map((d) => d.message).join("; "));
const services = nodeServices(host, "onnx-cpu");
const {
  tasks: results,
  models,
  record,
} = await execute({ ...plan, saves: [], expects: [] }, dryWorld(services), {
  out: ".",
  script: { lacec: "", script: { file: "", sha256: "" }, imports: [] },
});
const model = models[0]!;
const labeller = (await services.openLabeller(model))!;
const engine = await services.openEngine();
const painter = openPainter({ model, engine, services, count: LOOK });
const { attributes, numWs } = model.info;
const translation = translate(labeller.attributes, attributes);

const free = await look(results[0]!.samples);
for (const [n, { where, way }] of wishes.entries()) {
  const { task, samples } = results[n + 1]!;
  if (task.kind !== "sample") continue;
  const satisfies = (s: Looked): boolean => verdict(task.energy, s.outputs) === "satisfied";
  const accepted = free.filter(satisfies);
  const held = Math.min(count, Math.floor(accepted.length / 2));
  const others = moments(accepted.slice(held));
  const own = await look(samples);
  const distance = (set: readonly Looked[]): string => frechetDistance(moments(set.slice(0, held)), others).toFixed(2);
  const { chains } = record.tasks[n + 1]!;
  const worth =
    chains === null
      ? ""
      : `  ess ${chains.ess.toFixed(1)} of ${chains.length}, R-hat ${chains.rhat?.toFixed(2) ?? "-"}`;
  console.log(
    `${where.padEnd(28)} ${(way || "ode").padEnd(40)} satisfied ${mean(own.map((s) => Number(satisfies(s)))).toFixed(3)}  Frechet ${distance(own)}, floor ${distance(accepted)}  |z|2/d ${mean(samples.map(({ z }) => mean([...z].map((v) => v * v)))).toFixed(3)}  evaluations ${mean(samples.map((s) => s.evaluations)).toFixed(0)}${worth}`,
  );
}
await painter.dispose();
await labeller.dispose();
await engine.dispose();

interface Looked {
  readonly outputs: HeadOutputs;
  readonly features: Float32Array;
}

async function look(samples: readonly SampleResult[]): Promise<Looked[]> {
  const seen: Looked[] = [];
  for (let start = 0; start < samples.length; start += LOOK) {
    const images = await painter.paint(samples.slice(start, start + LOOK).map((s) => stylesOf(s, numWs)));
    const sight = await labeller.look(images);
    const all = sight.features!;
    const width = all.length / images.length;
    outputsOf(sight, images.length, labeller.attributes).forEach((outputs, k) => {
      seen.push({ outputs: translation.outputs(outputs), features: all.slice(k * width, (k + 1) * width) });
    });
  }
  return seen;
}

function moments(seen: readonly Looked[]): Moments {
  const width = seen[0]!.features.length;
  const all = new Float32Array(seen.length * width);
  seen.forEach((s, k) => all.set(s.features, k * width));
  return momentsOf(all, width);
}

function mean(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0) / list.length;
}
