import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { format } from "../../src/parser/format.js";
import { parse } from "../../src/parser/parse.js";
import { printAst } from "../../src/parser/print-ast.js";

// `UPDATE_GOLDEN=1 npx vitest run test/parser/golden` rewrites the expected files; review the difference like code.
const update = process.env["UPDATE_GOLDEN"] === "1";

const stages: readonly (readonly [string, (text: string, file: string) => string | undefined])[] = [
  ["ast", (text, file) => mapped(parse(text, file).value, printAst)],
  ["format", (text, file) => format(text, file).value],
];

function mapped<T, U>(value: T | undefined, map: (value: T) => U): U | undefined {
  return value === undefined ? undefined : map(value);
}

for (const [stage, print] of stages) {
  const folder = new URL(`../golden/${stage}/`, import.meta.url);
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".lace"));
  describe(`golden ${stage}`, () => {
    test("has scripts", () => expect(scripts.length).toBeGreaterThan(1));
    for (const name of scripts) {
      test(`${name} is as expected`, () => {
        const printed = print(readFileSync(new URL(name, folder), "utf8"), name);
        expect(printed).toBeDefined();
        const file = new URL(`${name}.expected`, folder);
        if (update) writeFileSync(file, printed!);
        expect(existsSync(file), "run with UPDATE_GOLDEN=1 to make it").toBe(true);
        expect(printed).toBe(readFileSync(file, "utf8"));
      });
    }
  });
}
