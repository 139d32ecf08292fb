import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyDecoder } from "../support/decoder.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";
import { writePack } from "../../src/models/pack/write-pack.js";

const SCRIPT = `lace 1

model faces from "tiny"

sample some from faces { count 2  seed 3 }

save some to "some.png" as grid
`;
const pack = writePack(randomModel(), { source: "a test" });
const sha256 = createHash("sha256").update(pack).digest("hex");

let folder: ReturnType<typeof folderWith>;
let server: Server;
let address = "";
/** What the server was asked for: the range, or "all". */
const asked: string[] = [];
/** Bytes after which the next answer breaks off. */
let breakAfter: number | undefined;

beforeAll(async () => {
  folder = folderWith({ "x.lace": SCRIPT });
  writeFileSync(join(folder.path, "tiny.onnx"), tinyDecoder());
  server = createServer((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    asked.push(request.headers.range ?? "all");
    if (request.url !== "/m.safetensors") {
      response.writeHead(404).end();
      return;
    }
    const body = Buffer.from(pack).subarray(from);
    const range = from > 0 ? { "content-range": `bytes ${from}-${pack.length - 1}/${pack.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { "content-length": body.length, ...range });
    if (breakAfter === undefined) response.end(body);
    else {
      const sent = body.subarray(0, breakAfter);
      response.write(sent);
      void arrived(sent.length).then(() => response.destroy());
    }
    breakAfter = undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  folder.remove();
});
/** Waits until the unfinished download holds so many bytes. */
async function arrived(bytes: number): Promise<void> {
  const part = join(folder.path, `store/.downloads/${sha256}/m.safetensors`);
  while ((statSync(part, { throwIfNoEntry: false })?.size ?? 0) < bytes) await setTimeout(10);
}

const run = (...args: string[]): Promise<Ended> =>
  lacec(args, { cwd: folder.path, env: { LACE_MODELS: join(folder.path, "store") } });

describe("lacec models", () => {
  test("what is added is listed, named by scripts, and removed; it is there whole", async () => {
    const missing = await run("check", "x.lace");
    expect(missing.code).toBe(3);
    expect(missing.err).toMatch(/L5101[^]*x.lace:3:1[^]*lacec models add CHECKPOINT --name tiny[^]*lacec models pull/);
    const added = await run("models", "add", "tiny.onnx", "--licence", "MIT");
    expect([added.code, added.out]).toEqual([0, expect.stringContaining('from "tiny"')]);
    const twice = await run("models", "add", "tiny.onnx");
    expect([twice.code, twice.err]).toEqual([2, expect.stringContaining("--force")]);
    const list = JSON.parse((await run("models", "list", "--json")).out) as { models: unknown[] };
    expect(list.models).toMatchObject([{ name: "tiny", architecture: "onnx", resolution: 8, licence: "MIT" }]);
    const ran = await run("run", "x.lace", "--engine", "tfjs-cpu");
    expect(ran.code).toBe(0);
    expect(readFileSync(join(folder.path, "run.json"), "utf8")).toContain('"reference": "tiny"');
    const removed = await run("models", "remove", "tiny");
    expect([removed.code, existsSync(join(folder.path, "store/tiny"))]).toEqual([0, false]);
    expect((await run("models", "remove", "tiny")).code).toBe(3);
  });

  test("a download is refused without a hash, resumed where it broke off, and opened only with the right hash", async () => {
    const url = `${address}/m.safetensors`;
    const bare = await run("models", "pull", url);
    expect([bare.code, asked]).toEqual([2, []]);
    breakAfter = 1000;
    const broken = await run("models", "pull", url, "--sha256", sha256, "--name", "pulled");
    expect([broken.code, broken.err]).toEqual([3, expect.stringMatching(/L5401[^]*goes on where it stopped/)]);
    const rest = await run("models", "pull", url, "--sha256", sha256, "--name", "pulled");
    expect([rest.code, rest.err.includes("error")]).toEqual([0, false]);
    expect(asked).toEqual(["all", "bytes=1000-"]);
    expect((await run("models", "list")).out).toContain("pulled");
    const other = await run("models", "pull", url, "--sha256", "0".repeat(64), "--name", "other");
    expect([other.code, other.err]).toEqual([3, expect.stringContaining("L5402")]);
    const nowhere = await run("models", "pull", `${address}/x.pkl`, "--sha256", sha256);
    expect([nowhere.code, nowhere.err]).toEqual([3, expect.stringMatching(/L5401.*404/)]);
    expect((await run("models", "pull", "m.safetensors", "--sha256", sha256)).code).toBe(2);
    // Nothing of a download stays, and nothing of the model that was refused.
    expect(filesIn(join(folder.path, "store"))).toEqual(["pulled/model.safetensors"]);
  });
});
