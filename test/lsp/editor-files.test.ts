// The files for editors that no test drives: what they start, and that the words in them are those of the language.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const grammar = JSON.parse(readFileSync("grammar/lace.tmLanguage.json", "utf8")) as {
  readonly repository: Readonly<Record<"reserved" | "statements" | "settings", { readonly match: string }>>;
};
const words = (of: keyof typeof grammar.repository): readonly string[] =>
  (/\(\?:([a-z|]+)\)/.exec(grammar.repository[of].match)?.[1] ?? "").split("|").sort();

test("Helix starts lacec for files in Lace, and knows their comments", () => {
  const text = readFileSync("editors/helix/languages.toml", "utf8");
  for (const line of [
    ...['command = "lacec"', 'args = ["lsp", "--stdio"]', 'name = "lace"', 'file-types = ["lace"]'],
    ...['comment-token = "//"', 'language-servers = ["lacec"]', "[language-server.lacec]", "[[language]]"],
  ])
    expect(text.split("\n")).toContain(line);
});

const KATE = readFileSync("editors/kate/lace.xml", "utf8");
const listed = (name: string): readonly string[] => {
  const list = new RegExp(`<list name="${name}">(.*?)</list>`, "s").exec(KATE)?.[1] ?? "";
  return [...list.matchAll(/<item>(\w+)<\/item>/g)].map(([, word]) => word!).sort();
};

describe("Kate", () => {
  test("starts lacec for the language that its definition names", () => {
    const { servers } = JSON.parse(readFileSync("editors/kate/settings.json", "utf8")) as {
      readonly servers: { readonly lace: { readonly command: string[]; readonly highlightingModeRegex: string } };
    };
    const name = /<language name="([^"]+)"/.exec(KATE)?.[1];
    expect(name).toMatch(new RegExp(servers.lace.highlightingModeRegex));
    expect(servers.lace.command).toEqual(["lacec", "lsp", "--stdio"]);
  });

  test("has the words of the grammar", () => {
    expect(words("statements")).toContain("sample");
    expect(listed("statements")).toEqual(words("statements"));
    expect(listed("settings")).toEqual(words("settings"));
    expect(listed("operators")).toEqual(expect.arrayContaining([...words("reserved")]));
    const opening = /String="\^\\s\*\(([a-z|]+)\)/.exec(KATE)?.[1]?.split("|").sort();
    expect(opening).toEqual(words("statements"));
  });

  const highlighter = "kate-syntax-highlighter";
  const isThere = (() => {
    try {
      execFileSync(highlighter, ["--version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  })();

  // Debian's libkf5syntaxhighlighting-tools.
  test.skipIf(!isThere)("colours the examples", () => {
    const home = mkdtempSync(join(tmpdir(), "lace-kate-"));
    const place = join(home, "org.kde.syntax-highlighting/syntax");
    mkdirSync(place, { recursive: true });
    copyFileSync("editors/kate/lace.xml", join(place, "lace.xml"));
    const env = { ...process.env, XDG_DATA_HOME: home, QT_QPA_PLATFORM: "offscreen" };
    for (const file of readdirSync("examples").filter((f) => f.endsWith(".lace"))) {
      const html = execFileSync(highlighter, [join("examples", file)], { env, encoding: "utf8" });
      expect(html).toContain("Definition (Lace)");
      expect(html).toMatch(/<span style="font-weight:bold;">lace<\/span>/);
      expect(html).toMatch(/<span style="color:[^"]*">&quot;/);
    }
    rmSync(home, { recursive: true, force: true });
  });
});
