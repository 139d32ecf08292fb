// What may be written at a place of a script: what completion and signature help ask first.
// In: the tokens of a text and an offset. Out: a Place. Invariants: never throws, whatever the text; lines end statements and settings here by the
// parser's own layout (layout.ts), and keywords are told from names as there.
import type { IToken, TokenType } from "chevrotain";
import { JUDGES, SAMPLERS, SAVE_FORMS, WORDS, type OptionKind, type TaskForm } from "../compiler/check/vocabulary.js";
import { LATENT_WORDS } from "../compiler/latent-table.js";
import { afterLooking, namesPicture, PHOTO_WORDS } from "./looking-place.js";
import { isName, layOut, wantsOperand, type LaceToken } from "../parser/layout.js";
import type { LenientParse } from "../parser/parse.js";
import * as t from "../parser/tokens.js";

/** What may stand at a place. `word` of Place is what has been typed of it. */
export type Wanted =
  | { readonly kind: "nothing" }
  | { readonly kind: "statement" }
  | {
      readonly kind: "path";
      readonly of: "import" | "model" | "head" | "latents" | "network" | "photo" | "encoder" | "landmarks";
      readonly typed: string;
    }
  | { readonly kind: "name"; readonly of: "import"; readonly path: string | undefined }
  | { readonly kind: "name"; readonly of: "model" | "task" | "attribute" }
  | { readonly kind: "attributeType"; readonly attribute: string }
  | { readonly kind: "numberType" }
  | { readonly kind: "classes"; readonly attribute: string }
  /** A setting; or an operator as well, where an expression before it may go on. */
  | {
      readonly kind: "setting";
      readonly form: TaskForm;
      readonly given: readonly string[];
      readonly after?: "expression" | "step" | "accept";
    }
  /** An operand: of an energy, or of a number alone. */
  | { readonly kind: "operand"; readonly numbers: boolean; readonly locals: readonly string[] }
  | { readonly kind: "operator"; readonly expect: boolean; readonly numbers: boolean }
  | {
      readonly kind: "value";
      readonly attribute: string;
      readonly locals: readonly string[];
      readonly negatable: boolean;
    }
  | { readonly kind: "word"; readonly words: readonly string[]; readonly of: string }
  | { readonly kind: "method" }
  | {
      readonly kind: "option";
      readonly of: string;
      readonly options: Readonly<Record<string, OptionKind>>;
      readonly given: readonly string[];
    }
  | { readonly kind: "layers" }
  | { readonly kind: "keep"; readonly given: readonly string[] }
  | { readonly kind: "form" }
  | { readonly kind: "keyword"; readonly words: readonly string[] };

export interface CompletionPlace {
  readonly wanted: Wanted;
  /** The part of a word (or of a path, behind its last `/`) before the cursor. */
  readonly start: number;
  readonly word: string;
}

const NOTHING: Wanted = { kind: "nothing" };
const SETTING_WORDS: ReadonlySet<TokenType> = new Set(t.settingWords);
const NUMBER_SETTINGS: ReadonlySet<TokenType> = new Set([
  t.Count,
  t.Seed,
  t.Truncation,
  t.Frames,
  t.Cutoff,
  t.Class,
  t.Prior,
  t.Tries,
  t.Tune,
]);
const WORD_SETTINGS: ReadonlyMap<TokenType, keyof typeof WORDS> = new Map([
  [t.Logic, "logic"],
  [t.Goals, "goals"],
  [t.Noise, "noise"],
]);

