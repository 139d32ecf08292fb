// Colours of code: shiki with our own grammar, as editors have them.
// In: text and the name of its language. Out: HTML of a <pre>, whose colours are classes that the style sheet names.
import { readFileSync } from "node:fs";
import { createCssVariablesTheme, createHighlighterCore } from "shiki/core";
import { createOnigurumaEngine } from "shiki/engine/oniguruma";

const grammar = JSON.parse(readFileSync(new URL("../grammar/lace.tmLanguage.json", import.meta.url), "utf8"));
const COLOUR = / style="color:var\(--shiki-(?:token-)?([a-z-]+)\)"/g;
const SHELL = / class="shiki[^"]*" style="[^"]*"/;

export async function highlighter() {
  const shiki = await createHighlighterCore({
    themes: [createCssVariablesTheme({ name: "site", variablePrefix: "--shiki-" })],
    langs: [
      { ...grammar, name: "lace" },
      import("shiki/langs/shellscript.mjs"),
      import("shiki/langs/json.mjs"),
      import("shiki/langs/yaml.mjs"),
      import("shiki/langs/typescript.mjs"),
      import("shiki/langs/html.mjs"),
      import("shiki/langs/ini.mjs"),
    ],
    engine: createOnigurumaEngine(import("shiki/wasm")),
  });
  const known = new Set(shiki.getLoadedLanguages());
  return (text, lang) =>
    shiki
      .codeToHtml(text.replace(/\n$/, ""), {
        ...{ lang: known.has(lang) ? lang : "text", theme: "site" },
        tokenizeTimeLimit: 0, // of half a second by default, after which a busy machine would colour the rest of a line at random
      })
      .replace(SHELL, "")
      .replace(/<span style="color:var\(--shiki-foreground\)">([^<]*)<\/span>/g, "$1")
      .replace(COLOUR, ' class="t-$1"')
      .replace(/<span class="line">(.*?)<\/span>(?=\n|<\/code>)/g, "$1");
}
