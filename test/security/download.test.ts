// A server cannot fill the disk, send something else than was asked for, or keep lacec waiting for ever.
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { download } from "../../src/node/model-store.js";
import { folderWith } from "../support/lacec.js";

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function pulled(answer: RequestListener, limits: { readonly maxBytes?: number; readonly stalledMs?: number }) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const folder = folderWith({});
  closing.push(() => {
    server.closeAllConnections();
    server.close();
    folder.remove();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.safetensors`;
  return download(folder.path, url, { sha256: "0".repeat(64), onProgress: () => undefined, ...limits });
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
  await expect(pulled(silent, { stalledMs: 300 })).rejects.toThrow(/L5401.*nothing came for 0.3 s/);
  await expect(pulled(() => undefined, { stalledMs: 300 })).rejects.toThrow(/L5401.*nothing came for 0.3 s/);
});
