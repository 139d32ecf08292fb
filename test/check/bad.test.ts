// Scripts that carry their own expectations: above a line, `//! error L2001 8-16: message` with columns from 1, the end
// exclusive; "end" where the place goes on on another line, "nowhere" for the command line's. All or nothing.
// Lines `//? text` are the explanation for docs/errors.md, `//% --set a=1` gives overrides. UPDATE_GOLDEN=1 rewrites the expectations.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codes } from "../../src/source/codes.js";
import type { Diagnostic } from "../../src/source/diagnostic.js";
import { SourceText } from "../../src/source/text.js";
import { compile } from "./support.js";

const folder = "test/bad";
const names = readdirSync(folder).filter((f) => f.endsWith(".lace"));
const wrong = names.filter((f) => !f.endsWith(".fixed.lace"));
const libraries = Object.fromEntries(
  readdirSync(join(folder, "lib")).map((f) => [`lib/${f}`, readFileSync(join(folder, "lib", f), "utf8")]),
);

/** Expectations about another place than this file stand above its first line. */
const elsewhere = /^\/\/! \w+ L\d+ (nowhere:|\w+\/)/;

/** The text with its expectation lines blank, and where each expectation points. */
function read(name: string): { text: string; expected: string[]; inputs: Map<string, number> } {
  const lines = readFileSync(join(folder, name), "utf8").split("\n");
  const kept = lines.filter((l) => !l.startsWith("//!"));
  const expected: string[] = [];
  let line = 1;
  for (const l of lines) {
    if (l.startsWith("//! ")) expected.push(`${elsewhere.test(l) ? 0 : line} ${l.slice(4)}`);
    else line++;
  }
  const sets = [...kept.join("\n").matchAll(/--set (\w+)=(\S+)/g)];
  return { text: kept.join("\n"), expected, inputs: new Map(sets.map((m) => [m[1]!, Number(m[2])])) };
}

async function diagnose(text: string, inputs: ReadonlyMap<string, number>): Promise<string[]> {
  const { diagnostics, sources } = await compile({ "main.lace": text, ...libraries }, { inputs });
  return diagnostics.map((d) => found(d, sources)).sort(byLine);
}

function found(d: Diagnostic, sources: ReadonlyMap<string, string>): string {
  const { file, start, end } = d.at.span;
  if (file === "") return `0 ${d.severity} ${d.code} nowhere: ${d.message}`;
  const source = new SourceText(file, sources.get(file) ?? "");
  const [from, to] = [source.position(start), source.position(end)];
  const where = file === "main.lace" ? "" : ` ${file}:${from.line}`;
  return `${file === "main.lace" ? from.line : 0} ${d.severity} ${d.code}${where} ${from.column}-${to.line === from.line ? to.column : "end"}: ${d.message}`;
}

function byLine(a: string, b: string): number {
  return Number.parseInt(a) - Number.parseInt(b) || (a < b ? -1 : 1);
}

async function update(name: string): Promise<void> {
  const { text, inputs } = read(name);
  const actual = await diagnose(text, inputs);
  const lines = text.split("\n");
  const marked = lines.flatMap((line, i) => {
    const first = i === lines.findIndex((l) => !l.startsWith("//?"));
    const here = actual.filter((a) => Number.parseInt(a) === i + 1 || (first && a.startsWith("0 ")));
    return [...here.map((a) => `//! ${a.slice(a.indexOf(" ") + 1)}`), line];
  });
  writeFileSync(join(folder, name), marked.join("\n"));
}

describe("each wrong script gives exactly the diagnostics it announces", () => {
  it.each(wrong)("%s", async (name) => {
    if (process.env["UPDATE_GOLDEN"] === "1") await update(name);
    const { text, expected, inputs } = read(name);
    expect(expected.length).toBeGreaterThan(0);
    expect(await diagnose(text, inputs)).toEqual(expected.sort(byLine));
  });
});

describe("each mended script gives no diagnostics", () => {
  it.each(names.filter((f) => f.endsWith(".fixed.lace")))("%s", async (name) => {
    const { text, inputs } = read(name);
    expect(await diagnose(text, inputs)).toEqual([]);
  });
});

describe("the pages of docs/errors.md have their examples", () => {
  const compiled = Object.keys(codes).filter((code) => /^L[123]/.test(code));

  it("every code of the compiler has a wrong script, its mended form and an explanation", () => {
    const missing = compiled.filter((code) => {
      if (!names.includes(`${code}.lace`) || !names.includes(`${code}.fixed.lace`)) return true;
      return !readFileSync(join(folder, `${code}.lace`), "utf8").startsWith("//? ");
    });
    expect(missing).toEqual([]);
  });

  it.each(compiled.filter((c) => names.includes(`${c}.lace`)))("the script named %s shows that code", (code) => {
    expect(read(`${code}.lace`).expected.some((e) => e.includes(` ${code} `))).toBe(true);
  });
});