/** What may be written at an offset of a text that was parsed. */
export function placeAt(text: string, parse: LenientParse, offset: number): CompletionPlace {
  const word = /[$_\p{ID_Continue}\u200c\u200d]*$/u.exec(text.slice(0, offset))?.[0] ?? "";
  const start = offset - word.length;
  const place = (wanted: Wanted): CompletionPlace => ({ wanted, start, word });
  if (parse.comments.some((c) => c.startOffset < offset && offset <= endOf(c) - (c.image.endsWith("*/") ? 1 : 0)))
    return place(NOTHING);
  const before = parse.tokens.filter((token) => endOf(token) <= start);
  const inside = parse.tokens.find((token) => token.startOffset < offset && offset <= endOf(token));
  if (inside !== undefined && isString(inside)) {
    const closed = inside.image.length > 1 && inside.image.endsWith(inside.image.charAt(0));
    if (closed && offset === endOf(inside)) return place(NOTHING);
    return inPath(text, before, inside, offset);
  }
  if (/^\d/.test(word)) return place(NOTHING);
  // The rules of layout say whether what is typed here begins a statement or a setting.
  const typed = { image: word === "" ? "x" : word, startOffset: start, tokenType: t.Identifier } as IToken;
  const laid = layOut(`${text.slice(0, start)}${typed.image}`, [...before, typed]).slice(0, -1);
  const from = laid.findLastIndex((token) => token.tokenType === t.StatementEnd) + 1;
  const statement = laid.slice(from, -1);
  const [first] = statement;
  if (first === undefined) return place({ kind: "statement" });
  const after = parse.tokens.filter((token) => token.startOffset >= offset);
  return place(inStatement(first.tokenType, statement, after));
}

function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

function isString(token: IToken): boolean {
  return token.tokenType === t.StringLiteral || (token.tokenType.CATEGORIES?.includes(t.StringLiteral) ?? false);
}

function inPath(text: string, before: readonly IToken[], literal: IToken, offset: number): CompletionPlace {
  const typed = text.slice(literal.startOffset + 1, offset);
  const word = /[^/\\]*$/.exec(typed)?.[0] ?? "";
  const place = (wanted: Wanted): CompletionPlace => ({ wanted, start: offset - word.length, word });
  const last = before.at(-1)?.tokenType;
  const head = before.findLast((token) =>
    [t.Import, t.Model, t.Attribute, t.Save, t.Photo].includes(token.tokenType),
  )?.tokenType;
  if (last === t.Import || (last === t.From && head === t.Import)) return place({ kind: "path", of: "import", typed });
  if (last === t.From && head === t.Model) return place({ kind: "path", of: "model", typed });
  if (last === t.From && before.at(-2)?.tokenType === t.Start) return place({ kind: "path", of: "latents", typed });
  if (last === t.From && head === t.Photo) return place({ kind: "path", of: "photo", typed });
  if (last === t.Encoder) return place({ kind: "path", of: "encoder", typed });
  if (last === t.Landmarks) return place({ kind: "path", of: "landmarks", typed });
  if (namesPicture(before)) return place({ kind: "path", of: "photo", typed });
  if (last === t.By) return place({ kind: "path", of: "network", typed });
  return place(last === t.From && head === t.Attribute ? { kind: "path", of: "head", typed } : NOTHING);
}

