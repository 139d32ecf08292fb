// Words for what could not be read. In: Problems of the parser (tokens and rule names). Out: Diagnostics in the user's words.
// Invariants: no name of a token type or rule appears in a message; each message says what was wanted and what stood there;
// the mark is on what stood there, or just after the last token where nothing did.
import type { IToken } from "chevrotain";
import type { Code } from "../source/codes.js";
import type { Diagnostic, Label } from "../source/diagnostic.js";
import { nearest } from "../source/nearest.js";
import type { Span } from "../source/span.js";
import { isName, joins, wantsOperand, type LaceToken } from "./layout.js";
import { DEEPEST, LONGEST_CHAIN, type Problem } from "./recovery.js";
import * as t from "./tokens.js";

/** The text that the problems are about. */
export interface Reading {
  readonly file: string;
  readonly text: string;
  readonly tokens: readonly LaceToken[];
}

/** A syntax error; `extra` overrides the parts that are usually empty. */
export function syntaxError(code: Code, message: string, at: Label, extra: Partial<Diagnostic> = {}): Diagnostic {
  return { code, severity: "error", message, at, related: [], hints: [], ...extra };
}

/** Where a token is; a token of Chevrotain's end of file, whose offsets are NaN, is at the end of the text. */
export function spanOf({ file, text }: { file: string; text: string }, token: IToken): Span {
  if (Number.isNaN(token.startOffset)) return { file, start: text.trimEnd().length, end: text.trimEnd().length };
  return { file, start: token.startOffset, end: token.startOffset + token.image.length };
}

/** What each rule wants when no single token would do. */
const wantedByRule: Readonly<Record<string, string>> = {
  statement: "a statement",
  setting: "a setting",
  optionPair: "an option",
  inputValue: "an attribute, a number or `(`",
  optionValue: "an attribute, a number or `(`",
  primary: "an attribute, a number or `(`",
  expr: "an attribute, a number or `(`",
  unary: "an attribute, a number or `(`",
  negation: "an attribute, a number or `(`",
  product: "an attribute, a number or `(`",
  values: "a range `lo..hi` or a set `{ a, b }`",
  temperatureValue: "a number",
  attributeType: "`binary`, `category { ... }` or `scalar`",
  editDecl: "`of` and the samples to edit, or `from` and a model",
  keepSetting: "`latent`, `attributes` or `identity`",
  sum: "an attribute, a number or `(`",
  countExpr: "an attribute, a number or `(`",
  expectStmt: "an attribute, a number or `(`",
  sweepDecl: "a name and its values",
  sweepSource: "`from` and a model, or `of` and samples",
  photoDecl: "a name",
};

/** More exact words for one token in one rule. */
const wantedInRule: Readonly<Record<string, string>> = {
  "edition NumberLiteral": "the number of the edition",
  "modelDecl Name": "a name for the model",
  "modelDecl From": "`from` and the model's file",
  "modelDecl StringLiteral": "the model's file in quotes",
  "importDecl StringLiteral": "the file to import, in quotes",
  "importDecl RCurly": "`,` or `}`",
  "inputDecl Name": "a name",
  "attributeDecl Colon": "`:` and the attribute's type",
  "attributeDecl StringLiteral": "the head's file in quotes",
  "attributeType Name": "a value of the category",
  "attributeType RCurly": "`,` or `}`",
  "energyDecl Equals": "`=` and an energy",
  "energyDecl RParen": "`,` or `)`",
  "param Colon": "`:` and the parameter's type",
  "sampleDecl From": "`from` and a model",
  "traverseDecl From": "`from` and a model",
  "sweepDecl Over": "`over` and what is swept",
  "photoDecl From": "`from` and a picture",
  "photoDecl StringLiteral": "the picture's file in quotes",
  "photoDecl In": "`in` and a model",
  "sweepAxis In": "`in` and the values",
  "index RSquare": "`]`",
  "block LCurly": "`{` and the settings",
  "block RCurly": "a setting or `}`",
  "optionBlock RCurly": "an option or `}`",
  "expectStmt Colon": "`:` and what is expected",
  "expectClause GreaterEqual": "`>=` and the fraction of samples",
  "conditional Then": "`then` and what is asked for where it holds",
  "conditional Else": "`else` and what is asked for where it does not",
  "saveStmt To": "`to` and a path, or `,` and another result",
  "saveStmt StringLiteral": "the path in quotes",
  "saveStmt Name": "a name",
  "set RCurly": "`,` or `}`",
  "range DotDot": "`..` and the upper end",
  "nameOrCall RParen": "`,` or `)`",
  "countExpr RParen": "`,` or `)`",
  "countExpr Of": "`of` and the energies in parentheses",
  "betweenSetting Seed": "`seed` and a number",
  "betweenSetting And": "`and seed` and a number",
  "samplerSetting Name": "the name of a sampler",
  "acceptSetting By": "`by` and who judges",
  "acceptSetting Name": "`labeller` or `heads`",
};

