import pc from "picocolors";
import { expect, test } from "vitest";
import type { Io } from "../../src/cli/io.js";
import { printDiagnostics } from "../../src/cli/report.js";
import { warning } from "../../src/source/diagnostic.js";

test("of more than 200 diagnostics the first 200 are printed, and how many more there are", () => {
  const said: string[] = [];
  const io: Pick<Io, "err" | "errColors"> = { err: (text) => said.push(text), errColors: pc.createColors(false) };
  const many = (n: number) => Array.from({ length: n }, (_, i) => warning("L2024", `number ${i}`));
  printDiagnostics(many(203), new Map(), io as Io);
  expect(said.at(-2)).toContain("number 199");
  expect(said.at(-1)).toBe("... and 3 more\n\n");
  said.length = 0;
  printDiagnostics(many(200), new Map(), io as Io);
  expect(said.at(-1)).toContain("number 199");
});
