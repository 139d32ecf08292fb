// `npm run check:fast`: format, types, lint and the tests that depend on what changed since main, with caches in node_modules/.cache/lace-check.
// A cached lint does not see a type that changed in another file: `npm run check`, which caches nothing, has the last word.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = "node_modules/.cache/lace-check";
mkdirSync(`${root}/${cache}`, { recursive: true });

const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim();
/** What this branch began from; without a branch `main`, the last commit. */
const base = git("merge-base", "HEAD", process.env["LACE_BASE"] ?? "main") || "HEAD";

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

const strategy = ["--cache-strategy", "content"];
await Promise.all([
  step("format", "prettier", "--check", ".", "--cache", ...strategy, "--cache-location", `${cache}/prettier`),
  step("types", "tsc", "--noEmit", "--incremental", "--tsBuildInfoFile", `${cache}/tsc.tsbuildinfo`),
  step("lint", "eslint", ".", "--max-warnings", "0", "--cache", ...strategy, "--cache-location", `${cache}/eslint`),
]);
await step("tests of what changed", "vitest", "run", "--changed", base, "--passWithNoTests");
console.log(`${((Date.now() - started) / 1000).toFixed(1)} s`);
process.exitCode = failed.length > 0 ? 1 : 0;
