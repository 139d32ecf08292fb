// Text -> syntax tree. In: a script's text. Out: a Module and every mistake of spelling and grammar, sorted, once.
// Invariants: never throws for any text; `parse` has a value only without errors, `parseLenient` always has a module.
import type { Lexer } from "chevrotain";
import type { Diagnostic, Outcome } from "../source/diagnostic.js";
import type { Module } from "./ast.js";
import { explain, explainForeign, spanOf, syntaxError } from "./explain.js";
import { LaceParser } from "./grammar.js";
import { layOut } from "./layout.js";
import { badEscapes } from "./literals.js";
import * as t from "./tokens.js";

/** The language edition that this compiler reads. */
export const edition = 1;

interface Reader {
  readonly lexer: Lexer;
  readonly parser: LaceParser;
}
// Making the tables of lexer and parser takes milliseconds, so it is done at the first parse and kept; they hold no text.
const readers: Reader[] = [];
function reader(): Reader {
  const made = readers[0] ?? { lexer: t.createLexer(), parser: new LaceParser() };
  readers[0] = made;
  return made;
}

/** The tree of a text with mistakes: what could be read, with ErrorExpr in place of expressions that could not. */
export interface Lenient {
  readonly module: Module;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a script. All mistakes are reported; the module is there if none is an error. */
export function parse(text: string, file: string): Outcome<Module> {
  const { module, diagnostics } = parseLenient(text, file);
  return diagnostics.some((d) => d.severity === "error") ? { diagnostics } : { value: module, diagnostics };
}

/** Reads what can be read of a script, for editors. */
export function parseLenient(text: string, file: string): Lenient {
  const { lexer, parser } = reader();
  const lexed = lexer.tokenize(text);
  const diagnostics: Diagnostic[] = [];
  for (const error of lexed.errors) {
    const span = { file, start: error.offset, end: error.offset + error.length };
    const shown = text.slice(span.start, span.end);
    diagnostics.push(syntaxError("L1001", `unexpected character \`${shown}\``, { span, text: "not part of Lace" }));
  }
  const tokens = layOut(
    text,
    lexed.tokens.filter((token) => token.tokenType !== t.Semicolon),
  );
  const items = parser.read(file, tokens);
  for (const problem of parser.problems) diagnostics.push(explain(problem, file, tokens));
  for (const mark of parser.foreign) diagnostics.push(explainForeign(mark, file));
  void badEscapes;
  void spanOf;
  const first = parser.editions[0];
  const module: Module = {
    kind: "Module",
    file,
    edition: first?.value ?? edition,
    items,
    span: { file, start: 0, end: text.length },
  };
  if (first === undefined) {
    diagnostics.push(
      syntaxError("L1003", "the first line must name the language edition", {
        span: { file, start: 0, end: 0 },
        text: "expected `lace 1`",
      }),
    );
  }
  return { module, diagnostics };
}