function inStatement(head: TokenType, statement: readonly LaceToken[], after: readonly IToken[]): Wanted {
  const rest = statement.slice(1).filter((token) => token.tokenType !== t.Newline);
  const last = rest.at(-1);
  const count = rest.length;
  const keyword = (...words: string[]): Wanted => ({ kind: "keyword", words });
  const named = (of: "model" | "task" | "attribute"): Wanted => ({ kind: "name", of });
  const block = openBlock(statement);
  switch (head) {
    case t.Import:
      if (rest[0]?.tokenType === t.LCurly && !rest.some((token) => token.tokenType === t.RCurly)) {
        if (last !== undefined && last.tokenType !== t.LCurly && last.tokenType !== t.Comma) return NOTHING;
        return { kind: "name", of: "import", path: pathAfter(after) };
      }
      return last?.tokenType === t.RCurly ? keyword("from") : NOTHING;
    case t.Model:
      return count === 1 ? keyword("from") : NOTHING;
    case t.Input:
      if (last?.tokenType === t.Colon) return { kind: "numberType" };
      return afterEquals(rest, true, []);
    case t.Let:
      return afterEquals(rest, true, []);
    case t.Energy:
      return inEnergy(rest);
    case t.Attribute:
      return inAttribute(rest);
    case t.Expect:
      if (count === 0) return named("task");
      if (count === 1) return NOTHING;
      return inExpression(rest.slice(last?.tokenType === t.Colon ? -1 : 2), [], false, true);
    case t.Save:
      if (count === 0) return named("task");
      if (block !== undefined) return inOptions(block, `as ${formOf(rest)}`, optionsOfForm(rest));
      if (last?.tokenType === t.Comma) return named("task");
      if (last !== undefined && isName(last) && !rest.some((token) => token.tokenType === t.To)) return keyword("to");
      if (last !== undefined && isString(last)) return keyword("as");
      return last?.tokenType === t.As ? { kind: "form" } : NOTHING;
    case t.Sample:
    case t.Traverse:
    case t.Edit:
    case t.Sweep:
    case t.Photo:
      return block === undefined ? inHead(head, rest) : inTask(head, rest, block);
    default:
      return NOTHING;
  }
}

function pathAfter(after: readonly IToken[]): string | undefined {
  const from = after.findIndex((token) => token.tokenType === t.From);
  const literal = from < 0 ? undefined : after[from + 1];
  return literal !== undefined && isString(literal) ? literal.image.slice(1, -1) : undefined;
}

function inEnergy(rest: readonly LaceToken[]): Wanted {
  const equals = rest.findIndex((token) => token.tokenType === t.Equals);
  if (equals < 0) return rest.at(-1)?.tokenType === t.Colon ? { kind: "numberType" } : NOTHING;
  const head = rest.slice(1, equals);
  const locals = head.filter((_, i) => head[i + 1]?.tokenType === t.Colon).map((token) => token.image);
  return inExpression(rest.slice(equals), locals, false, false);
}

function afterEquals(rest: readonly LaceToken[], numbers: boolean, locals: readonly string[]): Wanted {
  const equals = rest.findIndex((token) => token.tokenType === t.Equals);
  return equals < 0 ? NOTHING : inExpression(rest.slice(equals), locals, numbers, false);
}

function inAttribute(rest: readonly LaceToken[]): Wanted {
  const [name, colon, type] = rest;
  const last = rest.at(-1);
  if (name === undefined) return { kind: "name", of: "attribute" };
  if (colon === undefined) return NOTHING;
  if (type === undefined) return { kind: "attributeType", attribute: name.image };
  const open =
    rest.some((token) => token.tokenType === t.LCurly) && !rest.some((token) => token.tokenType === t.RCurly);
  if (open)
    return last?.tokenType === t.LCurly || last?.tokenType === t.Comma
      ? { kind: "classes", attribute: name.image }
      : NOTHING;
  if (last === type && type.tokenType === t.Scalar) return { kind: "keyword", words: ["in", "sigma", "from", "on"] };
  if (last?.tokenType === t.In || last?.tokenType === t.Sigma || last?.tokenType === t.DotDot)
    return { kind: "operand", numbers: true, locals: [] };
  if (type.tokenType === t.Category && last === type) return NOTHING;
  if (last?.tokenType === t.On) return { kind: "keyword", words: ["image"] };
  const on = rest.findIndex((token) => token.tokenType === t.On);
  if (on > 0) return lookingPlace(rest.slice(on + 2)) ?? NOTHING;
  if (last?.tokenType === t.StringLiteral) return { kind: "keyword", words: ["on"] };
  return { kind: "keyword", words: type.tokenType === t.Scalar ? ["sigma", "from", "on"] : ["from", "on"] };
}

