import { describe, expect, test } from "vitest";
import type { Code } from "../../src/source/codes.js";
import { parse } from "../../src/parser/parse.js";
import { tokenTypes } from "../../src/parser/tokens.js";

interface Mistake {
  readonly name: string;
  /** The script after `lace 1`; the text between « and » (or the place of ‸) is marked. */
  readonly text: string;
  readonly code: Code;
  readonly says: RegExp;
  readonly hint: RegExp;
  /** The script after the fix that the diagnostic carries. */
  readonly fixed?: string;
}

const mistakes: readonly Mistake[] = [
  {
    name: "a missing closing brace shows where the brace was opened",
    text: 'sample p from m {\n  where a\n  count 16‸\nsave p to "x.png"',
    code: "L1007",
    says: /^missing `}`$/,
    hint: /close the `{`/,
  },
  {
    name: "a missing closing parenthesis shows where it was opened, and the next statement is read",
    text: "energy e = (a or b‸\nlet x = 1",
    code: "L1007",
    says: /^missing `\)`$/,
    hint: /close the `\(`/,
  },
  {
    name: "a parenthesis left open in a block ends with its line",
    text: "sample p from m {\n  where (a or b‸\n  count 16\n}",
    code: "L1007",
    says: /^missing `\)`$/,
    hint: /close the `\(`/,
  },
  {
    name: "a stray closing brace",
    text: "let x = 1\n«}»\nlet y = 2",
    code: "L1007",
    says: /`}` closes nothing/,
    hint: /remove it/,
    fixed: "let x = 1\n\nlet y = 2",
  },
  {
    name: "a model without `from`",
    text: 'model avatar «"builtin:avatar"»',
    code: "L1002",
    says: /expected `from` and the model's file, found "builtin:avatar"/,
    hint: /write `from "builtin:avatar"`/,
  },
  {
    name: "a save with a comma before `to`",
    text: 'save p, «to» "x.png"',
    code: "L1002",
    says: /^expected a name, found `to`$/,
    hint: /^name another result after the `,`, or leave it out$/,
  },
  {
    name: "a save of nothing",
    text: 'save «to» "x.png"',
    code: "L1002",
    says: /^expected a name, found `to`$/,
    hint: /the form is `save portraits to/,
  },
  {
    name: "a save with a comma in place of `to`",
    text: 'save p, «"x.png"»',
    code: "L1002",
    says: /^expected a name, found "x.png"$/,
    hint: /^the path stands after `to`, without a comma: `to "x.png"`$/,
  },
  {
    name: "a sample without `from`",
    text: "sample p «{» where a }",
    code: "L1002",
    says: /expected `from` and a model/,
    hint: /the form is `sample portraits from avatar/,
  },
  {
    name: "a path without quotes",
    text: "save p to «out».png",
    code: "L1002",
    says: /path in quotes/,
    hint: /`"out\.png"`/,
  },
  {
    name: "`=` in place of `is`",
    text: "energy e = hair «=» red",
    code: "L1005",
    says: /Lace has no `=` here/,
    hint: /write `is`/,
    fixed: "energy e = hair is red",
  },
  {
    name: "`==` in place of `is`",
    text: "energy e = hair«==»red",
    code: "L1005",
    says: /no `==`/,
    hint: /write `is`/,
    fixed: "energy e = hair is red",
  },
  {
    name: "`==` in place of `=`",
    text: "let x «==» 3",
    code: "L1005",
    says: /no `==`/,
    hint: /one `=`/,
    fixed: "let x = 3",
  },
  {
    name: "`!=` in place of `is not`",
    text: "energy e = hair «!=» red",
    code: "L1005",
    says: /no `!=`/,
    hint: /write `is not`/,
    fixed: "energy e = hair is not red",
  },
  {
    name: "`&&` in place of `and`",
    text: "energy e = a«&&»b",
    code: "L1005",
    says: /no `&&`/,
    hint: /write `and`/,
    fixed: "energy e = a and b",
  },
  {
    name: "`||` in place of `or`",
    text: "energy e = a «||» b",
    code: "L1005",
    says: /no `\|\|`/,
    hint: /write `or`/,
    fixed: "energy e = a or b",
  },
  {
    name: "`!` in place of `not`",
    text: "energy e = («!»a)",
    code: "L1005",
    says: /no `!`/,
    hint: /write `not`/,
    fixed: "energy e = (not a)",
  },
  {
    name: "`>=` in an expectation",
    text: "expect p: a >= 0.3 «>=» 0.9",
    code: "L1002",
    says: /found `>=`/,
    hint: /parentheses/,
  },
  {
    name: "`if` without `else`",
    text: "energy e = if a then b‸",
    code: "L1002",
    says: /`else`/,
    hint: /if smile then/,
  },
  {
    name: "a semicolon",
    text: "let x = 3«;»\nlet y = 4",
    code: "L1005",
    says: /no `;`/,
    hint: /ends with its line/,
    fixed: "let x = 3\nlet y = 4",
  },
  {
    name: "`=` after a setting's name",
    text: "sample p from m { count «=» 16 }",
    code: "L1002",
    says: /found `=`/,
    hint: /`count 16`/,
  },
  {
    name: "`:` after an option's name",
    text: "sample p from m { sampler ode { rtol«:» 1 } }",
    code: "L1002",
    says: /found `:`/,
    hint: /`rtol 1`/,
  },
  {
    name: "commas between settings",
    text: "sample p from m { count 4«,» seed 3 }",
    code: "L1002",
    says: /found `,`/,
    hint: /without commas/,
  },
  {
    name: "two energies side by side",
    text: "energy e = a «b»",
    code: "L1002",
    says: /nothing joins `a` and `b`/,
    hint: /`a is b`.*`and`/,
  },
  {
    name: "two statements on a line",
    text: "let x = 1 «let» y = 2",
    code: "L1002",
    says: /`let` must begin a new line/,
    hint: /own line/,
  },
  {
    name: "a misspelt statement",
    text: "«sampel» p from m { where a }",
    code: "L1002",
    says: /`sampel` does not begin/,
    hint: /mean `sample`/,
  },
  {
    name: "a misspelt word in a statement",
    text: "sample p «form» m { where a }",
    code: "L1002",
    says: /expected `from`/,
    hint: /mean `from`/,
  },
  {
    name: "a misspelt attribute type",
    text: "attribute a: «binar»",
    code: "L1002",
    says: /`binary`/,
    hint: /mean `binary`/,
  },
  {
    name: "a setting outside a block",
    text: "«count» 16",
    code: "L1002",
    says: /is a setting/,
    hint: /inside the braces/,
  },
  {
    name: "capitals in a word of the language",
    text: "energy e = a «AND» b",
    code: "L1002",
    says: /nothing joins|found `AND`/,
    hint: /lower case: `and`/,
  },
  {
    name: "a chain of three comparisons",
    text: "energy e = 0.2 < a < 0.5 «<» 0.8",
    code: "L1002",
    says: /found `<`/,
    hint: /two comparisons/,
  },
  { name: "a value after `in`", text: "energy e = hair in red‸", code: "L1002", says: /`\.\.`/, hint: /`is`/ },
  {
    name: "a set in brackets",
    text: "energy e = hair in «[»red]",
    code: "L1002",
    says: /range .* or a set/,
    hint: /`{ red, blond }`/,
  },
  {
    name: "a set in parentheses",
    text: "energy e = hair in (red«,» blond)",
    code: "L1002",
    says: /found `,`/,
    hint: /`{ red, blond }`/,
  },
  {
    name: "a missing operand",
    text: "energy e = a and‸\nlet x = 1",
    code: "L1002",
    says: /found the end of the line/,
    hint: /must follow `and`/,
  },
  {
    name: "a missing value",
    text: "let x =‸\nlet y = 1",
    code: "L1002",
    says: /found the end of the line/,
    hint: /must follow `=`/,
  },
  {
    name: "a reserved word as a name",
    text: "let «not» = 1",
    code: "L1002",
    says: /`not` cannot be a name/,
    hint: /another name/,
  },
  {
    name: "an expectation without a fraction",
    text: "expect p: a > 0.9‸",
    code: "L1002",
    says: /`>=` and the fraction/,
    hint: /how many/,
  },
  {
    name: "a part given twice",
    text: "edit e of p { step a weight 1 «weight» 2 }",
    code: "L1008",
    says: /`weight` is given twice/,
    hint: /one of them/,
  },
  {
    name: "an unterminated text",
    text: 'save p to «"x.png as grid»\nlet x = 1',
    code: "L1004",
    says: /never ends/,
    hint: /same line/,
  },
  { name: "an unterminated comment", text: "let x = 1\n«/*» note", code: "L1004", says: /never ends/, hint: /`\*\/`/ },
  {
    name: "typographic quotes",
    text: "save p to «“x.png”»",
    code: "L1001",
    says: /quotes/,
    hint: /straight quotes/,
    fixed: 'save p to "x.png"',
  },
  {
    name: "a number with a unit",
    text: "let x = «16px»",
    code: "L1006",
    says: /`16px` is not a number/,
    hint: /write `16`/,
  },
  {
    name: "a number with two dots",
    text: "let a = «0.5.3»",
    code: "L1006",
    says: /`0\.5\.3` is not a number/,
    hint: /one dot, a range two/,
  },
  { name: "an unknown escape", text: 'save p to "a«\\1»b.png"', code: "L1006", says: /escape/, hint: /`\\\\`/ },
  {
    name: "a mathematical sign",
    text: "energy e = a «≥» 0.3",
    code: "L1001",
    says: /unexpected character `≥`/,
    hint: /write `>`/,
    fixed: "energy e = a > 0.3",
  },
  {
    name: "a comment of another language",
    text: "let x = 1 «#» note",
    code: "L1001",
    says: /unexpected character `#`/,
    hint: /`\/\/`/,
  },
  {
    name: "too many parentheses",
    text: `energy e = ${"(".repeat(65)}«a»`,
    code: "L1009",
    says: /nested too deeply/,
    hint: /name parts/,
  },
];

