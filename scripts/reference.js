// npm run reference: draws the examples of docs/language.md, and keeps the pictures that the page shows in docs/images/language/.
// In: docs/language.md, examples/lib and the built command line. Out: the same bytes again on the same engine and version of lacec.
// `npm run reference -- --check` writes nothing: it says which pictures are no longer the bytes that are there.
// `npm run reference -- NAME` draws only examples that make a picture of that name.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { examplesOf } from "./language-examples.js";
import { isCheck, place, report } from "./place.js";

const ENGINE = "onnx-cpu";
const root = new URL("../", import.meta.url).pathname;
const images = join(root, "docs/images/language");
const only = process.argv.slice(2).find((word) => !word.startsWith("--"));
const folder = mkdtempSync(join(tmpdir(), "lace-reference-"));
mkdirSync(images, { recursive: true });
cpSync(join(root, "examples/lib"), join(folder, "lib"), { recursive: true });
const shown = new Set();
for (const { script, pictures } of examplesOf(readFileSync(join(root, "docs/language.md"), "utf8"))) {
  for (const picture of pictures) shown.add(basename(picture));
  if (only !== undefined && !pictures.some((p) => basename(p).startsWith(only))) continue;
  writeFileSync(join(folder, "language.lace"), script);
  const args = [join(root, "dist/cli/main.js"), "run", "language.lace", "--out", "out", "--engine", ENGINE, "--quiet"];
  execFileSync(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  for (const picture of pictures)
    place(readFileSync(join(folder, "out", basename(picture))), join(root, "docs", picture));
}
rmSync(folder, { recursive: true });
for (const file of readdirSync(images)) if (!isCheck && !shown.has(file)) rmSync(join(images, file));
report();