/** The head of a task, before its block. */
function inHead(head: TokenType, rest: readonly LaceToken[]): Wanted {
  const last = rest.at(-1);
  if (last === undefined) return NOTHING;
  if (head === t.Photo) {
    if (last.tokenType === t.In) return { kind: "name", of: "model" };
    if (rest.length === 1) return { kind: "keyword", words: ["from"] };
    return isString(last) ? { kind: "keyword", words: ["in"] } : NOTHING;
  }
  if (last.tokenType === t.From) return { kind: "name", of: "model" };
  if (head === t.Edit) {
    if (rest.length === 1) return { kind: "keyword", words: ["of", "from"] };
    return last.tokenType === t.Of ? { kind: "name", of: "task" } : NOTHING;
  }
  if (head !== t.Sweep) return rest.length === 1 ? { kind: "keyword", words: ["from"] } : NOTHING;
  if (rest.length === 1) return { kind: "keyword", words: ["over"] };
  if (last.tokenType === t.Over || last.tokenType === t.Comma) return NOTHING;
  if (last.tokenType === t.Of) return { kind: "name", of: "task" };
  if (rest.some((token) => token.tokenType === t.From || token.tokenType === t.Of)) return NOTHING;
  const axis = rest.slice(rest.findLastIndex((token) => token.tokenType === t.Over || token.tokenType === t.Comma) + 1);
  if (axis.length === 1) return { kind: "keyword", words: ["in"] };
  const wants = [t.In, t.DotDot, t.By, t.LCurly].includes(last.tokenType);
  if (wants) return { kind: "operand", numbers: true, locals: [] };
  return {
    kind: "keyword",
    words: axis.some((token) => token.tokenType === t.By) ? ["from", "of"] : ["by", "from", "of"],
  };
}

/** What goes on with how a network looks; undefined: it is whole. */
function lookingPlace(rest: readonly LaceToken[]): Wanted | undefined {
  const next = afterLooking(rest);
  return next === "number" ? { kind: "operand", numbers: true, locals: [] } : next && { kind: "keyword", words: next };
}

/** What follows the last `{` that is open, if it is a block's or options'. */
function openBlock(statement: readonly LaceToken[]): readonly LaceToken[] | undefined {
  const open: number[] = [];
  statement.forEach((token, i) => {
    if (token.tokenType === t.LCurly) open.push(i);
    else if (token.tokenType === t.RCurly) open.pop();
  });
  const lists = new Set<TokenType | undefined>([t.In, t.Category, t.Import]);
  const at = open.findLast((i) => !lists.has(statement[i - 1]?.tokenType));
  return at === undefined ? undefined : statement.slice(at + 1);
}

