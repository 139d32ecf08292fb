import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { INITIAL, Registry, type IGrammar } from "vscode-textmate";
import { createOnigScanner, createOnigString, loadWASM } from "vscode-oniguruma";
import { findLacec } from "../../editors/vscode/src/find-lacec.js";
import { escapeHtml, page } from "../../editors/vscode/src/page.js";
import { requireBuild } from "../support/build.js";
import { root } from "../support/lacec.js";
import { STATEMENT_DOCS } from "../../src/lsp/words.js";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const EXTENSION = "editors/vscode";
const folder = mkdtempSync(join(tmpdir(), "lace-vsix-"));
const vsix = join(folder, "lace.vsix");
interface Manifest {
  readonly main: string;
  readonly browser: string;
  readonly icon: string;
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly languages: readonly { readonly configuration: string }[];
    readonly grammars: readonly { readonly path: string }[];
    readonly snippets: readonly { readonly path: string }[];
    readonly problemMatchers: readonly { readonly pattern: readonly { readonly regexp: string }[] }[];
    readonly walkthroughs: readonly { readonly steps: readonly { readonly media: { readonly markdown: string } }[] }[];
  };
}
const manifest = JSON.parse(readFileSync(`${EXTENSION}/package.json`, "utf8")) as Manifest;

beforeAll(async () => {
  await run(process.execPath, ["scripts/build-extension.js", vsix]);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the package", () => {
  test("is at most 1 MB, has all files that the manifest names, and no engine", () => {
    expect(statSync(vsix).size).toBeLessThan(1_000_000);
    const { contributes } = manifest;
    const named = [
      ...[manifest.main, manifest.browser, manifest.icon, ...contributes.languages.map((l) => l.configuration)],
      ...[...contributes.grammars, ...contributes.snippets].map((x) => x.path),
      ...contributes.walkthroughs.flatMap((w) => w.steps.map((s) => s.media.markdown)),
    ];
    for (const file of named) expect(statSync(join(EXTENSION, file)).size).toBeGreaterThan(0);
    const inside = readFileSync(vsix).toString("latin1");
    for (const file of ["dist/extension.js", "dist/web.js", "dist/server.js", "dist/lace.tmLanguage.json"])
      expect(inside).toContain(`extension/${file}`);
    expect(inside).not.toMatch(/onnxruntime|node_modules|sharp/);
  });

  test("its snippets are the statements that the server completes", () => {
    const snippets = JSON.parse(readFileSync(`${EXTENSION}/dist/snippets.json`, "utf8")) as Record<
      string,
      { body: string[] }
    >;
    expect(Object.keys(snippets)).toEqual(Object.keys(STATEMENT_DOCS));
    expect(snippets["sample"]?.body.join("\n")).toBe(STATEMENT_DOCS["sample"]?.snippet);
  });

  test("its problem matcher reads what lacec prints", () => {
    const [first, second] = manifest.contributes.problemMatchers[0]!.pattern.map((p) => new RegExp(p.regexp));
    expect(first?.exec("error[L2001]: unknown name `x`")?.slice(1)).toEqual(["error", "L2001", "unknown name `x`"]);
    expect(second?.exec("  --> a b/x.lace:3:26")?.slice(1)).toEqual(["a b/x.lace", "3", "26"]);
  });

  test("each command of the manifest is registered by the code", () => {
    const code = readdirSync(`${EXTENSION}/src`)
      .map((f) => readFileSync(`${EXTENSION}/src/${f}`, "utf8"))
      .join("\n");
    for (const { command } of manifest.contributes.commands) expect(code).toContain(`"${command}"`);
  });
});

