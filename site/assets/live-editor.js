// The first script of the landing page as a live editor, in its place: the studio in a frame, which is loaded when somebody asks for it.
// In: a block of code with its link into the studio. Out: a button beside that link. Invariant: without the button nothing of the studio is loaded.

/** `root`: the address of the site's root. Does nothing where the page has no such block. */
export function offerEditor(root) {
  const block = document.querySelector(".code:has(.open)");
  const link = block?.querySelector(".open");
  if (block === null || link === null) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Edit and run it here";
  const bar = document.createElement("div");
  bar.className = "ways";
  link.replaceWith(bar);
  bar.append(button, link);
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "The editor comes...";
    try {
      await import(new URL(`${root}studio/lace-editor.js`, document.baseURI).href);
      block.replaceWith(editorOf(block.querySelector("pre").textContent));
    } catch {
      button.textContent = "The editor could not be loaded";
    }
  });
}

function editorOf(script) {
  const editor = document.createElement("lace-editor");
  editor.setAttribute("name", "portraits");
  editor.setAttribute("height", "640");
  editor.setAttribute("run", "");
  editor.textContent = script;
  return editor;
}
