// A server cannot fill the disk, send something else than was asked for, or keep lacec waiting for ever.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/models/formats/safetensors.js";
import { download } from "../../src/node/model-store.js";
import { tinyDecoder } from "../support/decoder.js";
import { filesIn, folderWith, lacec } from "../support/lacec.js";

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

/** A server, and a folder for what comes from it. */
async function serving(answer: RequestListener): Promise<{ readonly folder: string; readonly url: string }> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const folder = folderWith({});
  closing.push(() => {
    server.closeAllConnections();
    server.close();
    folder.remove();
  });
  return { folder: folder.path, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.safetensors` };
}

async function pulled(answer: RequestListener, limits: { readonly maxBytes?: number; readonly stalledMs?: number }) {
  const { folder, url } = await serving(answer);
  const wanted = { sha256: "0".repeat(64), folder: "d", name: "m" };
  return download(folder, url, { ...wanted, onProgress: () => undefined, ...limits });
}

test("more bytes than are taken are refused, announced or not", async () => {
  const announced: RequestListener = (_, response) => response.writeHead(200, { "content-length": 1e6 }).flushHeaders();
  await expect(pulled(announced, { maxBytes: 1000 })).rejects.toThrow(/L5401.*1000000 bytes or more, and at most 1000/);
  const endless: RequestListener = (_, response) => {
    response.writeHead(200);
    const more = (): void => {
      if (response.writable) response.write(Buffer.alloc(500), more);
    };
    more();
  };
  await expect(pulled(endless, { maxBytes: 5000 })).rejects.toThrow(/L5401.*at most 5000 are taken/);
});

test("a packed answer is refused", async () => {
  const packed: RequestListener = (_, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(1e6)));
  await expect(pulled(packed, {})).rejects.toThrow(/L5401.*sends it packed \(gzip\)/);
});

test("a server that falls silent is given up", async () => {
  const silent: RequestListener = (_, response) =>
    void response.writeHead(200, { "content-length": 10 }).write("12345");
  await expect(pulled(silent, { stalledMs: 300 })).rejects.toThrow(/L5401.*(nothing|only 5 bytes) came/);
  await expect(pulled(() => undefined, { stalledMs: 300 })).rejects.toThrow(/L5401.*nothing came for 0.3 s/);
});

test("a server that drips is given up", async () => {
  const dripping: RequestListener = (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("."), 100);
    closing.push(() => clearInterval(timer));
  };
  await expect(pulled(dripping, { stalledMs: 1000 })).rejects.toThrow(/L5401.*only \d+ bytes came in 1 s/);
});

test("a download that is there already is believed by its hash alone", async () => {
  const right = Buffer.from("the model");
  const sha256 = createHash("sha256").update(right).digest("hex");
  const answer: RequestListener = (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const rest = right.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length }).end(rest);
  };
  const { folder, url } = await serving(answer);
  const options = { sha256, folder: sha256, name: "m.pkl", onProgress: () => undefined };
  const path = await download(folder, url, options);
  expect(readFileSync(path, "utf8")).toBe("the model");
  writeFileSync(path, "a forgery");
  await expect(download(folder, url, options)).rejects.toThrow(/L5402|L5401/);
  expect(existsSync(path) && readFileSync(path, "utf8") === "a forgery").toBe(false);
  expect(readFileSync(await download(folder, url, options), "utf8")).toBe("the model");
});

describe("a pack with a labeller and a decoder", () => {
  const labeller = Buffer.from("a labeller");
  const decoder = Buffer.from(tinyDecoder());
  const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const pack = async (): Promise<Buffer> => {
    const folder = folderWith({});
    closing.push(folder.remove);
    writeFileSync(join(folder.path, "d.onnx"), decoder);
    await lacec(["import", "d.onnx", "-o", "p.safetensors"], { cwd: folder.path });
    const bytes = readFileSync(join(folder.path, "p.safetensors"));
    const stored = readSafetensors(bytes, "p");
    const metadata = JSON.parse(stored.metadata.get("lace") ?? "") as object;
    const named = { ...metadata, labeller: { file: "p-labeller.onnx", sha256: hash(labeller) } };
    return Buffer.from(writeSafetensors(new Map(), { lace: JSON.stringify(named) }));
  };

  test("comes whole, each file by its hash, and no more than is taken", { timeout: 600_000 }, async () => {
    const bytes = await pack();
    const files: Record<string, Buffer> = { "/p.safetensors": bytes, "/p-labeller.onnx": labeller, "/p.onnx": decoder };
    const { decoder: named } = JSON.parse(readSafetensors(bytes, "p").metadata.get("lace") ?? "") as {
      decoder: { file: string };
    };
    files[`/${named.file}`] = decoder;
    const { folder, url } = await serving((request, response) => {
      const body = files[request.url ?? ""];
      if (body === undefined) response.writeHead(404).end();
      else response.writeHead(200, { "content-length": body.length }).end(body);
    });
    const address = url.replace("m.safetensors", "p.safetensors");
    const pull = (...more: readonly string[]) =>
      lacec(["models", "pull", address, "--sha256", hash(bytes), ...more], {
        cwd: folder,
        env: { LACE_MODELS: folder },
      });
    const tooLarge = await pull("--max-bytes", String(bytes.length + labeller.length + 1));
    expect(tooLarge).toMatchObject({ code: 3, err: expect.stringMatching(/L5401[^]*--max-bytes/) as string });
    expect(filesIn(folder)).not.toContain("p/model.safetensors");
    files["/p-labeller.onnx"] = Buffer.from("b labeller");
    rmSync(join(folder, ".downloads"), { recursive: true });
    const other = await pull();
    expect(other).toMatchObject({ code: 3, err: expect.stringContaining("L5402") as string });
    files["/p-labeller.onnx"] = labeller;
    expect((await pull()).code).toBe(0);
    expect(filesIn(folder).filter((file) => !file.startsWith(".downloads"))).toEqual(
      ["p/model.safetensors", "p/p-labeller.onnx", `p/${named.file}`].sort(),
    );
    expect(filesIn(join(folder, ".downloads"))).toEqual([]);
  });
});
