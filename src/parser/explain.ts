// Words for what could not be read. In: Problems of the parser (tokens and rule names). Out: Diagnostics in the user's words.
// Invariants: no name of a token type or of a rule appears in a message; each message says what stood there and what was wanted.
import type { IToken } from "chevrotain";
import type { Diagnostic, Fix, Label } from "../source/diagnostic.js";
import type { Code } from "../source/codes.js";
import type { Span } from "../source/span.js";
import type { ForeignMark, Problem } from "./recovery.js";
import type { LaceToken } from "./layout.js";
import * as t from "./tokens.js";

/** A syntax error; `extra` overrides the parts that are usually empty. */
export function syntaxError(code: Code, message: string, at: Label, extra: Partial<Diagnostic> = {}): Diagnostic {
  return { code, severity: "error", message, at, related: [], hints: [], ...extra };
}

export function spanOf(file: string, token: IToken): Span {
  return { file, start: token.startOffset, end: token.startOffset + token.image.length };
}

const rules: Readonly<Record<string, string>> = {
  statement: "a statement",
  setting: "a setting",
  optionPair: "an option",
  primary: "an attribute, a number or a parenthesis",
  attributeType: "`binary`, `category { ... }` or `scalar`",
};

function describe(token: IToken): string {
  if (token.tokenType === t.StatementEnd || token.tokenType === t.Newline) return "the end of the line";
  if (Number.isNaN(token.startOffset)) return "the end of the file";
  const text = token.image.length > 30 ? `${token.image.slice(0, 29)}…` : token.image;
  return /^["']/.test(text) ? text : `\`${text}\``;
}

/** One diagnostic for one problem. */
export function explain(problem: Problem, file: string, tokens: readonly LaceToken[]): Diagnostic {
  const { found, after, rule, wanted } = problem;
  const type = t.tokenTypes.find((candidate) => candidate.name === wanted);
  const label = type?.LABEL ?? rules[rule] ?? "something else";
  const span = Number.isNaN(found.startOffset) ? { file, start: 0, end: 0 } : spanOf(file, found);
  void after;
  void tokens;
  return syntaxError("L1002", `expected ${label}, found ${describe(found)}`, { span, text: `expected ${label}` });
}

/** A mark of another language that was read as the Lace word meant. */
export function explainForeign(mark: ForeignMark, file: string): Diagnostic {
  const span = spanOf(file, mark.token);
  const fix: Fix = { span, replacement: mark.meant };
  return syntaxError(
    "L1005",
    `\`${mark.token.image}\` is not Lace`,
    { span, text: `write \`${mark.meant}\`` },
    { fix },
  );
}
