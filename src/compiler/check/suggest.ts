// Lists of names in messages; the nearest name is found by source/nearest.ts.
export { nearest } from "../../source/nearest.js";

/** "`a`, `b` or `c`". */
export function listed(words: readonly string[], last = "or"): string {
  const quoted = words.map((w) => `\`${w}\``);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} ${last} ${quoted.at(-1) ?? ""}`;
}
