// docs/tutorial.md: its scripts compile, are whole, and a run makes the pictures that it shows and the figures that it prints.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { run } from "../../src/node/verbs.js";
import { renderAll } from "../../src/source/render.js";
import { compile } from "../check/support.js";

const { examplesOf } = (await import(new URL("../../scripts/language-examples.js", import.meta.url).href)) as {
  examplesOf: (page: string) => readonly { readonly script: string; readonly pictures: readonly string[] }[];
};
const page = readFileSync("docs/tutorial.md", "utf8");
const examples = examplesOf(page).map((example) => ({ ...example, name: basename(example.pictures[0] ?? "") }));
const folder = mkdtempSync(join(tmpdir(), "lace-tutorial-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the scripts of docs/tutorial.md", () => {
  test("are whole, for a newcomer copies them, and each shows its picture", () => {
    expect(examples).toHaveLength(page.match(/^```lace$/gm)?.length ?? 0);
    for (const { script, pictures } of examples) {
      expect(page).toContain(`\`\`\`lace\n${script}\`\`\``);
      expect(pictures).toHaveLength(1);
    }
  });

  test.each(examples)("$name is made by a run", { timeout: 120_000 }, async ({ script, pictures }) => {
    const { diagnostics } = await compile({ "main.lace": script });
    expect(diagnostics.map((d) => d.message)).toEqual([]);
    const shown = `docs/${pictures[0]!}`;
    expect(existsSync(shown)).toBe(true);
    const file = join(folder, "tutorial.lace");
    writeFileSync(file, script);
    await run(file, { out: folder, engine: "onnx-cpu" });
    // Bits are those of one kind of CPU: `npm run reference -- --check` compares them.
    const [made, kept] = await Promise.all(
      [join(folder, basename(shown)), shown].map((path) => sharp(path).removeAlpha().raw().toBuffer()),
    );
    expect(made!.length).toBe(kept!.length);
    const apart = made!.reduce((sum, value, i) => sum + Math.abs(value - kept![i]!), 0) / made!.length;
    expect(apart).toBeLessThan(2);
  });

  test("the message of the misspelt word is what the page prints", async () => {
    const script = examples.find((e) => e.name === "asked.webp")!.script.replace("smile", "smlie");
    const { diagnostics } = await compile({ "main.lace": script });
    const printed = /^error\[[^]*?(?=\n```)/m.exec(page)?.[0].replace("people.lace", "main.lace");
    expect(printed).toBe(renderAll(diagnostics, script, "main.lace").trim());
  });
});
