// npm's `prepare`: builds dist/, if it is not there already. The first `npx lacec` in a clone links the clone into npx's cache and prepares
// it a second time; that must not cost a second build.
import { execSync } from "node:child_process";
import { isStale } from "./stale.js";

if (
  isStale("dist/cli/main.js") ||
  isStale("dist/types/index.d.ts") ||
  isStale("dist/studio/index.html", ["src", "studio"])
)
  execSync("npm run build", { stdio: "inherit" });
