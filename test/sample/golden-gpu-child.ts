// The child of golden.test.ts: every case of lace-tiny on one engine, a report as a JSON line each.
// Arguments: the engine's name; the cases whose ends are wanted, at default tolerances, with commas.
import type { EngineName } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { reportOn } from "../support/golden-energy.js";
import { loadGoldenLace } from "../support/golden.js";

const [name = "", ends = ""] = process.argv.slice(-2);
const engine = await openEngine(name as EngineName);
const golden = await loadGoldenLace("lace-tiny");
for (const c of golden.cases) {
  const tolerances = ends.split(",").includes(c.name) ? [1e-3] : [];
  console.log(JSON.stringify(await reportOn(engine, golden, c, tolerances)));
}
await engine.dispose();
