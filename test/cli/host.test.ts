import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeFailure } from "../../src/node/failures.js";
import { checkWritable } from "../../src/node/folders.js";
import { nodeHost, TEMPORARY_PREFIX } from "../../src/node/host.js";
import { machineId } from "../../src/node/process.js";
import { LaceError } from "../../src/source/diagnostic.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lacec-host-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The code of the first diagnostic that a promise is rejected with. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof LaceError)) throw new Error(`not a LaceError: ${String(error)}`);
  return error.diagnostics[0]!.code;
}
const isRoot = process.getuid?.() === 0;

describe("the host of Node", () => {
  test("a write makes the folders, and leaves nothing beside the file", async () => {
    const host = nodeHost();
    await host.writeAtomic(join(folder, "a/b/c.txt"), "hello");
    expect(readFileSync(join(folder, "a/b/c.txt"), "utf8")).toBe("hello");
    expect(readdirSync(join(folder, "a/b"))).toEqual(["c.txt"]);
  });

  test("a write clears away what a killed process has left beside the file, and nothing of a living one", async () => {
    const [dead, living] = [2 ** 22 + 1, process.pid].map((pid) => `${TEMPORARY_PREFIX}${machineId()}-${pid}-00`);
    for (const name of [dead!, living!]) writeFileSync(join(folder, name), "");
    await nodeHost().writeAtomic(join(folder, "x.txt"), "hello");
    expect(readdirSync(folder).sort()).toEqual([living, "x.txt"]);
  });

  test("a reader sees the old file or the whole new one while many writes run", async () => {
    const host = nodeHost();
    const path = join(folder, "x.bin");
    const text = (k: number): string => String(k).repeat(200_000);
    await host.writeAtomic(path, text(0));
    const writes = Promise.all([1, 2, 3, 4, 5].map((k) => host.writeAtomic(path, text(k))));
    for (let k = 0; k < 50; k++) {
      const seen = await host.readText(path);
      expect(seen).toBe(text(Number(seen[0])));
    }
    await writes;
  });

  test("a file keeps its permissions, a link stays a link, and a device is written to, not replaced", async () => {
    const host = nodeHost();
    writeFileSync(join(folder, "script"), "old", { mode: 0o750 });
    symlinkSync("script", join(folder, "link"));
    await host.writeAtomic(join(folder, "link"), "new");
    expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, "script"), "utf8")).toBe("new");
    expect(statSync(join(folder, "script")).mode & 0o777).toBe(0o750);
    await host.writeAtomic("/dev/null", "gone");
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test("after close nothing changes any more and no temporary file is left", async () => {
    const host = nodeHost();
    const path = join(folder, "x.bin");
    await host.writeAtomic(path, "old");
    const write = host.writeAtomic(path, new Uint8Array(5_000_000));
    await host.close();
    await write;
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["x.bin"]);
  });

  test("each failure has its own code", async () => {
    const host = nodeHost();
    writeFileSync(join(folder, "file"), "");
    expect(await codeOf(host.readText(join(folder, "none")))).toBe("L5001");
    expect(await codeOf(host.readText(folder))).toBe("L5004");
    expect(await codeOf(host.writeAtomic(join(folder, "file/x"), ""))).toBe("L5004");
    mkdirSync(join(folder, "dir"));
    expect(await codeOf(host.writeAtomic(join(folder, "dir"), ""))).toBe("L5004");
    expect(readdirSync(folder).sort()).toEqual(["dir", "file"]);
  });

  test.skipIf(isRoot)("a folder without permission is L5002 (skipped for root, who may write anywhere)", async () => {
    chmodSync(folder, 0o500);
    expect(await codeOf(checkWritable(join(folder, "out")))).toBe("L5002");
    expect(await codeOf(nodeHost().writeAtomic(join(folder, "x"), ""))).toBe("L5002");
    chmodSync(folder, 0o700);
  });

  test("a full disk is L5003 and says what to do", () => {
    const error = writeFailure("/big/out.png", Object.assign(new Error("write"), { code: "ENOSPC" }));
    expect(error.diagnostics[0]).toMatchObject({ code: "L5003", severity: "error" });
    expect(error.diagnostics[0]!.hints.join(" ")).toContain("--out");
  });

  test("references are relative to the script; builtin models lie in the package", () => {
    const host = nodeHost({ models: folder });
    writeFileSync(join(folder, "avatar.safetensors"), "");
    expect(host.resolve("/a/b/x.lace", "lib/y.lace")).toBe("/a/b/lib/y.lace");
    expect(host.resolve("/a/b/x.lace", "/c/y.lace")).toBe("/c/y.lace");
    expect(host.resolve("/a/b/x.lace", "builtin:avatar")).toBe(join(folder, "avatar.safetensors"));
    expect(() => host.resolve("/x.lace", "builtin:nobody")).toThrow(/L5005/);
    expect(() => host.resolve("/x.lace", "builtin:../etc")).toThrow(/L5005/);
  });
});
