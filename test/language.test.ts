import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";
import type * as door from "../src/language.js";

describe("the door for editors", () => {
  it("bundles for a browser without Node, and the bundle analyses a script", async () => {
    const bundle = await rolldown({ input: "src/language.ts", platform: "browser", external: () => false });
    const { output } = await bundle.generate({ format: "esm" });
    await bundle.close();
    const [chunk] = output;
    expect(output).toHaveLength(1);
    expect([...chunk.imports, ...chunk.dynamicImports]).toEqual([]);
    expect(chunk.moduleIds.some((id) => /\/src\/(node|cli|runtime|models)\//.test(id))).toBe(false);
    const url = `data:text/javascript;base64,${Buffer.from(chunk.code).toString("base64")}`;
    const language = (await import(url)) as typeof door;
    const text = "lace 1\nlet tall = 0.8\nenergy e = talll * unknown\n";
    const linked = await language.link("main.lace", {
      readText: () => Promise.resolve(text),
      exists: () => Promise.resolve(true),
      resolve: (_, reference) => reference,
    });
    const { diagnostics } = language.analyse(linked.value!, new Map());
    expect(diagnostics.map((d) => d.code)).toEqual(["L2001", "L2001"]);
    expect(language.renderAll(diagnostics, text, "main.lace")).toContain("did you mean `tall`?");
    expect(language.format("lace   1\n", "main.lace").value).toBe("lace 1\n");
  });
});
