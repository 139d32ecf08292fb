// The types of the doors stand by themselves: an installation has neither the libraries that lacec is built with nor, perhaps, the engines.
// Declarations are made file by file, without checking types: what a door's declarations lead to is then known in a second.
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

/** The modules that the declarations of a source name. */
function namedBy(file: string): readonly string[] {
  const { outputText } = ts.transpileDeclaration(readFileSync(file, "utf8"), {
    fileName: file,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, declaration: true },
  });
  return ts.preProcessFile(outputText).importedFiles.map((f) => f.fileName);
}

/** The packages that the declarations of a door lead to, each with the file that names it. */
function packagesOf(door: string): readonly string[] {
  const seen = new Set<string>();
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const name of namedBy(file)) {
      const path = posix.join(posix.dirname(file), name).replace(/\.js$/, ".ts");
      if (!name.startsWith(".")) found.add(`${file} names ${name}`);
      else if (existsSync(path)) visit(path);
    }
  };
  visit(door);
  expect(seen.size).toBeGreaterThan(5); // declarations are really followed
  return [...found].sort();
}

describe("the types of a door name no package", () => {
  test.each(["src/index.ts", "src/language.ts", "src/node.ts", "src/worker.ts"])("%s", (door) => {
    expect(packagesOf(door)).toEqual([]);
  });

  test("but for the connection that lacec/lsp is given, whose library its caller has", () => {
    const packages = new Set(packagesOf("src/lsp.ts").map((line) => line.replace(/.* names /, "")));
    expect([...packages].filter((name) => !name.startsWith("vscode-languageserver"))).toEqual([]);
  });
});