describe("activation", () => {
  test("starts the workspace's lacec, registers all commands, and shows a plan and the preview", async () => {
    requireBuild();
    const script = join(folder, "a.lace");
    writeFileSync(
      script,
      'lace 1\nmodel avatar from "builtin:avatar"\ninput seed: number = 42\nsample s from avatar { where glasses  seed seed }\nsave s to "s.png" as grid\n',
    );
    const words = ["test/support/fake-vscode.mjs", join(root, EXTENSION, "dist/extension.js"), root, script];
    const { stdout } = await run(process.execPath, words, { cwd: root, timeout: 100_000 });
    const said = JSON.parse(stdout) as Record<"commands" | "messages" | "shown" | "pages", string[]>;
    expect(said.messages).toEqual([]);
    expect(said.commands).toEqual(expect.arrayContaining(manifest.contributes.commands.map((c) => c.command)));
    expect(said.commands).toEqual(expect.arrayContaining(["lace.run", "lace.showEnergy", "lace.reveal"]));
    expect(said.shown).toEqual([expect.stringMatching(/plan/)]);
    expect(said.pages.at(-1)).toContain('data-name="seed"');
  }, 120_000);
});

describe("which lacec is started", () => {
  const place = (name: string): string => {
    const path = join(folder, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, "");
    return path;
  };

  test("that of the setting, else of the workspace, else the one on the path, else none", () => {
    const own = place("ws/node_modules/lacec/dist/cli/main.js");
    const other = place("other/main.js");
    const onPath = place("bin/lacec");
    const ws = join(folder, "ws");
    const bin = join(folder, "bin");
    expect(findLacec(other, [ws], bin)).toEqual({ command: "node", args: [other] });
    expect(findLacec("/nowhere/main.js", [ws], bin)).toEqual({ command: "node", args: [own] });
    expect(findLacec("", [folder], bin)).toEqual({ command: onPath, args: [] });
    expect(findLacec("", [folder], "")).toBeUndefined();
  });
});

describe("the page of the preview", () => {
  const parts = { pictures: [], inputs: [], running: false, nonce: "abc", from: "https://here" };

  test("has a picture for each, a slider for each input, and loads nothing from elsewhere", () => {
    const html = page({
      ...parts,
      pictures: [{ picture: "file:///w/s.png", task: "s", source: "https://here/s.png?1" }],
      inputs: [
        { name: "seed", value: 42 },
        { name: "level", value: -0.5 },
      ],
    });
    expect(html.match(/<img /g)).toHaveLength(1);
    expect(html).toContain('data-name="seed" min="0" max="84" step="1" value="42"');
    expect(html).toContain('data-name="level" min="-1" max="1"');
    expect(html).toContain("default-src 'none'; img-src https://here; style-src 'nonce-abc'; script-src 'nonce-abc'");
  });

  test("names are text, whatever is in them", () => {
    const evil = `"><script>alert(1)</script>`;
    const html = page({ ...parts, pictures: [{ picture: evil, task: evil, source: evil }] });
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(escapeHtml(`<&>"'`)).toBe("&#60;&#38;&#62;&#34;&#39;");
  });
});

describe("the grammar", () => {
  let grammar: IGrammar;
  beforeAll(async () => {
    await loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")));
    const registry = new Registry({
      onigLib: Promise.resolve({ createOnigScanner, createOnigString }),
      loadGrammar: () => Promise.resolve(JSON.parse(readFileSync("grammar/lace.tmLanguage.json", "utf8")) as never),
    });
    grammar = (await registry.loadGrammar("source.lace"))!;
  });

  test.each(readdirSync("examples").filter((f) => f.endsWith(".lace")))(
    "colours every word of %s, and finds nothing wrong",
    (file) => {
      let stack = INITIAL;
      for (const line of readFileSync(`examples/${file}`, "utf8").split("\n")) {
        const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
        stack = ruleStack;
        for (const { startIndex, endIndex, scopes } of tokens) {
          expect(scopes.join(" ")).not.toContain("invalid");
          const text = line.slice(startIndex, endIndex).trim();
          if (/^(lace|model|sample|edit|sweep|traverse|expect|save|where|count|and|or|not)$/.test(text))
            expect(scopes.join(" ")).toMatch(/keyword|storage|entity|variable|string|comment/);
        }
      }
    },
  );
});
