// Runs a benchmark that is written in TypeScript: `node scripts/bench.js engines --json`. Vite (which vitest brings) compiles it.
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [name = "", ...args] = process.argv.slice(2);
process.argv.splice(2, process.argv.length, ...args);
const file = fileURLToPath(new URL(`../bench/${name}.ts`, import.meta.url));
if (!existsSync(file)) {
  const names = readdirSync(new URL("../bench/", import.meta.url)).filter((n) => n.endsWith(".ts"));
  process.stderr.write(`usage: node scripts/bench.js NAME [options]: ${names.map((n) => n.slice(0, -3)).join(", ")}\n`);
  process.exit(2);
}
await runnerImport(file, { configFile: false, logLevel: "error", root: fileURLToPath(new URL("..", import.meta.url)) });
