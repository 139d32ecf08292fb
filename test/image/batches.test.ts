import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Executable } from "../../src/compiler/graph/graph.js";
import { activationBytes } from "../../src/compiler/graph/memory.js";
import { Batches, chooseRows, isOutOfMemory } from "../../src/runtime/show/image-batches.js";
import type { LaceError } from "../../src/source/diagnostic.js";

const GIB = 2 ** 30;

describe("rows of a synthesis", () => {
  test("are one on a processor, whatever is free", () => {
    expect(chooseRows(1000, { batches: false, free: 64 * GIB, bytesPerRow: 1 })).toBe(1);
  });

  test("are a power of two within the count, half of what is free, and 16", () => {
    const room = { batches: true, free: 8 * GIB, bytesPerRow: GIB };
    expect(chooseRows(100, room)).toBe(4);
    expect(chooseRows(3, room)).toBe(2);
    expect(chooseRows(100, { ...room, free: 800 * GIB })).toBe(16);
    expect(chooseRows(100, { ...room, free: 0 })).toBe(1);
  });

  test("a graph's activations are counted while they are used: constants and reshapes are not", () => {
    const b = new GraphBuilder();
    const x = b.input("x", [10]);
    const y = b.exp(b.reshape(b.add(x, b.constant(new Float32Array(10), [10])), [2, 5]));
    // x and the sum; the sum under another shape and its exponential; that and its sum.
    expect(activationBytes(b.finish({ outputs: { z: b.sum(y) } }))).toBe(4 * 20);
  });
});

describe("when memory ends", () => {
  /** An engine with room for `most` rows. Its answer says how many it ran. */
  function opener(most: number, log: string[], fails: "compile" | "run" = "run") {
    return (rows: number): Promise<Executable> => {
      const short = rows > most ? new Error("Failed to allocate memory for requested buffer of size 99") : undefined;
      if (short !== undefined && fails === "compile") return Promise.reject(short);
      log.push(`open ${rows}`);
      return Promise.resolve({
        run: () => (short === undefined ? Promise.resolve({ y: Float32Array.of(rows) }) : Promise.reject(short)),
        dispose: () => Promise.resolve(void log.push(`close ${rows}`)),
      });
    };
  }

  test.each(["run", "compile"] as const)(
    "during %s: the batch is halved until it fits, and stays so",
    async (fails) => {
      const log: string[] = [];
      const told: number[] = [];
      const batches = new Batches(opener(2, log, fails), 8, (rows) => told.push(rows));
      const answers = [];
      for (let i = 0; i < 4; i++) answers.push((await batches.run(() => ({})))?.["y"]?.[0]);
      expect(answers).toEqual([undefined, undefined, 2, 2]);
      expect(told).toEqual([4, 2]);
      await batches.dispose();
      const lost = fails === "run" ? ["open 8", "close 8", "open 4", "close 4"] : [];
      expect(log).toEqual([...lost, "open 2", "close 2"]);
    },
  );

  test("inputs are made for the rows that are run", async () => {
    const asked: number[] = [];
    const batches = new Batches(opener(1, []), 2, () => undefined);
    const inputs = (rows: number) => {
      asked.push(rows);
      return {};
    };
    while ((await batches.run(inputs)) === undefined);
    expect(asked).toEqual([2, 1]);
  });

  test("if not even one fits, that is an error of the environment", async () => {
    const batches = new Batches(opener(0, []), 1, () => undefined);
    const error: unknown = await batches.run(() => ({})).catch((e: unknown) => e);
    expect((error as LaceError).diagnostics[0]).toMatchObject({ code: "L4107", severity: "error" });
  });

  test("other errors are passed on", async () => {
    const broken = new Batches(
      () => Promise.reject(new Error("the driver is gone")),
      4,
      () => undefined,
    );
    await expect(broken.run(() => ({}))).rejects.toThrow("the driver is gone");
    expect(broken.rows).toBe(4);
  });

  test.each([
    ["std::bad_alloc", true],
    ["Array buffer allocation failed", true],
    ["OOM when allocating tensor with shape[1,2]", true],
    ["Out of memory", true],
    ["Cannot enlarge memory arrays", true],
    ["no zoom level", false],
    ["invalid shape", false],
  ])("%s: %s", (message, expected) => {
    expect(isOutOfMemory(new Error(message))).toBe(expected);
  });
});
