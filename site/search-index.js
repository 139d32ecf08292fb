// The index that the search of the site reads: made here, so that a browser only loads it.
// In: sections of all pages. Out: JSON of a MiniSearch whose options assets/search-options.js holds for both sides.
import MiniSearch from "minisearch";
import { OPTIONS } from "./assets/search-options.js";

/** Letters of a section that are indexed: the index stays bounded, and the beginning says what a section is about. */
const MOST_TEXT = 1500;

export function searchIndex(sections) {
  const index = new MiniSearch(OPTIONS);
  index.addAll(sections.map((section, id) => ({ ...section, id, text: section.text.slice(0, MOST_TEXT) })));
  return JSON.stringify(index);
}
