// The frame of a report as one HTML page that needs nothing else: no script, no network; light and dark as the reader's system is.
// In: a title and the body. Out: text. Invariants: what is wider than the window scrolls by itself; plots take their colours from here.

/** Colours of plots and marks: CSS values that follow the page's. */
export const COLOUR = {
  axis: "var(--dim)",
  guide: "var(--line)",
  blue: "var(--blue)",
  red: "var(--red)",
  green: "var(--green)",
  ochre: "var(--ochre)",
} as const;

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #57606a; --line: #d0d7de; --paper: #fff; --track: #e6e9ed;
  --blue: #0969da; --red: #cf222e; --green: #1a7f37; --ochre: #9a6700; --mark: #0a3069 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9da7b1; --line: #3d444d; --paper: #0f1318; --track: #2a313a;
  --blue: #58a6ff; --red: #ff7b72; --green: #56d364; --ochre: #e3b341; --mark: #cae8ff } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.5rem; overflow-wrap: anywhere } h2 { font-size: 1.15rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem }
p, dd { overflow-wrap: anywhere } .dim { color: var(--dim) }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); font-weight: normal } thead th { color: var(--dim); vertical-align: bottom }
.scroll { overflow-x: auto; max-width: 100% } figure { margin: 0; max-width: 100% } figcaption { color: var(--dim); font-size: .85rem }
`;

/** The page; `style` is added to the sheet that all reports share. */
export function htmlPage(title: string, style: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
<h1>${escapeHtml(title)}</h1>
${body}
</html>
`;
}

/** A table of rows of cells that are HTML already. */
export function htmlTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.every((h) => h === "") ? "" : `<thead>${htmlRow(header, "th")}</thead>`;
  return `<div class="scroll"><table>${head}<tbody>${rows.map((r) => htmlRow(r)).join("")}</tbody></table></div>`;
}

export function htmlRow(cells: readonly string[], tag: "th" | "td" = "td"): string {
  return `<tr>${cells.map((c) => `<${tag}>${c}</${tag}>`).join("")}</tr>`;
}

/** Text as HTML, in elements and attributes. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (c) => names[c] ?? c);
}
