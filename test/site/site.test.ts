// The site as it is built: every page is there, no link leads nowhere, what is opened in the studio is what the page shows.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import MiniSearch from "minisearch";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportStudio } from "../../src/node/studio-server.js";
import { sharedProject } from "../../studio/src/state/share.js";
import { compile } from "../check/support.js";

interface SitePage {
  readonly file: string;
  readonly html: string;
  readonly scripts: readonly string[];
}
/** The site's own modules are plain JavaScript, which the type checker does not read. */
const load = async (name: string): Promise<unknown> => import(new URL(`../../site/${name}.js`, import.meta.url).href);
const { buildSite, pagesOfSite } = (await load("build")) as {
  buildSite: (out: string, what?: { readonly parts: readonly string[] }) => Promise<readonly SitePage[]>;
  pagesOfSite: () => readonly string[];
};
const { addressOf } = (await load("contents")) as { addressOf: (file: string) => string };
const { brokenLinks } = (await load("links")) as { brokenLinks: (folder: string) => readonly string[] };
const { apiSections } = (await load("api-sections")) as { apiSections: (folder: string) => readonly object[] };
const { OPTIONS } = (await load("assets/search-options")) as { OPTIONS: ConstructorParameters<typeof MiniSearch>[0] };

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => existsSync(p));
const temporary = mkdtempSync(join(tmpdir(), "lace-site-"));
const folder = join(temporary, "site");
let pages: readonly SitePage[] = [];
const html = (address: string): string => readFileSync(join(folder, address), "utf8");
const fragments = (text: string): string[] =>
  [...text.matchAll(/href="[^"]*studio\/(#p=[\w-]+)"/g)].map(([, fragment]) => fragment!);

beforeAll(async () => {
  pages = await buildSite(folder);
}, 180_000);
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

test("every page of docs/ is a page, and the first page has the script and its picture", () => {
  const docs = readdirSync("docs", { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".md"));
  expect(docs.length).toBeGreaterThan(30);
  for (const file of docs) expect(existsSync(join(folder, addressOf(`docs/${file}`))), file).toBe(true);
  expect(pages.map((p) => p.file).sort()).toEqual(["README.md", ...pagesOfSite()].sort());
  expect(html("index.html")).toMatch(/Open in the studio<\/a>[^]*<img src="images\/portraits\.png"/);
});

test("no link, anchor or picture of the site leads nowhere, and one that did would be found", () => {
  expect(brokenLinks(folder)).toEqual([]);
  const damaged = join(temporary, "damaged");
  cpSync(folder, damaged, { recursive: true });
  rmSync(join(damaged, "images/portraits.png"));
  rmSync(join(damaged, "security.html"));
  writeFileSync(join(damaged, "results.html"), html("results.html").replace(/ id="[^"]*"/g, ""));
  const broken = brokenLinks(damaged);
  expect(broken).toContain("index.html: images/portraits.png");
  expect(broken).toContain("studio.html: security.html");
  expect(broken.some((b) => b.startsWith("results.html: #"))).toBe(true);
});

test("every code of errors.html is an anchor, and its right script opens in the studio", () => {
  const codes = [...readFileSync("docs/errors.md", "utf8").matchAll(/^### (L\d{4}):/gm)].map(([, code]) => code!);
  const text = html("errors.html");
  expect(codes.length).toBeGreaterThan(60);
  for (const code of codes) expect(text).toContain(`<a id="${code}"></a>`);
  expect(fragments(text).length).toBeGreaterThan(30);
});

test("each link into the studio opens the script that stands above it, with its imports", () => {
  let links = 0;
  for (const { file, scripts } of pages) {
    const opened = fragments(html(addressOf(file))).map((f) => sharedProject(f)!);
    expect(opened.map((p) => p.files[p.entry])).toEqual(scripts);
    links += opened.length;
  }
  expect(links).toBeGreaterThan(70);
  const library = fragments(html("gallery.html"))
    .map((fragment) => sharedProject(fragment)!)
    .find((project) => project.entry === "library.lace");
  expect(Object.keys(library!.files)).toEqual(["library.lace", "lib/looks.lace"]);
});

test("the scripts of the pages that are opened are free of mistakes", async () => {
  const looks = { "lib/looks.lace": readFileSync("examples/lib/looks.lace", "utf8") };
  for (const file of ["README.md", "docs/gallery.md", "docs/tutorial.md", "docs/studio.md"])
    for (const script of pages.find((p) => p.file === file)!.scripts) {
      const { diagnostics } = await compile({ "main.lace": script, ...looks });
      expect(diagnostics.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
    }
});

test("pages are small, carry no script of their own and name no other host but in links", () => {
  for (const { file } of pages) {
    const text = html(addressOf(file));
    expect(gzipSync(text).length, file).toBeLessThan(100_000);
    expect(text).not.toMatch(/<script(?![^>]*src="[^":]*")|\sstyle=|\son[a-z]+="/);
    expect(text).not.toMatch(/<(?:script|img|link|iframe)[^>]*(?:src|href)="https?:/);
  }
});

test("the search's index is bounded, and finds a setting, a code and a word of the middle of a page", () => {
  const json = readFileSync(join(folder, "search.json"), "utf8");
  expect(gzipSync(json).length).toBeLessThan(150_000);
  const index = MiniSearch.loadJSON(json, OPTIONS);
  const found = (words: string): unknown[] => index.search(words).map((hit) => hit["address"] as unknown);
  expect(found("keep latent")[0]).toBe("language.html#edits");
  expect(found("L2001")[0]).toBe("errors.html#l2001-unknown-name");
  expect(found("kubernetes")).toContain("many-machines.html#without-a-queue");
});

test("the reference's pages are found by name, after the pages that people read", () => {
  const api = join(temporary, "api");
  mkdirSync(join(api, "functions"), { recursive: true });
  const page = `<title>run | lacec</title><div class="tsd-comment tsd-typography"><p>Runs a script &amp; writes <code>run.json</code>.</p></div>`;
  writeFileSync(join(api, "functions/node.run.html"), page);
  writeFileSync(join(api, "functions/compile.html"), page);
  expect(apiSections(api)).toEqual([
    {
      title: "compile",
      page: "function of lacec",
      address: "api/functions/compile.html",
      text: "Runs a script & writes run.json .",
    },
    {
      title: "run",
      page: "function of lacec/node",
      address: "api/functions/node.run.html",
      text: "Runs a script & writes run.json .",
    },
  ]);
  expect(apiSections(join(temporary, "nowhere"))).toEqual([]);
});

test.skipIf(!existsSync("dist/api/index.html"))(
  "the index with the reference is bounded, and finds a function by its name",
  { timeout: 120_000 },
  async () => {
    const whole = join(temporary, "with-api");
    await buildSite(whole, { parts: ["api"] });
    const json = readFileSync(join(whole, "search.json"), "utf8");
    expect(gzipSync(json).length).toBeLessThan(200_000);
    const found = MiniSearch.loadJSON(json, OPTIONS)
      .search("formatFile")
      .map((hit) => hit["address"] as unknown);
    expect(found).toContain("api/functions/node.formatFile.html");
  },
);

test.skipIf(!existsSync("dist/studio/index.html"))(
  "beside the pages lies the studio, as `lacec studio --export` writes it",
  { timeout: 120_000 },
  async () => {
    const [whole, exported] = [join(temporary, "whole"), join(temporary, "exported")];
    await buildSite(whole, { parts: ["studio"] });
    await exportStudio(exported);
    const names = (of: string): string[] => readdirSync(of, { recursive: true, encoding: "utf8" }).sort();
    expect(names(join(whole, "studio"))).toEqual(names(exported));
  },
);

describe.skipIf(CHROMIUM === undefined)("the site in Chromium", { timeout: 120_000 }, () => {
  let server: Server;
  let browser: Browser;
  let url = "";
  const TYPES: Readonly<Record<string, string>> = {
    ...{ ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json" },
    ...{ ".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp" },
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = join(folder, new URL(request.url!, "http://localhost").pathname);
      if (!existsSync(path)) return response.writeHead(404).end();
      return response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/plain" }).end(readFileSync(path));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  test.each([
    ["language.html", "light", 1280],
    ["language.html", "dark", 390],
    ["errors.html", "light", 390],
    ["index.html", "dark", 1280],
  ] as const)(
    "axe finds nothing in %s, %s, %i wide, and nothing is wider than the window",
    async (page, scheme, width) => {
      const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 844 } });
      const shown = await context.newPage();
      const errors: string[] = [];
      shown.on("pageerror", (error) => errors.push(error.message));
      shown.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      await shown.goto(url + page);
      expect(await shown.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      expect((await shown.screenshot()).length).toBeGreaterThan(10_000);
      expect(errors).toEqual([]);
      await shown.evaluate(axe);
      const violations = await shown.evaluate(async () => {
        const { axe: checker } = globalThis as unknown as {
          readonly axe: {
            run(): Promise<{ readonly violations: readonly { id: string; nodes: { html: string }[] }[] }>;
          };
        };
        return (await checker.run()).violations.map((v) => `${v.id}: ${v.nodes[0]?.html ?? ""}`);
      });
      expect(violations).toEqual([]);
      await context.close();
    },
  );

  test("a word that is typed finds a place, and the keyboard goes there", async () => {
    const page = await browser.newPage();
    await page.goto(`${url}editors/vscode.html`);
    await page.keyboard.press("/");
    await page.keyboard.type("keep latent");
    await page.waitForFunction(() => document.querySelector("#found a")?.getAttribute("href")?.endsWith("#edits"));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${url}language.html#edits`);
    await page.close();
  });
});
