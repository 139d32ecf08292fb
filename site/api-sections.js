// What the search knows of the reference of the library, whose pages typedoc makes. In: its folder. Out: a section for each page, with the first sentences that it says.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Folders of typedoc's pages, and what their names are followed by in a list. */
const KINDS = {
  classes: "class",
  functions: "function",
  interfaces: "interface",
  types: "type",
  variables: "constant",
};
/** Letters of a page's description that are indexed. */
const MOST_TEXT = 300;

/** Sections of all pages, by name; none where the reference was not built. */
export function apiSections(folder) {
  return Object.entries(KINDS).flatMap(([name, kind]) => {
    const pages = existsSync(join(folder, name)) ? readdirSync(join(folder, name)).sort() : [];
    return pages.filter((file) => file.endsWith(".html")).map((file) => sectionOf(folder, `${name}/${file}`, kind));
  });
}

function sectionOf(folder, path, kind) {
  const html = readFileSync(join(folder, path), "utf8");
  // lacec is the door of a page without one in its name: functions/node.run.html is of lacec/node.
  const [, door, title] = /^[^/]+\/(?:(index|language|lsp|node|worker)\.)?(.+)\.html$/.exec(path) ?? [];
  const comment = /<div class="tsd-comment tsd-typography">([^]*?)<\/div>/.exec(html)?.[1] ?? "";
  const page = `${kind} of lacec${door === undefined || door === "index" ? "" : `/${door}`}`;
  return { title, page, address: `api/${path}`, text: plain(comment).slice(0, MOST_TEXT) };
}

function plain(html) {
  return html
    .replace(/<[^>]*>/g, " ")
    .replace(/&(lt|gt|amp|quot|#39);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&", quot: '"', "#39": "'" })[name])
    .replace(/\s+/g, " ")
    .trim();
}
