// Visual Studio Code as code-server has it in a browser, with the packed extension in it: installed and started anew in folders of its own, driven by
// Playwright on Debian's Chromium. In: a workspace's files. Out: a page. Invariants: nothing outlives `close`.
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { chromium, type FrameLocator, type Page } from "playwright-core";

const run = promisify(execFile);
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => existsSync(p));

/** How code-server is started: LACE_CODE_SERVER (its entry.js; scripts/install-code-server.sh prints it), or the command; undefined without either. */
export function codeServer(): readonly string[] | undefined {
  const entry = process.env["LACE_CODE_SERVER"];
  if (CHROMIUM === undefined) return undefined;
  if (entry !== undefined) return existsSync(entry) ? [process.execPath, entry] : undefined;
  const folder = (process.env["PATH"] ?? "").split(delimiter).find((f) => existsSync(join(f, "code-server")));
  return folder === undefined ? undefined : [join(folder, "code-server")];
}

export interface VsCode {
  readonly page: Page;
  /** The folder that is open. */
  readonly folder: string;
  /** The page of the webview that is shown. */
  readonly webview: FrameLocator;
  close(): Promise<void>;
}

/** Starts an editor on a folder of `files`, with an extension and settings. */
export async function openVsCode(
  vsix: string,
  files: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, unknown>>,
): Promise<VsCode> {
  const [command = "", ...words] = codeServer() ?? [];
  const place = mkdtempSync(join(tmpdir(), "lace-vscode-"));
  const [folder, data, extensions] = [join(place, "pictures"), join(place, "data"), join(place, "extensions")];
  for (const [name, text] of Object.entries({
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [join(folder, name), text])),
    [join(data, "User/settings.json")]: JSON.stringify(settings),
    [join(place, "config.yaml")]: "auth: none\n",
  })) {
    mkdirSync(dirname(name), { recursive: true });
    writeFileSync(name, text);
  }
  const own = [
    ...words,
    "--config",
    join(place, "config.yaml"),
    "--user-data-dir",
    data,
    "--extensions-dir",
    extensions,
  ];
  await run(command, [...own, "--install-extension", vsix], { timeout: 120_000 });
  const port = await freePort();
  const quiet = ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"];
  const child = spawn(command, [...own, ...quiet, "--bind-addr", `127.0.0.1:${port}`, folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (t: string) => (said += t));
  const ended = new Promise((resolve) => child.on("close", resolve));
  const close = async (): Promise<void> => {
    child.kill();
    await ended;
    rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    for (
      let tries = 0;
      !(await fetch(`http://127.0.0.1:${port}/healthz`).then(
        (r) => r.ok,
        () => false,
      ));
      tries++
    ) {
      if (tries > 300 || child.exitCode !== null) throw new Error(`code-server did not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
    const page = await browser.newPage({ viewport: { width: 1100, height: 620 } });
    page.setDefaultTimeout(60_000);
    await page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`);
    await page.waitForSelector(".monaco-workbench");
    return {
      page,
      folder,
      webview: page.frameLocator("iframe.webview.ready").frameLocator("#active-frame"),
      close: async () => {
        await browser.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