const names = tokenTypes.map((type) => type.name).filter((name) => /[a-z][A-Z]|^[LR][A-Z]|Junk|Newline/.test(name));

describe("a mistake is told in the user's words:", () => {
  for (const { name, text, code, says, hint, fixed } of mistakes) {
    test(name, () => {
      const marked = `lace 1\n${text}`;
      const script = marked.replace(/[«»‸]/g, "");
      const start = marked.search(/[«‸]/);
      const end = marked.includes("»") ? marked.indexOf("»") - 1 : start;
      const { value, diagnostics } = parse(script, "a.lace");
      expect(value).toBeUndefined();
      expect(diagnostics.map((d) => d.code)).toEqual([code]);
      const [d] = diagnostics;
      expect(d!.message).toMatch(says);
      expect(d!.hints.join("\n")).toMatch(hint);
      expect([d!.at.span.start, d!.at.span.end]).toEqual([start, end]);
      const words = [d!.message, d!.at.text, ...d!.hints].join(" ");
      for (const type of names) expect(words).not.toMatch(new RegExp(`\\b${type}\\b`));
      if (fixed !== undefined) {
        const { span, replacement } = d!.fix!;
        expect(script.slice(0, span.start) + replacement + script.slice(span.end)).toBe(`lace 1\n${fixed}`);
        expect(parse(`lace 1\n${fixed}`, "a.lace").diagnostics).toEqual([]);
      }
    });
  }
});

describe("the language edition", () => {
  const codes = (text: string): string[] => parse(text, "a.lace").diagnostics.map((d) => `${d.code} ${d.message}`);

  test("must stand first, and the fix puts it there", () => {
    for (const text of ["", "// note\n", "let x = 1\n"]) {
      const [d, ...rest] = parse(text, "a.lace").diagnostics;
      expect(rest).toEqual([]);
      expect(d).toMatchObject({ code: "L1003", hints: ["begin the script with `lace 1`"] });
      expect(parse(d!.fix!.replacement + text, "a.lace").diagnostics).toEqual([]);
    }
    expect(codes("let x = 1\nlace 1\n")).toEqual(["L1003 the first line must name the language edition"]);
  });

  test("must be one that this compiler reads, named once", () => {
    expect(codes("lace 2\n")).toEqual(["L1003 edition 2 of the language is not supported"]);
    expect(codes("lace 1\nlace 1\n")).toEqual(["L1003 the language edition is named twice"]);
    expect(codes("lace\nlet x = 1\n")).toEqual(["L1003 expected the number of the edition, found the end of the line"]);
    expect(codes("// comments may come first\nlace 1\n")).toEqual([]);
  });
});
