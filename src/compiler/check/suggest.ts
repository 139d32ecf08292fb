// Lists of names in messages; the nearest name is found by source/nearest.ts.
export { nearest } from "../../source/nearest.js";

/** The most names that a message lists. */
const MOST_LISTED = 100;

/** "`a`, `b` or `c`"; of very many the first, and how many more there are. */
export function listed(words: readonly string[], last = "or"): string {
  const quoted = words.slice(0, MOST_LISTED).map((w) => `\`${w}\``);
  if (words.length > MOST_LISTED) return `${quoted.join(", ")} and ${words.length - MOST_LISTED} more`;
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} ${last} ${quoted.at(-1) ?? ""}`;
}
