import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { serveStudio, type StudioServer } from "../../src/node/studio-server.js";

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

let folder: string;
let outside: string;
let server: StudioServer;
let port: number;
let token: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "studio-"));
  outside = mkdtempSync(join(tmpdir(), "elsewhere-"));
  writeFileSync(join(folder, "a.lace"), "lace 1\n");
  writeFileSync(join(folder, "notes.txt"), "mine");
  writeFileSync(join(outside, "secret.lace"), "secret");
  server = await serveStudio({ folder });
  const url = new URL(server.url);
  port = Number(url.port);
  token = /token=(.+)$/.exec(url.hash)![1]!;
});
afterEach(async () => {
  await server.close();
  for (const f of [folder, outside]) rmSync(f, { recursive: true, force: true });
});

/** A request as a page, or something that is none, would send it. */
function ask(
  path: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (t: string) => (text += t));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
const own = (more: Record<string, string> = {}): { headers: Record<string, string> } => ({
  headers: { "x-lace-token": token, ...more },
});
const file = (path: string): string => `/api/file?path=${encodeURIComponent(path)}`;
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("who may ask", () => {
  test("the page with its token", async () => {
    const { status, text } = await ask("/api/folder", own());
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      files: [{ path: "a.lace", text: "lace 1\n", version: hashOf("lace 1\n") }],
    });
  });

  test.each([
    ["no token", {}],
    ["another token", { "x-lace-token": "A".repeat(32) }],
    ["a token of another length", { "x-lace-token": "A" }],
  ])("not one with %s", async (_, headers) => {
    expect((await ask("/api/folder", { headers })).status).toBe(403);
  });

  test("not another page, though it knew the token", async () => {
    expect((await ask("/api/folder", own({ origin: "https://example.org" }))).status).toBe(403);
    expect((await ask("/api/folder", own({ origin: "null" }))).status).toBe(403);
    expect((await ask("/api/folder", own({ origin: `http://127.0.0.1:${port}` }))).status).toBe(200);
  });

  test("not another name of this machine, as of a page that points its own name at it", async () => {
    expect((await ask("/api/folder", own({ host: `evil.example:${port}` }))).status).toBe(403);
    expect((await ask("/", { headers: { host: "evil.example" } })).status).toBe(403);
  });

  test("and nothing asks from another machine: the server listens on loopback", () => {
    expect(new URL(server.url).hostname).toBe("127.0.0.1");
  });
});

describe("what is read and written", () => {
  test("a script is written whole where its version is known, and refused where it has changed meanwhile", async () => {
    const put = (text: string, base: string): Promise<Answer> =>
      ask(file("a.lace"), { method: "PUT", body: text, ...own({ "x-lace-base": base }) });
    expect((await put("lace 1\n// two\n", hashOf("lace 1\n"))).status).toBe(200);
    expect(readFileSync(join(folder, "a.lace"), "utf8")).toBe("lace 1\n// two\n");
    expect((await put("lace 1\n// three\n", hashOf("lace 1\n"))).status).toBe(409);
    expect(readFileSync(join(folder, "a.lace"), "utf8")).toBe("lace 1\n// two\n");
  });

  test("a new script does not take the place of one that is there", async () => {
    expect((await ask(file("a.lace"), { method: "PUT", body: "x", ...own() })).status).toBe(409);
    expect((await ask(file("lib/b.lace"), { method: "PUT", body: "lace 1\n", ...own() })).status).toBe(200);
    expect(readFileSync(join(folder, "lib/b.lace"), "utf8")).toBe("lace 1\n");
  });

  test.each([
    "../secret.lace",
    "a/../../x.lace",
    "/etc/passwd",
    "C:\\x.lace",
    ".git/x.lace",
    "",
    "a//b.lace",
    "a\0.lace",
  ])("no path that leads out or hides: %j", async (path) => {
    expect((await ask(file(path), own())).status).toBe(400);
    expect((await ask(file(path), { method: "PUT", body: "x", ...own() })).status).toBe(400);
  });

  test("no link that leads out, neither a file nor a folder", async () => {
    symlinkSync(join(outside, "secret.lace"), join(folder, "link.lace"));
    symlinkSync(outside, join(folder, "there"));
    for (const path of ["link.lace", "there/secret.lace"]) {
      expect((await ask(file(path), own())).status).toBe(403);
      expect((await ask(file(path), { method: "PUT", body: "x", ...own() })).status).toBe(403);
    }
    expect((await ask(file("there/new.lace"), { method: "PUT", body: "x", ...own() })).status).toBe(403);
    expect(readFileSync(join(outside, "secret.lace"), "utf8")).toBe("secret");
  });

  test("no other file than scripts and what they name", async () => {
    expect((await ask(file("notes.txt"), own())).status).toBe(403);
    expect((await ask(file("run.sh"), { method: "PUT", body: "x", ...own() })).status).toBe(415);
    mkdirSync(join(folder, "node_modules"));
    writeFileSync(join(folder, "node_modules", "x.lace"), "");
    expect((await ask("/api/folder", own())).text).not.toContain("node_modules");
  });

  test("the studio's files lie in its folder, models in theirs, and nothing around them", async () => {
    for (const path of [
      "/../package.json",
      "/%2e%2e/package.json",
      "/models/../package.json",
      "/assets/..%2f..%2fcli/main.js",
    ])
      expect((await ask(path)).status, path).not.toBe(200);
    const model = await ask("/models/avatar.safetensors", { method: "HEAD" });
    expect(model.status).toBe(200);
  });

  test("a model is written, and does not take the place of one that is there", async () => {
    const put = (): Promise<Answer> => ask(file("own.safetensors"), { method: "PUT", body: "x", ...own() });
    expect((await put()).status).toBe(200);
    expect((await put()).status).toBe(409);
  });
});

