// Mistakes that single tokens show: strange characters, open strings and comments, marks of other languages, malformed
// numbers and escapes. In: what the lexer read. Out: Diagnostics. Each token is reported once, here or by explain.ts.
import type { ILexingResult, IToken, TokenType } from "chevrotain";
import type { Diagnostic } from "../source/diagnostic.js";
import { spanOf, syntaxError } from "./explain.js";
import { badEscapes } from "./literals.js";
import type { ForeignMark } from "./recovery.js";
import * as t from "./tokens.js";

interface Source {
  readonly file: string;
  readonly text: string;
}

/** Marks that are foreign wherever they stand, and the Lace words for them. */
const foreign: ReadonlyMap<TokenType, string> = new Map([
  [t.NotEquals, "is not"],
  [t.AndAnd, "and"],
  [t.OrOr, "or"],
  [t.Bang, "not"],
  [t.Arrow, "implies"],
  [t.Semicolon, ""],
]);

/** Characters of mathematics and typography, and what Lace writes for them. */
const characters: Readonly<Record<string, string>> = {
  "−": "-",
  "–": "-",
  "—": "-",
  "×": "*",
  "·": "*",
  "÷": "/",
  "≥": ">",
  "≤": "<",
  "≠": "is not",
  "∧": "and",
  "∨": "or",
  "¬": "not",
  "⊕": "xor",
  "^": "xor",
  "~": "not",
  "→": "implies",
  "⇒": "implies",
  "↔": "iff",
  "⇔": "iff",
  "∈": "in",
  "…": "..",
};

/** Whether a token has a mistake within, and was read as something: a number, the text without the escape, the word that was meant. */
export function isReadAnyway(token: IToken): boolean {
  return (
    token.tokenType === t.BadNumber ||
    foreign.has(token.tokenType) ||
    (token.tokenType === t.StringLiteral && badEscapes(token.image).length > 0)
  );
}

/** Mistakes of characters, strings, numbers and comments. */
export function lexicalMistakes({ tokens, errors, groups }: ILexingResult, source: Source): Diagnostic[] {
  const found: Diagnostic[] = errors.map((error) => strange(error.offset, error.length, source));
  for (const token of tokens) {
    if (token.tokenType === t.BadNumber) found.push(badNumber(token, source));
    else if (isString(token)) found.push(...stringMistakes(token, source));
    const meant = foreign.get(token.tokenType);
    if (meant !== undefined) found.push(foreignMark({ token, meant }, source));
  }
  for (const comment of groups["comments"] ?? []) {
    if (comment.tokenType !== t.UnterminatedComment) continue;
    const span = { file: source.file, start: comment.startOffset, end: comment.startOffset + 2 };
    const hints = ["end the comment with `*/`"];
    found.push(syntaxError("L1004", "this comment never ends", { span, text: "begins here" }, { hints }));
  }
  return found;
}

function strange(start: number, length: number, source: Source): Diagnostic {
  const shown = source.text.slice(start, start + length);
  const span = { file: source.file, start, end: start + length };
  const meant = characters[shown];
  const hints =
    meant !== undefined
      ? [`write \`${meant}\``]
      : shown.startsWith("#")
        ? ["comments begin with `//`"]
        : shown.startsWith(".")
          ? ["a range has two dots: `0..1`; a number needs digits after its dot"]
          : ["remove it"];
  const fix = meant === undefined ? {} : { fix: { span, replacement: spaced(meant, span, source.text) } };
  const name = length === 1 ? "character" : "characters";
  return syntaxError(
    "L1001",
    `unexpected ${name} \`${printable(shown)}\``,
    { span, text: "not part of Lace" },
    { hints, ...fix },
  );
}

function printable(text: string): string {
  return text
    .replaceAll("`", "'")
    .replace(/[\p{C}\p{Z}]/gu, (c) => `U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`);
}

function badNumber(token: IToken, source: Source): Diagnostic {
  const { image } = token;
  const digits = /^[\d._]*\d/.exec(image)?.[0] ?? image;
  const hints = /^0\d/.test(image)
    ? ["a number does not begin with 0"]
    : /_/.test(image) && !/[a-z]/i.test(image)
      ? ["`_` stands between two digits"]
      : /\..*\.\d/.test(image)
        ? ["a number has one dot, a range two: `0..1`"]
        : [`write \`${digits}\`, or a space after the number; numbers have no units`];
  const at = { span: spanOf(source, token), text: "malformed" };
  return syntaxError("L1006", `\`${image}\` is not a number`, at, { hints });
}

function isString(token: IToken): boolean {
  return [t.StringLiteral, t.UnterminatedString, t.ForeignString].includes(token.tokenType);
}

function stringMistakes(token: IToken, source: Source): Diagnostic[] {
  const span = spanOf(source, token);
  if (token.tokenType === t.ForeignString) {
    const inner = token.image.replace(/^[^]/, "").replace(/[“”»`]$/, "");
    const fix = /["\\\r\n]/.test(inner) ? {} : { fix: { span, replacement: `"${inner}"` } };
    const hints = ['texts stand between straight quotes: "out/portraits.png"'];
    return [syntaxError("L1001", "these quotes are not Lace's", { span, text: 'write `"`' }, { hints, ...fix })];
  }
  if (token.tokenType === t.UnterminatedString) {
    const quote = token.image.charAt(0);
    const hints = [`end the text with ${quote} on the same line`];
    return [syntaxError("L1004", "this text never ends", { span, text: `no closing ${quote}` }, { hints })];
  }
  return badEscapes(token.image).map((escape) => {
    const at = { file: source.file, start: span.start + escape.start, end: span.start + escape.end };
    const hints = ["for a backslash itself write `\\\\`; folders are separated by `/`"];
    return syntaxError("L1006", "unknown escape in a text", { span: at, text: "means nothing" }, { hints });
  });
}

/** A mark of another language that was read as the Lace word meant. */
export function foreignMark({ token, meant }: ForeignMark, source: Source): Diagnostic {
  const span = spanOf(source, token);
  const { image } = token;
  const replacement = spaced(meant, span, source.text);
  if (meant === "") {
    const hints = ["a statement ends with its line"];
    return syntaxError("L1005", "Lace has no `;`", { span, text: "remove it" }, { hints, fix: { span, replacement } });
  }
  const hint =
    meant === ">" || meant === "<"
      ? `attributes are continuous: write \`${meant}\`, which means the same`
      : meant === "="
        ? "one `=` gives a name its value"
        : `write \`${meant}\` in place of \`${image}\``;
  return syntaxError(
    "L1005",
    `Lace has no \`${image}\` here`,
    { span, text: `write \`${meant}\`` },
    { hints: [hint], fix: { span, replacement } },
  );
}

/** A word that replaces a mark needs spaces around it; a mark does not. */
function spaced(word: string, span: { start: number; end: number }, text: string): string {
  if (!/^\w/.test(word)) return word;
  const before = span.start === 0 || /\s|\(/.test(text.charAt(span.start - 1)) ? "" : " ";
  const after = /^\s/.test(text.charAt(span.end)) ? "" : " ";
  return `${before}${word}${after}`;
}
