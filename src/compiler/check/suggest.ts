// Suggestions for messages. The nearest name lives in source/, because the parser suggests words of the language.
export { editDistance, nearest } from "../../source/nearest.js";

/** "a, b or c" for messages. */
export function listed(words: readonly string[], last = "or"): string {
  const quoted = words.map((w) => `\`${w}\``);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} ${last} ${quoted.at(-1) ?? ""}`;
}
