// Kinds of machines, whose last bits may differ, for real: a worker leaves what another kind has begun, says so, and draws what its own has.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objects, sameKind, type Kind } from "../../src/app/many/submission.js";
import { PieceDrawer } from "../../src/app/many/draw-piece.js";
import { nodePlatform } from "../../src/node/platform.js";
import { openStore } from "../../src/node/many/open.js";
import { mainFile } from "../support/build.js";
import { folderWith, lacec, type Ended } from "../support/lacec.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";

const KIND: Kind = {
  ...{ lacec: "1.2.3", engine: "onnx-cpu", description: "onnxruntime 1.30.0, CPU, 2 threads", processor: "x64, avx2" },
};

test("threads of onnxruntime are no other kind, versions, engines and processors are", () => {
  expect(sameKind(KIND, { ...KIND, description: "onnxruntime 1.30.0, CPU, 1 thread" })).toBe(true);
  expect(sameKind(KIND, { ...KIND, description: "onnxruntime 1.30.0, CPU, 16 threads" })).toBe(true);
  for (const other of [
    { lacec: "1.2.4" },
    { description: "onnxruntime 1.31.0, CPU, 2 threads" },
    { description: "onnxruntime 1.30.0, CPU, 2 threads, stepping on the device" },
    { processor: "x64, avx512f" },
    { engine: "tfjs-cpu" as const },
  ])
    expect(sameKind(KIND, { ...KIND, ...other })).toBe(false);
  const wasm = { ...KIND, engine: "tfjs-wasm" as const };
  expect(
    sameKind({ ...wasm, description: "WebAssembly, 2 threads" }, { ...wasm, description: "WebAssembly, 4 threads" }),
  ).toBe(false);
});

describe.skipIf(!hasRedis)("a worker", () => {
  let folder: ReturnType<typeof folderWith>;
  let redis: OwnRedis;
  let id: string;
  const at = (...path: string[]): string => join(folder.path, ...path);
  const call = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
  const meeting = (): string[] => ["--queue", redis.url, "--store", at("store")];
  const begin = (kind: Kind): void => {
    const file = at("store", objects.kind(id));
    if (existsSync(file)) unlinkSync(file);
    writeFileSync(file, JSON.stringify(kind));
  };
  let own: Kind;

  beforeAll(async () => {
    folder = folderWith({
      "x.lace":
        'lace 1\nmodel avatar from "builtin:avatar"\nsample some from avatar { where glasses  count 16 }\nsave some to "{index}.png"\n',
    });
    mkdirSync(at("redis"));
    redis = await startRedis(at("redis"));
    const submitted = await call("submit", "x.lace", ...meeting(), "--rows", "16", "--json");
    ({ id } = JSON.parse(submitted.out) as { id: string });
    const options = { engine: "onnx-cpu", models: at("models"), maxBytes: 1e9, mixed: false } as const;
    const drawer = new PieceDrawer(nodePlatform(), await openStore(at("store")), options);
    own = await drawer.kind();
    await drawer.close();
  }, 120_000);
  afterAll(async () => {
    await redis.stop();
    folder.remove();
  });

  test("leaves what another kind has begun, and says which and what would draw it", async () => {
    begin({ ...own, processor: "another" });
    const args = [mainFile, "worker", ...meeting(), "--engine", "onnx-cpu"];
    const worker = spawn(process.execPath, args, { cwd: folder.path, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    worker.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    try {
      for (let i = 0; i < 1200 && !said.includes("left to others"); i++) await setTimeout(50);
      expect(said).toMatch(/is drawn by lacec .*, another; this worker is .*--mixed draws it.*left to others/);
      expect(existsSync(at("store", objects.piece(id, { task: 0, first: 0, last: 15 })))).toBe(false);
    } finally {
      worker.kill("SIGKILL");
    }
  }, 120_000);

  test("draws what a machine with another number of cores has begun", async () => {
    begin({ ...own, description: own.description.replace(/\d+ threads?/, "64 threads") });
    const ended = await call("worker", ...meeting(), "--once", "--engine", "onnx-cpu");
    expect(ended).toMatchObject({ code: 0, err: expect.stringContaining("1 pieces drawn") as string });
    expect((await call("collect", "x.lace", "--store", at("store"), "--out", "many")).code).toBe(0);
  }, 120_000);
});
