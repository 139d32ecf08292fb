// `npm run check:fast`: types of the whole tree; format, lint and the quick ones of the near tests of what changed since main (or LACE_BASE).
// Types are checked by TypeScript's native compiler, which takes a quarter of the time; `npm run check` asks the one that builds.
// Caches and how long tests took are in node_modules/.cache/lace-check. What is not seen here (lint of files whose types changed elsewhere,
// tests further off or slower) `npm run check` sees, which leaves nothing out; the tests that were not run are named.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";
import { nearTests, timesOf, UNKNOWN, withinBudget } from "./related-tests.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = "node_modules/.cache/lace-check";
/** Seconds of tests with their imports, as their runs before took, on two workers. */
const BUDGET = 12;
/** Seconds after which tests are not waited for any more: a machine that is busy now was perhaps idle the last time. */
const LONGEST = 18;
mkdirSync(join(root, cache), { recursive: true });

const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim();
/** What this branch began from; without a branch `main`, the last commit. */
const base = git("merge-base", "HEAD", process.env["LACE_BASE"] ?? "main") || "HEAD";
const listed = (text) => text.split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
const changed = [
  ...listed(git("diff", "--name-only", base)),
  ...listed(git("ls-files", "--others", "--exclude-standard")),
];

const started = Date.now();
const failed = [];
const running = new Set();
/** Each command leads a group, so that its workers end with it. */
const end = (child) => {
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    // It has ended.
  }
};
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    running.forEach(end);
    process.exit(130);
  });
}

/** Runs a script of node_modules and says how it went: true if it came to its end. `until`: milliseconds after which it is stopped. */
async function step(name, script, args, { env = {}, until } = {}) {
  const begin = Date.now();
  const child = spawn(process.execPath, [join(root, "node_modules", script), ...args], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
  let stopped = false;
  const stop = () => {
    stopped = true;
    end(child);
  };
  const timer = until === undefined ? undefined : setTimeout(stop, until);
  const code = await new Promise((done) => child.on("close", done));
  clearTimeout(timer);
  running.delete(child);
  const word = stopped ? "stopped" : code === 0 ? "ok    " : "FAILED";
  console.log(`${word} ${name}, ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  if (code !== 0 && !stopped) failed.push(name);
  return { stopped, told: code === 0 ? "" : output };
}
/** Shows what a step that failed said. */
const show = async (result) => {
  const { stopped, told } = await result;
  if (!stopped && told !== "") console.log(told);
};

/** The near tests, the quickest first, as many as the budget holds; keeps how long each took. */
async function test() {
  const paths = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  const texts = paths
    .map((f) => `test/${f.replaceAll("\\", "/")}`)
    .map((f) => [f, readFileSync(join(root, f), "utf8")]);
  const known = join(root, cache, "seconds.json");
  const seconds = existsSync(known) ? JSON.parse(readFileSync(known, "utf8")) : {};
  const { run, left } = withinBudget(nearTests(changed, new Map(texts)), seconds, BUDGET);
  let unfinished = [];
  if (run.length > 0) {
    const lines = join(root, cache, "times.jsonl");
    rmSync(lines, { force: true });
    const { stopped, told } = await step(
      `${run.length} tests near what changed`,
      "vitest/vitest.mjs",
      ["run", ...run, "--reporter=default", "--reporter=./scripts/test-times.js"],
      { env: { LACE_TEST_TIMES: lines }, until: LONGEST * 1000 },
    );
    const times = timesOf(existsSync(lines) ? readFileSync(lines, "utf8") : "");
    unfinished = run.filter((t) => !(t in times.seconds));
    if (stopped && times.failed.length > 0) failed.push(...times.failed);
    if (told !== "" && (!stopped || times.failed.length > 0)) console.log(told);
    // What was not finished takes longer than was thought; what was left is thought a little quicker each time, and so tried again one day.
    for (const t of unfinished) times.seconds[t] = Math.min(BUDGET, 1.5 * (seconds[t] ?? UNKNOWN));
    for (const t of left) times.seconds[t] = 0.95 * (seconds[t] ?? UNKNOWN);
    writeFileSync(known, JSON.stringify({ ...seconds, ...times.seconds }));
  }
  if (unfinished.length > 0) console.log(`       not finished: ${unfinished.join(" ")}`);
  if (left.length > 0) console.log(`       left to npm run check: ${left.join(" ")}`);
}

const linted = changed.filter((path) => /\.([cm]?js|tsx?)$/.test(path));
writeFileSync(
  join(root, cache, "lint.json"),
  JSON.stringify({
    extends: "../../../tsconfig.json",
    include: [],
    files: linted.filter((path) => /^(src|test|bench)\/.*\.ts$/.test(path)).map((path) => `../../../${path}`),
  }),
);
const eslint = [
  ...["--config", "scripts/eslint-fast.config.js", "--max-warnings", "0", "--no-warn-ignored"],
  ...["--cache", "--cache-strategy", "content", "--cache-location", `${cache}/eslint`],
];
// All at once: each keeps one core busy.
await Promise.all([
  changed.length > 0
    ? show(step("format", "prettier/bin/prettier.cjs", ["--check", "--ignore-unknown", ...changed]))
    : undefined,
  show(
    step("types", "@typescript/native-preview/bin/tsgo", [
      ...["--noEmit", "--incremental", "--tsBuildInfoFile", `${cache}/types.tsbuildinfo`],
    ]),
  ),
  linted.length > 0 ? show(step("lint", "eslint/bin/eslint.js", [...eslint, ...linted])) : undefined,
  test(),
]);
console.log(`${((Date.now() - started) / 1000).toFixed(1)} s`);
process.exitCode = failed.length > 0 ? 1 : 0;
