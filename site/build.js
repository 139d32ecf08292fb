// npm run build:site: the site, static, in dist/site. `-- --pages` leaves out the studio and the reference of the library.
// In: docs/*.md, the pages of the root, their pictures, the grammar; dist/studio and dist/api, which are built if they are not there.
// Out: a folder that any host of files serves. Errors: a page of docs/ without a place, a link that leads nowhere, a page that is too large.
// Invariants: no network; the same sources give the same bytes; the folder appears whole.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import sharp from "sharp";
import { isStale } from "../scripts/stale.js";
import { apiSections } from "./api-sections.js";
import { GROUPS, UNDER, addressOf } from "./contents.js";
import { highlighter } from "./highlight.js";
import { landing } from "./landing.js";
import { document } from "./layout.js";
import { brokenLinks } from "./links.js";
import { renderer } from "./markdown.js";
import { searchIndex } from "./search-index.js";
import { studioLinks } from "./studio-links.js";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Bytes of a page, compressed, without its pictures. */
const MOST_PAGE = 100_000;

const read = (file) => readFileSync(join(root, file), "utf8");

/** All pages: those of the menu, then those under them. */
export function pagesOfSite() {
  const listed = GROUPS.flatMap((group) => group.pages);
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map((f) => `docs/${f.replaceAll("\\", "/")}`)
    .filter((f) => f.endsWith(".md"))
    .sort();
  const lost = docs.filter((f) => !listed.includes(f) && !UNDER.some((folder) => f.startsWith(folder)));
  if (lost.length > 0) throw new Error(`site/contents.js has no place for ${lost.join(", ")}`);
  return [...listed, ...docs.filter((f) => !listed.includes(f))];
}

/** Builds the site into a folder, which is replaced. Returns its pages, each with what it shows. */
export async function buildSite(out, { parts = [] } = {}) {
  const files = pagesOfSite();
  const sizes = new Map();
  const highlight = await highlighter();
  const studioLink = await studioLinks(join(root, "examples"));
  const site = { highlight, studioLink, isPage: (f) => files.includes(f), sizeOf: (f) => sizes.get(f) };
  const texts = new Map(files.map((file) => [file, read(file)]));
  for (const file of imagesOf(texts)) sizes.set(file, await sizeOf(file));
  const render = renderer(site);
  const pages = files.map((file) => {
    const page = render(file, texts.get(file));
    return { ...page, title: page.headings[0]?.title ?? file, description: descriptionOf(texts.get(file)) };
  });
  const titles = new Map(pages.map((page) => [page.file, page.title]));
  const { version } = JSON.parse(read("package.json"));
  pages.unshift(landing(render, read("README.md")));

  const folder = `${out}.new`;
  rmSync(folder, { recursive: true, force: true });
  const put = (address, content) => {
    mkdirSync(dirname(join(folder, address)), { recursive: true });
    writeFileSync(join(folder, address), content);
  };
  for (const page of pages) {
    const html = document(page, titles, version);
    const size = gzipSync(html).length;
    if (size > MOST_PAGE)
      throw new Error(`${addressOf(page.file)} has ${size} bytes, compressed: at most ${MOST_PAGE}`);
    put(addressOf(page.file), html);
    for (const file of page.files) {
      const isPicture = sizes.has(file);
      put(isPicture ? addressOf(file) : `source/${file}.txt`, readFileSync(join(root, file)));
    }
  }
  const api = parts.includes("api") ? apiSections(join(root, "dist/api")) : [];
  put("search.json", searchIndex([...pages.flatMap(sectionsOf), ...api]));
  put("assets/style.css", readFileSync(join(root, "site/assets/style.css")));
  put("assets/icon.svg", readFileSync(join(root, "studio/public/icon.svg")));
  const bundle = await rolldown({ input: join(root, "site/assets/page.js"), logLevel: "silent" });
  await bundle.write({ file: join(folder, "assets/page.js"), format: "esm", minify: true });
  await bundle.close();
  for (const part of parts) cpSync(join(root, "dist", part), join(folder, part), { recursive: true });
  if (parts.includes("api")) linkBack(join(folder, "api"));
  // As `lacec studio --export` lays it out: the models lie in the studio's folder.
  if (parts.includes("studio")) cpSync(join(root, "models"), join(folder, "studio/models"), { recursive: true });
  const broken = brokenLinks(folder);
  if (broken.length > 0) throw new Error(`links that lead nowhere:\n${broken.join("\n")}`);
  rmSync(out, { recursive: true, force: true });
  renameSync(folder, out);
  return pages;
}

/** The reference's pages lead back to the site, by a word before their title. */
function linkBack(folder) {
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".html")) continue;
    const html = readFileSync(join(folder, file), "utf8");
    const up = "../".repeat(file.split(/[\\/]/).length);
    const linked = html.replace(
      /<a href="[^"]*" class="title">[^<]*<\/a>/,
      (own) => `<span class="title"><a href="${up}index.html">Lace</a> / ${own}</span>`,
    );
    writeFileSync(join(folder, file), linked);
  }
}

function sectionsOf(page) {
  return page.sections.map(({ title, id, level, text }) => {
    const address = level === 1 ? addressOf(page.file) : `${addressOf(page.file)}#${id}`;
    return { title, page: page.title, address, text };
  });
}

/** The first sentences of a page, as search engines show them. */
function descriptionOf(text) {
  const said = text.split(/\n\n+/).find((p) => /^[A-Z`*[]/.test(p)) ?? "";
  return said
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*]/g, "")
    .replace(/\s+/g, " ")
    .slice(0, 160);
}

function imagesOf(texts) {
  const images = new Set();
  for (const [file, text] of [...texts, ["README.md", read("README.md")]])
    for (const [, path] of text.matchAll(/!\[[^\]]*\]\(([^)\s]+)\)/g)) images.add(join(dirname(file), decodeURI(path)));
  return images;
}

async function sizeOf(file) {
  const { width, height, pageHeight } = await sharp(join(root, file)).metadata();
  return { width, height: pageHeight ?? height };
}

/** The studio and the reference of the library: made by their own commands, if they are older than their sources. */
function buildParts() {
  const npm = (...words) => {
    // What went wrong was printed by the command itself.
    const { status } = spawnSync("npm", ["run", "--silent", ...words], { cwd: root, stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
  };
  if (isStale("dist/studio/index.html", ["src", "studio", "examples"])) npm("build:studio");
  if (isStale("dist/api/index.html")) npm("docs:api", "--", "--logLevel", "Warn");
  return ["studio", "api"].filter((part) => existsSync(join(root, "dist", part)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const began = performance.now();
  const parts = process.argv.includes("--pages") ? [] : buildParts();
  const prepared = performance.now();
  const pages = await buildSite(join(root, "dist/site"), { parts });
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  console.log(
    `dist/site: ${pages.length} pages in ${seconds(performance.now() - prepared)}, after ${seconds(prepared - began)} for ${parts.join(" and ") || "no parts"}`,
  );
}
