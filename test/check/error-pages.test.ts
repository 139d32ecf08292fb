// Every code has a page with what is wrong and what is right: a script, or a command or a file where no script can have it.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { run } from "../../src/node.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { codes, type Code } from "../../src/source/codes.js";
import { mainFile } from "../support/build.js";
import { compile } from "./support.js";

interface Shown {
  readonly language: string;
  readonly text: string;
}
const notes = JSON.parse(readFileSync("scripts/error-notes.json", "utf8")) as Readonly<
  Partial<Record<Code, { readonly why: string; readonly wrong: Shown; readonly right: Shown }>>
>;
const all = Object.keys(codes) as Code[];
const noted = all.filter((code) => !existsSync(`test/bad/${code}.lace`));
const isWhole = ({ language, text }: Shown): boolean => language === "lace" && text.includes("\nsave ");

describe("the pages of errors", () => {
  test("every code has what is wrong and what is right, and they differ", () => {
    for (const code of noted) {
      const { why = "", wrong, right } = notes[code] ?? {};
      expect(why.length, code).toBeGreaterThan(20);
      expect(wrong?.text ?? "", code).not.toBe("");
      expect(right?.text ?? "", code).not.toBe("");
      expect(right!.text, code).not.toBe(wrong!.text);
    }
    expect(Object.keys(notes).filter((code) => !noted.includes(code as Code))).toEqual([]);
    const page = readFileSync("docs/errors.md", "utf8");
    const sections = page.split(/^### /m).slice(1);
    expect(sections.map((s) => s.slice(0, 5))).toEqual(all);
    expect(sections.filter((s) => !/^Right( \(with .*\))?:$/m.test(s)).map((s) => s.slice(0, 5))).toEqual([]);
  });

  test.each(noted.filter((code) => isWhole(notes[code]!.right)))(
    "the right script of %s compiles without a word",
    async (code) => {
      const { diagnostics } = await compile({ "main.lace": notes[code]!.right.text }, {});
      expect(diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
    },
  );

  const folder = mkdtempSync(join(tmpdir(), "error-pages-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  /** Codes that a run of a script says. */
  async function codesOf(text: string): Promise<readonly string[]> {
    writeFileSync(join(folder, "recipe.lace"), text);
    try {
      const { diagnostics } = await run(join(folder, "recipe.lace"), { out: folder, engine: "onnx-cpu" });
      return diagnostics.map((d) => d.code);
    } catch (error) {
      if (!(error instanceof LaceError)) throw error;
      return error.diagnostics.map((d) => d.code);
    }
  }
  test.each(["L4102", "L4103", "L4104", "L4105", "L4109", "L5005", "L5006"] as const)(
    "a run of the wrong script of %s says it, and one of the right script does not",
    async (code) => {
      expect(await codesOf(notes[code]!.wrong.text)).toContain(code);
      // What is right of L5006 draws 400 pictures, which its sizes do not need.
      const right = notes[code]!.right.text.replace("count 400", "count 2");
      expect(await codesOf(right)).not.toContain(code);
    },
    60_000,
  );

  test.skipIf(!existsSync(mainFile))(
    "commands and options are those that lacec has",
    async () => {
      const lines = noted
        .flatMap((code) => [notes[code]!.wrong, notes[code]!.right])
        .flatMap(({ language, text }) => (language === "sh" ? text.split("\n") : []));
      const help = new Map<string, Promise<string>>();
      const helpOf = (command: string): Promise<string> => {
        const known =
          help.get(command) ??
          promisify(execFile)(process.execPath, [mainFile, ...command.split(" "), "--help"]).then(
            ({ stdout }) => stdout,
          );
        help.set(command, known);
        return known;
      };
      for (const line of lines) {
        const words = line.replace(/ +#.*/, "").replace(/ &$/, "").split(" ");
        const at = words.findIndex((w) => w === "lacec" || w === "./lacec-standalone");
        if (at !== 0) continue;
        const verb = words[1]!;
        const command = verb === "models" ? `${verb} ${words[2]!}` : verb;
        const said = await helpOf(command);
        expect(said, line).toContain(`Usage: lacec ${command}`);
        const options = words.filter((w) => /^--?[a-z]/.test(w));
        for (const option of options) expect(said, line).toMatch(new RegExp(`(^|[ ,])${option}\\b`, "m"));
      }
    },
    120_000,
  );
});
