import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { keptEngine } from "../../src/node/engines/kept.js";

function doubled() {
  const b = new GraphBuilder();
  const x = b.input("x", [1]);
  return b.finish({ outputs: { y: b.add(x, x) } });
}

describe("engines that stay open between calls of the library", () => {
  test("are the same for callers at one time and after one another, and close when nobody came", async () => {
    const [one, other] = await Promise.all([keptEngine("tfjs-cpu", 20), keptEngine("tfjs-cpu", 20)]);
    await one.dispose();
    await one.dispose(); // twice is once: the other caller has it still
    const later = await keptEngine("tfjs-cpu", 20);
    await other.dispose();
    const executable = await later.compile(doubled(), { keeps: true });
    expect([...((await executable.run({ x: Float32Array.of(2) }))["y"] ?? [])]).toEqual([4]);
    const values = await executable.queue!({ x: Float32Array.of(3) });
    await values["y"]!.read();
    for (const value of Object.values(values)) value.dispose();
    expect(one.reads()).toBe(1); // of one engine
    await executable.dispose();
    await later.dispose();
    await setTimeout(100);
    const anew = await keptEngine("tfjs-cpu", 0);
    expect(anew.reads()).toBe(0);
    await anew.dispose();
  });

  test("that cannot be opened are tried again by the next caller", async () => {
    for (let k = 0; k < 2; k++)
      await expect(keptEngine("tfjs-node")).rejects.toMatchObject({ diagnostics: [{ code: "L5201" }] });
  });
});
