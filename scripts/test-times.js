// A reporter of vitest for `npm run check:fast`: a line of JSON for each test file at its end, in the file that LACE_TEST_TIMES names, so that what was run is known
// of a run that was stopped too. Seconds count the imports of a test, which often take longer than it does.
import { appendFileSync } from "node:fs";

export default class TestTimes {
  onTestModuleEnd(module) {
    const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic();
    const took = environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration;
    const line = { test: module.relativeModuleId, seconds: took / 1000, passed: module.ok() };
    appendFileSync(process.env["LACE_TEST_TIMES"], `${JSON.stringify(line)}\n`);
  }
}
