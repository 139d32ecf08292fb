import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LaceParser } from "../../src/parser/grammar.js";
import {
  createLexer,
  keywords,
  reservedWords,
  settingWords,
  statementWords,
  textOf,
  tokenTypes,
} from "../../src/parser/tokens.js";

const ebnf = readFileSync(new URL("../../grammar/lace.ebnf", import.meta.url), "utf8").replace(/\(\*[^]*?\*\)/g, "");

/** What a rule names: other rules as they are, words and marks in quotes, token classes in capitals. */
type Rules = Map<string, Set<string>>;

function rulesOfEbnf(): Rules {
  const rules: Rules = new Map();
  for (const [, name, body] of ebnf.matchAll(/^(\w+)\s*=((?:[^;"]|"[^"]*")*);/gm)) {
    const parts = [...body!.matchAll(/"[^"]*"|\w+/g)].map(([part]) => part);
    rules.set(name!, new Set(parts));
  }
  return rules;
}

const classes: Record<string, string> = {
  Name: "NAME",
  Identifier: "NAME",
  NumberLiteral: "NUMBER",
  StringLiteral: "STRING",
  Newline: "NEWLINE",
  StatementEnd: "END",
};
// Tokens that only recovery takes: they are mistakes that are read on.
const recovery: Record<string, readonly string[]> = {
  statement: ["Junk", "RCurly"],
  setting: ["Junk"],
  optionPair: ["Junk"],
};

interface Production {
  readonly type: string;
  readonly name?: string;
  readonly nonTerminalName?: string;
  readonly definition?: readonly Production[];
  readonly separator?: Production;
}

function rulesOfParser(): Rules {
  const label = new Map(tokenTypes.map((type) => [type.name, `"${textOf(type)}"`]));
  const rules: Rules = new Map();
  for (const rule of new LaceParser().getSerializedGastProductions() as readonly Production[]) {
    const parts = new Set<string>();
    const collect = (production: Production): void => {
      if (production.type === "NonTerminal") parts.add(production.name!);
      if (production.type === "Terminal" && !recovery[rule.name!]?.includes(production.name!)) {
        parts.add(classes[production.name!] ?? label.get(production.name!)!);
      }
      if (production.separator !== undefined) collect(production.separator);
      production.definition?.forEach(collect);
    };
    rule.definition?.forEach(collect);
    rules.set(rule.name!, parts);
  }
  return rules;
}

describe("grammar/lace.ebnf", () => {
  test("has the parser's rules, each naming the same words, marks and rules", () => {
    const written = rulesOfEbnf();
    const parsed = rulesOfParser();
    expect([...written.keys()].sort()).toEqual([...parsed.keys()].sort());
    for (const [name, parts] of parsed)
      expect([name, ...[...written.get(name)!].sort()]).toEqual([name, ...[...parts].sort()]);
  });

  test("names every keyword of the lexer and no other word", () => {
    const words = [...ebnf.matchAll(/"([a-z]+)"/g)].map(([, word]) => word!);
    expect([...new Set(words)].sort()).toEqual([...keywords].sort());
  });

  test("lists the reserved words in its header", () => {
    const header = readFileSync(new URL("../../grammar/lace.ebnf", import.meta.url), "utf8");
    const listed = /Reserved are only: ([a-z, ]+)\./.exec(header)?.[1]?.split(", ");
    expect(listed?.sort()).toEqual(reservedWords.map(textOf).sort());
  });
});

describe("grammar/lace.tmLanguage.json", () => {
  interface Pattern {
    readonly name?: string;
    readonly match?: string;
    readonly begin?: string;
    readonly end?: string;
    readonly include?: string;
    readonly patterns?: readonly Pattern[];
  }
  const language = JSON.parse(readFileSync(new URL("../../grammar/lace.tmLanguage.json", import.meta.url), "utf8")) as {
    readonly patterns: readonly Pattern[];
    readonly repository: Readonly<Record<string, Pattern>>;
  };
  const all: Pattern[] = [];
  const add = (pattern: Pattern): void => {
    all.push(pattern);
    pattern.patterns?.forEach(add);
  };
  [...language.patterns, ...Object.values(language.repository)].forEach(add);
  const wordsIn = (name: string): string[] => {
    const pattern = language.repository[name]!;
    return [pattern, ...(pattern.patterns ?? [])].flatMap((p) =>
      [...(p.match ?? "").matchAll(/\(\?:([a-z|]+)\)\\b/g)].flatMap(([, words]) => words!.split("|")),
    );
  };

  test("has the lexer's keywords, group by group", () => {
    expect(wordsIn("reserved").sort()).toEqual(reservedWords.map(textOf).sort());
    expect(wordsIn("statements").sort()).toEqual(statementWords.map(textOf).sort());
    expect(wordsIn("settings").sort()).toEqual(settingWords.map(textOf).sort());
    const listed = ["reserved", "statements", "settings", "modifiers"].flatMap(wordsIn);
    expect(listed.sort()).toEqual([...keywords].sort());
  });

  test("has patterns that are regular expressions and includes that exist", () => {
    for (const { match, begin, end, include } of all) {
      for (const source of [match, begin, end])
        if (source !== undefined) expect(() => new RegExp(source, "u")).not.toThrow();
      if (include !== undefined) expect(Object.keys(language.repository)).toContain(include.slice(1));
    }
  });
});

describe("Chevrotain", () => {
  test("finds nothing wrong with the tokens and the grammar when its validations are on", () => {
    expect(() => createLexer(true)).not.toThrow();
    expect(() => new LaceParser(true)).not.toThrow();
  });

  test("tries a keyword before any keyword that it begins with", () => {
    const order = tokenTypes.map(textOf);
    for (const longer of keywords) {
      for (const shorter of keywords) {
        if (longer !== shorter && longer.startsWith(shorter))
          expect(order.indexOf(longer)).toBeLessThan(order.indexOf(shorter));
      }
    }
  });
});
