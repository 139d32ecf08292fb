// The queue of many machines under stress: workers and Redis killed, thousands of jobs drained, a thousand workers.
// Run: npm run build, then node scripts/bench.js many [--only kills,drain,scale,store] [--json]
//   kills: [--count 2000] [--rows 16] [--workers 4] [--kills 50] [--redis-kills 5] [--s3]; drain: [--jobs 10000] [--processes 4];
//   scale: [--scale-workers 1000] [--scale-processes 4] [--scale-jobs 5000] [--sleep 10]; store: [--script FILE] [--store-rows 192]
// In: redis-server of this system; a Redis with an append-only file on a free port of loopback is started for each subject, and ended. Out: of each subject its figures.
// Invariants: `kills` is of whole `lacec worker` processes, and fails if a piece is lost or a file differs from that of one run; `drain` and `scale` are of
// lacec's own use of BullMQ, in processes of this file, with jobs that do nothing and wait before workers come, or sleep and come to waiting workers; seconds from a kill are by Redis's clock. `store` is of one worker's pieces, packed and put into a folder and an S3 server of npm (a process of its own on loopback) by this process.
import { once } from "node:events";
import { fork, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { gzip } from "node:zlib";
import { Queue, QueueEvents } from "bullmq";
import { Redis } from "ioredis";
import { nodeHost } from "../src/node/host.js";
import { packBundle, unpackBundle } from "../src/app/many/bundle.js";
import { openStore } from "../src/node/many/open.js";
import { bullQueue } from "../src/node/many/bullmq-queue.js";
import { startRedis, type OwnRedis } from "../test/support/redis.js";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "kills,drain,scale,store" },
    json: { type: "boolean", default: false },
    count: { type: "string", default: "2000" },
    rows: { type: "string", default: "16" },
    workers: { type: "string", default: "4" },
    kills: { type: "string", default: "50" },
    "redis-kills": { type: "string", default: "5" },
    s3: { type: "boolean", default: false },
    jobs: { type: "string", default: "10000" },
    processes: { type: "string", default: "4" },
    "scale-workers": { type: "string", default: "1000" },
    "scale-processes": { type: "string", default: "4" },
    "scale-jobs": { type: "string", default: "5000" },
    sleep: { type: "string", default: "10" },
    script: { type: "string" },
    "store-rows": { type: "string", default: "192" },
    serve: { type: "string" },
  },
});

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const QUEUE = { project: "bench", capability: "cpu" } as const;

type Figures = Readonly<Record<string, number>>;
type Moments = Map<string, number[]>;

/** Workers of one process: told to it in one argument. */
interface Serving {
  readonly url: string;
  readonly workers: number;
  readonly sleepMs: number;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

function round(x: number): number {
  return Number(x.toPrecision(4));
}

async function lacec(cwd: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`lacec ${args[0] ?? ""} ended with ${code ?? "a signal"}: ${err}`);
  return out;
}

/** When each job was begun, found to be a dead worker's, and ended, by Redis's clock in milliseconds. */
function watchEvents(url: string): Record<"begun" | "found" | "ended", Moments> & { close(): void } {
  const [begun, found, ended] = [1, 2, 3].map(() => new Map<string, number[]>()) as [Moments, Moments, Moments];
  const events = new QueueEvents(QUEUE.capability, {
    connection: { url, maxRetriesPerRequest: null },
    prefix: QUEUE.project,
  });
  events.on("error", () => undefined);
  const note = (of: Moments, job: string, event: string): void => {
    of.set(job, [...(of.get(job) ?? []), Number.parseInt(event, 10)]);
  };
  events.on("active", ({ jobId }, event) => note(begun, jobId, event));
  events.on("stalled", ({ jobId }, event) => note(found, jobId, event));
  events.on("completed", ({ jobId }, event) => note(ended, jobId, event));
  return { begun, found, ended, close: () => void events.close().catch(() => undefined) };
}

