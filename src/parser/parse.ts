// Text -> syntax tree. In: a script's text. Out: a Module and every mistake of spelling and grammar, sorted, once.
// Invariants: never throws for any text; `parse` has a value only without errors, `parseLenient` always has a module.
import type { IToken, Lexer } from "chevrotain";
import type { Diagnostic, Outcome } from "../source/diagnostic.js";
import { hasOneIn, isWithin } from "../source/sorted.js";
import type { Module } from "./ast.js";
import { explain, spanOf, syntaxError, type Reading } from "./explain.js";
import { damageOf, type Faults, UNDAMAGED } from "./damage.js";
import type { Edition } from "./declaration-rules.js";
import { LaceParser } from "./grammar.js";
import { isName, layOut } from "./layout.js";
import type { Damage, Token } from "./lenient.js";
import { foreignMark, isReadAnyway, lexicalMistakes } from "./lexical.js";
import { notLace, notText } from "./not-lace.js";
import type { Problem } from "./recovery.js";
import * as t from "./tokens.js";

/** The language edition that this compiler reads. */
export const supportedEdition = 1;

/** The tree of a text with mistakes: what could be read, with ErrorExpr in place of expressions that could not. */
export interface LenientParse {
  readonly module: Module;
  readonly diagnostics: readonly Diagnostic[];
  /** What the mistakes may have hidden from the tree. */
  readonly damage: Damage;
  /** The comments, in order. */
  readonly comments: readonly Token[];
  /** The tokens that the tree was made from, without those that layout added. */
  readonly tokens: readonly Token[];
}

/** Reads a script. All its mistakes are reported, sorted; the module is there if there are none. */
export function parse(text: string, file: string): Outcome<Module> {
  const { module, diagnostics } = parseLenient(text, file);
  return diagnostics.length > 0 ? { diagnostics } : { value: module, diagnostics };
}

/** Reads what can be read of a script, for editors and the formatter. */
export function parseLenient(text: string, file: string): LenientParse {
  const strange = notText(text, file);
  if (strange !== undefined) return nothingOf(text, file, strange);
  const { lexer, parser } = reader();
  const lexed = lexer.tokenize(text);
  const tokens = lexed.tokens.filter((token) => token.tokenType !== t.Semicolon);
  const reading: Reading = { file, text, tokens: layOut(text, tokens) };
  const items = parser.read(file, reading.tokens);

  const paths = bareFrom(parser.problems, text).sort(([a], [b]) => a - b);
  const lexical = [
    ...lexicalMistakes(lexed, reading).filter((d) => !isWithin(paths, d.at.span.start)),
    ...parser.foreign.map((mark) => foreignMark(mark, reading)),
  ];
  // A mistake in a token (or dropped characters before it) explains why the token does not fit.
  const starts = lexical.map((d) => d.at.span.start).sort((a, b) => a - b);
  const syntactic = parser.problems
    .filter(({ found, after }) => !hasOneIn(starts, endOf(after), found.startOffset))
    .map((problem) => explain(problem, reading));
  const diagnostics = [...lexical, ...syntactic, ...editionMistakes(parser.editions, reading)];

  const span = { file, start: 0, end: text.length };
  const edition = parser.editions[0]?.value ?? supportedEdition;
  const module: Module = { kind: "Module", file, edition, items, span };
  const foreign = notLace(module, diagnostics, { text, namesEdition: parser.editions.length > 0 });
  if (foreign !== undefined) return nothingOf(text, file, foreign);
  const faults: Faults = {
    stops: parser.problems.filter((p) => p.repaired !== true).map(({ found }) => spanOf(reading, found)),
    read: [
      ...tokens.filter(isReadAnyway),
      ...parser.foreign.map(({ token }) => token),
      ...parser.problems.filter((p) => p.repaired === true).map(({ found }) => found),
    ]
      .map((token) => spanOf(reading, token))
      .concat(parser.gaps)
      .sort((a, b) => a.start - b.start),
  };
  const damage = damageOf(module, diagnostics, faults, reading);
  return { module, damage, diagnostics: sorted(diagnostics), comments: lexed.groups["comments"] ?? [], tokens };
}

/** Of a text that is no script: one mistake, and no tree. */
function nothingOf(text: string, file: string, mistake: Diagnostic): LenientParse {
  const span = { file, start: 0, end: text.length };
  const module: Module = { kind: "Module", file, edition: supportedEdition, items: [], span };
  return { module, diagnostics: [mistake], damage: { ...UNDAMAGED, open: true }, comments: [], tokens: [] };
}

function editionMistakes(editions: readonly Edition[], reading: Reading): Diagnostic[] {
  const { file, tokens } = reading;
  const wanted = `lace ${supportedEdition}`;
  const first = tokens[0];
  const found: Diagnostic[] = [];
  const [given, ...more] = editions;
  if (given === undefined || given.span.start !== first?.startOffset) {
    // `lace` without a number was reported where the number is missing.
    if (first?.tokenType !== t.Lace || given !== undefined) {
      const at = first === undefined ? { file, start: 0, end: 0 } : spanOf(reading, first);
      found.push(
        syntaxError(
          "L1003",
          "the first line must name the language edition",
          { span: at, text: `expected \`${wanted}\` before this` },
          {
            related: given === undefined ? [] : [{ span: given.span, text: "named only here" }],
            hints: [`begin the script with \`${wanted}\``],
            fix: { span: { file, start: 0, end: 0 }, replacement: `${wanted}\n\n` },
          },
        ),
      );
    }
  }
  // A malformed number (NaN) was reported as that.
  if (given !== undefined && given.value !== supportedEdition && !Number.isNaN(given.value)) {
    const hints = [`this compiler reads edition ${supportedEdition}: write \`${wanted}\`, or use a newer lacec`];
    const at = { span: given.span, text: "unknown edition" };
    found.push(syntaxError("L1003", `edition ${given.value} of the language is not supported`, at, { hints }));
  }
  for (const { span } of more) {
    const related = given === undefined ? [] : [{ span: given.span, text: "the first time" }];
    const extra = { related, hints: ["remove this line"] };
    found.push(syntaxError("L1003", "the language edition is named twice", { span, text: "the second time" }, extra));
  }
  return found;
}

/** Where paths without quotes stand, each from behind its first character: what is strange in one is reported as that. */
function bareFrom(problems: readonly Problem[], text: string): (readonly [number, number])[] {
  return problems.flatMap(({ found, wanted }) => {
    if (wanted !== t.StringLiteral.name || !isName(found)) return [];
    const path = /^[^\s"']*/.exec(text.slice(found.startOffset, found.startOffset + LONGEST_PATH))?.[0] ?? "";
    return [[found.startOffset + 1, found.startOffset + path.length] as const];
  });
}

const LONGEST_PATH = 4096;

function endOf({ startOffset, image }: IToken): number {
  return Number.isNaN(startOffset) ? 0 : startOffset + image.length;
}

/** In the order of the text, each once. */
function sorted(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics
    .filter((d) => {
      const key = `${d.code} ${d.at.span.start} ${d.at.span.end} ${d.message}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => a.at.span.start - b.at.span.start || a.at.span.end - b.at.span.end);
}

/** Making the tables of lexer and parser takes tens of milliseconds: they are made at the first use. They hold no text. */
const reader = once((): { lexer: Lexer; parser: LaceParser } => ({ lexer: t.createLexer(), parser: new LaceParser() }));

function once<T extends object>(make: () => T): () => T {
  const made: T[] = [];
  return () => {
    const value = made[0] ?? make();
    made[0] = value;
    return value;
  };
}
