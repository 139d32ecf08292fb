import { describe, expect, test } from "vitest";
import { LaceError, type Diagnostic } from "../../src/index.js";
import { keepLock } from "../../src/runtime/recipe/lock-file.js";
import { lockDifferences, type LockEntry } from "../../src/runtime/recipe/lock.js";
import { failure } from "../../src/source/diagnostic.js";
import { memoryHost } from "../support/memory-host.js";

const hash = (c: string): string => c.repeat(64);
const entry: LockEntry = {
  edition: 1,
  lacec: "0.1.0",
  models: {
    tiny: {
      from: "tiny.safetensors",
      sha256: hash("a"),
      labeller: null,
      heads: { beard: { from: "beard.safetensors", sha256: hash("b") } },
    },
  },
  imports: { "lib.lace": hash("c") },
};
const other: LockEntry = { ...entry, imports: { "lib.lace": hash("d") } };
const script = "/work/a.lace";

async function codes(work: Promise<readonly Diagnostic[]>): Promise<string[]> {
  const error: unknown = await work.catch((e: unknown) => e);
  return (error instanceof LaceError ? error.diagnostics : (error as readonly Diagnostic[])).map((d) => d.code);
}

describe("lace.lock", () => {
  test("is made by the first run, and left alone by the next", async () => {
    const host = memoryHost();
    expect(await keepLock(host, entry, { script, frozen: false })).toEqual([]);
    const text = await host.readText("/work/lace.lock");
    expect(JSON.parse(text)).toEqual({ format: 1, scripts: { "a.lace": entry } });
    const frozen = { ...host, writeAtomic: () => Promise.reject(new Error("written")) };
    expect(await keepLock(frozen, entry, { script, frozen: false })).toEqual([]);
    expect(await keepLock(frozen, entry, { script, frozen: true })).toEqual([]);
  });

  test("keeps the scripts of a folder apart, sorted", async () => {
    const host = memoryHost();
    await keepLock(host, other, { script: "/work/b.lace", frozen: false });
    await keepLock(host, entry, { script, frozen: false });
    const { scripts } = JSON.parse(await host.readText("/work/lace.lock")) as { scripts: Record<string, LockEntry> };
    expect(Object.keys(scripts)).toEqual(["a.lace", "b.lace"]);
    expect(scripts["b.lace"]).toEqual(other);
  });

  test("a change is written and said; frozen, it is refused and nothing is written", async () => {
    const host = memoryHost();
    await keepLock(host, entry, { script, frozen: false });
    const before = await host.readText("/work/lace.lock");
    const refused: unknown = await keepLock(host, other, { script, frozen: true }).catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(LaceError);
    expect(String(refused)).toMatch(/L5305.*the import "lib.lace" has changed: SHA-256 was c{12}, now it is d{12}/);
    expect(await host.readText("/work/lace.lock")).toBe(before);
    const [warning] = await keepLock(host, other, { script, frozen: false });
    expect(warning).toMatchObject({ code: "L5307", severity: "warning" });
    expect(await codes(keepLock(host, other, { script, frozen: true }))).toEqual([]);
  });

  test("frozen without an entry is refused; a file that is no lock is written anew, with a warning, or refused", async () => {
    expect(await codes(keepLock(memoryHost(), entry, { script, frozen: true }))).toEqual(["L5305"]);
    for (const text of ["<<<<<<< ours", "{}", '{"format":2,"scripts":{}}']) {
      const host = memoryHost({ "/work/lace.lock": text });
      expect(await codes(keepLock(host, entry, { script, frozen: true }))).toEqual(["L5306"]);
      expect(await host.readText("/work/lace.lock")).toBe(text);
      expect(await keepLock(host, entry, { script, frozen: false })).toMatchObject([
        { code: "L5306", severity: "warning" },
      ]);
      expect(await codes(keepLock(host, entry, { script, frozen: true }))).toEqual([]);
    }
  });

  test("a folder that cannot be written is a warning", async () => {
    const host = { ...memoryHost(), writeAtomic: () => Promise.reject(failure("L5002", "permission denied")) };
    expect(await codes(keepLock(host, entry, { script, frozen: false }))).toEqual(["L5308"]);
  });

  test("every kind of change has its sentence", () => {
    const tiny = entry.models["tiny"]!;
    const changes: LockEntry[] = [
      { ...entry, edition: 2 },
      { ...entry, lacec: "0.2.0" },
      { ...entry, models: {} },
      { ...entry, models: { tiny: { ...tiny, sha256: hash("e") } } },
      { ...entry, models: { tiny: { ...tiny, from: "elsewhere" } } },
      { ...entry, models: { tiny: { ...tiny, labeller: hash("f") } } },
      { ...entry, models: { tiny: { ...tiny, heads: {} } } },
      { ...entry, models: { tiny: { ...tiny, heads: { beard: { from: "beard.safetensors", sha256: hash("e") } } } } },
      { ...entry, imports: {} },
      { ...entry, imports: { ...entry.imports, "new.lace": hash("e") } },
    ];
    expect(changes.map((c) => lockDifferences(entry, c).length)).toEqual(changes.map(() => 1));
    expect(lockDifferences(entry, entry)).toEqual([]);
  });
});
