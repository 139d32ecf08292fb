// npm run gallery: runs every example with a picture and writes docs/gallery.md and docs/images/.
// `npm run gallery -- --check` writes nothing: it draws and says which pictures (README's is among them) and whether the page differ from what is there.
// `npm run gallery -- NAME ...` draws these alone, and writes the page.
// In: examples/*.lace and the built command line. Out: the same bytes again on the same engine, kind of CPU, version of lacec and weights.
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { place, report } from "./place.js";

const ENGINE = "onnx-cpu";
/** Scripts in the order of the page, with the files to show. */
const PAGES = [
  { script: "portraits", title: "Conditions joined by logic", shown: ["portraits.png"] },
  {
    script: "library",
    title: "A library of energies, and a recipe that tests itself",
    also: "lib/looks",
    shown: ["library.webp"],
  },
  {
    script: "four-attributes",
    title: "What never came together in what the model learned",
    shown: ["four-attributes.webp"],
  },
  { script: "recursive", title: "Logic within logic", shown: ["recursive.webp"] },
  { script: "makeover", title: "An edit, step by step", shown: ["makeover.webp", "makeover-film.webp"] },
  {
    script: "photo",
    title: "From a picture of one's own, changed step by step",
    shown: ["photo.webp", "photo-sweep.webp"],
  },
  { script: "like", title: "Faces that are like a drawing", shown: ["like.webp"] },
  { script: "walk", title: "A traversal from one seed to another", shown: ["walk.webp", "walk-film.webp"] },
  { script: "tilt-and-light", title: "A sweep in two directions", shown: ["tilt-and-light.webp"] },
];

const root = new URL("../", import.meta.url).pathname;
const out = mkdtempSync(join(tmpdir(), "lace-gallery-"));
const images = join(root, "docs/images");
mkdirSync(images, { recursive: true });

const code = (name) =>
  `\`examples/${name}.lace\`\n\n\`\`\`lace\n${readFileSync(join(root, `examples/${name}.lace`), "utf8")}\`\`\`\n`;
const section = (script, title, also, shown) => {
  const pictures = shown.map((file) => `![${title}](images/${file})\n`).join("\n");
  return `## ${title}\n\n${also === undefined ? "" : `${code(also)}\n`}${code(script)}\n${pictures}`;
};
/** Of `npm run gallery -- NAME ...`: the scripts that are drawn; all without it. */
const wanted = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const sections = PAGES.map(({ script, title, also, shown }) => {
  if (wanted.length > 0 && !wanted.includes(script)) return section(script, title, also, shown); // its pictures stay as they are
  const args = ["dist/cli/main.js", "run", `examples/${script}.lace`, "--out", out, "--engine", ENGINE, "--quiet"];
  execFileSync(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  for (const file of shown) place(readFileSync(join(out, "out", file)), join(images, file));
  return section(script, title, also, shown);
});
rmSync(out, { recursive: true });

const head = `# Gallery

Scripts and what they make with the model that ships (\`npm run gallery\` makes this page; the pictures were drawn on \`${ENGINE}\`). Every picture
carries its recipe: \`lacec show docs/images/walk.webp\` prints it.
`;
const tail = `## How they are laid out

- \`as strip\`: a row for each sample, a column for each step, frame or cell; an edit begins with what was before it.
- \`as grid\`: of a sweep, the last name goes from left to right and the others from top to bottom, for each sample; of an edit, the outcomes. \`as grid { marks on }\` marks what the labeller (or, where there is none, the heads) says of each cell: a red frame with an x misses what was asked, an amber one with a ? is [unclear](labellers.md).
- \`as animation { fps 8  tween 5 }\`: the same pictures one after another, WebP or GIF by the extension;
  \`tween\` puts that many pictures between two neighbours: of an edit, states that the step passed through, at equal lengths of the way; of a traverse
  and a sweep, samples of the noise or the numbers between. Cells of a sweep that differ in more than numbers are blended.
- \`{index}\` in a path counts a task's images row by row (sample 2, frame 5 of 24 is image 53); of an edit it counts samples, and \`{step}\` steps.
`;
place(Buffer.from(`${head}\n${sections.join("\n")}\n${tail}`), join(root, "docs/gallery.md"));
report();
