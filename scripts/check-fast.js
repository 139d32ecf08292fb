// `npm run check:fast`: types, and format, lint and the quick ones of the near tests of what changed since main (or LACE_BASE).
// Caches and how long tests took are in node_modules/.cache/lace-check. What is not seen here (lint of files whose types changed elsewhere,
// tests further off or slower) `npm run check` sees, which leaves nothing out.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { nearTests, withinBudget } from "./related-tests.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = "node_modules/.cache/lace-check";
/** Seconds of tests, as their runs before took, on two workers. */
const BUDGET = 12;
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
async function step(name, ...args) {
  const begin = Date.now();
  const child = spawn("npx", ["--no-install", ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
  const code = await new Promise((done) => child.on("close", done));
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}, ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  if (code === 0) return;
  failed.push(name);
  console.log(output);
}

/** The near tests, the quickest first, as many as the budget holds; keeps how long each took. */
async function test() {
  const paths = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  const texts = paths
    .map((f) => `test/${f.replaceAll("\\", "/")}`)
    .map((f) => [f, readFileSync(join(root, f), "utf8")]);
  const known = join(root, cache, "seconds.json");
  const seconds = existsSync(known) ? JSON.parse(readFileSync(known, "utf8")) : {};
  const { run, left } = withinBudget(nearTests(changed, new Map(texts)), seconds, BUDGET);
  if (run.length > 0) {
    const report = join(root, cache, "tests.json");
    await step(
      `${run.length} tests near what changed`,
      "vitest",
      "run",
      ...run,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    );
    if (existsSync(report)) {
      for (const { name, startTime, endTime } of JSON.parse(readFileSync(report, "utf8")).testResults)
        seconds[relative(root, name).replaceAll("\\", "/")] = (endTime - startTime) / 1000;
      writeFileSync(known, JSON.stringify(seconds));
    }
  }
  if (left.length > 0) console.log(`       left to npm run check: ${left.join(" ")}`);
}

const linted = changed.filter((path) => /\.([cm]?js|ts)$/.test(path));
const eslint = [
  "eslint",
  ...linted,
  "--max-warnings",
  "0",
  "--no-warn-ignored",
  "--cache",
  "--cache-strategy",
  "content",
];
// All at once: each keeps one core busy.
await Promise.all([
  changed.length > 0 ? step("format", "prettier", "--check", "--ignore-unknown", ...changed) : undefined,
  step("types", "tsc", "--noEmit", "--incremental", "--tsBuildInfoFile", `${cache}/tsc.tsbuildinfo`),
  linted.length > 0 ? step("lint", ...eslint, "--cache-location", `${cache}/eslint`) : undefined,
  test(),
]);
console.log(`${((Date.now() - started) / 1000).toFixed(1)} s`);
process.exitCode = failed.length > 0 ? 1 : 0;
