// A collection in parts, for real: several machines write single pictures into one folder, the last one takes these and makes the rest.
import { mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunRecord } from "../../src/runtime/record/record.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { hasRedis, startRedis, type OwnRedis } from "../support/redis.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample some from avatar { where glasses count 48 }
edit happy of some[0..3] { step smile }
save some to "some/{index}.png"
save happy to "happy/{index}.png"
save some to "some.png" as grid
expect some: glasses >= 0.5
`;

describe.skipIf(!hasRedis)("collect --shard", () => {
  let folder: ReturnType<typeof folderWith>;
  let redis: OwnRedis;
  const at = (...path: string[]): string => join(folder.path, ...path);
  const call = async (...args: string[]): Promise<Ended> => {
    const ended = await lacec(args, { cwd: folder.path });
    expect(ended).toMatchObject({ code: 0 });
    return ended;
  };
  const collect = (...more: string[]): Promise<Ended> =>
    call("collect", "x.lace", "--store", "store", "--out", "parts", "--json", ...more);
  const recordOf = (out: string): RunRecord => JSON.parse(readFileSync(at(out, "run.json"), "utf8")) as RunRecord;
  const pictures = (): readonly string[] => filesIn(at("parts")).filter((f) => f.endsWith(".png"));

  beforeAll(async () => {
    folder = folderWith({ "x.lace": SCRIPT });
    mkdirSync(at("redis"));
    redis = await startRedis(at("redis"));
    const meeting = ["--queue", redis.url, "--store", "store"];
    await call("submit", "x.lace", ...meeting, "--rows", "16");
    await call("worker", ...meeting, "--once", "--engine", "onnx-cpu");
  }, 300_000);
  afterAll(async () => {
    await redis.stop();
    folder.remove();
  });

  test("writes a part's single pictures, and no sheet; the parts share all pictures out", async () => {
    const first = JSON.parse((await collect("--shard", "1/2")).out) as { run: RunRecord };
    expect(first.run.machines?.map((m) => m.rows)).toEqual([{ some: "0..15" }]); // no more pieces are read than it needs
    expect(pictures().filter((f) => f.startsWith("some/")).length).toBeLessThan(48);
    await collect("--shard", "2/2");
    expect(pictures()).toHaveLength(48 + 4);
  }, 120_000);

  test("without a part it takes what is there, mends what is not as it was written, and gives the bytes of one run", async () => {
    const times = (): ReadonlyMap<string, number> =>
      new Map(pictures().map((f) => [f, statSync(at("parts", f)).mtimeMs] as const));
    const before = times();
    writeFileSync(at("parts/some/5.png"), readFileSync(at("parts/some/6.png")));
    unlinkSync(at("parts/some/7.png"));
    await collect();
    const after = times();
    const kept = [...before].filter(([file, time]) => after.get(file) === time).map(([file]) => file);
    expect(kept).toHaveLength(50);
    expect(kept).not.toContain("some/5.png");
    await call("run", "x.lace", "--out", "one", "--engine", "onnx-cpu", "--no-cache");
    for (const file of [...pictures(), "some.png"])
      expect(Buffer.compare(readFileSync(at("parts", file)), readFileSync(at("one", file)))).toBe(0);
    expect(recordOf("parts").outputs).toEqual(recordOf("one").outputs);
    expect(recordOf("parts").expectations).toEqual(recordOf("one").expectations);
  }, 120_000);

  test("a list of files that somebody has changed counts for nothing", async () => {
    const [list = ""] = filesIn(at("store")).filter((f) => f.includes("/collected/"));
    writeFileSync(at("store", list), '[{"file": 1}]');
    writeFileSync(at("parts/some/0.png"), "");
    await collect();
    expect(Buffer.compare(readFileSync(at("parts/some/0.png")), readFileSync(at("one/some/0.png")))).toBe(0);
  }, 120_000);
});
