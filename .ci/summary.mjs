// summary.mjs REPORT FAILED_STEPS: the closing line of CI, from vitest's JSON report; exits 1 if anything failed.
import { readFileSync } from "node:fs";

const [report, failedSteps] = process.argv.slice(2);
let passed = 0;
let failed = Number(failedSteps);
let skipped = 0;
try {
  const json = JSON.parse(readFileSync(report, "utf8"));
  passed = json.numPassedTests;
  failed = Math.max(failed, json.numFailedTests + json.numFailedTestSuites, Number(failedSteps));
  skipped = json.numPendingTests + json.numTodoTests;
} catch (error) {
  console.log(`no test report: ${error.message}`);
  failed += 1;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
