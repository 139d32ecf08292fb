// What the studio makes of a visit, in Chromium: from the address to the first picture, a run of a page that is warm, keys while it runs, a run that is stopped.
// Run: node scripts/bench.js studio [--json] [--rounds 5] [--marks] [--one-thread]; needs a built studio (npm run build:studio) and Debian's Chromium.
// In: README's script. Out: medians of the rounds in milliseconds; bytes of JavaScript and styles before the first paint, compressed; the load of the machine when it began and ended: figures of a
// busy machine are no figures of the studio. --one-thread: WebAssembly without threads. --marks: when the worker of the engine got how far, of the first round.
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { chromium, type Page } from "playwright-core";
import { serveStudio } from "../src/node/studio-server.js";
import { ENGINE_KEY } from "../studio/src/state/engine-choice.js";
import { shareLink } from "../studio/src/state/share.js";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    marks: { type: "boolean", default: false },
    "one-thread": { type: "boolean", default: false },
  },
});

interface Shown {
  readonly laceStudio: {
    readonly run: {
      readonly value?: { readonly firstMs?: number; readonly firstSmallMs?: number; readonly state: string };
    };
  };
}

/** README's script; with `seed`, of another seed. */
const script = /```lace\n([^]*?)```/.exec(readFileSync("README.md", "utf8"))?.[1] ?? "";
const project = (seed: number, count: number): string => {
  const text = script.replace(/(seed: number = )\d+/, `$1${seed}`).replace(/count \d+/, `count ${count}`);
  const about = { id: "", name: "portraits", entry: "p.lace", active: "p.lace", inputs: {}, changed: 0 };
  return new URL(shareLink({ ...about, files: { "p.lace": text } }, server.url).link).hash;
};

const loads = [loadavg()[0] ?? NaN];
const server = await serveStudio({});
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });

/** Bytes that the first paint waits for, compressed: what index.html names and what that imports. */
function beforePaint(): number {
  const root = "dist/studio";
  const html = readFileSync(join(root, "index.html"), "utf8");
  const names = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, name]) => name ?? "");
  return names.reduce((sum, name) => sum + gzipSync(readFileSync(join(root, name))).length, 0);
}

const ended = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => (globalThis as unknown as Shown).laceStudio.run.value?.state === "done");
const firsts = (page: Page): Promise<{ readonly whole: number; readonly small: number }> =>
  page.evaluate(() => {
    const { firstMs = NaN, firstSmallMs = NaN } = (globalThis as unknown as Shown).laceStudio.run.value ?? {};
    return { whole: firstMs, small: firstSmallMs };
  });

interface Round {
  readonly coldSmall: number;
  readonly cold: number;
  readonly all: number;
  readonly warmSmall: number;
  readonly warm: number;
  readonly key: number;
  readonly stop: number;
}

/** When the worker of the engine got how far, in milliseconds of the page; progress within a phase is left out. */
async function printMarks(page: Page, what: string): Promise<void> {
  const origin = await page.evaluate(() => performance.timeOrigin);
  for (const worker of page.workers()) {
    const marks = await worker.evaluate(() => {
      const found = performance
        .getEntriesByType("mark")
        .map((m) => [performance.timeOrigin + m.startTime, m.name] as const);
      performance.clearMarks();
      return found;
    });
    // Of the last run alone.
    const begun = marks.reduce((last, [, name], k) => (name === "plan" ? k : last), 0);
    const shown = marks
      .slice(begun)
      .filter(([, name]) => !/\d\/\d/.test(name))
      .map(([at, name]) => `${(at - origin).toFixed(0)} ${name}`);
    if (shown.length > 0) console.log(`${what}: ${shown.slice(0, 10).join(", ")}`);
  }
}

