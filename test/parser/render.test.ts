import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/source/diagnostic.js";
import { render, renderAll, type Style } from "../../src/source/render.js";
import { SourceText } from "../../src/source/text.js";

function diagnostic(start: number, end: number, more: Partial<Diagnostic> = {}): Diagnostic {
  const at = { span: { file: "a.lace", start, end }, text: "here" };
  return {
    code: "L2001",
    severity: "error",
    message: "unknown attribute `smilling`",
    at,
    related: [],
    hints: [],
    ...more,
  };
}

/** The source line and the line of marks, without the gutter. */
function shown(text: string, start: number, end: number): [string, string] {
  const lines = renderAll([diagnostic(start, end)], text, "a.lace").split("\n");
  return [lines[2]!.slice(5), lines[3]!.slice(5)];
}

describe("render", () => {
  test("shows message, place, source line, marks, related places and hints", () => {
    const text = "attribute smiling: binary\nsample p from m {\n  where smilling and not glasses\n}\n";
    const start = text.indexOf("smilling");
    const d = diagnostic(start, start + 8, {
      at: { span: { file: "a.lace", start, end: start + 8 }, text: "no attribute has this name" },
      related: [{ span: { file: "a.lace", start: 10, end: 17 }, text: "declared here" }],
      hints: ["did you mean `smiling`?"],
    });
    expect(renderAll([d], text, "a.lace")).toBe(
      [
        "error[L2001]: unknown attribute `smilling`",
        "  --> a.lace:3:9",
        " 3 |   where smilling and not glasses",
        "   |         ^^^^^^^^ no attribute has this name",
        "  ::: a.lace:1:11",
        " 1 | attribute smiling: binary",
        "   |           ------- declared here",
        "    = hint: did you mean `smiling`?",
      ].join("\n"),
    );
  });

  test("puts the marks under the text after tabs, wide characters and joined emoji", () => {
    expect(shown("\tlet x = y", 9, 10)).toEqual(["    let x = y", "            ^ here"]);
    expect(shown("let 世界 = y", 4, 6)).toEqual(["let 世界 = y", "    ^^^^ here"]);
    expect(shown("let 世界 = y", 9, 10)).toEqual(["let 世界 = y", "           ^ here"]);
    expect(shown("👩‍👩‍👧 e\u0301 y", "👩‍👩‍👧 e\u0301 ".length, "👩‍👩‍👧 e\u0301 y".length)[1]).toBe("     ^ here");
  });

  test("marks a span over several lines on its first, and an empty span with one mark", () => {
    expect(shown("let x = (\n  y\n)", 8, 15)).toEqual(["let x = (", "        ^ here"]);
    expect(shown("let x =", 7, 7)).toEqual(["let x =", "       ^ here"]);
  });

  test("cuts a very long line around the mark", () => {
    const text = `${"a ".repeat(500)}oops${" b".repeat(500)}`;
    const [line, marks] = shown(text, 1000, 1004);
    expect(line.length).toBeLessThan(150);
    expect(line).toMatch(/^….*oops.*…$/);
    expect(line.indexOf("oops")).toBe(marks.indexOf("^^^^ here"));
  });

  test("cuts a long line of wide characters so that the marks still stand under their text", () => {
    const text = `${"世".repeat(200)}oops`;
    const [line, marks] = shown(text, 200, 204);
    const left = line.slice(0, line.indexOf("oops"));
    const columns = left.length + left.replace(/[^世]/g, "").length;
    expect(columns).toBe(marks.indexOf("^"));
  });

  test("shows control characters as dots, so that a script cannot write on the terminal", () => {
    const [line] = shown("let x = \u001b[31m\u202ey", 0, 3);
    expect(line).toBe("let x = ·[31m·y");
  });

  test("names the file of a span without a known text, and shows a label without any file as a note", () => {
    const d = diagnostic(0, 1);
    expect(render(d, () => undefined)).toBe("error[L2001]: unknown attribute `smilling`\n  --> a.lace: here");
    const nowhere = { ...d, at: { span: { file: "", start: 0, end: 0 }, text: "note" } };
    expect(render(nowhere, () => undefined)).toBe("error[L2001]: unknown attribute `smilling`\n   = note");
  });

  test("colours through the style it is given", () => {
    const tag = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
    const style: Style = { error: tag("e"), warning: tag("w"), strong: tag("b"), faint: tag("f"), hint: tag("h") };
    const out = renderAll([diagnostic(0, 3, { severity: "warning", hints: ["x"] })], "let x", "a.lace", style);
    expect(out).toContain("<w>warning[L2001]</w><b>: unknown");
    expect(out).toContain("<w>^^^ here</w>");
    expect(out).toContain("<h>hint:</h> x");
  });
});

describe("positions", () => {
  test("count lines and columns from 1 after any kind of line end", () => {
    const source = new SourceText("a.lace", "ab\ncd\r\nef\rg");
    expect([0, 1, 2, 3, 5, 7, 10, 11].map((offset) => source.position(offset))).toEqual([
      { line: 1, column: 1 },
      { line: 1, column: 2 },
      { line: 1, column: 3 },
      { line: 2, column: 1 },
      { line: 2, column: 3 },
      { line: 3, column: 1 },
      { line: 4, column: 1 },
      { line: 4, column: 2 },
    ]);
    expect([1, 2, 3, 4, 5].map((line) => source.line(line))).toEqual(["ab", "cd", "ef", "g", ""]);
  });

  test("outside the text are those of its nearest end", () => {
    const source = new SourceText("a.lace", "ab\nc");
    expect(source.position(-1)).toEqual({ line: 1, column: 1 });
    expect(source.position(99)).toEqual({ line: 2, column: 2 });
    expect(source.position(NaN)).toEqual({ line: 1, column: 1 });
  });
});
