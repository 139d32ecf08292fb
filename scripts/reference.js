// npm run reference: draws the examples of docs/language.md and docs/tutorial.md, and keeps the pictures that a page shows in its folder of docs/images/.
// In: the pages, examples/lib and the built command line. Out: the same bytes again on the same engine and version of lacec.
// `npm run reference -- --check` writes nothing: it says which pictures are no longer the bytes that are there.
// `npm run reference -- NAME` draws only examples that make a picture of that name.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { examplesOf } from "./language-examples.js";
import { isCheck, place, report } from "./place.js";

const ENGINE = "onnx-cpu";
/** Pages of docs/ whose examples are drawn. */
const PAGES = ["language", "tutorial"];
const root = new URL("../", import.meta.url).pathname;
const only = process.argv.slice(2).find((word) => !word.startsWith("--"));
const folder = mkdtempSync(join(tmpdir(), "lace-reference-"));
cpSync(join(root, "examples/lib"), join(folder, "lib"), { recursive: true });
for (const page of PAGES) {
  const images = join(root, "docs/images", page);
  mkdirSync(images, { recursive: true });
  const shown = new Set();
  for (const { script, pictures } of examplesOf(readFileSync(join(root, `docs/${page}.md`), "utf8"))) {
    for (const picture of pictures) shown.add(basename(picture));
    if (only !== undefined && !pictures.some((p) => basename(p).startsWith(only))) continue;
    writeFileSync(join(folder, `${page}.lace`), script);
    const args = [join(root, "dist/cli/main.js"), "run", `${page}.lace`, "--out", "out", "--engine", ENGINE, "--quiet"];
    execFileSync(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    for (const picture of pictures)
      place(readFileSync(join(folder, "out", basename(picture))), join(root, "docs", picture));
  }
  for (const file of readdirSync(images)) if (!isCheck && !shown.has(file)) rmSync(join(images, file));
}
rmSync(folder, { recursive: true });
report();
