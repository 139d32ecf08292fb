// <lace-editor>: the studio in any page. A module without dependencies; it lies beside the studio's index.html.
//
//   <script type="module" src="https://example.org/studio/lace-editor.js"></script>
//   <lace-editor name="portraits" height="480">
//   lace 1
//   ...
//   </lace-editor>
//
// The script is the element's text, or the file of its attribute `src`; with the attribute `run` it is run at once, and after each change. Nothing is sent: the script goes into the
// fragment of a frame's address.

class LaceEditor extends HTMLElement {
  async connectedCallback() {
    if (this.shadowRoot !== null) return;
    const shadow = this.attachShadow({ mode: "open" });
    const src = this.getAttribute("src");
    const name = this.getAttribute("name") ?? "script";
    const text = src === null ? dedented(this.textContent) : await (await fetch(src)).text();
    const entry = `${name}.lace`;
    const project = JSON.stringify({ name, entry, inputs: {}, files: { [entry]: text } });
    const frame = document.createElement("iframe");
    frame.title = `Lace: ${name}`;
    frame.allow = "cross-origin-isolated; clipboard-write";
    frame.style.cssText = `width: 100%; border: 0; height: ${Number(this.getAttribute("height")) || 480}px`;
    const query = this.hasAttribute("run") ? "?embed&run" : "?embed";
    frame.src = `${new URL("./index.html", import.meta.url).href}${query}#p=${await packed(project)}`;
    shadow.append(frame);
  }
}

/** Without the indentation that a page gives to all lines. */
function dedented(text) {
  const lines = text.replace(/^\s*\n|\s+$/g, "").split("\n");
  const indents = lines.filter((l) => l.trim() !== "").map((l) => /^\s*/.exec(l)[0].length);
  const least = Math.min(...indents);
  return `${lines.map((l) => l.slice(Number.isFinite(least) ? least : 0)).join("\n")}\n`;
}

async function packed(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

customElements.define("lace-editor", LaceEditor);
