import { describe, expect, test } from "vitest";
import { COLOUR, escapeHtml, htmlPage, htmlTable } from "../../src/learn/html-page.js";

describe("a page", () => {
  test("escapes its title, and escaped text means itself in attributes too", () => {
    const page = htmlPage(`<b> & "c".safetensors`, "", "");
    expect(page).toContain("<title>&lt;b&gt; &amp; &quot;c&quot;.safetensors</title>");
    expect(page).toContain("<h1>&lt;b&gt; &amp; &quot;c&quot;.safetensors</h1>");
    expect(escapeHtml("a<b>'\"&amp;")).toBe("a&lt;b&gt;&#39;&quot;&amp;amp;");
  });

  test("has a value for every colour of its plots, in the light and in the dark", () => {
    const [light, dark] = htmlPage("t", "", "").split("prefers-color-scheme: dark");
    for (const colour of Object.values(COLOUR)) {
      const name = /^var\((--\w+)\)$/.exec(colour)?.[1] ?? "no variable";
      expect(light).toContain(`${name}: #`);
      expect(dark).toContain(`${name}: #`);
    }
  });

  test("lets wide tables scroll, and leaves out a header of nothing", () => {
    expect(htmlTable(["a", "b"], [["1", "2"]])).toBe(
      '<div class="scroll"><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table></div>',
    );
    expect(htmlTable(["", ""], [["1", "2"]])).not.toContain("<thead>");
  });
});
