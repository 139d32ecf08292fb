// The page of the preview, as text. Invariants: nothing that a script or a file is called can become markup, and only the page's own script runs.

/** An input of the script, with its value. */
export interface Input {
  readonly name: string;
  readonly value: number;
}

export interface PageParts {
  readonly pictures: readonly { readonly picture: string; readonly task: string; readonly source: string }[];
  readonly inputs: readonly Input[];
  readonly running: boolean;
  readonly nonce: string;
  /** What the page may load pictures from. */
  readonly from: string;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A slider from a value: whole numbers stay whole, and the range grows with the value. */
function slider({ name, value }: Input): string {
  const whole = Number.isInteger(value);
  const far = Math.max(1, Math.abs(value) * 2);
  const [min, max, step] = [value < 0 ? -far : 0, whole ? Math.max(10, far) : far, whole ? 1 : far / 200];
  return `<label>${escapeHtml(name)} <input type="range" data-name="${escapeHtml(name)}" min="${min}" max="${max}" step="${step}" value="${value}"><output>${value}</output></label>`;
}

/** The page. */
export function page({ pictures, inputs, running, nonce, from }: PageParts): string {
  const csp = `default-src 'none'; img-src ${from}; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;
  const shown = pictures.map(
    ({ picture, task, source }) =>
      `<figure><img src="${escapeHtml(source)}" data-picture="${escapeHtml(picture)}" alt="${escapeHtml(task)}" tabindex="0"><figcaption>${escapeHtml(task)}</figcaption></figure>`,
  );
  const empty = running ? "" : "<p>No pictures yet: run the script.</p>";
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<style nonce="${nonce}">
body { padding: 12px; }
header { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
button { border: 1px solid var(--vscode-button-border, transparent); border-radius: 2px; padding: 4px 14px; font: inherit; cursor: pointer;
  color: var(--vscode-button-foreground); background: var(--vscode-button-background); }
button:hover { background: var(--vscode-button-hoverBackground); }
button:disabled { opacity: 0.6; cursor: default; }
label { display: inline-flex; align-items: center; gap: 8px; }
input { accent-color: var(--vscode-button-background); margin: 0; }
output { min-width: 4ch; font-variant-numeric: tabular-nums; }
:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
figure { margin: 16px 0; }
img { max-width: 100%; cursor: pointer; }
figcaption { color: var(--vscode-descriptionForeground); }
</style>
</head>
<body>
<header><button id="run"${running ? " disabled" : ""}>${running ? "Running…" : "Run"}</button>${inputs.map(slider).join("")}</header>
${shown.length === 0 ? empty : shown.join("\n")}
<script nonce="${nonce}">
const vscode = acquireVsCodeApi();
document.getElementById("run").addEventListener("click", () => vscode.postMessage({ kind: "run" }));
for (const slider of document.querySelectorAll("input")) {
  slider.addEventListener("input", () => {
    slider.nextElementSibling.textContent = slider.value;
    vscode.postMessage({ kind: "input", name: slider.dataset.name, value: Number(slider.value) });
  });
}
for (const img of document.querySelectorAll("img")) {
  const reveal = () => vscode.postMessage({ kind: "reveal", picture: img.dataset.picture });
  img.addEventListener("click", reveal);
  img.addEventListener("keydown", (e) => { if (e.key === "Enter") reveal(); });
}
</script>
</body>
</html>
`;
}
