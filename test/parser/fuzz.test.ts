import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/source/diagnostic.js";
import { parse, parseLenient, type LenientParse } from "../../src/parser/parse.js";
import { tokenTypes } from "../../src/parser/tokens.js";
import { walk } from "../../src/parser/walk.js";
import { renderAll } from "../../src/source/render.js";
import { random } from "../support/random.js";
import { everything, mutated } from "./scripts.js";

const examples = new URL("../../examples/", import.meta.url);
const scripts = [
  everything,
  ...readdirSync(examples)
    .filter((name) => name.endsWith(".lace"))
    .map((name) => readFileSync(new URL(name, examples), "utf8")),
];
const own =
  /^(?:Name|Junk|Newline|StatementEnd|Identifier|\w+Literal|\w*String|[LR](?:Curly|Paren|Square)|\w+(?:Decl|Stmt|Setting|Expr))$/;
const typeNames = new RegExp(
  `\\b(?:${tokenTypes
    .map((type) => type.name)
    .filter((name) => own.test(name))
    .join("|")})\\b`,
);

/** What holds of every parse, whatever the text; a message says what does not. */
function faults(text: string, { module, diagnostics }: LenientParse): string[] {
  const found: string[] = [];
  walk(module, (node, parent) => {
    const { start, end } = node.span;
    if (!(start >= 0 && start <= end && end <= text.length))
      found.push(`${node.kind ?? "name"} at ${start}-${end} is outside the text`);
    // A name that could not be read is empty and nowhere.
    if (parent === undefined || node.span.file === "") return;
    if (start < parent.span.start || end > parent.span.end) {
      found.push(
        `${node.kind ?? "name"} ${start}-${end} is outside its ${parent.kind ?? "parent"} ${parent.span.start}-${parent.span.end}`,
      );
    }
  });
  const seen = new Set<string>();
  let last = -1;
  for (const d of diagnostics) {
    const { start, end } = d.at.span;
    const key = `${d.code} ${start}-${end} ${d.message}`;
    if (!(start >= last && start <= end && end <= text.length))
      found.push(`${key} is out of order or outside the text`);
    if (seen.has(key)) found.push(`${key} is repeated`);
    seen.add(key);
    last = start;
    for (const words of wordsOf(d)) {
      const prose = words.replace(/`[^`]*`|"[^"]*"/g, "");
      if (typeNames.test(prose)) found.push(`names a token type: ${words}`);
      if (/undefined|NaN|something else/.test(prose)) found.push(`is empty: ${words}`);
    }
  }
  return found;
}

function wordsOf(d: Diagnostic): string[] {
  return [d.message, d.at.text, ...d.hints, ...d.related.map((label) => label.text)];
}

describe("any text", () => {
  test("parses without throwing, with spans inside their parents and mistakes in order (10,000 mutated scripts)", () => {
    let wrong = 0;
    for (let seed = 1; seed <= 10_000; seed++) {
      const text = mutated(scripts[seed % scripts.length]!, random(seed));
      const lenient = parseLenient(text, "fuzz.lace");
      const found = faults(text, lenient);
      if (found.length > 0) expect.fail(`seed ${seed}: ${found.join("; ")} in ${JSON.stringify(text)}`);
      if (lenient.diagnostics.length > 0) wrong++;
      if (seed % 50 === 0) {
        expect(parse(text, "fuzz.lace").value === undefined).toBe(lenient.diagnostics.length > 0);
        expect(() => renderAll(lenient.diagnostics, text, "fuzz.lace")).not.toThrow();
      }
    }
    // The mutations are worth something only if most scripts are damaged and some are not.
    expect(wrong).toBeGreaterThan(7_000);
    expect(wrong).toBeLessThan(9_990);
  });

  test("of deep nesting or long chains is refused rather than overflowing the stack", () => {
    const deep = [
      `(`.repeat(5000),
      `${"(".repeat(5000)}a${")".repeat(5000)}`,
      `${"not ".repeat(5000)}a`,
      `${"-".repeat(5000)}1`,
      `${"2 * not ".repeat(5000)}a`,
      Array(5000).fill("a").join(" implies "),
      Array(5000).fill("a").join(" xor "),
      `${"(".repeat(60)}a${`${" xor a".repeat(490)})`.repeat(60)}`,
      Array(5000).fill("1").join(" + "),
      `${"f(".repeat(5000)}a`,
      `${"temperature 1 (".repeat(5000)}a`,
      `${"atleast 1 of (".repeat(5000)}a`,
      `${"atleast (".repeat(5000)}a`,
      "{".repeat(5000),
      "[".repeat(5000),
    ];
    for (const text of deep) {
      const { diagnostics } = parseLenient(`lace 1\nenergy e = ${text}\nlet x = )\n`, "deep.lace");
      expect(diagnostics.length, text.slice(0, 30)).toBeGreaterThanOrEqual(2);
      expect(diagnostics.at(-1)?.message).toBe("`)` closes nothing");
    }
  });

  test("of a thousand statements parses in seconds", () => {
    const text = `lace 1\n${"energy e = (a or b) and not (c is d +- 0.1)\n".repeat(2000)}`;
    const begin = performance.now();
    expect(parse(text, "long.lace").diagnostics).toEqual([]);
    expect(performance.now() - begin).toBeLessThan(15_000);
  });
});