/** The form of each statement and setting, shown when it is not as wanted. */
const forms: Readonly<Record<string, string>> = {
  edition: "lace 1",
  importDecl: 'import "lib/portrait.lace"` or `import { scholar } from "lib/portrait.lace"',
  modelDecl: 'model avatar from "builtin:avatar"',
  inputDecl: "input seed: number = 42",
  attributeDecl: "attribute glasses: binary",
  attributeType: "attribute hair: category { black, brown }",
  letDecl: "let tall = 0.8",
  energyDecl: "energy scholar = glasses and not smile",
  param: "energy redhead(age: number) = hair is red and tilt is age",
  sampleDecl: "sample portraits from avatar { where glasses  count 16 }",
  editDecl: "edit makeover of portraits[0..3] { step smile }",
  index: "edit makeover of portraits[0..3] { step smile }",
  traverseDecl: "traverse walk from avatar { between seed 1 and seed 2  frames 24 }",
  sweepDecl: "sweep tilts over t in 0..1 by 0.25 from avatar { where tilt is t }",
  photoDecl: 'photo me from "me.jpg" in avatar { space w+ }',
  sweepSource: "sweep tilts over t in 0..1 by 0.25 from avatar { where tilt is t }",
  sweepAxis: "over t in 0..1 by 0.25",
  expectStmt: "expect portraits: glasses >= 0.9",
  expectClause: "expect portraits: glasses >= 0.9",
  saveStmt: 'save portraits to "out/portraits.png" as grid',
  betweenSetting: "between seed 1 and seed 2",
  samplerSetting: "sampler ode { solver dopri5 }",
  wordSetting: "logic lace",
  placeSetting: "translate 0.1, 0",
  keepSetting: "keep latent 0.04, attributes 0.01",
  acceptSetting: "accept by labeller tries 8",
  countExpr: "atleast 2 of (glasses, smile, beard)",
  conditional: "if smile then hair is red else hat",
  temperatureExpr: "temperature 0.5 (glasses)",
  range: "0..1",
};

const brackets: ReadonlyMap<string, IToken["tokenType"]> = new Map([
  ["RCurly", t.LCurly],
  ["RParen", t.LParen],
  ["RSquare", t.LSquare],
]);
const closers: ReadonlySet<IToken["tokenType"]> = new Set([t.RCurly, t.RParen, t.RSquare]);
const statementTexts = t.statementWords.map(t.textOf);
const settingTexts = t.settingWords.map(t.textOf);

function isEnd(token: IToken): boolean {
  return token.tokenType === t.StatementEnd || token.tokenType === t.Newline || Number.isNaN(token.startOffset);
}