/** One visit of somebody who was never here, and who asks for the pictures at once. */
async function visit(showsMarks: boolean): Promise<Round> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(180_000);
  if (values["one-thread"])
    await page.addInitScript((key) => localStorage.setItem(key, "browser tfjs-wasm-1"), ENGINE_KEY);
  // Run is pressed in the very frame in which it is there.
  await page.addInitScript(() => {
    const timer = setInterval(() => {
      const button = document.querySelector<HTMLButtonElement>(".primary");
      if (button === null || (globalThis as unknown as Partial<Shown>).laceStudio === undefined) return;
      clearInterval(timer);
      button.click();
    }, 5);
    new MutationObserver(() => {
      for (const [name, what] of [
        ["small", ".pictures .small img"],
        ["first", ".pictures button img"],
      ] as const)
        if (document.querySelector(what) !== null && performance.getEntriesByName(name).length === 0)
          performance.mark(name);
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(server.url + project(6, 16));
  await page.waitForSelector(".pictures button img");
  const at = (name: string): Promise<number> =>
    page.evaluate((n) => performance.getEntriesByName(n)[0]?.startTime ?? NaN, name);
  const [coldSmall, cold] = [await at("small"), await at("first")];
  if (showsMarks) await printMarks(page, "cold");
  await ended(page);
  const all = await page.evaluate(() => performance.now());
  // Warm: the page as it is, another seed.
  const again = async (seed: number, count: number): Promise<void> => {
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    const text = script.replace(/(seed: number = )\d+/, `$1${seed}`).replace(/count \d+/, `count ${count}`);
    await page.keyboard.insertText(text);
    await page.keyboard.press("Control+Enter");
  };
  await again(7, 16);
  await ended(page);
  const { whole: warm, small: warmSmall } = await firsts(page);
  if (showsMarks) await printMarks(page, "warm");
  // Keys while a long run goes on.
  await again(8, 400);
  await page.evaluate(() => {
    const seen: number[] = [];
    new PerformanceObserver((list) => {
      for (const e of list.getEntries() as PerformanceEventTiming[])
        if (e.name === "keydown") seen.push(e.processingEnd - e.startTime);
    }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
    Object.assign(globalThis, { seen });
  });
  await page.keyboard.press("Control+End");
  const keys = 100;
  for (let k = 0; k < keys; k++) await page.keyboard.type("/", { delay: 30 });
  const slow = await page.evaluate(() => (globalThis as unknown as { seen: number[] }).seen);
  // Keys that are not told of took less than 16 ms with the frame behind them.
  const times = [...slow, ...Array.from({ length: Math.max(0, keys - slow.length) }, () => 0)].sort((a, b) => a - b);
  const key = times[Math.floor(0.95 * (times.length - 1))] ?? NaN;
  const stop = await page.evaluate(async () => {
    const before = performance.now();
    document.querySelector<HTMLButtonElement>(".stop")?.click();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return (globalThis as unknown as Shown).laceStudio.run.value?.state === "cancelled"
      ? performance.now() - before
      : NaN;
  });
  await context.close();
  return { coldSmall, cold, all, warmSmall, warm, key, stop };
}

const rounds: Round[] = [];
for (let k = 0; k < Number(values.rounds); k++) rounds.push(await visit(values.marks));
loads.push(loadavg()[0] ?? NaN);
await browser.close();
await server.close();

const median = (of: (round: Round) => number): number => {
  const sorted = rounds.map(of).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
};
const rows = [
  ["JavaScript and styles before the first paint, kB compressed", beforePaint() / 1000],
  ["cold: address to first small picture", median((r) => r.coldSmall)],
  ["cold: address to first picture", median((r) => r.cold)],
  ["cold: address to all 16 portraits", median((r) => r.all)],
  ["warm: key to first small picture", median((r) => r.warmSmall)],
  ["warm: key to first picture", median((r) => r.warm)],
  ["key while a run goes on, 95th percentile", median((r) => r.key)],
  ["stop, until it is shown", median((r) => r.stop)],
] as const;
if (values.json) console.log(JSON.stringify({ rows, loads, rounds }, null, 2));
else {
  for (const [what, value] of rows) console.log(`${what.padEnd(64)} ${value.toFixed(0).padStart(6)}`);
  console.log(
    `load of the machine ${loads.map((l) => l.toFixed(1)).join(" to ")}, medians of ${rounds.length} visits, ms where nothing else is said`,
  );
}
