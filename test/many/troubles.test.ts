// Machines in trouble, for real: a store that is another, a disk that is full, addresses that lead nowhere. Jobs outlive them.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bullQueue } from "../../src/node/many/bullmq-queue.js";
import { openStore } from "../../src/node/many/open.js";
import { MachineTrouble } from "../../src/ports/job-queue.js";
import { mainFile } from "../support/build.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample some from avatar { where glasses  count 32 }
save some to "some/{index}.png"
`;

describe.skipIf(!hasRedis)("a worker in trouble", () => {
  let folder: ReturnType<typeof folderWith>;
  let redis: OwnRedis;
  const call = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
  const meeting = (): string[] => ["--queue", redis.url, "--project", "test"];
  const work = (store: string): Promise<Ended> =>
    call("worker", ...meeting(), "--store", store, "--once", "--engine", "onnx-cpu");

  beforeAll(async () => {
    folder = folderWith({ "x.lace": SCRIPT });
    mkdirSync(join(folder.path, "redis"));
    redis = await startRedis(join(folder.path, "redis"));
  });
  afterAll(async () => {
    await redis.stop();
    folder.remove();
  });

  test("leaves its pieces to others: with another store nothing fails, and a worker with the right one draws all", async () => {
    expect((await call("submit", "x.lace", ...meeting(), "--store", "store", "--rows", "16")).code).toBe(0);
    const lost = await work("other");
    expect(lost).toMatchObject({
      code: 3,
      err: expect.stringMatching(/L5407[^]*does not have the submission/) as string,
    });
    expect(existsSync(join(folder.path, "other"))).toBe(false);
    expect((await call("jobs", ...meeting())).out).toContain("2 waiting, 0 under way, none failed");
    expect(await work("store")).toMatchObject({ code: 0, err: expect.stringContaining("2 pieces drawn") as string });
  }, 300_000);

  test("writes nothing where its store was, and goes on when it is there again", async () => {
    const [store, away] = ["gone", "away"].map((name) => join(folder.path, name)) as [string, string];
    const submitted = await call("submit", "x.lace", ...meeting(), "--store", store, "--rows", "16", "--count", "160");
    expect(submitted.code).toBe(0);
    const results = (): number =>
      existsSync(store) ? filesIn(store).filter((f) => /\/[^/.]+\.bundle$/.test(f)).length : 0;
    const args = [mainFile, "worker", ...meeting(), "--store", store, "--engine", "onnx-cpu"];
    const worker = spawn(process.execPath, args, { cwd: folder.path, stdio: ["ignore", "ignore", "pipe"] });
    try {
      let said = "";
      worker.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
      const until = async (is: () => boolean): Promise<void> => {
        for (let i = 0; i < 4000 && !is(); i++) await setTimeout(20);
        expect(is()).toBe(true);
      };
      await until(() => results() > 0);
      renameSync(store, away);
      await until(() => said.includes("does not have the submission"));
      expect(existsSync(store)).toBe(false);
      renameSync(away, store);
      await until(() => results() === 10);
      expect((await call("jobs", ...meeting())).out).toContain("none failed");
    } finally {
      worker.kill("SIGKILL");
    }
  }, 300_000);

  test("with a store that cannot be asked it does not begin", async () => {
    const of = (env: Readonly<Record<string, string>>): Promise<Ended> =>
      lacec(["worker", ...meeting(), "--store", "s3://bucket/x", "--once"], { cwd: folder.path, env });
    const [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY] = ["x", "y"];
    expect(await of({ AWS_ACCESS_KEY_ID: "" })).toMatchObject({
      code: 2,
      err: expect.stringContaining("AWS_ACCESS_KEY_ID") as string,
    });
    expect(
      await of({ AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" }),
    ).toMatchObject({ code: 3, err: expect.stringMatching(/L5403/) as string });
  }, 120_000);

  test("a job that a machine in trouble gives back has all of its attempts, and the machine rests before the next", async () => {
    const queue = await bullQueue(redis.url, { project: "rests", capability: "cpu" });
    const stop = new AbortController();
    const notes: string[] = [];
    const calls: { readonly id: string; readonly at: number }[] = [];
    const serving = queue.work(
      ({ id }) => {
        calls.push({ id, at: performance.now() });
        if (calls.length === 1) throw new MachineTrouble("the disk is full");
        if (calls.length === 3) stop.abort();
        return Promise.resolve("done");
      },
      { signal: stop.signal, untilEmpty: false, onNote: (text) => void notes.push(text) },
    );
    await queue.add([
      { id: "a", data: { task: 0 } },
      { id: "b", data: { task: 1 } },
    ]);
    await serving;
    expect(calls.map((c) => c.id)).toEqual(["a", "b", "a"]);
    expect((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0)).toBeGreaterThan(1_900);
    expect(notes).toEqual([expect.stringContaining("the disk is full")]);
    expect(await queue.state("")).toMatchObject({ waiting: 0, failed: 0 });
    await queue.close();
  }, 60_000);
});

test("addresses that lead nowhere are said as what they are", async () => {
  const folder = folderWith({ "x.lace": SCRIPT });
  const of = (queue: string): Promise<Ended> => lacec(["jobs", "--queue", queue], { cwd: folder.path });
  expect((await of("redis://127.0.0.1:1")).err).toMatch(/L5404.*ECONNREFUSED/);
  expect(await of("redis://127.0.0.1:1/pictures")).toMatchObject({
    code: 2,
    err: expect.stringContaining("number of a database") as string,
  });
  for (const address of ["https://host/bucket", "gs://bucket/x", "S3://bucket"])
    await expect(openStore(address)).rejects.toThrow(/a folder or s3:/);
  folder.remove();
});
