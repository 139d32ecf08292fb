// The child of golden.test.ts: every case of lace-tiny on one engine, a report as a JSON line each.
// Arguments: the engine's name; the cases whose ends are wanted, by default, with commas.
import type { EngineName } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { DEFAULT_ODE, reportOn } from "../support/golden-energy.js";
import { loadGoldenLace } from "../support/golden.js";

const [name = "", ends = ""] = process.argv.slice(-2);
const engine = await openEngine(name as EngineName);
const golden = await loadGoldenLace("lace-tiny");
for (const c of golden.cases) {
  const samplers = ends.split(",").includes(c.name) ? [DEFAULT_ODE] : [];
  console.log(JSON.stringify(await reportOn(engine, golden, c, samplers)));
}
await engine.dispose();