describe("a change on the disk is told", () => {
  interface Told {
    readonly path: string;
    readonly text?: string;
    readonly gone?: true;
  }
  let told: Told[];
  let watching: ReturnType<typeof request>;

  beforeEach(async () => {
    told = [];
    await new Promise<void>((resolve, reject) => {
      watching = request({ host: "127.0.0.1", port, path: "/api/watch", ...own() }, (response) => {
        let rest = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          const lines = (rest + part).split("\n");
          rest = lines.pop()!;
          told.push(...lines.filter((l) => l !== "").map((l) => JSON.parse(l) as Told));
          resolve();
        });
        response.on("error", () => undefined);
      });
      watching.on("error", reject);
      watching.end();
    });
    // The folder is looked through once before changes count.
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  afterEach(() => watching.destroy());

  const heard = (path: string): Promise<Told> =>
    vi.waitUntil(() => told.findLast((t) => t.path === path), { timeout: 10_000 });
  const saysAt = async (path: string, text: string): Promise<void> => {
    await vi.waitUntil(() => told.findLast((t) => t.path === path)?.text === text, { timeout: 10_000 });
  };
  /** As editors and the studio itself write: another file takes the name. */
  const replace = (path: string, text: string): void => {
    writeFileSync(join(folder, `${path}.new~`), text);
    renameSync(join(folder, `${path}.new~`), join(folder, path));
  };

  test("however the file is written, and again after each time", async () => {
    for (const text of ["one", "two", "three"]) {
      replace("a.lace", text);
      await saysAt("a.lace", text);
    }
    writeFileSync(join(folder, "a.lace"), "in place");
    await saysAt("a.lace", "in place");
    const base = hashOf("in place");
    await ask(file("a.lace"), { method: "PUT", body: "by the page", ...own({ "x-lace-base": base }) });
    await saysAt("a.lace", "by the page");
    replace("a.lace", "by another");
    await saysAt("a.lace", "by another");
  });

  test("in a folder that is new, that is renamed, and when it goes", async () => {
    mkdirSync(join(folder, "q/r"), { recursive: true });
    writeFileSync(join(folder, "q/r/c.lace"), "deep");
    await saysAt("q/r/c.lace", "deep");
    renameSync(join(folder, "q"), join(folder, "p"));
    await saysAt("p/r/c.lace", "deep");
    expect(await heard("q/r/c.lace")).toEqual({ path: "q/r/c.lace", gone: true });
    rmSync(join(folder, "a.lace"));
    expect(await heard("a.lace")).toEqual({ path: "a.lace", gone: true });
  });
});

test("answers isolate the page and let it load nothing from elsewhere", async () => {
  const { headers } = await ask("/models/avatar.safetensors", { method: "HEAD" });
  expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
  expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
  expect(headers["content-security-policy"]).toMatch(/default-src 'self'.*connect-src 'self' blob: data:;/);
});
