// Which tests `npm run check:fast` runs: those that are near what changed, as far as they are quick.
// In: changed paths, the texts of all tests, how long each took. Out: tests to run and tests that are left to `npm run check`.
import { posix } from "node:path";

/** Seconds of a test that was never run here. */
export const UNKNOWN = 2;
const ARCHITECTURE = "test/architecture.test.ts";

/** The relative imports of a file, as paths of sources: "src/a.ts". */
function importsOf(path, text) {
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g)];
  return found.map(([, to]) => posix.normalize(posix.join(posix.dirname(path), to)).replace(/\.js$/, ".ts"));
}

/**
 * Tests that changed, that import a changed file, or that import a helper of tests which does; the architecture test, where a source changed.
 * `tests`: the text of each file below test/, by path.
 */
export function nearTests(changed, tests) {
  const wanted = new Set(changed);
  const helpers = [...tests].filter(([path]) => !path.endsWith(".test.ts"));
  // A helper of helpers counts too: until no more are found.
  for (let before = -1; before !== wanted.size;) {
    before = wanted.size;
    for (const [path, text] of helpers) if (importsOf(path, text).some((to) => wanted.has(to))) wanted.add(path);
  }
  const near = [...tests].filter(
    ([path, text]) =>
      path.endsWith(".test.ts") && (wanted.has(path) || importsOf(path, text).some((to) => wanted.has(to))),
  );
  const names = new Set(near.map(([path]) => path));
  if (changed.some((path) => path.startsWith("src/"))) names.add(ARCHITECTURE);
  return [...names];
}

/** What of `tests` fits into a budget of seconds, the test of the architecture first, then the quickest; `seconds`: how long each took, where that is known. */
export function withinBudget(tests, seconds, budget) {
  const timeOf = (test) => seconds[test] ?? UNKNOWN;
  const order = (test) => (test === ARCHITECTURE ? -1 : timeOf(test));
  const run = [];
  const left = [];
  let spent = 0;
  for (const test of [...tests].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1))) {
    if (spent + timeOf(test) <= budget || run.length === 0) {
      run.push(test);
      spent += timeOf(test);
    } else left.push(test);
  }
  return { run, left };
}

/** What the lines of scripts/test-times.js say: how long each finished test took, and which failed. A line that was cut off says nothing. */
export function timesOf(lines) {
  const seconds = {};
  const failed = [];
  for (const line of lines.split("\n").slice(0, -1)) {
    const { test, seconds: took, passed } = JSON.parse(line);
    seconds[test] = took;
    if (!passed) failed.push(test);
  }
  return { seconds, failed };
}
