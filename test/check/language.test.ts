// docs/language.md: its examples compile, each shows pictures that it makes, and its index is that of the tables.
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import * as vocabulary from "../../src/compiler/check/vocabulary.js";
import { compilerDefaults } from "../../src/lsp/defaults.js";
import * as words from "../../src/lsp/words.js";
import { format } from "../../src/parser/format.js";
import { compile } from "./support.js";

/** A script of scripts/: plain JavaScript, which the type checker does not read. */
const load = async (name: string): Promise<unknown> =>
  import(new URL(`../../scripts/${name}.js`, import.meta.url).href);
const { examplesOf } = (await load("language-examples")) as {
  examplesOf: (page: string) => readonly { readonly script: string; readonly pictures: readonly string[] }[];
};
const { withIndex } = (await load("language-index")) as { withIndex: (page: string, tables: object) => string };

const page = readFileSync("docs/language.md", "utf8");
const library = { "lib/looks.lace": readFileSync("examples/lib/looks.lace", "utf8") };
const examples = examplesOf(page).map((example, i) => ({ ...example, name: `${i} ${example.pictures.join(" ")}` }));

describe("the examples of docs/language.md", () => {
  it("are all of its scripts, with pictures of names of their own", () => {
    expect(examples.length).toBeGreaterThanOrEqual(25);
    expect(examples).toHaveLength(page.match(/^```lace$/gm)?.length ?? 0);
    const pictures = examples.flatMap((e) => e.pictures);
    expect(new Set(pictures).size).toBe(pictures.length);
  });

  it.each(examples)("$name", async ({ script, pictures }) => {
    const { plan, diagnostics } = await compile({ "main.lace": script, ...library });
    expect(diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
    expect(format(script, "main.lace").diagnostics).toEqual([]);
    const made = (plan?.saves ?? []).map(
      (s) => new RegExp(`^${s.path.replace(/[.]/g, "[.]").replace(/\{\w+\}/g, "\\d+")}$`),
    );
    expect(pictures.length).toBeGreaterThan(0);
    for (const picture of pictures) {
      expect(picture).toMatch(/^images\/language\//);
      expect(made.some((path) => path.test(basename(picture)))).toBe(true);
      expect(existsSync(`docs/${picture}`)).toBe(true);
    }
  });

  it("say every setting, sampler and form of the tables somewhere", () => {
    const scripts = examples.map((e) => e.script).join("\n");
    const { SETTINGS, SAMPLERS, SAVE_FORMS } = vocabulary;
    const said = [...Object.values(SETTINGS).flat(), ...Object.keys(SAMPLERS), ...Object.keys(SAVE_FORMS)];
    // `class` belongs to conditional models, `translate` and `rotate` to StyleGAN3, of which none ships; `encoder` and `compare` take files of the user's.
    const others = ["class", "translate", "rotate", "encoder", "compare"];
    const missing = [...new Set(said)].filter(
      (word) => !others.includes(word) && !new RegExp(`\\b${word}\\b`).test(scripts),
    );
    expect(missing).toEqual([]);
  });
});

it("the index of settings is what `npm run generate` makes of the checker's tables", async () => {
  expect(withIndex(page, { vocabulary, words, defaults: await compilerDefaults() })).toBe(page);
});
