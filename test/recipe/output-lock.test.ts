import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LaceError } from "../../src/index.js";
import { TEMPORARY_PREFIX } from "../../src/node/host.js";
import { lockOutputs } from "../../src/node/output-lock.js";
import { machineId } from "../../src/node/process.js";
import { folderWith } from "../support/lacec.js";

let folder: ReturnType<typeof folderWith>;
beforeEach(() => (folder = folderWith({})));
afterEach(() => folder.remove());
const record = (): string => join(folder.path, "run.json");
const lockFile = (): string => join(folder.path, ".lacec-lock-run.json");

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  return error instanceof LaceError ? error.diagnostics[0]!.code : String(error);
}

/** The number of a process that has ended. */
function deadPid(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["-e", ""]);
    child.on("close", () => resolve(child.pid!));
  });
}

describe("the lock on outputs", () => {
  test("keeps a second run out until it is released, and leaves nothing", async () => {
    const release = await lockOutputs(record(), []);
    expect(await codeOf(lockOutputs(record(), []))).toBe("L5309");
    const other = await lockOutputs(join(folder.path, "run.shard-1-of-2.json"), []);
    await release();
    await release();
    await (
      await lockOutputs(record(), [])
    )();
    await other();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("of a process that is gone, or another one of its number, is taken over", async () => {
    const pid = await deadPid();
    const stale = [
      { pid, started: "1", machine: machineId(), token: "x" },
      { pid: process.pid, started: "1", machine: machineId(), token: "x" },
    ];
    for (const text of [...stale.map((s) => JSON.stringify(s)), "", "{}"]) {
      if (!existsSync("/proc/self/stat") && text.includes(`"pid":${process.pid}`)) continue;
      writeFileSync(lockFile(), text);
      await (
        await lockOutputs(record(), [])
      )();
      expect(readdirSync(folder.path)).toEqual([]);
    }
  });

  test("of another machine is respected: nothing is known of its processes", async () => {
    writeFileSync(lockFile(), JSON.stringify({ pid: await deadPid(), started: "1", machine: "other", token: "x" }));
    expect(await codeOf(lockOutputs(record(), []))).toBe("L5309");
    expect(readFileSync(lockFile(), "utf8")).toContain("other");
  });

  test("of many that want a dead lock exactly one gets it", async () => {
    const dead = JSON.stringify({ pid: await deadPid(), started: "1", machine: machineId(), token: "x" });
    for (let round = 0; round < 10; round++) {
      writeFileSync(lockFile(), dead);
      const got = await Promise.allSettled(Array.from({ length: 8 }, () => lockOutputs(record(), [])));
      const won = got.filter((g) => g.status === "fulfilled");
      expect(won).toHaveLength(1);
      await won[0]!.value();
    }
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("clears away temporary files of processes that are gone, and only those", async () => {
    const name = (pid: number, machine = machineId()): string => `${TEMPORARY_PREFIX}${machine}-${pid}-abc`;
    const dead = name(await deadPid());
    const kept = [name(process.pid), name(process.ppid), name(1, "another")];
    for (const file of [dead, ...kept]) writeFileSync(join(folder.path, file), "");
    await (
      await lockOutputs(record(), [folder.path])
    )();
    expect(readdirSync(folder.path).sort()).toEqual(kept.sort());
  });
});
