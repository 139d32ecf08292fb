// A page of Markdown as HTML: headings with anchors, links that lead to pages of the site, pictures with their sizes, scripts with a link to the studio.
// In: the text of a page and where it lies. Out: HTML, headings, sections for the search, and the files that it needs.
// Invariant: every address that is written is relative to the page, so that the site lies anywhere.
import { posix } from "node:path";
import MarkdownIt from "markdown-it";
import { addressOf } from "./contents.js";

const HEAD = 'lace 1\nmodel avatar from "builtin:avatar"\n';
const OUTSIDE = /^[a-z][a-z0-9+.-]*:/i;

/**
 * The renderer. `site` has `highlight(text, lang)`, `studioLink(name, script)`, `isPage(file)` and `sizeOf(file)`.
 */
export function renderer(site) {
  const md = new MarkdownIt({ html: true, linkify: false, typographer: false });
  const { rules } = md.renderer;
  const plain = (tokens, i, options, env, self) => self.renderToken(tokens, i, options);

  rules.heading_open = (tokens, i, options, env, self) => {
    const title = textOf(tokens[i + 1]);
    const level = Number(tokens[i].tag.slice(1));
    const id = slugOf(title, env.slugs);
    tokens[i].attrSet("id", id);
    env.headings.push({ level, title, id });
    // The code of an error is an anchor too: errors.html#L2001.
    const code = /^L\d{4}(?=:)/.exec(title)?.[0];
    const alias = code === undefined ? "" : `<a id="${code}"></a>`;
    return alias + self.renderToken(tokens, i, options);
  };
  rules.heading_close = (tokens, i, options, env, self) => {
    const { id, level, title } = env.headings.at(-1);
    const anchor =
      level > 1 ? ` <a class="anchor" href="#${id}" aria-label="Link to ${md.utils.escapeHtml(title)}">#</a>` : "";
    return anchor + self.renderToken(tokens, i, options);
  };
  rules.link_open = (tokens, i, options, env, self) => {
    tokens[i].attrSet("href", addressFrom(tokens[i].attrGet("href"), env));
    return plain(tokens, i, options, env, self);
  };
  rules.image = (tokens, i, options, env, self) => {
    const token = tokens[i];
    const file = posix.join(posix.dirname(env.file), decodeURI(token.attrGet("src")));
    env.files.add(file);
    token.attrSet("src", relative(env.file, addressOf(file)));
    token.attrSet("alt", self.renderInlineAsText(token.children, options, env));
    const size = site.sizeOf(file);
    if (size !== undefined) {
      token.attrSet("width", size.width);
      token.attrSet("height", size.height);
    }
    if (env.pictures > 0) token.attrSet("loading", "lazy");
    env.pictures += 1;
    return self.renderToken(tokens, i, options);
  };
  rules.table_open = () => '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>';
  rules.table_close = () => "</table></div>";
  for (const cell of ["th_open", "td_open"])
    rules[cell] = (tokens, i, options, env, self) => {
      // A corner without a word heads nothing.
      if (tokens[i + 1].content === "") tokens[i].tag = tokens[i + 2].tag = "td";
      const side = /text-align:(\w+)/.exec(tokens[i].attrGet("style") ?? "")?.[1];
      tokens[i].attrs = side === undefined ? null : [["class", side]];
      return self.renderToken(tokens, i, options);
    };
  // Comments are hidden, as everywhere; other HTML is shown as it is written.
  for (const html of ["html_block", "html_inline"])
    rules[html] = (tokens, i) =>
      /^\s*<!--[^]*-->\s*$/.test(tokens[i].content) ? "" : md.utils.escapeHtml(tokens[i].content);
  rules.code_block = (tokens, i) => block(site, tokens[i].content, "text");
  rules.fence = (tokens, i, options, env) => {
    const { content, info } = tokens[i];
    const lang = info.trim();
    if (lang !== "lace") return block(site, content, lang);
    const script = content.startsWith("lace 1") ? content : HEAD + content;
    if (!env.opens(tokens, i)) return block(site, content, lang);
    const name = /^examples\/([\w/-]+)\.lace$/.exec(env.said)?.[1] ?? posix.basename(env.file, ".md");
    const link = site.studioLink(posix.basename(name), script);
    if (link === undefined) return block(site, content, lang);
    env.scripts.push(script);
    const href = md.utils.escapeHtml(relative(env.file, link));
    return block(site, content, lang, `<a class="open" href="${href}">Open in the studio</a>`);
  };
  rules.paragraph_open = (tokens, i, options, env, self) => {
    env.said = textOf(tokens[i + 1]);
    return self.renderToken(tokens, i, options);
  };

  function addressFrom(href, env) {
    if (OUTSIDE.test(href) || href.startsWith("#")) return href;
    const [path, hash = ""] = href.split("#");
    const file = posix.join(posix.dirname(env.file), decodeURI(path));
    const fragment = hash === "" ? "" : `#${hash}`;
    if (site.isPage(file)) return relative(env.file, addressOf(file)) + fragment;
    env.files.add(file);
    return relative(env.file, `source/${file}.txt`) + fragment;
  }

  return (file, text) => {
    const env = { file, slugs: new Map(), headings: [], files: new Set(), scripts: [], pictures: 0, said: "" };
    env.opens = opens[file] ?? isWhole;
    const tokens = md.parse(text, env);
    const html = md.renderer.render(tokens, md.options, env);
    return { html, ...env, sections: sectionsOf(tokens, env.headings) };
  };
}

/** The address of `to` (from the site's root) in the page of a file. */
export function relative(file, to) {
  const [path, ...hash] = to.split("#");
  const from = posix.dirname(addressOf(file));
  const way = posix.relative(from, path) || ".";
  return (path.endsWith("/") ? `${way}/` : way) + (hash.length === 0 ? "" : `#${hash.join("#")}`);
}

/** What stands below each heading, without code of more than its words. */
function sectionsOf(tokens, headings) {
  const sections = [];
  tokens.forEach((token, i) => {
    if (token.type === "heading_open") sections.push({ ...headings[sections.length], text: "" });
    else if (sections.length > 0 && tokens[i - 1]?.type !== "heading_open") {
      const said = token.type === "inline" ? textOf(token) : token.type === "fence" ? token.content : "";
      if (said !== "") sections.at(-1).text += ` ${said}`;
    }
  });
  return sections;
}

/** Scripts that are opened in the studio: whole ones that make something; all of the language's page, which a test compiles; of an error's two the right one. */
const isWhole = (tokens, i) => /^lace 1\n[^]*^save /m.test(tokens[i].content);
const opens = {
  "docs/language.md": () => true,
  "docs/errors.md": (tokens, i) =>
    tokens.slice(0, i).findLast((t) => t.type === "inline")?.content === "Right:" && isWhole(tokens, i),
};

function block(site, content, lang, link = "") {
  return `<div class="code">${site.highlight(content, lang)}${link}</div>\n`;
}

function textOf(inline) {
  return (inline.children ?? [])
    .map((t) => (t.type === "text" || t.type === "code_inline" ? t.content : t.type === "softbreak" ? " " : ""))
    .join("");
}

/** The anchor of a heading, as GitHub makes it. */
function slugOf(title, slugs) {
  const base = title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
  const times = slugs.get(base) ?? 0;
  slugs.set(base, times + 1);
  return times === 0 ? base : `${base}-${times}`;
}