function inTask(head: TokenType, rest: readonly LaceToken[], block: readonly LaceToken[]): Wanted {
  const from = rest.findIndex((token) => token.tokenType === t.Of || token.tokenType === t.From);
  const form = formOfTask(head, rest[from]?.tokenType === t.Of ? "of" : "from");
  const locals =
    head === t.Sweep ? rest.filter((_, i) => [t.Over, t.Comma].includes(rest[i - 1]?.tokenType ?? t.And)) : [];
  const names = locals.map((token) => token.image);
  // Options of a sampler: the innermost block is its.
  const opener = rest.length - block.filter((token) => token.tokenType !== t.Newline).length - 1;
  if (rest[opener - 2]?.tokenType === t.Sampler) {
    const method = rest[opener - 1]?.image ?? "";
    const options = Object.hasOwn(SAMPLERS, method) ? SAMPLERS[method as keyof typeof SAMPLERS] : {};
    return inOptions(block, method, options);
  }
  const settings = split(block);
  const own = settings.at(-1) ?? [];
  const given = settings.flatMap((s) => (s === own && s.length === 1 ? [] : s.slice(0, 1))).map((token) => token.image);
  const setting = (after?: "expression" | "step" | "accept"): Wanted => ({
    kind: "setting",
    form,
    given,
    ...(after && { after }),
  });
  const [key] = own;
  const last = own.at(-1);
  if (key === undefined || last === undefined) return setting();
  const { tokenType: type } = key;
  const words = WORD_SETTINGS.get(type);
  if (words !== undefined) return own.length === 1 ? { kind: "word", words: WORDS[words], of: words } : setting();
  if (type === t.Sampler) return own.length === 1 ? { kind: "method" } : setting();
  if (NUMBER_SETTINGS.has(type) || type === t.Between) {
    if (type === t.Between && (last === key || last.tokenType === t.And)) return { kind: "keyword", words: ["seed"] };
    const wants = last === key || wantsOperand.has(last.tokenType) || (type === t.Between && last.tokenType === t.Seed);
    if (wants) return { kind: "operand", numbers: true, locals: [] };
    const seeds = own.filter((token) => token.tokenType === t.Seed).length;
    return type === t.Between && seeds < 2 ? { kind: "keyword", words: ["and"] } : setting();
  }
  if (type === t.Translate || type === t.Rotate) {
    const wants = last === key || wantsOperand.has(last.tokenType) || last.tokenType === t.Comma;
    return wants ? { kind: "operand", numbers: true, locals: [] } : setting();
  }
  if (key.image === "accept") {
    if (last === key) return { kind: "keyword", words: ["by"] };
    if (last.image === "by") return { kind: "word", words: JUDGES, of: "accept" };
    if (last.image === "tries") return { kind: "operand", numbers: true, locals: [] };
    return own.length === 3 ? setting("accept") : setting();
  }
  if (type === t.Encoder) return last === key ? NOTHING : setting();
  const photo = PHOTO_WORDS.get(type);
  if (photo !== undefined) return last === key ? { kind: "word", words: photo, of: key.image } : setting();
  if (type === t.Start) {
    if (last === key) return { kind: "keyword", words: ["from"] };
    if (last.tokenType === t.As) return { kind: "word", words: LATENT_WORDS, of: "start" };
    return last.tokenType === t.From ? NOTHING : setting();
  }
  if (type === t.Keep) {
    const kept = own.filter(({ tokenType }) => [t.Latent, t.Attributes, t.Identity].includes(tokenType));
    if (last === key || last.tokenType === t.Comma) return { kind: "keep", given: kept.map((token) => token.image) };
    if (kept.includes(last)) return { kind: "operand", numbers: true, locals: [] };
    const identity = own.slice(own.findLastIndex(({ tokenType }) => tokenType === t.Identity) + 1);
    const looking = identity.slice(identity.findIndex(({ tokenType }) => tokenType === t.At || tokenType === t.From));
    if (looking.length < identity.length) return lookingPlace(looking) ?? setting();
    return setting();
  }
  if (type !== t.Where && type !== t.Step) return setting();
  if (type === t.Step) {
    if (last.tokenType === t.Layers) return { kind: "layers" };
    if (last.tokenType === t.Weight) return { kind: "operand", numbers: true, locals: [] };
    if (own.some((token) => token.tokenType === t.Layers || token.tokenType === t.Weight)) return setting("step");
  }
  const wanted = inExpression(own, names, false, false);
  return wanted.kind === "operator" ? setting(type === t.Step ? "step" : "expression") : wanted;
}

function formOfTask(head: TokenType, source: "of" | "from"): TaskForm {
  if (head === t.Edit) return `edit ${source}`;
  if (head === t.Photo) return "photo";
  if (head === t.Sweep) return source === "of" ? "sweep of" : "sweep";
  return head === t.Sample ? "sample" : "traverse";
}

/** The settings of a block: each begins with its word, where the one before could end. The last is the one that is being written. */
function split(block: readonly LaceToken[]): readonly (readonly LaceToken[])[] {
  const depth = block[0]?.depth ?? 0;
  const settings: LaceToken[][] = [];
  let own: LaceToken[] = [];
  for (const token of block) {
    const last = own.at(-1);
    if (token.tokenType === t.Newline) {
      if (own.length > 0) settings.push(own);
      own = [];
    } else if (last !== undefined && token.depth === depth && SETTING_WORDS.has(token.tokenType) && ends(own, token)) {
      settings.push(own);
      own = [token];
    } else own.push(token);
  }
  settings.push(own);
  return settings;
}

