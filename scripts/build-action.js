// Bundles the GitHub Action into one file, action/dist/main.js, which is committed: a runner takes it as it is. Part of `npm run generate`,
// so that a bundle that is not of these sources fails the check.
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
rmSync(join(root, "action/dist"), { recursive: true, force: true });
await build({
  input: join(root, "action/src/main.ts"),
  platform: "node",
  logLevel: "warn",
  output: { file: join(root, "action/dist/main.js"), format: "esm", codeSplitting: false, minify: true },
});
