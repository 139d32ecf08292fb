// The server of `lacec studio`: the studio's files and, behind a token, those of one folder and this machine's engine. Loopback alone.
// In: a folder. Out: an address with a token. Invariants: a request of another host name (DNS rebinding) or of another page's origin is refused; without the token nothing of the
// folder is read or written, and nothing is run; headers isolate the page, so that WebAssembly may have threads, and forbid it every address but this one.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createReadStream } from "node:fs";
import { cp, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { frameOf } from "../app/live/frames.js";
import { modelsFolder } from "./host.js";
import { StudioEngine, type EngineRequest } from "./studio-engine.js";
import { LARGEST_WRITE, Refused, StudioFolder } from "./studio-folder.js";

export interface StudioServer {
  /** With the token in its fragment, which browsers send to nobody. */
  readonly url: string;
  close(): Promise<void>;
}

export interface StudioOptions {
  /** The folder to edit; absent: the studio alone, whose projects live in the browser. */
  readonly folder?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

/** Where the built studio lies. */
export function studioFiles(): string {
  return fileURLToPath(new URL("../../dist/studio/", import.meta.url));
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  wasm: "application/wasm",
  json: "application/json",
  webmanifest: "application/manifest+json",
  webp: "image/webp",
  png: "image/png",
};

/** What the page may load, and who may frame it. CodeMirror makes styles, TensorFlow.js workers from text. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval' blob:",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "connect-src 'self' blob: data:",
  "frame-ancestors 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Writes the studio with the models that ship with lacec: a static site. Errors: those of the disk, as Node gives them. */
export async function exportStudio(folder: string): Promise<void> {
  await cp(studioFiles(), folder, { recursive: true });
  await cp(modelsFolder(), join(folder, "models"), { recursive: true });
}

/** Serves until it is closed. Errors: those of the port and the folder, as Node gives them. */
export async function serveStudio(options: StudioOptions): Promise<StudioServer> {
  const folder = options.folder === undefined ? undefined : await StudioFolder.open(options.folder);
  const engine = folder && new StudioEngine(folder.root);
  const token = randomBytes(24).toString("base64url");
  const server = createServer((request, response) => {
    void answer(request, response, { folder, engine, token, port: portOf(server.address()) }).catch(
      (error: unknown) => {
        if (response.headersSent) response.destroy();
        else if (error instanceof Refused) send(response, error.status, { message: error.message });
        else send(response, 500, { message: error instanceof Error ? error.message : String(error) });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const port = portOf(server.address());
  return {
    url: `http://127.0.0.1:${port}/#${folder === undefined ? "" : `token=${token}`}`,
    close: async () => {
      engine?.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await folder?.close();
    },
  };
}

interface Site {
  readonly folder: StudioFolder | undefined;
  readonly engine: StudioEngine | undefined;
  readonly token: string;
  readonly port: number;
}

const jobSchema = v.object({
  id: v.number(),
  files: v.record(v.string(), v.string()),
  entry: v.string(),
  inputs: v.record(v.string(), v.union([v.number(), v.string()])),
  count: v.exactOptional(v.number()),
  seed: v.exactOptional(v.number()),
});
/** What a page may ask of this machine's engine; values are checked again where they are used. */
const engineRequest: v.GenericSchema<unknown, EngineRequest> = v.variant("kind", [
  v.object({ kind: v.literal("open"), engine: v.string() }),
  v.object({ kind: v.literal("run"), engine: v.string(), job: jobSchema }),
  v.object({ kind: v.literal("estimate"), engine: v.string(), job: jobSchema }),
  v.object({ kind: v.literal("remake"), engine: v.string(), job: jobSchema, image: v.string() }),
  v.object({
    kind: v.literal("inspect"),
    engine: v.string(),
    job: jobSchema,
    picture: v.object({
      ...{ task: v.string(), index: v.number(), part: v.number() },
      attempt: v.exactOptional(v.number()),
    }),
  }),
]);

async function answer(request: IncomingMessage, response: ServerResponse, site: Site): Promise<void> {
  const { host, origin } = request.headers;
  const own = [`127.0.0.1:${site.port}`, `localhost:${site.port}`];
  if (host === undefined || !own.includes(host)) throw new Refused(403, "this is not the host of the studio");
  if (origin !== undefined && !own.some((o) => origin === `http://${o}`))
    throw new Refused(403, "another page may not ask the studio");
  const url = new URL(request.url ?? "/", `http://${host}`);
  if (url.pathname.startsWith("/api/")) await answerApi(request, response, url, site);
  else await answerFile(request, response, url.pathname);
}

async function answerApi(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { folder, engine, token }: Site,
): Promise<void> {
  const given = Buffer.from(String(request.headers["x-lace-token"] ?? ""));
  const wanted = Buffer.from(token);
  if (folder === undefined || given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new Refused(403, "the token is missing or wrong: open the address that lacec studio printed");
  const path = url.searchParams.get("path") ?? "";
  const base = header(request, "x-lace-base");
  switch (`${request.method ?? ""} ${url.pathname}`) {
    case "GET /api/folder":
      send(response, 200, { name: folder.name, files: await folder.list() });
      return;
    case "GET /api/file":
      sendBytes(response, await folder.read(path));
      return;
    case "PUT /api/file":
      send(response, 200, { version: await folder.write(path, await bodyOf(request), base) });
      return;
    case "DELETE /api/file":
      await folder.remove(path, base);
      send(response, 200, {});
      return;
    case "GET /api/watch": {
      response.writeHead(200, { ...HEADERS, "content-type": "application/x-ndjson", "cache-control": "no-store" });
      response.write("\n");
      const stop = folder.watch((file) => response.write(`${JSON.stringify(file)}\n`));
      response.on("close", stop);
      return;
    }
    case "POST /api/engine":
      if (engine !== undefined) await answerEngine(response, engine, engineRequestOf(await bodyOf(request)));
      return;
    default:
      throw new Refused(404, "there is no such request");
  }
}

function engineRequestOf(body: Uint8Array): EngineRequest {
  try {
    return v.parse(engineRequest, JSON.parse(Buffer.from(body).toString("utf8")));
  } catch {
    throw new Refused(400, "that is no request of the studio's page");
  }
}

/** What the engine tells as it tells it. A page that goes away, or stops its run, ends it. */
async function answerEngine(response: ServerResponse, engine: StudioEngine, request: EngineRequest): Promise<void> {
  const stop = new AbortController();
  response.on("close", () => stop.abort());
  const type = "application/octet-stream";
  response.writeHead(200, { ...HEADERS, "content-type": type, "cache-control": "no-store" });
  response.flushHeaders();
  await engine.ask(request, (message) => response.write(frameOf(message)), stop.signal);
  response.end();
}

async function answerFile(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") throw new Refused(400, "files are read alone");
  const name = decode(pathname === "/" ? "/index.html" : pathname);
  const [base, path] = name.startsWith("/models/") ? [modelsFolder(), name.slice(8)] : [studioFiles(), name.slice(1)];
  const file = normalize(join(base, path));
  if (!file.startsWith(base.endsWith(sep) ? base : base + sep) || /(^|[/\\])\./.test(path) || path.includes("\0"))
    throw new Refused(404, "there is no such file");
  const about = await stat(file).catch(() => undefined);
  if (about?.isFile() !== true) throw new Refused(404, `there is no ${pathname}`);
  const type = TYPES[/\.(\w+)$/.exec(file)?.[1] ?? ""] ?? "application/octet-stream";
  // Names of assets carry their hash; all others are asked for anew.
  const cache = path.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  response.writeHead(200, { ...HEADERS, "content-type": type, "content-length": about.size, "cache-control": cache });
  if (request.method === "HEAD") response.end();
  else createReadStream(file).pipe(response);
}

const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { ...HEADERS, "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

function sendBytes(response: ServerResponse, bytes: Uint8Array): void {
  response.writeHead(200, { ...HEADERS, "content-type": "application/octet-stream", "cache-control": "no-store" });
  response.end(bytes);
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    const bytes = part as Buffer;
    size += bytes.length;
    if (size > LARGEST_WRITE) throw new Refused(413, "that is more than the studio writes");
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function decode(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw new Refused(400, "that is no address");
  }
}

function portOf(address: AddressInfo | string | null): number {
  return address !== null && typeof address === "object" ? address.port : 0;
}
