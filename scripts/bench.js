// Runs a benchmark that is written in TypeScript: `node scripts/bench.js engines --json`. Vite (which vitest brings) compiles it.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [name = "", ...args] = process.argv.slice(2);
process.argv.splice(2, process.argv.length, ...args);
const file = fileURLToPath(new URL(`../bench/${name}.ts`, import.meta.url));
await runnerImport(file, { configFile: false, logLevel: "error", root: fileURLToPath(new URL("..", import.meta.url)) });
