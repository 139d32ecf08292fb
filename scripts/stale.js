// Whether something that was built is missing or older than a source. In: a file under dist/, the folders that it is made from. Out: true if it must be built.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const SETTINGS = ["rolldown.config.mjs", "tsconfig.build.json", "tsconfig.json", "package.json"];

export function isStale(built, folders = ["src"]) {
  const file = join(root, built);
  if (!existsSync(file)) return true;
  const sources = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((f) => join(folder, f)),
  );
  const age = statSync(file).mtimeMs;
  return [...sources, ...SETTINGS].some((f) => statSync(join(root, f)).mtimeMs > age);
}