/** Whether a setting could end before a word that begins one. */
function ends(own: readonly LaceToken[], next: LaceToken): boolean {
  const last = own.at(-1);
  if (last === undefined || wantsOperand.has(last.tokenType)) return false;
  if (own[0]?.tokenType === t.Reweight) return true;
  if (own[0]?.tokenType === t.Between)
    return own.filter((token) => token.tokenType === t.Seed).length === 2 && next.tokenType !== t.Seed;
  return own.length > 1 && ![t.Layers, t.Weight, t.Latent, t.Attributes].includes(last.tokenType);
}

function inOptions(block: readonly LaceToken[], of: string, options: Readonly<Record<string, OptionKind>>): Wanted {
  const tokens = block.filter((token) => token.tokenType !== t.Newline);
  const given: string[] = [];
  let key: LaceToken | undefined;
  for (const token of tokens) {
    if (key === undefined) {
      key = token;
      given.push(token.image);
    } else if (token.tokenType !== t.Minus) key = undefined;
  }
  if (key === undefined) return { kind: "option", of, options, given };
  const kind = Object.hasOwn(options, key.image) ? options[key.image] : undefined;
  if (kind === undefined) return NOTHING;
  if (kind === "text") return NOTHING;
  return kind === "number"
    ? { kind: "operand", numbers: true, locals: [] }
    : { kind: "word", words: kind, of: key.image };
}

function formOf(rest: readonly LaceToken[]): string {
  return rest[rest.findIndex((token) => token.tokenType === t.As) + 1]?.image ?? "";
}

function optionsOfForm(rest: readonly LaceToken[]): Readonly<Record<string, OptionKind>> {
  const form = formOf(rest);
  return Object.hasOwn(SAVE_FORMS, form) ? SAVE_FORMS[form as keyof typeof SAVE_FORMS] : {};
}

/** Within an expression: `tokens` begins with what stands before it. */
function inExpression(
  tokens: readonly LaceToken[],
  locals: readonly string[],
  numbers: boolean,
  expect: boolean,
): Wanted {
  const last = tokens.at(-1);
  if (last === undefined) return { kind: "operand", numbers, locals };
  const type = last.tokenType;
  if (type === t.GreaterEqual || type === t.Tolerance) return { kind: "operand", numbers: true, locals };
  const subject = comparedWith(tokens);
  if (subject !== undefined) return { kind: "value", attribute: subject, locals, negatable: type === t.Is };
  const begins = tokens.length === 1 || wantsOperand.has(type) || isCounter(tokens);
  if (begins)
    return { kind: "operand", numbers: numbers || type === t.Less || type === t.Greater || type === t.DotDot, locals };
  return { kind: "operator", expect, numbers };
}

/** After `of`, which wants its parentheses, and `atleast`, which wants a number. */
function isCounter(tokens: readonly LaceToken[]): boolean {
  const type = tokens.at(-1)?.tokenType;
  return type === t.Atleast || type === t.Atmost || type === t.Exactly || type === t.Temperature;
}

/** The attribute that what comes next is compared with: after `is`, `is not`, or within `in { ... }`. */
function comparedWith(tokens: readonly LaceToken[]): string | undefined {
  let at = tokens.length - 1;
  if (tokens[at]?.tokenType === t.LCurly || tokens[at]?.tokenType === t.Comma) {
    while (at > 0 && tokens[at]?.tokenType !== t.LCurly) at--;
    at -= 1;
    if (tokens[at]?.tokenType !== t.In) return undefined;
  } else if (tokens[at]?.tokenType === t.Not && tokens[at - 1]?.tokenType === t.Is) at -= 1;
  else if (tokens[at]?.tokenType !== t.Is) return undefined;
  return tokens[at - 1]?.image;
}
