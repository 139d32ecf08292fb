// The frame of a page: head, menu, the page's own headings. In: what stands in the middle. Out: a whole HTML document.
// Invariants: no script is needed to read; nothing is loaded from another host (the policy forbids it); addresses are relative.
import { GROUPS, addressOf } from "./contents.js";
import { relative } from "./markdown.js";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'";

export function escaped(text) {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

/** `page` has `file`, `title`, `html`, `headings`, `description`; `titles` are those of all files. */
export function document({ file, title, html, headings = [], description = "", isLanding = false }, titles, version) {
  const to = (address) => relative(file, address);
  const menu = GROUPS.map(
    (group) => `<p>${escaped(group.title)}</p>
<ul>
${group.pages.map((page) => `<li><a href="${to(addressOf(page))}"${page === file ? ' aria-current="page"' : ""}>${escaped(titles.get(page))}</a></li>`).join("\n")}
</ul>`,
  ).join("\n");
  const own = headings.filter((h) => h.level === 2 || (h.level === 3 && !/^L\d{4}:/.test(h.title)));
  const outline =
    own.length < 3
      ? ""
      : `<nav class="outline" aria-label="On this page"><p>On this page</p><ul>
${own.map((h) => `<li class="level-${h.level}"><a href="#${h.id}">${escaped(h.title)}</a></li>`).join("\n")}
</ul></nav>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escaped(description)}">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escaped(title === "Lace" ? "Lace: recipes of images" : `${title} - Lace`)}</title>
<link rel="icon" href="${to("assets/icon.svg")}" type="image/svg+xml">
<link rel="stylesheet" href="${to("assets/style.css")}">
<script type="module" src="${to("assets/page.js")}"></script>
</head>
<body data-root="${to("./")}"${isLanding ? " data-landing" : ""}>
<a class="skip" href="#content">Skip to the content</a>
<header>
<a class="brand" href="${to("index.html")}">Lace</a>
<nav aria-label="Main"><a href="${to("tutorial.html")}">Tutorial</a> <a href="${to("language.html")}">Language</a> <a href="${to("studio/")}">Studio</a></nav>
<search><input type="search" id="search" placeholder="Search" aria-label="Search" autocomplete="off" hidden></search>
</header>
<div id="found" role="region" aria-label="Found" aria-live="polite" hidden></div>
<div class="columns${outline === "" ? " plain" : ""}">
<details class="menu" id="menu" open><summary>All pages</summary><nav aria-label="Pages">
${menu}
<p>Programs</p>
<ul><li><a href="${to("studio/")}">Studio</a></li><li><a href="${to("api/")}">API reference</a></li></ul>
</nav></details>
<main id="content" tabindex="-1">
${html}
</main>
${outline}
</div>
<footer>Lace ${escaped(version)}. Apache-2.0. Nothing on these pages is loaded from another host, and nothing is counted.</footer>
</body>
</html>
`;
}
