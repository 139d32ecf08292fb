// Scripts for the parser's tests. `everything` uses each rule of the grammar; `mutated` damages scripts at random.
import { readFileSync } from "node:fs";
import type { Random } from "../support/random.js";

/** A script that uses every rule of the grammar. */
export const everything = readFileSync(new URL("../golden/format/design.lace", import.meta.url), "utf8");

const pieces = [
  ...[
    "and",
    "or",
    "not",
    "xor",
    "implies",
    "iff",
    "is",
    "in",
    "where",
    "count",
    "seed",
    "step",
    "sample",
    "let",
    "from",
  ],
  ...[
    "energy",
    "atleast",
    "of",
    "temperature",
    "layers",
    "weight",
    "keep",
    "latent",
    "as",
    "by",
    "over",
    "lace",
    "save",
  ],
  ...[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ":",
    "..",
    "...",
    "+-",
    "±",
    "=",
    "==",
    "!=",
    "&&",
    "||",
    "!",
    ";",
    ">=",
    "<=",
  ],
  ...[
    "0",
    "1",
    "0.5",
    ".5",
    "5.",
    "1e-3",
    "1_000",
    "0x1f",
    "16px",
    "007",
    '"',
    "'",
    '"a"',
    "`",
    "“x”",
    "//",
    "/*",
    "*/",
  ],
  ...["\n", "\r\n", "\t", " ", "é", "世界", "𝒳", "🙂", "\ud800", "\u0000", "\ufeff", "#", "@", "\\", "x", "$", "_"],
];

/** A few lines of the script with some of its text deleted, doubled, swapped or replaced. */
export function mutated(script: string, random: Random): string {
  const lines = script.split("\n");
  const from = random.below(lines.length);
  let text =
    random.below(4) === 0
      ? script.slice(0, 400)
      : ["lace 1", ...lines.slice(from, from + 1 + random.below(14))].join("\n");
  for (let changes = 1 + random.below(6); changes > 0; changes--) {
    const at = random.below(text.length + 1);
    const end = Math.min(text.length, at + random.below(12));
    const piece = pieces[random.below(pieces.length)]!;
    switch (random.below(6)) {
      case 0:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 1:
        text = text.slice(0, at) + piece + text.slice(at);
        break;
      case 2:
        text = `${text.slice(0, at)} ${piece} ${text.slice(at)}`;
        break;
      case 3:
        text = text.slice(0, end) + text.slice(at);
        break;
      case 4:
        text = text.slice(0, at);
        break;
      default:
        text = text.slice(0, at) + String.fromCharCode(random.below(0x10000)) + text.slice(end);
    }
  }
  return text;
}
