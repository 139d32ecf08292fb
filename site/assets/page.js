// What a page does beyond being read: the search, a menu that is folded on a phone, and on the first page a live editor. Bundled by site/build.js.
import MiniSearch from "minisearch";
import { offerEditor } from "./live-editor.js";
import { OPTIONS } from "./search-options.js";

const MOST_SHOWN = 12;
const root = document.body.dataset.root;
const input = document.querySelector("#search");
const found = document.querySelector("#found");
const menu = document.querySelector("#menu");
const narrow = matchMedia("(max-width: 900px)");

const fold = () => (menu.open = !narrow.matches);
fold();
narrow.addEventListener("change", fold);

let index;
/** The index, loaded when somebody begins to search. */
async function loaded() {
  index ??= fetch(`${root}search.json`).then(async (answer) => {
    if (!answer.ok) throw new Error(`${answer.status}`);
    return MiniSearch.loadJSON(await answer.text(), OPTIONS);
  });
  return index;
}

function show(nodes) {
  found.replaceChildren(...nodes);
  found.hidden = nodes.length === 0;
}

function entry({ title, page, address }) {
  const link = document.createElement("a");
  link.href = root + address;
  link.textContent = title;
  const where = document.createElement("span");
  where.textContent = page === title ? "" : ` ${page}`;
  const item = document.createElement("p");
  item.append(link, where);
  return item;
}

function said(text) {
  const item = document.createElement("p");
  item.textContent = text;
  return item;
}

async function search() {
  const words = input.value.trim();
  if (words === "") return show([]);
  try {
    const hits = (await loaded()).search(words);
    // Words that were typed meanwhile have a search of their own.
    if (input.value.trim() !== words) return;
    show(hits.length === 0 ? [said("Nothing was found.")] : hits.slice(0, MOST_SHOWN).map(entry));
  } catch {
    index = undefined;
    show([said("The search's index could not be loaded.")]);
  }
}

input.hidden = false;
input.addEventListener("focus", () => void loaded().catch(() => (index = undefined)));
input.addEventListener("input", () => void search());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !found.hidden) {
    input.value = "";
    show([]);
    input.focus();
  } else if (event.key === "/" && document.activeElement !== input && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    input.focus();
  }
});

if ("landing" in document.body.dataset) offerEditor(root);
