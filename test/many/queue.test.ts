// A queue of many machines, for real: Redis, workers that are killed, and the files of one run in the end.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { machineRecords } from "../../src/app/many/machine-records.js";
import type { RunRecord } from "../../src/runtime/record/record.js";
import { mainFile } from "../support/build.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
input seed: number = 3
sample some from avatar { where glasses  count 48  seed seed }
edit happy of some[0..19] { step smile }
sweep hats over h in {hat, not hat} from avatar { where h  count 2  seed seed }
save some to "some/{index}.png"
save some to "some.png" as grid
save happy to "happy/{index}.png"
save happy to "happy.webp" as animation { fps 2  tween 1 }
save hats to "hats.png" as grid
expect some: glasses >= 0.5
`;

describe.skipIf(!hasRedis)("a queue", () => {
  let folder: ReturnType<typeof folderWith>;
  let redis: OwnRedis;
  const workers: ChildProcess[] = [];
  const at = (...path: string[]): string => join(folder.path, ...path);
  const call = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
  const meeting = (): string[] => ["--queue", redis.url, "--project", "test"];
  const submit = (...more: string[]): Promise<Ended> =>
    call("submit", "x.lace", ...meeting(), "--store", "store", "--rows", "16", "--json", ...more);
  const start = (...more: string[]): ChildProcess => {
    const args = [mainFile, "worker", ...meeting(), "--store", at("store"), "--engine", "onnx-cpu", ...more];
    const worker = spawn(process.execPath, args, { cwd: folder.path, stdio: ["ignore", "ignore", "pipe"] });
    workers.push(worker);
    return worker;
  };
  const ended = async (worker: ChildProcess): Promise<number | null> => {
    if (worker.exitCode === null && worker.signalCode === null)
      await new Promise((resolve) => worker.once("exit", resolve));
    return worker.exitCode;
  };
  const results = (): string[] =>
    existsSync(at("store/submissions")) ? filesIn(at("store")).filter((f) => /\/results\/[^/.]+\.bundle$/.test(f)) : []; // not what a killed worker was writing

  beforeAll(async () => {
    folder = folderWith({ "x.lace": SCRIPT });
    mkdirSync(at("redis"));
    redis = await startRedis(at("redis"));
  });
  afterAll(async () => {
    for (const worker of workers) worker.kill("SIGKILL");
    await redis.stop();
    folder.remove();
  });

  test("loses nothing to dead workers and a dead Redis, and gives the bytes of one run", async () => {
    const first = JSON.parse((await submit()).out) as Record<string, unknown>;
    expect(first).toMatchObject({ pieces: 4, there: 0, queued: 4 });
    const doomed = start();
    for (let i = 0; i < 6000 && results().length === 0; i++) await setTimeout(50);
    expect(results().length).toBeGreaterThan(0);
    doomed.kill("SIGKILL");
    await redis.restart();
    expect(await call("collect", "x.lace", "--store", "store", "--out", "early")).toMatchObject({
      code: 3,
      err: expect.stringMatching(/L5406/) as string,
    });
    const second = start();
    const third = start();
    for (let i = 0; i < 6000 && results().length < 4; i++) await setTimeout(50);
    expect(results()).toHaveLength(4);
    second.kill("SIGTERM");
    third.kill("SIGTERM");
    expect([await ended(second), await ended(third)]).toEqual([0, 0]);

    expect(JSON.parse((await submit()).out)).toMatchObject({ pieces: 4, there: 4, queued: 0 });
    const collected = await call("collect", "x.lace", "--store", "store", "--out", "many");
    expect([collected.code, collected.err]).toEqual([0, expect.stringContaining("pieces by lacec")]);
    const { machines } = JSON.parse(readFileSync(at("many/run.json"), "utf8")) as RunRecord;
    expect(machines?.map((m) => m.rows)).toEqual([{ some: "0..47", hats: "0..1" }]);
    expect(machines?.[0]?.made).toMatch(/^lacec .*, onnx-cpu, /);
    expect((await call("run", "x.lace", "--out", "one", "--engine", "onnx-cpu", "--no-cache")).code).toBe(0);
    const files = filesIn(at("one")).filter((f) => f !== "run.json");
    expect(files.length).toBe(48 + 1 + 20 + 1 + 1);
    for (const file of files)
      expect(Buffer.compare(readFileSync(at("many", file)), readFileSync(at("one", file)))).toBe(0);
  }, 900_000);

  test("draws what the store has lost again, and refuses a result at another's place", async () => {
    const [a = "", b = "", c = ""] = results().map((f) => at("store", f));
    const bytes = readFileSync(b);
    unlinkSync(c);
    unlinkSync(a);
    writeFileSync(a, bytes);
    expect(JSON.parse((await submit()).out)).toMatchObject({ there: 3, queued: 1 });
    expect((await call("worker", ...meeting(), "--store", "store", "--once", "--engine", "onnx-cpu")).code).toBe(0);
    expect(await call("collect", "x.lace", "--store", "store", "--out", "many")).toMatchObject({
      code: 3,
      err: expect.stringMatching(/L5405[^]*delete it/) as string,
    });
  }, 900_000);

  test("fails a submission that no machine can draw once, says why, and tries it again when it is told to", async () => {
    const { id } = JSON.parse((await submit("--seed", "8")).out) as { id: string };
    const recipe = at("store/submissions", id, "recipe.json");
    unlinkSync(recipe);
    writeFileSync(recipe, "{}");
    expect((await call("worker", ...meeting(), "--store", "store", "--once", "--engine", "onnx-cpu")).code).toBe(0);
    const failed = await call("jobs", id.slice(0, 12), ...meeting());
    expect([failed.code, failed.out]).toEqual([1, expect.stringMatching(/4 failed[^]*another hash/)]);
    expect((await call("jobs", id, "retry", ...meeting())).out).toContain("4 queued again");
    expect((await call("jobs", id, "cancel", ...meeting())).out).toMatch(
      /4 cancelled\n0 waiting, 0 under way, none failed/,
    );
    expect(readdirSync(at("store/submissions", id))).not.toContain("results");
  }, 900_000);
});

test("run.json says who drew which rows, in ranges", () => {
  const piece = (task: number, first: number): { task: number; first: number; last: number } => ({
    ...{ task, first, last: first + 15 },
  });
  const machines = new Map([
    ["two", { pieces: [piece(0, 48), piece(0, 0), piece(0, 16)], seconds: 1.23456 }],
    ["one", { pieces: [piece(0, 32), piece(2, 0)], seconds: 2 }],
  ]);
  const tasks = ["a", "b", "c"].map((name) => ({ name })) as unknown as Parameters<typeof machineRecords>[1]["tasks"];
  expect(machineRecords(machines, { tasks })).toEqual([
    { made: "one", seconds: 2, rows: { a: "32..47", c: "0..15" } },
    { made: "two", seconds: 1.235, rows: { a: "0..31, 48..63" } },
  ]);
});

test("a queue that is not there is said, with how to write one", async () => {
  const folder = folderWith({ "x.lace": SCRIPT });
  const of = (queue: string): Promise<Ended> => lacec(["jobs", "--queue", queue], { cwd: folder.path });
  expect(await of("redis://:secret@127.0.0.1:1")).toMatchObject({
    code: 3,
    err: expect.stringMatching(/L5404/) as string,
  });
  expect((await of("redis://:secret@127.0.0.1:1")).err).not.toContain("secret");
  expect(await of("http://127.0.0.1")).toMatchObject({
    code: 2,
    err: expect.stringContaining("redis://HOST:PORT") as string,
  });
  folder.remove();
});
