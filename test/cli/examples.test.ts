import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lacec, root } from "../support/lacec.js";

test("examples/lace.lock is up to date: running an example leaves a clone as it was (if not: lacec lock 'examples/*.lace')", async () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "examples/lace.lock"), "utf8")) as { scripts: object };
  const locked = Object.keys(scripts);
  const there = readdirSync(join(root, "examples")).filter((f) => f.endsWith(".lace"));
  expect(locked.filter((name) => !there.includes(name))).toEqual([]);
  const { code, err } = await lacec(["lock", "--check", ...locked.map((name) => `examples/${name}`)], { cwd: root });
  expect([code, err]).toEqual([0, ""]);
});
