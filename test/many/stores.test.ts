// Stores of objects: a folder, and an S3 server of the test's own. And what goes into them: pieces of a plan, bundles of results.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import S3rver from "s3rver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packBundle, unpackBundle } from "../../src/app/many/bundle.js";
import { compileWhole } from "../../src/app/compile-script.js";
import { nodeHost } from "../../src/node/host.js";
import { openStore } from "../../src/node/many/open.js";
import { cutPieces, selectPiece } from "../../src/runtime/plan/pieces.js";
import { folderWith } from "../support/lacec.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const folder = mkdtempSync(join(tmpdir(), "lacec-store-"));
const s3 = new S3rver({
  ...{ port: 0, address: "127.0.0.1", silent: true, directory: join(folder, "s3") },
  configureBuckets: [{ name: "bucket", configs: [] }],
});
const before = { ...process.env };

beforeAll(async () => {
  const { port } = await s3.run();
  Object.assign(process.env, {
    ...{ AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" },
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
  });
});
afterAll(async () => {
  process.env = before;
  await s3.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  ["a folder", join(folder, "plain")],
  ["S3", "s3://bucket/some/prefix"],
])("%s as a store", (_, address) => {
  test("gives what was put, and says what is not there", async () => {
    const store = await openStore(address);
    expect(await store.get("a/b.json", 10)).toBeUndefined();
    expect(await store.has("a/b.json")).toBe(false);
    await store.put("a/b.json", bytes("first"));
    expect(await store.has("a/b.json")).toBe(true);
    expect(Buffer.from((await store.get("a/b.json", 10)) ?? []).toString()).toBe("first");
  });

  test("refuses an object that is larger than it may be", async () => {
    const store = await openStore(address);
    await store.put("big", bytes("0123456789"));
    await expect(store.get("big", 9)).rejects.toThrow(/L5403[^]*10 bytes/);
  });

  test("lists a prefix", async () => {
    const store = await openStore(address);
    const names = Array.from({ length: 5 }, (__, i) => `many/results/${i}.bundle`);
    await Promise.all([...names, "many/other"].map((name) => store.put(name, bytes(""))));
    const found: string[] = [];
    for await (const name of store.list("many/results/")) found.push(name);
    expect(found.sort()).toEqual(names.sort());
  });

  test("takes no name that leads elsewhere", async () => {
    const store = await openStore(address);
    for (const name of ["../x", "/x", "a//b", "a/../b", ".hidden", "A"])
      await expect(store.put(name, bytes("x"))).rejects.toThrow(/no object is called/);
  });
});

test("a folder keeps the first of two objects of one name, and nothing half", async () => {
  const place = join(folder, "first");
  const store = await openStore(place);
  expect(await store.put("x", bytes("first"))).toBe(true);
  expect(await store.put("x", bytes("second"))).toBe(false);
  expect(Buffer.from((await store.get("x", 10)) ?? []).toString()).toBe("first");
  expect(readdirSync(place)).toEqual(["x"]);
  writeFileSync(join(folder, "file"), "");
  await expect((await openStore(join(folder, "file"))).put("x", bytes("y"))).rejects.toThrow(/L5403/);
});

test(
  "a folder that takes no folders is named, and nobody waits for it",
  { skip: process.platform !== "linux" },
  async () => {
    const store = await openStore("/proc/lacec-store");
    await expect(store.put("a/b.json", bytes("b"))).rejects.toMatchObject({
      diagnostics: [{ code: "L5403", message: expect.stringContaining("/proc/lacec-store") as string }],
    });
  },
);

test("S3 lists page after page, names what it refuses, and connects again when a connection breaks", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://x");
    asked.push(url.searchParams.get("continuation-token") ?? url.pathname);
    if (asked.length === 1) request.socket.destroy();
    else if (url.pathname !== "/bucket/") response.writeHead(403).end("<Code>AccessDenied</Code>");
    else if (!url.searchParams.has("continuation-token"))
      response.end("<Key>a/1</Key><NextContinuationToken>b&amp;+/=</NextContinuationToken>");
    else response.end("<Key>a/2</Key>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = process.env["AWS_ENDPOINT_URL_S3"];
  process.env["AWS_ENDPOINT_URL_S3"] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const store = await openStore("s3://bucket");
    const found: string[] = [];
    for await (const name of store.list("a/")) found.push(name);
    expect(found).toEqual(["a/1", "a/2"]);
    expect(asked).toEqual(["/bucket/", "/bucket/", "b&+/="]);
    await expect(store.get("x", 9)).rejects.toThrow(/L5403[^]*GET x: 403[^]*AccessDenied/);
  } finally {
    process.env["AWS_ENDPOINT_URL_S3"] = endpoint;
    server.close();
  }
});

test.each(["s3://", "s3://UPPER/x", "s3:bucket"])("the address %s is refused", async (address) => {
  await expect(openStore(address)).rejects.toThrow(/s3:\/\/BUCKET\/PREFIX/);
});

describe("a bundle", () => {
  const host = nodeHost();
  const report = { submission: "s", piece: { task: 0, first: 0, last: 15 }, made: "here", seconds: 1.5 };

  test("gives back what went in, with who made it", async () => {
    const entries = new Map([
      ["aa", bytes("hello")],
      ["bb", new Uint8Array(1000)],
      ["cc", new Uint8Array()],
    ]);
    const read = await unpackBundle(host, await packBundle(host, entries, report), "x");
    expect(read.report).toEqual(report);
    expect(read.entries).toEqual(entries);
  });

  test("that is damaged throws, whatever is damaged", async () => {
    const packed = await packBundle(host, new Map([["aa", bytes("hello")]]), report);
    for (let i = 0; i < packed.length; i++)
      await expect(
        unpackBundle(
          host,
          packed.map((byte, k) => (k === i ? byte ^ 0x55 : byte)),
          "x",
        ),
      ).rejects.toThrow();
  });
});

describe("pieces of a plan", () => {
  const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample some from avatar { where glasses  count 40  seed 1 }
edit happy of some[10..29] { step smile }
edit hatted of happy[5..9] { step hat }
sample other from avatar { where hat  count 5  seed 2 }
sample bound from avatar { where hat  count 40  seed 2  sampler ode { control batch } }
`;

  test("cover every row of every task once, with the edits that start from it", async () => {
    const files = folderWith({ "x.lace": SCRIPT });
    const { plan } = await compileWhole(join(files.path, "x.lace"), nodeHost());
    files.remove();
    const pieces = cutPieces(plan, () => 10);
    expect(pieces).toEqual([
      { task: 0, first: 0, last: 15 },
      { task: 0, first: 16, last: 31 },
      { task: 0, first: 32, last: 39 },
      { task: 3, first: 0, last: 4 },
      { task: 4, first: 0, last: 39 },
    ]);
    const shown = plan.tasks.map((_, task) =>
      pieces.flatMap((piece) => {
        const selection = selectPiece(plan, piece);
        return Array.from({ length: 50 }, (__, index) => index).filter((index) =>
          selection.shows(task, { index, part: 0 }),
        );
      }),
    );
    const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    expect(shown).toEqual([upTo(40), upTo(20), upTo(5), upTo(5), upTo(40)]);
    const [first] = pieces;
    if (first === undefined) throw new Error("no piece");
    const selection = selectPiece(plan, first);
    // Row 0 of hatted is row 5 of happy, which is row 15 of some.
    expect([0, 1, 2, 3].map((task) => selection.rows(task))).toEqual([upTo(16), upTo(6), [0], []]);
  });
});
