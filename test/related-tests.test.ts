import { describe, expect, test } from "vitest";

const { nearTests, timesOf, withinBudget } = (await import(
  new URL("../scripts/related-tests.js", import.meta.url).href
)) as {
  timesOf: (lines: string) => {
    readonly seconds: Readonly<Record<string, number>>;
    readonly failed: readonly string[];
  };
  nearTests: (changed: readonly string[], tests: ReadonlyMap<string, string>) => string[];
  withinBudget: (
    tests: readonly string[],
    seconds: Readonly<Record<string, number>>,
    budget: number,
  ) => { readonly run: readonly string[]; readonly left: readonly string[] };
};

describe("the tests of npm run check:fast", () => {
  const tests = new Map([
    ["test/a/one.test.ts", 'import { x } from "../../src/a/one.js";'],
    ["test/a/two.test.ts", 'import { help } from "../support/help.js";'],
    ["test/a/three.test.ts", 'const lazy = await import("../../src/b.js");'],
    ["test/architecture.test.ts", ""],
    ["test/support/help.ts", 'export { y } from "./deeper.js";'],
    ["test/support/deeper.ts", 'import type { X } from "../../src/a/one.js";'],
  ]);

  test("are those that import what changed, themselves or through their helpers", () => {
    expect(nearTests(["src/a/one.ts"], tests).sort()).toEqual([
      "test/a/one.test.ts",
      "test/a/two.test.ts",
      "test/architecture.test.ts",
    ]);
    expect(nearTests(["src/b.ts"], tests)).toContain("test/a/three.test.ts");
    expect(nearTests(["test/support/help.ts"], tests)).toEqual(["test/a/two.test.ts"]);
    expect(nearTests(["README.md"], tests)).toEqual([]);
  });

  test("are the quickest of them, one at least, and the others are told", () => {
    const seconds = { a: 9, b: 1, c: 5 };
    expect(withinBudget(["a", "b", "c", "d"], seconds, 8)).toEqual({ run: ["b", "d", "c"], left: ["a"] });
    expect(withinBudget(["a"], seconds, 3)).toEqual({ run: ["a"], left: [] });
  });

  test("begin with the one of the architecture, which nothing else of the check stands in for", () => {
    const seconds = { "test/architecture.test.ts": 5, a: 1, b: 4 };
    expect(withinBudget(["a", "b", "test/architecture.test.ts"], seconds, 6)).toEqual({
      run: ["test/architecture.test.ts", "a"],
      left: ["b"],
    });
  });

  test("are told by their reporter, and one that was cut off is not finished", () => {
    const line = (test: string, passed: boolean): string => `${JSON.stringify({ test, seconds: 1.5, passed })}\n`;
    expect(timesOf(`${line("a", true)}${line("b", false)}{"test":"c","sec`)).toEqual({
      seconds: { a: 1.5, b: 1.5 },
      failed: ["b"],
    });
    expect(timesOf("")).toEqual({ seconds: {}, failed: [] });
  });
});
