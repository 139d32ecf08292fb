// Prints the README's test command: the one in its fenced blocks that ends in `npm test`.
import { readFileSync } from "node:fs";

const line = readFileSync("README.md", "utf8")
  .split("\n")
  .find((text) => /^npm .*npm test$/.test(text.trim()));
if (line === undefined) {
  console.error("README.md names no test command");
  process.exit(1);
}
console.log(line.trim());