/** A token as it is named in messages. */
function describe(token: IToken): string {
  if (isEnd(token)) return "the end of the line";
  const text = token.image.length > 40 ? `${token.image.slice(0, 39)}…` : token.image;
  return /^["']/.test(text) ? text : `\`${text.replaceAll("`", "'")}\``;
}

/** One diagnostic for one problem. */
export function explain(problem: Problem, reading: Reading): Diagnostic {
  const { found, rule } = problem;
  const at = (text: string): Label => ({ span: spanOf(reading, found), text });
  if (rule === "repeated") {
    return syntaxError("L1008", `\`${found.image}\` is given twice`, at("the second time"), {
      hints: ["leave one of them"],
    });
  }
  if (rule === "too deep") {
    const hints = ["name parts of it with `energy` or `let`, and use the names"];
    const limits = `more than ${DEEPEST} levels, or ${LONGEST_CHAIN} operators other than \`and\` and \`or\` in a row`;
    return syntaxError("L1009", "this expression is nested too deeply", at(limits), { hints });
  }
  const special =
    unclosed(problem, reading) ??
    unopened(problem, reading) ??
    reserved(problem, reading) ??
    nothingSaved(problem, reading);
  if (special !== undefined) return special;
  return expected(atLineEnd(problem, reading.text), reading);
}

function expected(problem: Problem, reading: Reading): Diagnostic {
  const { found, rule, wanted } = problem;
  const words = wantedInRule[`${rule} ${wanted}`] ?? labelOf(wanted) ?? wantedByRule[rule] ?? "something else";
  const message = titleFor(problem, reading.tokens) ?? `expected ${words}, found ${describe(found)}`;
  const at = { span: spanOf(reading, found), text: `expected ${words}` };
  return syntaxError(rule === "edition" ? "L1003" : "L1002", message, at, { hints: hintsFor(problem, reading) });
}

/** What is missing before a brace on the next line is missing at the end of this one. */
function atLineEnd(problem: Problem, text: string): Problem {
  const { found, after } = problem;
  const end = after.startOffset + after.image.length;
  if (found.tokenType !== t.RCurly || !/[\r\n]/.test(text.slice(end, found.startOffset))) return problem;
  return { ...problem, found: { ...found, image: "", startOffset: end, tokenType: t.Newline } };
}

function labelOf(wanted: string): string | undefined {
  return t.tokenTypes.find((type) => type.name === wanted)?.LABEL;
}

/** A closing bracket was wanted at the end of what could hold it: shows where the bracket was opened. */
function unclosed({ found, wanted }: Problem, reading: Reading): Diagnostic | undefined {
  const opens = brackets.get(wanted);
  const blocked = isEnd(found) || closers.has(found.tokenType) || found.tokenType === t.LCurly;
  if (opens === undefined || !blocked) return undefined;
  const opener = openerOf(found, opens, reading.tokens);
  if (opener === undefined) return undefined;
  const closer = labelOf(wanted) ?? "";
  return syntaxError(
    "L1007",
    `missing ${closer}`,
    { span: spanOf(reading, found), text: `expected ${closer} here or earlier` },
    {
      related: [{ span: spanOf(reading, opener), text: "opened here" }],
      hints: [`close the ${describe(opener)} with ${closer}`],
    },
  );
}

/** The bracket of that kind that is open at the token. */
function openerOf(at: IToken, opens: IToken["tokenType"], tokens: readonly LaceToken[]): IToken | undefined {
  let closed = 0;
  for (let i = tokens.findIndex((token) => token === at) - 1; i >= 0; i--) {
    const token = tokens[i];
    if (token === undefined || token.tokenType === t.StatementEnd) return undefined;
    if (closers.has(token.tokenType)) closed++;
    else if (token.tokenType === t.LCurly || token.tokenType === t.LParen || token.tokenType === t.LSquare) {
      if (closed > 0) closed--;
      else if (token.tokenType === opens) return token;
    }
  }
  return undefined;
}

/** A closing bracket stands where none is open. */
function unopened({ found }: Problem, reading: Reading): Diagnostic | undefined {
  if (!closers.has(found.tokenType)) return undefined;
  const opens = [...brackets].find(([closer]) => closer === found.tokenType.name)?.[1];
  if (opens === undefined || openerOf(found, opens, reading.tokens) !== undefined) return undefined;
  const span = spanOf(reading, found);
  return syntaxError(
    "L1007",
    `${describe(found)} closes nothing`,
    { span, text: "no bracket is open here" },
    { hints: [`remove it, or open it earlier with \`${t.textOf(opens)}\``], fix: { span, replacement: "" } },
  );
}

/** A word of the language where a name was wanted. */
function reserved({ found, wanted }: Problem, reading: Reading): Diagnostic | undefined {
  if (wanted !== "Name" || !t.reservedWords.includes(found.tokenType)) return undefined;
  return syntaxError(
    "L1002",
    `\`${found.image}\` cannot be a name`,
    { span: spanOf(reading, found), text: "a word of the language" },
    { hints: [`choose another name, such as \`${found.image}_\``] },
  );
}

/** `to` and a path where `save` wants a result: the `to` was read as the name of one. */
function nothingSaved({ found, after, rule, wanted }: Problem, reading: Reading): Diagnostic | undefined {
  if (rule !== "saveStmt" || wanted !== "To" || after.tokenType !== t.To) return undefined;
  if (found.tokenType !== t.StringLiteral) return undefined;
  const at = reading.tokens.findIndex((token) => token === after);
  const before = reading.tokens[at - 1] ?? after;
  const hint =
    before.tokenType === t.Comma
      ? `name another result after the \`,\`, or leave it out`
      : `the form is \`${forms[rule] ?? ""}\``;
  return syntaxError(
    "L1002",
    `expected a name, found \`${after.image}\``,
    { span: spanOf(reading, after), text: "expected the name of a result before this" },
    { hints: [hint] },
  );
}

/** A message that says more than what was expected. */
function titleFor(problem: Problem, tokens: readonly LaceToken[]): string | undefined {
  const { found, after, rule, wanted } = problem;
  if (rule === "statement" && wanted === "" && isName(found)) {
    return t.settingWords.includes(found.tokenType)
      ? `\`${found.image}\` is a setting, not a statement`
      : `\`${found.image}\` does not begin a statement`;
  }
  if (wanted === "StatementEnd" && t.statementWords.includes(found.tokenType)) {
    return `\`${found.image}\` must begin a new line`;
  }
  if (sideBySide(problem, tokens)) {
    return `nothing joins \`${after.image}\` and \`${found.image}\``;
  }
  return undefined;
}

/** Two operands without an operator between them, where an operator could stand. */
function sideBySide({ found, after, rule, wanted }: Problem, tokens: readonly LaceToken[]): boolean {
  const begins = isName(found) || [t.NumberLiteral, t.LParen, t.Not, t.Bang].includes(found.tokenType);
  const ends = isName(after) || [t.NumberLiteral, t.RParen].includes(after.tokenType);
  if (!begins || !ends) return false;
  if (wanted === "StatementEnd") return withExpression.has(statementWordBefore(found, tokens));
  return rule === "setting" || (wanted === "RParen" && (rule === "primary" || rule === "nameOrCall"));
}

/** Statements that end with an expression. */
const withExpression: ReadonlySet<IToken["tokenType"] | undefined> = new Set([t.Let, t.Input, t.Energy, t.Expect]);

function statementWordBefore(token: IToken, tokens: readonly LaceToken[]): IToken["tokenType"] | undefined {
  const at = tokens.findIndex((candidate) => candidate === token);
  const end = tokens.slice(0, at).findLastIndex((candidate) => candidate.tokenType === t.StatementEnd);
  return tokens[end + 1]?.tokenType;
}

function hintsFor(problem: Problem, { text, tokens }: Reading): readonly string[] {
  const { found, after, rule, wanted } = problem;
  const type = found.tokenType;
  const marks = (...types: IToken["tokenType"][]): boolean => types.includes(type);

  for (const token of [found, after]) {
    const lower = token.image.toLowerCase();
    if (token.tokenType === t.Identifier && lower !== token.image && t.keywords.includes(lower)) {
      return [`words of the language are lower case: \`${lower}\``];
    }
  }
  if (rule === "statement" && wanted === "") return [statementHint(found)];
  if (wanted === "StatementEnd" && t.statementWords.includes(type)) return ["each statement stands on its own line"];
  const near = type === t.Identifier ? nearest(found.image, wordsWanted(rule, wanted)) : undefined;
  if (near !== undefined) return [`did you mean \`${near}\`?`];
  if (marks(t.Colon) && rule === "nameOrCall") return ["arguments go by their order, without names: `redhead(0.5)`"];
  if (marks(t.LCurly) && after.tokenType === t.Is) return ["a set stands after `in`: `hair in { red, blond }`"];
  if (marks(t.Equals, t.Colon) && isName(after) && !/^statement$|Decl$|Stmt$|^param$/.test(rule)) {
    return [`settings and options have no \`${found.image}\`: write \`${after.image} ${wordAfter(found, text)}\``];
  }
  if (type === t.Comma && /^setting$|^block$|^option/.test(rule)) {
    return ["settings are separated by spaces or new lines, without commas"];
  }
  if (type === t.Comma && rule === "primary" && wanted === "RParen") {
    return ["a set of values has braces: `{ red, blond }`"];
  }
  if (marks(t.Less, t.LessEqual, t.Greater, t.Is, t.In, t.GreaterEqual) && (wanted !== "" || rule === "setting")) {
    return type === t.GreaterEqual && statementWordBefore(found, tokens) === t.Expect
      ? ["put what is compared in parentheses: `(light >= 0.5) >= 0.9`"]
      : ["at most two comparisons follow one another, `0.2 < x < 0.8`: join others by `and`"];
  }
  if (type === t.Tolerance) return ["`+-` stands after `is`: `tilt is 0.5 +- 0.1`"];
  if (type === t.DotDot) return ["a range stands after `in`: `tilt in 0.2..0.4`"];
  if (type === t.Plus && wanted === "") return ["a positive number is written without a sign"];
  if (type === t.StringLiteral) {
    if (rule === "saveStmt" && wanted === "Name" && after.tokenType === t.Comma) {
      return [`the path stands after \`to\`, without a comma: \`to ${found.image}\``];
    }
    return wanted === "From" || wanted === "To"
      ? [`write \`${wanted.toLowerCase()} ${found.image}\``]
      : ["names and values are written without quotes"];
  }
  if (wanted === "StringLiteral" && isName(found)) {
    return [`put the path in quotes: \`"${/^\S+/.exec(text.slice(found.startOffset))?.[0] ?? found.image}"\``];
  }
  if (rule === "values" || (rule === "range" && wanted === "DotDot")) {
    return ["after `in` stands a range `0.2..0.4` or a set `{ red, blond }`; for one value write `is`"];
  }
  const hints: string[] = [];
  if (rule === "setting" && isName(found)) hints.push(settingHint(problem, tokens));
  else if (sideBySide(problem, tokens)) hints.push(joinHint(found, after));
  if (rule === "expectClause" && wanted === "GreaterEqual") hints.push("say how many of the samples must satisfy it");
  const form = forms[rule];
  if (form !== undefined) hints.push(`the form is \`${form}\``);
  if (hints.length === 0 && wantsOperand.has(after.tokenType)) hints.push(`something must follow ${describe(after)}`);
  if (hints.length === 0 && joins.has(type)) hints.push(`${describe(found)} stands between two operands`);
  return hints;
}

/** The keywords that would do. */
function wordsWanted(rule: string, wanted: string): readonly string[] {
  if (rule === "attributeType" && wanted === "") return ["binary", "category", "scalar"];
  if (rule === "keepSetting" && wanted === "") return ["latent", "attributes", "identity"];
  if (rule === "editDecl" && wanted === "") return ["of", "from"];
  const label = (labelOf(wanted) ?? "").replaceAll("`", "");
  return t.keywords.includes(label) ? [label] : [];
}

function statementHint(found: IToken): string {
  if (t.settingWords.includes(found.tokenType)) {
    return "settings stand inside the braces of `sample`, `edit`, `traverse` or `sweep`";
  }
  const near = isName(found) ? nearest(found.image, statementTexts) : undefined;
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return `a statement begins with ${statementTexts.map((word) => `\`${word}\``).join(", ")}`;
}

function settingHint(problem: Problem, tokens: readonly LaceToken[]): string {
  const { found, after } = problem;
  const near = nearest(found.image, settingTexts);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return sideBySide(problem, tokens)
    ? joinHint(found, after)
    : `a setting begins with ${settingTexts.map((word) => `\`${word}\``).join(", ")}`;
}

function joinHint(found: IToken, after: IToken): string {
  return isName(found) && isName(after)
    ? `write \`${after.image} is ${found.image}\` for a value, or join two energies by \`and\` or \`or\``
    : "join two energies by `and` or `or`, two numbers by `+`, `-`, `*` or `/`";
}

/** The word or number that follows a token. */
function wordAfter(token: IToken, text: string): string {
  return /^[^\S\r\n]*([^\s{}(),]+)/.exec(text.slice(token.startOffset + token.image.length))?.[1] ?? "...";
}