async function benchKills(folder: string, redis: OwnRedis): Promise<Figures> {
  const [kills, redisKills] = [Number(values.kills), Number(values["redis-kills"])];
  const script = `lace 1\nmodel avatar from "builtin:avatar"\nsample some from avatar { where glasses and smile  count ${Number(values.count)}  seed 5 }\nsave some to "{index}.png"\n`;
  writeFileSync(join(folder, "x.lace"), script);
  // s3rver keeps an object in a file beside those of what it knows of it.
  const s3 = values.s3 ? await startS3(join(folder, "s3")) : undefined;
  const store = s3 === undefined ? "store" : "s3://bucket/bench";
  const [kept, suffix] = s3 === undefined ? ["store", ""] : ["s3/bucket/bench", "._S3rver_object"];
  const meeting = ["--queue", redis.url, "--project", QUEUE.project, "--store", store];
  const submitted = await lacec(folder, ["submit", "x.lace", ...meeting, "--rows", values.rows, "--json"]);
  const { id, pieces } = JSON.parse(submitted) as { id: string; pieces: number };
  const results = join(folder, kept, "submissions", id, "results");
  mkdirSync(results, { recursive: true });
  const drawn = (): number => readdirSync(results).filter((name) => name.endsWith(`.bundle${suffix}`)).length;
  const events = watchEvents(redis.url);
  const queue = new Queue(QUEUE.capability, {
    connection: { url: redis.url, maxRetriesPerRequest: null },
    prefix: QUEUE.project,
  });
  queue.on("error", () => undefined);

  const workers: ChildProcess[] = [];
  let working = true;
  const start = (at: number): void => {
    const args = [MAIN, "worker", ...meeting, "--engine", "onnx-cpu", "-q"];
    const worker = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
    workers[at] = worker;
    worker.on("exit", () => working && start(at)); // as a supervisor of services does
  };
  const began = performance.now();
  for (let at = 0; at < Number(values.workers); at++) start(at);

  const killedAt: { readonly job: string; readonly at: number }[] = [];
  const redisKilledAt: number[] = [];
  const total = kills + redisKills;
  const pause = async (k: number): Promise<void> => {
    while (drawn() < Math.floor((pieces * k) / (total + 4))) await setTimeout(100);
    await setTimeout(Math.random() * 1000);
  };
  for (let k = 0; k < total; k++) {
    await pause(k + 1);
    if (Math.floor(((k + 1) * redisKills) / total) > Math.floor((k * redisKills) / total)) {
      redisKilledAt.push(Date.now());
      await redis.restart();
      continue;
    }
    const worker = workers[Math.floor(Math.random() * workers.length)];
    if (worker?.pid === undefined) continue;
    const at = Date.now();
    worker.kill("SIGKILL");
    const held = (await queue.getActive()).filter((job) => job.processedBy === `${hostname()}-${worker.pid ?? 0}`);
    killedAt.push({ job: held[0]?.id ?? "", at });
  }
  while (drawn() < pieces) await setTimeout(100);
  const seconds = (performance.now() - began) / 1000;
  await setTimeout(1000);
  working = false;
  const over = workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(over);
  const counts = await queue.getJobCounts("wait", "active", "delayed", "failed");
  await queue.close();
  events.close();

  const after = (moments: readonly number[], at: number): number => moments.filter((ms) => ms > at).toSorted()[0] ?? 0;
  const until = (moments: Moments): readonly number[] =>
    killedAt.flatMap(({ job, at }) => {
      const next = after(moments.get(job) ?? [], at);
      return next === 0 ? [] : [(next - at) / 1000];
    });
  const [found, again] = [until(events.found), until(events.begun)];
  /** Seconds that drawing took, and those from the piece's taking to its end besides: its way to the engine, packing, the store, the queue. */
  const [drawing, besides]: [number[], number[]] = [[], []];
  for (const [job, [end = 0, ...more]] of events.ended) {
    const [start = 0, ...others] = events.begun.get(job) ?? [];
    const name = `${job.slice(id.length + 1)}.bundle`;
    const { report } = await unpackBundle(nodeHost(), readFileSync(join(results, `${name}${suffix}`)), name);
    if (report === undefined || more.length + others.length > 0) continue;
    drawing.push(report.seconds);
    besides.push((end - start) / 1000 - report.seconds);
  }
  const moments = [...events.begun.values(), ...events.ended.values()].flat();
  const redisAgain = redisKilledAt.map((at) => (after(moments, at + 50) - at) / 1000);
  await lacec(folder, ["collect", "x.lace", "--store", store, "--out", "many"]);
  await lacec(folder, ["run", "x.lace", "--out", "one", "--engine", "onnx-cpu", "--no-cache", "-q"]);
  s3?.kill("SIGKILL");
  const files = readdirSync(join(folder, "one")).filter((name) => name.endsWith(".png"));
  const differing = files.filter(
    (name) => !readFileSync(join(folder, "many", name)).equals(readFileSync(join(folder, "one", name))),
  ).length;
  if (differing > 0 || files.length !== Number(values.count) || Object.values(counts).some((n) => n > 0))
    throw new Error(`${differing} files differ, of ${files.length}; in the queue: ${JSON.stringify(counts)}`);
  return {
    pictures: files.length,
    pieces,
    "worker kills": killedAt.length,
    "with a piece": killedAt.filter(({ job }) => job !== "").length,
    "Redis kills": redisKilledAt.length,
    "files that differ": differing,
    "pieces ended twice": [...events.ended.values()].filter((ends) => ends.length > 1).length,
    "s until the piece is given away, median": round(median(found)),
    "s until the piece is given away, most": round(Math.max(0, ...found)),
    "s until the piece runs again, median": round(median(again)),
    "s until the piece runs again, most": round(Math.max(0, ...again)),
    "of these over 10 s": again.filter((s) => s > 10).length,
    "s until the queue goes on after Redis, most": round(Math.max(0, ...redisAgain)),
    "s of drawing a piece, median": round(median(drawing)),
    "s a piece besides, median": round(median(besides)),
    "s in all": round(seconds),
  };
}

