// Which tests `npm run check:fast` runs: those that are near what changed, as far as they are quick.
// In: changed paths, the texts of all tests, how long each took. Out: tests to run and tests that are left to `npm run check`.
import { posix } from "node:path";

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
  if (changed.some((path) => path.startsWith("src/"))) names.add("test/architecture.test.ts");
  return [...names];
}

/** What of `tests` fits into a budget of seconds, the quickest first; `seconds`: how long each took, where that is known. */
export function withinBudget(tests, seconds, budget, unknown = 2) {
  const timeOf = (test) => seconds[test] ?? unknown;
  const run = [];
  const left = [];
  let spent = 0;
  for (const test of [...tests].sort((a, b) => timeOf(a) - timeOf(b) || (a < b ? -1 : 1))) {
    if (spent + timeOf(test) <= budget || run.length === 0) {
      run.push(test);
      spent += timeOf(test);
    } else left.push(test);
  }
  return { run, left };
}
