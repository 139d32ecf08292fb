// The words and marks of Lace. In: text. Out: Chevrotain tokens, comments, and lexical mistakes (read by parse.ts).
// Invariants: every keyword but the reserved ones is also a Name, so it can name an attribute; marks of other languages
// (`==`, `&&`, `!`...) are tokens that stand for the Lace word meant (their category), so that one mistake is one report.
import { createToken, Lexer, type TokenType } from "chevrotain";

const never = Lexer.NA;

/** Any word that can name something: an identifier or a contextual keyword. */
export const Name = createToken({ name: "Name", pattern: never, label: "a name" });
/** Anything that can begin what cannot be read: every token but `}` and the virtual ones. Used by the recovery rules only. */
export const Junk = createToken({ name: "Junk", pattern: never });

// Inserted by layout.ts, not by the lexer.
/** The end of a line inside a block (settings may share a line, so it is optional). */
export const Newline = createToken({ name: "Newline", pattern: never, label: "the end of the line" });
/** The end of a statement. */
export const StatementEnd = createToken({ name: "StatementEnd", pattern: never, label: "the end of the line" });

// ID_Start and ID_Continue of Unicode, as in TypeScript (without escapes).
const identifierPattern = /[$_\p{ID_Start}][$\u200c\u200d\p{ID_Continue}]*/uy;
const numberTail = /(?:[$_\p{ID_Continue}]|\.\d)+/uy;
// `0..1` is a range: the dot of a number is not followed by another dot. `0x1f`, `0b1`, `0o7`, `1_000`, `.5`, `5.` as in TypeScript.
const numberPattern =
  /0[xX][\da-fA-F]+(?:_[\da-fA-F]+)*|0[bB][01]+(?:_[01]+)*|0[oO][0-7]+(?:_[0-7]+)*|(?:(?:0|[1-9]\d*(?:_\d+)*)(?:\.(?!\.)(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?/y;

function matchAt(pattern: RegExp, text: string, offset: number): RegExpExecArray | null {
  pattern.lastIndex = offset;
  return pattern.exec(text);
}
const digits = "0123456789".split("");
// Chevrotain files patterns by their first UTF-16 unit, units from 256 on in buckets of 255: one hint for each bucket.
const wordStarts: readonly (string | number)[] = [
  ..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$_".split(""),
  ...Array.from({ length: 128 }, (_, i) => i + 128),
  ...Array.from({ length: 257 }, (_, i) => Math.min(65535, 256 + 255 * i)),
];

export const Identifier = createToken({
  name: "Identifier",
  label: "a name",
  pattern: { exec: (text: string, offset: number) => matchAt(identifierPattern, text, offset) },
  start_chars_hint: [...wordStarts],
  line_breaks: false,
  categories: [Name, Junk],
});

export const NumberLiteral = createToken({
  name: "NumberLiteral",
  label: "a number",
  pattern: { exec: (text: string, offset: number) => matchAt(numberPattern, text, offset) },
  start_chars_hint: [...digits, "."],
  line_breaks: false,
  categories: [Junk],
});
/** A number with something stuck to it (`16px`, `1e`, `007`, `0.5.3`): one token, one report. */
export const BadNumber = createToken({
  name: "BadNumber",
  label: "a number",
  pattern: {
    exec: (text: string, offset: number) => {
      const number = matchAt(numberPattern, text, offset);
      if (number === null) return null;
      const tail = matchAt(numberTail, text, offset + number[0].length);
      if (tail === null) return null;
      number[0] += tail[0];
      return number;
    },
  },
  start_chars_hint: [...digits, "."],
  line_breaks: false,
  categories: [NumberLiteral],
});

export const StringLiteral = createToken({
  name: "StringLiteral",
  label: "a text in quotes",
  pattern: /"(?:[^"\\\r\n]|\\(?:\r\n|[^]))*"|'(?:[^'\\\r\n]|\\(?:\r\n|[^]))*'/,
  line_breaks: true,
  categories: [Junk],
});
/** A string whose closing quote is missing: up to the end of its line. */
export const UnterminatedString = createToken({
  name: "UnterminatedString",
  label: "a text in quotes",
  pattern: /["'](?:[^\\\r\n]|\\[^\r\n])*\\?/,
  categories: [StringLiteral],
});
/** Quotes that a word processor or another language made: `“x”`, `` `x` ``. */
export const ForeignString = createToken({
  name: "ForeignString",
  label: "a text in quotes",
  pattern: /[“”„«][^“”»\r\n]*[“”»]?|`[^`]*`?/,
  start_chars_hint: ["“", "”", "„", "«", "`"],
  line_breaks: true,
  categories: [StringLiteral],
});

const WhiteSpace = createToken({
  name: "WhiteSpace",
  pattern: /[\s\ufeff]+/,
  start_chars_hint: ["\t", "\n", "\v", "\f", "\r", " ", "\u00a0", "\u1680", "\u2000", "\u2028", "\u3000", "\ufeff"],
  line_breaks: true,
  group: Lexer.SKIPPED,
});
export const LineComment = createToken({ name: "LineComment", pattern: /\/\/[^\r\n]*/, group: "comments" });
export const BlockComment = createToken({
  name: "BlockComment",
  pattern: /\/\*[^]*?\*\//,
  line_breaks: true,
  group: "comments",
});
/** A block comment that never ends: the rest of the file. */
export const UnterminatedComment = createToken({
  name: "UnterminatedComment",
  pattern: /\/\*[^]*/,
  line_breaks: true,
  group: "comments",
});

function mark(name: string, text: string, ...categories: TokenType[]): TokenType {
  return createToken({
    name,
    pattern: text,
    label: `\`${text}\``,
    categories: [...categories, ...(text === "}" ? [] : [Junk])],
  });
}

// Longer marks stand before their own beginnings.
export const LCurly = mark("LCurly", "{");
export const RCurly = mark("RCurly", "}");
export const LParen = mark("LParen", "(");
export const RParen = mark("RParen", ")");
export const LSquare = mark("LSquare", "[");
export const RSquare = mark("RSquare", "]");
export const Comma = mark("Comma", ",");
export const Colon = mark("Colon", ":");
export const DotDot = mark("DotDot", "..");
export const GreaterEqual = mark("GreaterEqual", ">=");
export const LessEqual = mark("LessEqual", "<=");
export const Greater = mark("Greater", ">");
export const Less = mark("Less", "<");
export const Star = mark("Star", "*");
export const Slash = mark("Slash", "/");
export const Plus = mark("Plus", "+");
export const Minus = mark("Minus", "-");
export const Tolerance = createToken({
  name: "Tolerance",
  pattern: /\+-|±/,
  label: "`+-`",
  start_chars_hint: ["+", "±"],
  categories: [Junk],
});

function word(text: string, reserved: boolean): TokenType {
  return createToken({
    name: text.charAt(0).toUpperCase() + text.slice(1),
    pattern: text,
    label: `\`${text}\``,
    longer_alt: Identifier,
    categories: reserved ? [Junk] : [Name, Junk],
  });
}

// Reserved: they stand between or before operands, where a name could stand too.
export const And = word("and", true);
export const Or = word("or", true);
export const Xor = word("xor", true);
export const Not = word("not", true);
export const Implies = word("implies", true);
export const Iff = word("iff", true);
export const Is = word("is", true);
export const In = word("in", true);
export const If = word("if", true);
export const Then = word("then", true);
export const Else = word("else", true);
/** Words that cannot name anything. */
export const reservedWords: readonly TokenType[] = [And, Or, Xor, Not, Implies, Iff, Is, In, If, Then, Else];

export const Lace = word("lace", false);
export const Import = word("import", false);
export const Model = word("model", false);
export const Input = word("input", false);
export const Attribute = word("attribute", false);
export const Let = word("let", false);
export const Energy = word("energy", false);
export const Sample = word("sample", false);
export const Edit = word("edit", false);
export const Traverse = word("traverse", false);
export const Sweep = word("sweep", false);
export const Photo = word("photo", false);
export const Expect = word("expect", false);
export const Save = word("save", false);
/** Words that begin a statement. */
export const statementWords: readonly TokenType[] = [
  Lace,
  Import,
  Model,
  Input,
  Attribute,
  Let,
  Energy,
  Sample,
  Edit,
  Traverse,
  Sweep,
  Photo,
  Expect,
  Save,
];

export const Where = word("where", false);
export const Count = word("count", false);
export const Seed = word("seed", false);
export const Truncation = word("truncation", false);
export const Frames = word("frames", false);
export const Cutoff = word("cutoff", false);
export const Class = word("class", false);
export const Between = word("between", false);
export const Sampler = word("sampler", false);
export const Logic = word("logic", false);
export const Goals = word("goals", false);
export const Noise = word("noise", false);
export const Translate = word("translate", false);
export const Rotate = word("rotate", false);
export const Keep = word("keep", false);
export const Reweight = word("reweight", false);
export const Accept = word("accept", false);
export const Step = word("step", false);
export const Start = word("start", false);
export const Space = word("space", false);
export const Prior = word("prior", false);
export const Tune = word("tune", false);
export const Compare = word("compare", false);
export const Encoder = word("encoder", false);
export const Landmarks = word("landmarks", false);
/** Words that begin a setting in the block of a task. */
export const settingWords: readonly TokenType[] = [
  Where,
  Count,
  Seed,
  Truncation,
  Frames,
  Cutoff,
  Class,
  Between,
  Sampler,
  Logic,
  Goals,
  Noise,
  Translate,
  Rotate,
  Keep,
  Reweight,
  Accept,
  Step,
  Start,
  Space,
  Prior,
  Tune,
  Compare,
  Encoder,
  Landmarks,
];

export const From = word("from", false);
export const Of = word("of", false);
export const Over = word("over", false);
export const By = word("by", false);
export const To = word("to", false);
export const As = word("as", false);
export const Sigma = word("sigma", false);
export const Layers = word("layers", false);
export const Weight = word("weight", false);
export const Tries = word("tries", false);
export const Binary = word("binary", false);
export const Category = word("category", false);
export const Scalar = word("scalar", false);
export const On = word("on", false);
export const At = word("at", false);
export const Px = word("px", false);
export const Tau = word("tau", false);
export const Latent = word("latent", false);
export const Attributes = word("attributes", false);
export const Identity = word("identity", false);
export const Atleast = word("atleast", false);
export const Atmost = word("atmost", false);
export const Exactly = word("exactly", false);
export const Temperature = word("temperature", false);
export const Like = word("like", false);
export const Text = word("text", false);
export const Against = word("against", false);
const otherWords: readonly TokenType[] = [
  From,
  Of,
  Over,
  By,
  To,
  As,
  Sigma,
  Layers,
  Weight,
  Tries,
  Binary,
  Category,
  Scalar,
  On,
  At,
  Px,
  Tau,
  Latent,
  Attributes,
  Identity,
  Atleast,
  Atmost,
  Exactly,
  Temperature,
  Like,
  Text,
  Against,
];

const keywordTokens: readonly TokenType[] = [...reservedWords, ...statementWords, ...settingWords, ...otherWords];
/** How a token is written, as in messages but without the quotes. */
export function textOf(type: TokenType): string {
  return (type.LABEL ?? type.name).replaceAll("`", "");
}

/** Every keyword, as written. */
export const keywords: readonly string[] = keywordTokens.map(textOf);
// A keyword that begins another (`in`, `input`) must be tried after it.
const longestFirst = [...keywordTokens].sort((a, b) => textOf(b).length - textOf(a).length);

// Marks of other languages, each standing for what was meant. `=` is Lace's own sign in `let x = 1`, and stands for `is` elsewhere.
export const Equals = mark("Equals", "=", Is);
export const EqualsEquals = createToken({
  name: "EqualsEquals",
  pattern: /===?/,
  label: "`==`",
  categories: [Equals, Is, Junk],
});
export const NotEquals = createToken({ name: "NotEquals", pattern: /!==?|<>/, label: "`!=`", categories: [Is, Junk] });
export const AndAnd = createToken({ name: "AndAnd", pattern: /&&?/, label: "`&&`", categories: [And, Junk] });
export const OrOr = createToken({ name: "OrOr", pattern: /\|\|?/, label: "`||`", categories: [Or, Junk] });
export const Bang = mark("Bang", "!", Not);
export const Arrow = createToken({ name: "Arrow", pattern: /=>|->/, label: "`=>`", categories: [Implies, Junk] });
export const Semicolon = mark("Semicolon", ";");

/** All token types, in the order in which the lexer tries them (and those that only the parser knows). */
export const tokenTypes: readonly TokenType[] = [
  Name,
  Junk,
  Newline,
  StatementEnd,
  WhiteSpace,
  LineComment,
  BlockComment,
  UnterminatedComment,
  ...longestFirst,
  Identifier,
  DotDot,
  BadNumber,
  NumberLiteral,
  StringLiteral,
  UnterminatedString,
  ForeignString,
  Tolerance,
  Arrow,
  EqualsEquals,
  Equals,
  NotEquals,
  Bang,
  AndAnd,
  OrOr,
  LessEqual,
  GreaterEqual,
  Greater,
  Less,
  LCurly,
  RCurly,
  LParen,
  RParen,
  LSquare,
  RSquare,
  Comma,
  Colon,
  Star,
  Slash,
  Plus,
  Minus,
  Semicolon,
];

/** A new lexer. `checked` runs Chevrotain's validations of the token definitions (tests); it is slow at start. */
export function createLexer(checked = false): Lexer {
  return new Lexer([...tokenTypes], {
    positionTracking: "onlyOffset",
    ensureOptimizations: true,
    skipValidations: !checked,
    traceInitPerf: false,
  });
}

/** Words between two conditions. */
export const connectives: readonly TokenType[] = [And, Or, Xor, Implies, Iff];

/** Marks between two numbers. */
export const arithmetic: readonly TokenType[] = [Plus, Minus, Star, Slash];

/** What stands before an operand of its own. */
export const operators: readonly TokenType[] = [
  ...[...connectives, Not, Is, Tolerance],
  ...[Less, LessEqual, Greater, GreaterEqual, ...arithmetic],
];