/** Jobs that do nothing, or sleep, done by workers in other processes: of lacec's queue alone. */
async function benchSleeping(
  url: string,
  { jobs, workers, processes, sleepMs }: { jobs: number; workers: number; processes: number; sleepMs: number },
): Promise<Figures> {
  const client = new Redis(url);
  const info = async (section: string, field: string): Promise<number> =>
    Number(new RegExp(`^${field}:([0-9.]+)`, "m").exec(await client.info(section))?.[1] ?? Number.NaN);
  const cpu = async (): Promise<number> => (await info("cpu", "used_cpu_user")) + (await info("cpu", "used_cpu_sys"));
  /** Requests of workers (scripts, and waiting for work), and commands with those that scripts ran. */
  const commands = async (): Promise<{ sent: number; all: number }> => {
    const calls = [...(await client.info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
    const sum = (of: typeof calls): number => of.reduce((n, [, , own]) => n + Number(own), 0);
    return {
      sent: sum(calls.filter(([, name]) => ["evalsha", "eval", "bzpopmin"].includes(name ?? ""))),
      all: sum(calls),
    };
  };
  const queue = await bullQueue(url, QUEUE);
  const hash = "0".repeat(64);
  const addAll = (): Promise<void> =>
    queue.add(
      Array.from({ length: jobs }, (_, k) => ({
        id: `${hash}-0-${16 * k}-${16 * k + 15}`,
        data: { submission: hash, task: 0, first: 16 * k, last: 16 * k + 15 },
      })),
    );
  /** Of jobs that nobody takes yet. */
  const before: Record<string, number> = {};
  if (sleepMs === 0) {
    const empty = await info("memory", "used_memory");
    const queueing = performance.now();
    await addAll();
    before["s to queue them"] = round((performance.now() - queueing) / 1000);
    before["bytes of Redis a waiting job"] = Math.round(((await info("memory", "used_memory")) - empty) / jobs);
  }

  let [done, busy] = [0, 0];
  const children = Array.from({ length: processes }, (_, k) => {
    const own = Math.floor((workers * (k + 1)) / processes) - Math.floor((workers * k) / processes);
    const serving: Serving = { url, workers: own, sleepMs };
    const child = fork(process.argv[1] ?? "", ["many", "--serve", JSON.stringify(serving)]);
    const ready = new Promise((resolve) => child.once("message", resolve));
    return { child, ready };
  });
  await Promise.all(children.map(({ ready }) => ready));
  let [cpuBefore, commandsBefore, began] = [await cpu(), await commands(), performance.now()];
  for (const { child } of children) {
    child.on("message", (ms: number) => {
      done += 1;
      busy += ms;
    });
    child.send("go");
  }
  if (sleepMs > 0) {
    while ((await queue.state("")).workers < workers) await setTimeout(100);
    await setTimeout(5000); // all of them wait for work
    [cpuBefore, commandsBefore, began] = [await cpu(), await commands(), performance.now()];
    await addAll();
  }
  while (done < jobs) await setTimeout(50);
  const seconds = (performance.now() - began) / 1000;
  const [cpuAfter, after] = [await cpu(), await commands()];
  const peak = await info("memory", "used_memory_peak");
  for (const { child } of children) child.kill("SIGKILL");
  await queue.close();
  client.disconnect();
  return {
    jobs,
    workers,
    processes,
    "s a job": sleepMs / 1000,
    ...before,
    "MB of Redis, most": round(peak / 1e6),
    "s to drain": round(seconds),
    "jobs a second": round(jobs / seconds),
    ...(sleepMs > 0 && { "of what sleeping alone allows": round((jobs * sleepMs) / 1000 / workers / seconds) }),
    "ms of a worker a job besides its work": round(((seconds * workers - busy / 1000) * 1000) / jobs),
    "requests a job": round((after.sent - commandsBefore.sent) / jobs),
    "commands in Redis a job": round((after.all - commandsBefore.all) / jobs),
    "ms of Redis's CPU a job": round(((cpuAfter - cpuBefore) * 1000) / jobs),
    "of a core for Redis": round((cpuAfter - cpuBefore) / seconds),
  };
}

/** Workers of this process, until it is killed; says when each job is done, and how long it slept. */
async function serve({ url, workers, sleepMs }: Serving): Promise<void> {
  const queue = await bullQueue(url, QUEUE);
  process.send?.("ready");
  await new Promise((resolve) => process.once("message", resolve));
  const work = async (): Promise<"done"> => {
    const began = performance.now();
    if (sleepMs > 0) await setTimeout(sleepMs);
    process.send?.(performance.now() - began);
    return "done";
  };
  await Promise.all(
    Array.from({ length: workers }, () =>
      queue.work(work, {
        signal: new AbortController().signal,
        untilEmpty: false,
        onNote: (text) => process.stderr.write(`${text}\n`),
      }),
    ),
  );
}

/** What a piece costs besides drawing: packing it, and putting it into a store; gzip beside, which lacec does not use. */
async function benchStore(folder: string, { url }: OwnRedis): Promise<Figures> {
  const script = `lace 1\nmodel avatar from "builtin:avatar"\nsample some from avatar { where glasses and smile  count 960  seed 5 }\nsave some to "{index}.png"\n`;
  if (values.script === undefined) writeFileSync(join(folder, "x.lace"), script);
  const meeting = ["--queue", url, "--project", QUEUE.project, "--store", join(folder, "store")];
  const file = values.script === undefined ? "x.lace" : resolve(values.script);
  const submitted = await lacec(folder, ["submit", file, ...meeting, "--rows", values["store-rows"], "--json"]);
  const { id } = JSON.parse(submitted) as { id: string };
  await lacec(folder, ["worker", ...meeting, "--engine", "onnx-cpu", "-q", "--once"]);
  const host = nodeHost();
  const server = await startS3(join(folder, "s3"));
  try {
    const stores = { folder: await openStore(join(folder, "plain")), S3: await openStore("s3://bucket/bench") };
    const taken: Record<string, number[]> = {};
    const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      const [start, used] = [performance.now(), process.cpuUsage()];
      const made = await work();
      const { user, system } = process.cpuUsage(used);
      (taken[`ms: ${name}`] ??= []).push(performance.now() - start);
      (taken[`ms of CPU: ${name}`] ??= []).push((user + system) / 1000);
      return made;
    };
    let [bytes, seconds, pieces] = [0, 0, 0];
    const results = join(folder, "store/submissions", id, "results");
    for (const name of readdirSync(results)) {
      const packed = readFileSync(join(results, name));
      const { entries, report } = await unpackBundle(host, packed, name);
      if (report === undefined) throw new Error(`${name} says nothing of itself`);
      bytes += packed.length;
      seconds += report.seconds;
      pieces++;
      const again = await timed("pack", () => packBundle(host, entries, report));
      await timed("unpack", () => unpackBundle(host, again, name));
      for (const [place, store] of Object.entries(stores)) {
        await timed(`put, ${place}`, () => store.put(`a/${name}`, again));
        await timed(`get, ${place}`, () => store.get(`a/${name}`, again.length));
        await timed(`has, ${place}`, () => store.has(`a/${name}`));
      }
      for (const level of [1, 6]) await timed(`gzip ${level} beside`, () => promisify(gzip)(again, { level }));
    }
    return {
      pieces,
      "MB a piece": round(bytes / pieces / 1e6),
      "s of drawing a piece": round(seconds / pieces),
      ...Object.fromEntries(Object.entries(taken).map(([name, all]) => [name, round(median(all))])),
    };
  } finally {
    server.kill("SIGKILL");
  }
}

/** s3rver in a process of its own; what this one and its children ask S3 goes there. */
async function startS3(folder: string): Promise<ChildProcess> {
  const server = spawn(process.execPath, ["-e", S3_SERVER, folder], { stdio: ["ignore", "pipe", "ignore"] });
  const [port] = (await once(server.stdout, "data")) as [Buffer];
  Object.assign(process.env, {
    ...{ AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" },
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port.toString().trim()}`,
  });
  return server;
}

/** It prints its port. */
const S3_SERVER = `const S3rver = require("s3rver");
new S3rver({ port: 0, address: "127.0.0.1", silent: true, directory: process.argv[1], configureBuckets: [{ name: "bucket", configs: [] }] })
  .run().then(({ port }) => console.log(port));`;

const SUBJECTS: Readonly<Record<string, (folder: string, redis: OwnRedis) => Promise<Figures>>> = {
  kills: benchKills,
  store: benchStore,
  drain: (_, { url }) =>
    benchSleeping(url, {
      jobs: Number(values.jobs),
      workers: Number(values.processes),
      processes: Number(values.processes),
      sleepMs: 0,
    }),
  scale: (_, { url }) =>
    benchSleeping(url, {
      jobs: Number(values["scale-jobs"]),
      workers: Number(values["scale-workers"]),
      processes: Number(values["scale-processes"]),
      sleepMs: Number(values.sleep) * 1000,
    }),
};

if (values.serve !== undefined) await serve(JSON.parse(values.serve) as Serving);
else {
  const report: Record<string, Figures> = {};
  for (const name of values.only.split(",")) {
    const bench = SUBJECTS[name];
    if (bench === undefined) throw new Error(`there is no subject ${name}`);
    const folder = mkdtempSync(join(tmpdir(), "lacec-many-"));
    mkdirSync(join(folder, "redis"));
    const redis = await startRedis(join(folder, "redis"));
    try {
      const figures = { ...(await bench(folder, redis)), load: round(loadavg()[0] ?? 0) };
      report[name] = figures;
      if (!values.json) console.table({ [name]: figures });
    } finally {
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  if (values.json) console.log(JSON.stringify(report));
}
