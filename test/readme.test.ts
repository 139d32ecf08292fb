import { execFileSync } from "node:child_process";
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

test("the README names the command that runs the tests, where what checks a submission looks for it", () => {
  const command = execFileSync(process.execPath, [".ci/readme-test-command.mjs"], { cwd: root, encoding: "utf8" });
  expect(command).toBe("npm ci && npm test\n");
});
