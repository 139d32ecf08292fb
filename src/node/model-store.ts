// The user's imported models: a folder with one folder for each, so that what belongs beside a pack cannot collide.
// In: names, files, addresses. Out: packs at their places, and what is there.
// Invariants: a model is there whole or not at all; a download is used only after its hash has been checked; a name cannot leave
// the folder. Layout: HOME/NAME/model.safetensors, with decoder and labeller beside; HOME/.downloads/HASH/NAME, whole or not.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { homeFolder } from "./home.js";
import { join } from "node:path";
import process from "node:process";
import type { DownloadOptions } from "../app/platform.js";
import { failure, LaceError } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import { writeFailure } from "./failures.js";
import { makeFolder } from "./folders.js";

const PACK = "model.safetensors";
const DOWNLOADS = ".downloads";

/** Folder of the imported models: LACE_MODELS, or `lacec/models` in XDG_DATA_HOME, which by default is ~/.local/share. */
export function modelsHome(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = env["LACE_MODELS"] ?? "";
  if (own !== "") return own;
  const data = env["XDG_DATA_HOME"] ?? "";
  return join(data === "" ? join(homeFolder(), ".local", "share") : data, "lacec", "models");
}

/** Where the pack of a name lies, whether it is there or not. */
export function packOf(home: string, name: string): string {
  return join(home, name, PACK);
}

/** Names of the models that are there, sorted. */
export async function storedNames(home: string): Promise<readonly string[]> {
  const entries = await readdir(home, { withFileTypes: true }).catch(() => []);
  const names: string[] = [];
  for (const entry of entries) {
    const there = entry.isDirectory() && (await stat(packOf(home, entry.name)).catch(() => undefined))?.isFile();
    if (there === true) names.push(entry.name);
  }
  return names.sort();
}

/** Removes a model. Gives whether it was there. */
export async function removeStored(home: string, name: string): Promise<boolean> {
  if (!(await storedNames(home)).includes(name)) return false;
  // The pack first: what is left without it is no model.
  await rm(packOf(home, name));
  await rm(join(home, name), { recursive: true, force: true });
  return true;
}

/**
 * Downloads a file into the store's own folder and checks its hash. A download that was cut off goes on where it stopped, if the
 * server can; what is there already, whole or not, is believed by its hash alone. Gives the path of the file, which is called `name` and lies
 * beside others of the same `folder`; `removeDownloads` removes them.
 * Errors   LaceError L5401 if it cannot be had (what came so far stays), L5402 if it has another hash (nothing stays); L50xx of the disk.
 */
export async function download(home: string, url: string, options: DownloadOptions): Promise<string> {
  const { folder, name, sha256 } = options;
  const path = join(downloadsOf(home, folder), plainName(name));
  try {
    await makeFolder(downloadsOf(home, folder));
    const before = (await stat(path).catch(() => undefined))?.size ?? 0;
    const complete = before > 0 && (await hashOf(path)) === sha256;
    if (!complete) await fetchInto(path, url, before, options);
    const hash = complete ? sha256 : await hashOf(path);
    if (hash === sha256) return path;
    await rm(path);
    throw failure("L5402", `${url} has SHA-256 ${hash}, not ${sha256}`, [
      "it is not the file that this hash was made of, so it is not used: compare the address and the hash with their source",
    ]);
  } catch (error) {
    throw error instanceof LaceError ? error : writeFailure(path, error);
  }
}

/** Removes what was downloaded into a folder of the store. */
export async function removeDownloads(home: string, folder: string): Promise<void> {
  await rm(downloadsOf(home, folder), { recursive: true, force: true });
}

function downloadsOf(home: string, folder: string): string {
  return join(home, DOWNLOADS, plainName(folder));
}

function plainName(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) throw new InternalError(`a download called ${name}`);
  return name;
}

const MOST_BYTES = 16e9;
/** A server that brings less than this many bytes a second, over STALLED_MS, is given up: a drip can be as endless as silence. */
const SLOWEST = 1000;
const STALLED_MS = 60_000;

async function fetchInto(part: string, url: string, before: number, options: DownloadOptions): Promise<void> {
  const { onProgress, maxBytes = MOST_BYTES, stalledMs = STALLED_MS } = options;
  const stalled = new AbortController();
  const least = (SLOWEST * stalledMs) / 1000;
  let since = 0;
  const watch = setInterval(() => {
    const seconds = stalledMs / 1000;
    if (since === 0) stalled.abort(new Error(`nothing came for ${seconds} s`));
    else if (since < least) stalled.abort(new Error(`only ${since} bytes came in ${seconds} s`));
    since = 0;
  }, stalledMs);
  const signal = options.signal === undefined ? stalled.signal : AbortSignal.any([options.signal, stalled.signal]);
  try {
    const response = await request(url, before, signal);
    await receive(response, part, url, before, {
      ...{ maxBytes, onProgress },
      onBytes: (count) => {
        since += count;
      },
    });
  } finally {
    clearInterval(watch);
  }
}

interface Received {
  readonly maxBytes: number;
  readonly onProgress: DownloadOptions["onProgress"];
  /** Told of each piece that comes. */
  readonly onBytes: (count: number) => void;
}

async function receive(
  response: Response,
  part: string,
  url: string,
  before: number,
  { onProgress, onBytes, maxBytes }: Received,
): Promise<void> {
  // 416: nothing is left to send, or another file is there now; the hash tells.
  if (response.status === 416) return;
  if (!response.ok || response.body === null)
    throw failure("L5401", `${url} cannot be downloaded: the server answers ${response.status} ${response.statusText}`);
  const encoding = response.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity")
    throw failure(
      "L5401",
      `${url} cannot be downloaded: the server sends it packed (${encoding}), which it was asked not to`,
    );
  const resumed = response.status === 206;
  const range = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (resumed && range !== undefined && Number(range) !== before)
    throw failure("L5401", `${url} cannot be downloaded: the server goes on at byte ${range}, asked for ${before}`);
  const length = Number(response.headers.get("content-length") ?? NaN);
  const start = resumed ? before : 0;
  const total = Number.isFinite(length) ? start + length : undefined;
  const tooLarge = (bytes: number) =>
    failure("L5401", `${url} cannot be downloaded: it has ${bytes} bytes or more, and at most ${maxBytes} are taken`, [
      "if it is meant to be so large: --max-bytes N",
    ]);
  if (total !== undefined && total > maxBytes) throw tooLarge(total);
  const file = await open(part, resumed ? "a" : "w");
  let done = start;
  try {
    onProgress(done, total);
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      done += chunk.byteLength;
      onBytes(chunk.byteLength);
      if (done > maxBytes) throw tooLarge(done);
      await file.write(chunk);
      onProgress(done, total);
    }
  } catch (error) {
    throw error instanceof LaceError ? error : interrupted(url, error);
  } finally {
    await file.close();
  }
  if (total !== undefined && done < total) throw interrupted(url, new Error(`${done} of ${total} bytes came`));
}

async function request(url: string, before: number, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(url, {
      headers: { ...(before > 0 && { range: `bytes=${before}-` }), "accept-encoding": "identity" },
      ...(signal && { signal }),
    });
  } catch (error) {
    throw interrupted(url, error);
  }
}

function interrupted(url: string, error: unknown) {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  const why = error instanceof Error ? `${error.message}${cause}` : String(error);
  return failure("L5401", `${url} cannot be downloaded: ${why}`, [
    "what came so far is kept: the same command goes on where it stopped",
  ]);
}

/** SHA-256 of a file, read piece by piece. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
