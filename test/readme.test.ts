import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(`${root}/README.md`, "utf8");

test("the README opens with the script whose picture its command makes", () => {
  const [, script] = /^```lace\n(.*?)^```/ms.exec(readme) ?? [];
  expect(script).toBe(readFileSync(`${root}/examples/portraits.lace`, "utf8"));
  expect(readme).toContain("npx lacec run examples/portraits.lace");
});
