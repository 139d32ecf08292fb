import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { format } from "../../src/parser/format.js";
import { parseLenient } from "../../src/parser/parse.js";
import { random, type Random } from "../support/random.js";
import { everything } from "./scripts.js";

/** A tree without what formatting may change: spans, and the spelling of numbers. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, item]) => key !== "span" && !(key === "text" && "kind" in value && item !== undefined),
  );
  return Object.fromEntries(entries.map(([key, item]) => [key, bare(item)]));
}

function comments(text: string): string[] {
  return parseLenient(text, "c.lace").comments.map((comment) => comment.image.trimEnd());
}

/** The formatted text, after checks that hold for every script. */
function checked(text: string): string {
  const once = format(text, "a.lace").value;
  expect(once).toBeDefined();
  const twice = format(once!, "a.lace").value;
  expect(twice).toBe(once);
  expect(bare(parseLenient(once!, "a.lace").module)).toEqual(bare(parseLenient(text, "a.lace").module));
  expect(comments(once!)).toEqual(comments(text));
  expect(once).not.toMatch(/[^\S\n]\n|\n\n\n|\r|\t/);
  return once!;
}

const gaps = [
  "  ",
  "\n",
  "\n\n\n",
  " // note\n",
  " /* note */ ",
  "\n// own line\n",
  "\t",
  "/* a */",
  "\n  /* b */\n",
  "\r\n",
];

/** The script with some of its spaces replaced by other spaces, newlines and comments; it may be wrong. */
function respaced(script: string, random: Random): string {
  return script.replace(/\s+|\/\/.*/g, (gap) => {
    if (gap.startsWith("//")) return random.below(2) === 0 ? gap : "";
    if (random.below(10) > 0) return gap;
    return (gap.includes("\n") && random.below(3) > 0 ? "\n" : "") + gaps[random.below(gaps.length)]!;
  });
}

describe("format", () => {
  const folders = ["../../examples/", "../golden/ast/", "../golden/format/", "../bad/"].map(
    (f) => new URL(f, import.meta.url),
  );
  for (const folder of folders) {
    test(`keeps tree and comments of ${folder.pathname.split("/").slice(-3, -1).join("/")}, and is stable`, () => {
      const scripts = readdirSync(folder).filter((name) => /(?<!^L1\d+)\.lace$/.test(name));
      expect(scripts.length).toBeGreaterThan(1);
      for (const name of scripts) checked(readFileSync(new URL(name, folder), "utf8"));
    });
  }

  test("keeps tree and comments of scripts with spaces, lines and comments anywhere, and is stable", () => {
    const lines = everything.split("\n");
    let formatted = 0;
    for (let seed = 1; seed <= 1500; seed++) {
      const generator = random(seed);
      const from = generator.below(lines.length);
      const part = `lace 1\n${lines.slice(from, from + 1 + generator.below(12)).join("\n")}\n`;
      const text = respaced(part, generator);
      if (parseLenient(text, "a.lace").diagnostics.length > 0) continue;
      formatted++;
      try {
        checked(text);
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
    expect(formatted).toBeGreaterThan(200);
  });

  test("leaves a script with mistakes alone and says what they are", () => {
    const { value, diagnostics } = format("lace 1\nlet x =\n", "a.lace");
    expect(value).toBeUndefined();
    expect(diagnostics).toHaveLength(1);
  });

  test("keeps a short block on its line and opens one that is too wide", () => {
    const short = "lace 1\nsample a from m { where b  count 4 }\n";
    expect(checked(short)).toBe(short);
    const wide = `lace 1\nsample a from m { where ${"b and ".repeat(14)}b count 4 }\n`;
    expect(checked(wide)).toBe(`lace 1\nsample a from m {\n  where ${"b and ".repeat(14)}b\n  count 4\n}\n`);
  });

  test("breaks a long energy before a connective, outermost first", () => {
    const text = `lace 1\nenergy e = (${"a and ".repeat(7)}a) or (${"b and ".repeat(7)}b)\n`;
    expect(checked(text)).toBe(`lace 1\nenergy e = (${"a and ".repeat(7)}a)\n    or (${"b and ".repeat(7)}b)\n`);
  });

  test("keeps single empty lines between statements and drops others", () => {
    expect(checked("\n\nlace 1\n\n\n\nlet a = 1\nlet b = 2\n\n")).toBe("lace 1\n\nlet a = 1\nlet b = 2\n");
  });

  test("writes numbers, texts and the tolerance in one way", () => {
    expect(checked("lace 1\nenergy e = a is .5 ± 1.\nsave a to 'x.png'\n")).toBe(
      'lace 1\nenergy e = a is 0.5 +- 1\nsave a to "x.png"\n',
    );
    expect(checked("lace 1\nsave a to 'say \"hi\".png'\n")).toBe("lace 1\nsave a to 'say \"hi\".png'\n");
  });

  test("changes nothing in the shipped examples", () => {
    const examples = new URL("../../examples/", import.meta.url);
    for (const name of readdirSync(examples).filter((n) => n.endsWith(".lace"))) {
      const text = readFileSync(new URL(name, examples), "utf8");
      expect(format(text, name).value, name).toBe(text);
    }
  });
});
