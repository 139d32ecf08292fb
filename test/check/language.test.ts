import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { format } from "../../src/parser/format.js";
import { compile, script } from "./support.js";

const page = readFileSync("docs/language.md", "utf8");
const blocks = [...page.matchAll(/^```lace\n(.*?)^```/gms)].map((m) => m[1]!);

describe("the examples of docs/language.md", () => {
  it("are there", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(3);
  });

  it.each(blocks)("compile without a mistake: %#", async (text) => {
    const files = text.startsWith("lace 1") ? { "main.lace": text } : script(text);
    const { plan, diagnostics } = await compile(files);
    expect(diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
    expect(plan?.tasks.length).toBeGreaterThan(0);
    expect(format(files["main.lace"] ?? "", "main.lace").diagnostics).toEqual([]);
  });
});
