// Locks of jobs: short enough that a dead worker's job is found within ten seconds, renewed for as long as a living one works.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { Job, Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bullQueue } from "../../src/node/many/bullmq-queue.js";
import { folderWith } from "../support/lacec.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";

describe.skipIf(!hasRedis)("the lock of a job", () => {
  let folder: ReturnType<typeof folderWith>;
  let redis: OwnRedis;
  beforeAll(async () => {
    folder = folderWith({});
    mkdirSync(join(folder.path, "redis"));
    redis = await startRedis(join(folder.path, "redis"));
  });
  afterAll(async () => {
    await redis.stop();
    folder.remove();
  });

  test("runs out, and is looked for, within six seconds and a half in all; it is renewed while its worker works, which the job names", async () => {
    const options = { project: "locks", capability: "cpu" } as const;
    const queue = await bullQueue(redis.url, options);
    const client = new Redis(redis.url);
    const seen = new Queue("cpu", { connection: client, prefix: "locks" });
    const stop = new AbortController();
    let end = (): void => undefined;
    const ended = new Promise<"done">((resolve) => (end = () => resolve("done")));
    let calls = 0;
    const serving = queue.work(
      () => {
        calls += 1;
        return ended;
      },
      { signal: stop.signal, untilEmpty: false, onNote: () => undefined },
    );
    await queue.add([{ id: "one", data: { task: 0 } }]);
    const lock = (): Promise<number> => client.pttl("locks:cpu:one:lock");
    let [longest, waited, checks] = [0, 0, 0];
    for (; waited < 9000; waited += 100) {
      longest = Math.max(longest, await lock());
      checks = Math.max(checks, await client.pttl("locks:cpu:stalled-check"));
      await setTimeout(100);
    }
    expect(await lock()).toBeGreaterThan(0);
    expect(longest).toBeGreaterThan(0);
    expect(checks).toBeGreaterThan(0);
    expect(longest + checks).toBeLessThanOrEqual(6_500);
    expect((await Job.fromId(seen, "one"))?.processedBy).toMatch(new RegExp(`-${process.pid}$`));
    end();
    stop.abort();
    await serving;
    expect(calls).toBe(1);
    expect(await queue.state("")).toMatchObject({ waiting: 0, active: 0, failed: 0 });
    await seen.close();
    client.disconnect();
    await queue.close();
  }, 120_000);
});
