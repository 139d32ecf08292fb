import { describe, expect, test } from "vitest";
import type { Item } from "../../src/parser/ast.js";
import { parse, parseLenient } from "../../src/parser/parse.js";
import { SourceText } from "../../src/source/text.js";
import { walk } from "../../src/parser/walk.js";

/** The mistakes as "line:column message". */
function mistakes(text: string): string[] {
  const source = new SourceText("a.lace", text);
  return parse(text, "a.lace").diagnostics.map((d) => {
    const { line, column } = source.position(d.at.span.start);
    return `${line}:${column} ${d.message}`;
  });
}

function nameOf(item: Item): string {
  return "name" in item ? item.name.text : item.kind;
}

describe("several mistakes in one file", () => {
  test("are all reported, in order, one for each statement", () => {
    const text = [
      "lace 1",
      'model avatar "builtin:avatar"',
      "let x = = 3",
      "let fine = 4",
      "energy e = glasses && smile and",
      "sampel p from avatar { where glasses }",
      "}",
      'save p to "out.png',
    ].join("\n");
    expect(mistakes(text)).toEqual([
      '2:14 expected `from` and the model\'s file, found "builtin:avatar"',
      "3:9 expected an attribute, a number or `(`, found `=`",
      "5:20 Lace has no `&&` here",
      "5:32 expected an attribute, a number or `(`, found the end of the line",
      "6:1 `sampel` does not begin a statement",
      "7:1 `}` closes nothing",
      "8:11 this text never ends",
    ]);
  });

  test("in one block are all reported, one for each setting", () => {
    const text = [
      "lace 1",
      "sample p from avatar {",
      "  where glasses or",
      "  count = 16",
      "  seed 3",
      "  sampler ode { solver: dopri5",
      "    rtol 1e-3 }",
      "  truncation",
      "}",
      "let x = )",
    ].join("\n");
    expect(mistakes(text)).toEqual([
      "4:9 Lace has no `=` here",
      "6:23 expected an attribute, a number or `(`, found `:`",
      "8:13 expected an attribute, a number or `(`, found the end of the line",
      "10:9 `)` closes nothing",
    ]);
  });

  test("in the head of a task do not hide those in its block", () => {
    expect(mistakes("lace 1\nsample p avatar {\n  count ,\n}\n")).toEqual([
      "2:10 expected `from` and a model, found `avatar`",
      "3:9 expected an attribute, a number or `(`, found `,`",
    ]);
  });

  test("of which one is an unclosed brace: the statements after it are read", () => {
    const text =
      "lace 1\nsample p from m {\n  where a\nlet x = 1\nlet y = )\nsample q from m {\n  where (b\n  count 3\n}\n";
    expect(mistakes(text)).toEqual(["3:10 missing `}`", "5:9 `)` closes nothing", "7:11 missing `)`"]);
    expect(parseLenient(text, "a.lace").module.items.map(nameOf)).toEqual(["x", "y", "q"]);
  });
});

describe("a lenient parse", () => {
  test("keeps what could be read, with ErrorExpr for what could not", () => {
    const text =
      "lace 1\nlet x = 2 +\nenergy e = a or (b\nsample p from m {\n  where and\n  count 16\n  step a b\n}\nlet y = 1\n";
    const { module, diagnostics } = parseLenient(text, "a.lace");
    expect(diagnostics.length).toBeGreaterThan(3);
    expect(module.items.map(nameOf)).toEqual(["x", "e", "p", "y"]);
    let errors = 0;
    const names: unknown[] = [];
    walk(module, (node) => {
      if (node.kind === "ErrorExpr") errors++;
      if (node.kind === "NameExpr" && "name" in node) names.push(node.name);
    });
    // One each in `x`, `e` and the step; two around the `and` of `where`.
    expect(errors).toBe(5);
    expect(names).toEqual(["a", "b", "a"]);
    const sample = module.items[2];
    expect(sample?.kind === "SampleDecl" && sample.settings.map((s) => s.kind)).toEqual([
      "WhereSetting",
      "NumberSetting",
      "StepSetting",
    ]);
  });

  test("of a script without mistakes is the parse", () => {
    const text = "lace 1\nlet x = 2\n";
    expect(parse(text, "a.lace").value).toEqual(parseLenient(text, "a.lace").module);
  });
});

describe("newlines", () => {
  const items = (text: string): number | undefined => parse(`lace 1\n${text}`, "a.lace").value?.items.length;

  test("end a statement unless an operator stands before or after them", () => {
    expect(items("energy e = a\n  and b\n  or c")).toBe(1);
    expect(items("energy e =\n  a and\n  b")).toBe(1);
    expect(items("energy e = a\n(b)")).toBeUndefined();
    expect(items("sample p\n  from m\n{\n  where a\n}")).toBe(1);
    expect(items('save p to "x.png"\n  as grid')).toBe(1);
  });

  test("mean nothing in parentheses, brackets and lists", () => {
    expect(items("energy e = (a\n  or\n  b\n)")).toBe(1);
    expect(items("attribute hair: category {\n  black,\n  red,\n}")).toBe(1);
    expect(items("energy e = atleast 2 of (\n  model,\n  sample,\n  let\n)")).toBe(1);
    expect(items("edit e of p[\n0..3\n] {\n  step a\n}")).toBe(1);
  });

  test("or spaces separate settings", () => {
    const settings = (text: string): string[] | undefined => {
      const item = parse(`lace 1\nsample p from m {${text}}`, "a.lace").value?.items[0];
      return item?.kind === "SampleDecl" ? item.settings.map((s) => ("key" in s ? s.key.text : s.kind)) : undefined;
    };
    expect(settings(" where a count 16 seed seed truncation 0.7 ")).toEqual([
      "WhereSetting",
      "count",
      "seed",
      "truncation",
    ]);
    expect(settings("\n where\n   a\n   or b\n count 16\n seed\n 3\n")).toBeUndefined();
    expect(settings("\n where\n   a\n   or b\n count 16\n reweight\n")).toEqual(["WhereSetting", "count", "reweight"]);
    expect(settings("\n step a\n   layers 0..3\n   weight 2\n step b\n")).toEqual(["StepSetting", "StepSetting"]);
  });

  test("of all three kinds are read alike", () => {
    for (const end of ["\n", "\r\n", "\r"])
      expect(parse(["lace 1", "let x = 1", "let y = 2"].join(end), "a").value?.items).toHaveLength(2);
  });
});

describe("keywords", () => {
  test("name attributes, values and options where they cannot be keywords", () => {
    const words = [
      "light",
      "from",
      "step",
      "age",
      "seed",
      "count",
      "model",
      "sample",
      "where",
      "layers",
      "weight",
      "of",
      "temperature",
      "atleast",
    ];
    for (const word of words) {
      const text = `lace 1\nattribute ${word}: scalar in 0..1\nenergy e = ${word} is 0.5 or not ${word} > 0.2\nsample p from m { where ${word} count 3 }\n`;
      expect(parse(text, "a.lace").diagnostics, word).toEqual([]);
    }
  });

  test("a word that no one knows at the beginning of a line is left to the checker", () => {
    const item = parse("lace 1\nsample p from m {\n  wher a and b\n  reweigth\n}\n", "a.lace").value?.items[0];
    expect(item?.kind === "SampleDecl" && item.settings.map((s) => s.kind)).toEqual(["NumberSetting", "FlagSetting"]);
  });
});
